import { processorSeconds } from './cores.ts';
import type { MeasuredServer } from './latchkey-process.ts';
import { sendLoad } from './load.ts';

/** Enough to keep the server busy while our own core does something else for a moment. */
const CONNECTIONS = 128;

/** One round of requests against one server. */
export interface Round {
  perSecond: number;
  /** The server's own processor time a request: what else happens on the machine disturbs it least. */
  processorMicroseconds: number;
  /** How much of its core the server used. Much less than 1: whoever asked was the slower one. */
  busy: number;
  p99Ms: number;
}

export interface RoundOptions {
  server: MeasuredServer;
  requests: readonly Buffer[];
  /** How long; left out: until each request was sent once. */
  seconds?: number;
}

/** Sends validations; throws unless every answer is a 200 that says valid. */
export async function runRound({ server, ...load }: RoundOptions): Promise<Round> {
  const before = processorSeconds(server.pid);
  const { count, seconds, p99Ms } = await sendLoad({
    ...load,
    url: server.url,
    connections: CONNECTIONS,
    expected: '{"valid":true,"code":"VALID"',
  });
  const used = processorSeconds(server.pid) - before;
  return { perSecond: count / seconds, processorMicroseconds: (used / count) * 1e6, busy: used / seconds, p99Ms };
}

/** A validation as it goes over the wire. */
export function validationRequest(body: string): Buffer {
  const head = ['POST /v1/licenses/validate HTTP/1.1', 'Host: 127.0.0.1', 'Content-Type: application/json'];
  return Buffer.from([...head, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
}
