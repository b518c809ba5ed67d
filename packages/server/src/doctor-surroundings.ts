/** What can be looked at without the database or Stripe: mail, addresses, secrets that make keys, the disk. */

import { existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Catalog, Product } from '@latchkey/core';
import type { Config } from './config/config.ts';
import { type Finding, failure, ok, type Question, reasonOf, warning } from './doctor.ts';
import type { KeyKeeper } from './modules/licenses/index.ts';
import { createSmtpTransport } from './modules/notifications/index.ts';
import type { Randomness } from './ports.ts';

const MEBIBYTE = 2 ** 20;
const SCARCE_BYTES = 1_024 * MEBIBYTE;
const TOO_LITTLE_BYTES = 100 * MEBIBYTE;
const REACH_WITHIN_MS = 5_000;

/** Mail: the server takes us in, and the sender is somebody. */
export function mailQuestions({ smtpUrl, mailFrom, mode, alertEmail }: Config): Question[] {
  return [
    { code: 'mail', next: 'Correct SMTP_URL: smtp://user:password@host:587 or smtps://…, and restart.', ask: reach },
    { code: 'mail_sender', next: 'Set MAIL_FROM.', ask: sender },
  ];

  async function reach(): Promise<Finding> {
    if (smtpUrl === null) {
      return mode === 'sandbox'
        ? ok('Letters go to the mailbox of the sandbox, /sandbox/mailbox.')
        : failure('SMTP_URL is not set: letters go to the log, their keys masked.', 'Set SMTP_URL and restart.');
    }
    const { hostname } = new URL(smtpUrl);
    const transport = createSmtpTransport({ smtpUrl, mailFrom });
    try {
      await transport.verify();
      return ok(`${hostname} takes letters from us.`);
    } catch (error) {
      throw new Error(`${hostname}: ${reasonOf(error)}`, { cause: error });
    } finally {
      await transport.close();
    }
  }

  function sender(): Finding {
    const [address = ''] = /[^\s<>]+@[^\s<>]+/.exec(mailFrom) ?? [];
    if (smtpUrl !== null && /@localhost$/.test(address)) {
      const next = "Set MAIL_FROM='Name <licences@your.domain>', an address that the mail server may send for.";
      return warning(`Letters are from ${address}, which mail servers refuse.`, next);
    }
    const alerts = alertEmail === null ? 'ALERT_EMAIL is not set: nobody is told of failed payments.' : '';
    if (alerts !== '' && mode === 'live') return warning(`Letters are from ${address}. ${alerts}`, 'Set ALERT_EMAIL.');
    return ok(`Letters are from ${address}.`);
  }
}

/** The address that customers see: it is ours, and leads here. */
export function addressQuestion({ mode }: Pick<Config, 'mode'>, publicUrl: string): Question {
  return {
    code: 'public_url',
    next: 'Set PUBLIC_URL to the address under which customers reach this server, and restart.',
    async ask() {
      const { protocol } = new URL(publicUrl);
      if (mode === 'live' && protocol !== 'https:') {
        return failure(`PUBLIC_URL is ${publicUrl}, and has to be https where money is real.`, this.next);
      }
      const what = await reachHealth(publicUrl);
      if (what === 'ours') return ok(`${publicUrl} leads here.`);
      if (what === 'other') return failure(`At ${publicUrl} something else answers.`, this.next);
      const next = 'curl it from outside: some networks keep a machine from reaching its own public address.';
      return warning(`${publicUrl} could not be reached from this machine: ${what.error}.`, next);
    },
  };
}

async function reachHealth(publicUrl: string): Promise<'ours' | 'other' | { error: string }> {
  try {
    const response = await fetch(`${publicUrl}/health`, { signal: AbortSignal.timeout(REACH_WITHIN_MS) });
    const said: unknown = await response.json().catch(() => null);
    const isOurs = typeof said === 'object' && said !== null && 'service' in said;
    return isOurs && said.service === 'license-generation' ? 'ours' : 'other';
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    return { error: reasonOf(cause) };
  }
}

/** Of each product: a key is made with today's secret, and recognised again. */
export function keyQuestion(catalog: Catalog, keys: KeyKeeper, { bytes }: Randomness): Question {
  return {
    code: 'key_secret',
    next: 'Set the variable that the catalog names as the secret of its keys, and restart.',
    ask: () => catalog.products.map((product) => ofProduct(product)),
  };

  function ofProduct(product: Product): Finding {
    const { id, keyScheme } = product;
    const from = keyScheme.secret === null ? 'no secret of yours' : keyScheme.secret.variable;
    if (!keys.makes(product)) {
      return failure(`${id}: there is no secret to make keys with (${from}).`, `Set ${from} and restart.`);
    }
    try {
      const issuedAt = Date.UTC(2026, 0, 1);
      const material = { customer: 'doctor', subscription: 'doctor', plan: product.plans[0]?.id ?? 'plan', issuedAt };
      const key = keys.generate(product, { ...material, expiresAt: issuedAt, salt: bytes(32) });
      // A key that was never stored: whoever does not know it knows at least whose it would be.
      const said = keys.classify(keys.canonical(key));
      if (said === 'NOT_FOUND') return ok(`${id}: a key was made and recognised (${from}).`);
      return failure(`${id}: a key made just now is taken for ${said.toLowerCase()}.`, `Look at ${from}.`);
    } catch (error) {
      return failure(`${id}: ${reasonOf(error)}`, `Look at ${from}.`);
    }
  }
}

/** Room for what is written into DATA_DIR, and nobody else who reads the secrets in it. */
export function diskQuestions({ dataDir, databaseUrl }: Pick<Config, 'dataDir' | 'databaseUrl'>): Question[] {
  return [
    {
      code: 'disk',
      next: 'See that DATA_DIR exists and can be written.',
      async ask() {
        const { bavail, bsize } = await statfs(nearest(dataDir));
        const free = bavail * bsize;
        const told = `${Math.round(free / MEBIBYTE).toLocaleString('en')} MiB are free for ${dataDir}.`;
        const next = 'Make room, or move DATA_DIR.';
        if (free < TOO_LITTLE_BYTES) return databaseUrl === null ? failure(told, next) : warning(told, next);
        return free < SCARCE_BYTES ? warning(told, next) : ok(told);
      },
    },
    {
      code: 'secrets_file',
      next: 'See that DATA_DIR can be read.',
      ask() {
        const file = join(dataDir, 'secrets.json');
        if (!existsSync(file)) return ok('No secrets were generated into DATA_DIR.');
        const isOpen = (statSync(file).mode & 0o077) !== 0 && process.platform !== 'win32';
        if (isOpen) return warning(`${file} can be read by others on this machine.`, `chmod 600 ${file}`);
        return ok(`${file} can be read by its owner alone. Keep a copy with your backups.`);
      },
    },
  ];
}

/** The folder, or the first above it that is there already. */
function nearest(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearest(dirname(folder));
}
