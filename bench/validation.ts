/** `POST /v1/licenses/validate` against a bare Fastify route that parses the same body and answers the same bytes. */
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { createDatabase } from './bench-database.ts';
import { CLIENT_CORE, pin } from './cores.ts';
import { say, show, spreadOf } from './figures.ts';
import { type MeasuredServer, memoryOf, startBare, startLatchkey } from './latchkey-process.ts';
import type { Requests } from './load.ts';
import { storeLicenses } from './stored-licenses.ts';
import { packRequests, type Round, runRound, validationBody } from './validation-round.ts';

export interface ValidationOptions {
  /** How many licences are stored: one server for each of these numbers, measured in turn with the others. */
  stored: readonly number[];
  /** Seconds of one round. */
  seconds: number;
  rounds: number;
}

/** A server with so many licences behind it, and what was measured of it. */
interface Subject {
  name: string;
  server: MeasuredServer;
  requests: Requests;
  rounds: Round[];
}

/** Measures and prints. The servers share one core in turn; everything else has the other. */
export async function benchValidation({ stored, seconds, rounds }: ValidationOptions): Promise<void> {
  pin(process.pid, CLIENT_CORE);
  const postgres = await startPostgresServer();
  const running: MeasuredServer[] = [];
  try {
    say(`validation: licences in ${postgres.description}, asked for at random`);
    const subjects: Subject[] = [];
    for (const licenses of stored) {
      const url = await createDatabase(postgres.adminUrl, `validation_${licenses}`);
      subjects.push(await prepare(url, licenses, seconds, running));
    }
    const [first] = subjects;
    if (first === undefined) throw new Error('Say how many licences to store.');
    const server = await startBare(await answerTo(first));
    running.push(server);
    const bare: Subject = { name: 'bare', server, requests: first.requests, rounds: [] };
    // Not counted: compilers warm up.
    for (const { server, requests } of [bare, ...subjects])
      await runRound({ server, requests, order: 'random', seconds });
    for (let round = 0; round < rounds; round += 1) {
      for (const { server, requests, rounds: measured } of [bare, ...subjects])
        measured.push(await runRound({ server, requests, order: 'random', seconds }));
    }
    report(bare, subjects);
  } finally {
    for (const server of running) await server.stop();
    await postgres.stop();
  }
}

/** Stores licences, asks a fresh server for some of them at random, then for each once, so that it has all in memory. */
async function prepare(
  databaseUrl: string,
  licenses: number,
  seconds: number,
  running: MeasuredServer[],
): Promise<Subject> {
  const name = `${licenses.toLocaleString('en-US')} stored`;
  const began = performance.now();
  const keys = await storeLicenses(databaseUrl, licenses);
  const requests = packRequests(keys);
  say(`${name} in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  const server = await startLatchkey(databaseUrl);
  running.push(server);
  const before = memoryOf(server);
  const cold = await runRound({ server, requests, order: 'random', seconds });
  const each = await runRound({ server, requests, order: 'each once' });
  const megabytes = (memoryOf(server) - before) / 1e6;
  say(
    `${name}: cold ${figuresOf([cold])}; each once ${figuresOf([each])}; all of them in ${megabytes.toFixed(0)} MB of memory`,
  );
  return { name, server, requests, rounds: [] };
}

async function answerTo({ server, requests }: Subject): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const body = validationBody(requests.at(0) ?? Buffer.alloc(0));
  const answer = await fetch(`${server.url}/v1/licenses/validate`, { method: 'POST', headers, body });
  const text = await answer.text();
  if (!text.startsWith('{"valid":true,"code":"VALID"')) throw new Error(`A stored key is not valid: ${text}`);
  return text;
}

function figuresOf(rounds: readonly Round[]): string {
  const perSecond = show(spreadOf(rounds.map((round) => round.perSecond)));
  const processor = show(spreadOf(rounds.map((round) => round.processorMicroseconds)), 1);
  return `${perSecond} requests/s, ${processor} processor µs a request`;
}

function report(bare: Subject, subjects: readonly Subject[]): void {
  say();
  for (const { name, rounds } of [bare, ...subjects]) {
    const busy = show(spreadOf(rounds.map((round) => round.busy * 100)));
    const p99 = show(spreadOf(rounds.map((round) => round.p99Ms)), 1);
    say(`${name.padEnd(18)} ${figuresOf(rounds)}, core busy ${busy} %, p99 ${p99} ms`);
  }
  say();
  for (const subject of subjects) sayRatios(subject, bare);
  const [fewest, most] = [subjects[0], subjects.at(-1)];
  if (fewest !== undefined && most !== undefined && fewest !== most) sayRatios(most, fewest);
}

/** By requests a second and by processor time, round by round. */
function sayRatios(one: Subject, other: Subject): void {
  const ratios = (of: (round: Round) => number) =>
    one.rounds.map((round, index) => {
      const against = other.rounds[index];
      return against === undefined ? Number.NaN : of(round) / of(against);
    });
  const perSecond = spreadOf(ratios((round) => round.perSecond));
  const processor = spreadOf(ratios((round) => 1 / round.processorMicroseconds));
  say(`${one.name} / ${other.name}: ${show(perSecond, 3)} by requests/s, ${show(processor, 3)} by processor time`);
}
