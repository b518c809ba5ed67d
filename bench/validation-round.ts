import { processorSeconds } from './cores.ts';
import type { MeasuredServer } from './latchkey-process.ts';
import { type Order, type Requests, sendLoad } from './load.ts';
import { machineOf } from './stored-licenses.ts';

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
  requests: Requests;
  order: Order;
  /** How long; needed for any order but `each once`. */
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

/** A validation for each key, with the machine that holds its seat, as they go over the wire: a million in half a gigabyte. */
export function packRequests(keys: readonly string[]): Requests {
  const first = requestOf(keys[0] ?? '', 0);
  const bytes = first.length;
  const all = Buffer.alloc(bytes * keys.length);
  for (const [index, key] of keys.entries()) {
    const request = requestOf(key, index);
    if (request.length !== bytes) throw new Error('Requests of one measurement are equally long.');
    request.copy(all, index * bytes);
  }
  return { length: keys.length, at: (index) => all.subarray(index * bytes, (index + 1) * bytes) };
}

/** What a request asks. */
export function validationBody(request: Buffer): string {
  return request.toString('utf8', request.indexOf('\r\n\r\n') + 4);
}

function requestOf(key: string, index: number): Buffer {
  const body = JSON.stringify({ key, machine: { fingerprint: machineOf(index) } });
  const head = ['POST /v1/licenses/validate HTTP/1.1', 'Host: 127.0.0.1', 'Content-Type: application/json'];
  return Buffer.from([...head, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
}
