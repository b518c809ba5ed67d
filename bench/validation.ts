/** `POST /v1/licenses/validate` against a bare Fastify route that parses the same body and answers the same bytes. */
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { createDatabase } from './bench-database.ts';
import { CLIENT_CORE, pin } from './cores.ts';
import { say, show, spreadOf } from './figures.ts';
import { type MeasuredServer, startBare, startLatchkey } from './latchkey-process.ts';
import { machineOf, storeLicenses } from './stored-licenses.ts';
import { type Round, runRound, validationRequest } from './validation-round.ts';

export interface ValidationOptions {
  licenses: number;
  /** Seconds of one round. */
  seconds: number;
  rounds: number;
}

/** Measures and prints. Both servers share one core in turn; everything else has the other. */
export async function benchValidation({ licenses, seconds, rounds }: ValidationOptions): Promise<void> {
  pin(process.pid, CLIENT_CORE);
  const postgres = await startPostgresServer();
  const running: MeasuredServer[] = [];
  try {
    const databaseUrl = await createDatabase(postgres.adminUrl, 'validation');
    const keys = await storeLicenses(databaseUrl, licenses);
    const bodies = keys.map((key, index) => JSON.stringify({ key, machine: { fingerprint: machineOf(index) } }));
    const requests = bodies.map(validationRequest);
    say(`validation: ${licenses.toLocaleString('en-US')} licences in ${postgres.description}`);
    const latchkey = await startLatchkey(databaseUrl);
    running.push(latchkey);
    const bare = await startBare(await answerTo(latchkey, bodies[0] ?? ''));
    running.push(bare);

    const cold = await runRound({ server: latchkey, requests: requests.slice(1) });
    const warm: Record<'latchkey' | 'bare', Round[]> = { latchkey: [], bare: [] };
    // Not counted: compilers warm up, and every answer is made once.
    await runRound({ server: bare, requests, seconds });
    await runRound({ server: latchkey, requests });
    for (let round = 0; round < rounds; round += 1) {
      warm.bare.push(await runRound({ server: bare, requests, seconds }));
      warm.latchkey.push(await runRound({ server: latchkey, requests, seconds }));
    }
    report(warm, cold);
  } finally {
    for (const server of running) await server.stop();
    await postgres.stop();
  }
}

async function answerTo({ url }: MeasuredServer, body: string): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/licenses/validate`, { method: 'POST', headers, body });
  const text = await answer.text();
  if (!text.startsWith('{"valid":true,"code":"VALID"')) throw new Error(`A stored key is not valid: ${text}`);
  return text;
}

function report({ latchkey, bare }: Record<'latchkey' | 'bare', Round[]>, cold: Round): void {
  const row = (name: string, rounds: readonly Round[]) =>
    [
      name.padEnd(16),
      show(spreadOf(rounds.map(({ perSecond }) => perSecond))).padEnd(26),
      show(spreadOf(rounds.map(({ processorMicroseconds }) => processorMicroseconds)), 1).padEnd(22),
      show(spreadOf(rounds.map(({ busy }) => busy * 100))).padEnd(16),
      show(spreadOf(rounds.map(({ p99Ms }) => p99Ms))),
    ].join(' ');
  const ratios = (of: (round: Round) => number) =>
    latchkey.map((round, index) => {
      const other = bare[index];
      return other === undefined ? Number.NaN : of(round) / of(other);
    });
  say('                 requests/s                 processor µs a request core busy %      p99 ms');
  say(row('bare', bare));
  say(row('latchkey, warm', latchkey));
  say(row('latchkey, cold', [cold]));
  say();
  const perSecond = spreadOf(ratios((round) => round.perSecond));
  const processor = spreadOf(ratios((round) => 1 / round.processorMicroseconds));
  const coldRatio = cold.perSecond / spreadOf(bare.map((round) => round.perSecond)).median;
  say(`ratio warm/bare by requests/s     ${show(perSecond, 3)}`);
  say(`ratio warm/bare by processor time ${show(processor, 3)}`);
  say(`ratio cold/bare by requests/s     ${coldRatio.toFixed(3)}`);
}
