/**
 * The trading software as its user starts it, with nothing in it but its licence: without one it runs in demo mode, with one it asks for
 * its end, its machine and its features, and switches on what it may.
 *
 *   npx node examples/crypto-orchestrator/client.ts            asks for a key where a person is there to enter one
 *   npx node examples/crypto-orchestrator/client.ts CO-…       takes this key, and remembers it
 *
 * LICENSE_SERVER_URL says where Latchkey runs, LICENSE_FILE where the key is remembered.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { isOutage } from '@latchkey/sdk';
import { clientOptionsFrom, machineIdentity } from '@latchkey/sdk/node';
import { type Activation, createLicensing, type Features, type Licensing, type Standing } from './licensing.ts';

const file = process.env.LICENSE_FILE ?? 'data/crypto-orchestrator.key';
const say = (line = '') => process.stdout.write(`${line}\n`);

try {
  await start();
} catch (error) {
  if (!isOutage(error)) throw error;
  console.error('The licence server cannot be reached. Is LICENSE_SERVER_URL right?');
  process.exitCode = 1;
}

async function start(): Promise<void> {
  say('CryptoOrchestrator');
  const { url } = clientOptionsFrom(process.env);
  const machine = await machineIdentity({ salt: 'crypto-orchestrator', fallbackFile: `${file}.machine` });
  say(`  machine         ${machine.fingerprint.slice(0, 16)}… (from ${machine.facts.join(', ')})`);
  const licensing = createLicensing({ url, machine });
  const key = process.argv[2] ?? (await remembered());
  if (key !== null) return runWith(licensing, key);
  showDemo(await licensing.features(null), 'There is no licence on this machine.');
  const entered = await askForKey();
  if (entered !== '') await runWith(licensing, entered);
}

/** Looks at the licence, and runs with what it gives; where it gives nothing, in demo mode. */
async function runWith(licensing: Licensing, key: string): Promise<void> {
  const { standing, refused } = await licensing.standing(key);
  const allowed = await licensing.features(standing.valid ? key : null);
  if (!standing.valid) {
    showDemo(allowed, refused?.error ?? standing.reason ?? 'The licence is not in force.');
    if (refused !== null) showRequest(refused);
    process.exitCode = 1;
    return;
  }
  await remember(key);
  showLicense(standing, allowed);
}

function showDemo(allowed: Features, why: string): void {
  say();
  say(allowed.demo_mode ? `Demo mode. ${why}` : `No demo mode is offered. ${why}`);
  showFeatures(allowed);
}

function showLicense({ license_type, expires_at }: Standing, allowed: Features): void {
  say();
  say(`Licensed: ${license_type}, ${expires_at === null ? 'without an end' : `until ${expires_at}`}, on this machine.`);
  showFeatures(allowed);
}

function showFeatures({ features, flags, max_bots }: Features): void {
  say(`  bots            ${max_bots === -1 ? 'unlimited' : max_bots}`);
  for (const [name, { enabled, message = '' }] of Object.entries(flags)) {
    say(`  ${name.padEnd(16)}${enabled ? 'on' : `off   ${message}`}`.trimEnd());
  }
  const others = features.filter((name) => flags[name] === undefined);
  if (others.length > 0) say(`  also            ${others.join(', ')}`);
}

function showRequest({ reactivation_request_id: id }: Activation): void {
  if (id === undefined) return;
  say();
  say(`Your vendor was asked to move the licence here: ${id}. Start again once they said yes.`);
}

async function askForKey(): Promise<string> {
  if (!process.stdin.isTTY) return '';
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const entered = await lines.question('\nA licence key, or nothing to go on in demo mode: ');
  lines.close();
  return entered.trim();
}

async function remembered(): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim() || null;
  } catch {
    return null;
  }
}

async function remember(key: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${key}\n`, { mode: 0o600 });
}
