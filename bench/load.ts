import { connect, type Socket } from 'node:net';

/** What came back when requests were sent over kept-alive connections, one at a time on each. */
export interface Answers {
  count: number;
  seconds: number;
  /** How long an answer took, in milliseconds, of 99 in 100. */
  p99Ms: number;
}

/** Whole HTTP requests; a list of them is one. */
export interface Requests {
  readonly length: number;
  at(index: number): Buffer | undefined;
}

/** `each once`: in their order, each connection every so many-th. `random`: any of them, all as likely, until time is up. */
export type Order = 'each once' | 'random';

export interface Load {
  url: string;
  requests: Requests;
  connections: number;
  order: Order;
  /** How long to go on at random. */
  seconds?: number;
  /** False where the database is on our core, and would wait for us while we wait for it. */
  stayAwake?: boolean;
  /** What the body of every answer begins with; any other, or any other status than 200, ends the measurement. */
  expected: string;
}

/**
 * Sends requests as fast as they are answered. Written for this, because a client that parses every answer as a browser would takes
 * longer over it than a good server over the request, and what is measured then is the client.
 */
export async function sendLoad(load: Load): Promise<Answers> {
  const { url, requests, connections, order, seconds, expected } = load;
  const { hostname, port } = new URL(url);
  const latencies: number[] = [];
  const began = performance.now();
  const until = seconds === undefined ? Number.POSITIVE_INFINITY : began + seconds * 1_000;
  if (order === 'random' && seconds === undefined) throw new Error('What is asked at random never comes to an end.');
  const nextOf = (connection: number) => {
    if (order === 'random') return () => requests.at(Math.floor(Math.random() * requests.length));
    let position = connection - connections;
    return () => {
      position += connections;
      return position < requests.length ? requests.at(position) : undefined;
    };
  };
  const stayAwake = seconds === undefined || load.stayAwake === false ? () => {} : keepAwake();
  await Promise.all(
    Array.from({ length: connections }, (_, connection) =>
      askInTurn({
        socket: connect({ host: hostname, port: Number(port), noDelay: true }),
        next: nextOf(connection),
        until,
        expected,
        answered: (milliseconds) => void latencies.push(milliseconds),
      }),
    ),
  );
  stayAwake();
  const elapsed = (performance.now() - began) / 1_000;
  const sorted = Float64Array.from(latencies).sort();
  return { count: sorted.length, seconds: elapsed, p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN };
}

/**
 * Keeps our core from falling asleep while answers are awaited, until the function it gives is called. Waking a halted core of a virtual
 * machine costs whoever wakes it several times what the rest of a write costs, and only the server that is slower than we are would pay.
 */
function keepAwake(): () => void {
  let awake = true;
  const turn = () => {
    if (awake) setImmediate(turn);
  };
  turn();
  return () => {
    awake = false;
  };
}

interface Connection {
  socket: Socket;
  next(): Buffer | undefined;
  until: number;
  expected: string;
  answered(milliseconds: number): void;
}

function askInTurn({ socket, next, until, expected, answered }: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    let sentAt = 0;
    let received: Buffer | null = null;
    const send = () => {
      const now = performance.now();
      const request = now < until ? next() : undefined;
      if (request === undefined) {
        socket.end();
        resolve();
        return;
      }
      sentAt = now;
      socket.write(request);
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('The server closed a connection that was in use.')));
    socket.on('data', (chunk) => {
      received = received === null ? chunk : Buffer.concat([received, chunk]);
      const body = bodyOf(received);
      if (body === null) return;
      if (received.toString('latin1', 9, 12) !== '200' || !body.startsWith(expected)) {
        reject(new Error(`An answer was not the expected one: ${received.toString()}`));
        socket.destroy();
        return;
      }
      received = null;
      answered(performance.now() - sentAt);
      send();
    });
  });
}

const LENGTH = Buffer.from('content-length: ');

/** The beginning of an answer's body once all of it has arrived. */
function bodyOf(received: Buffer): string | null {
  const start = received.indexOf('\r\n\r\n') + 4;
  if (start < 4) return null;
  const length = received.indexOf(LENGTH) + LENGTH.length;
  if (length < LENGTH.length) throw new Error('An answer does not tell its length.');
  const bytes = Number.parseInt(received.toString('latin1', length, length + 10), 10);
  return received.length < start + bytes ? null : received.toString('latin1', start, start + 32);
}
