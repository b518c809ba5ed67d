import type { onRequestHookHandler } from 'fastify';
import { anyone } from './authentication.ts';
import { parsePlainJson } from './json-body.ts';
import type { HttpReply, HttpRequest, Shortcut } from './types.ts';

/** Bodies that a shortcut may look at. Longer ones come in pieces and are nothing that is asked thousands of times a second. */
const mostBytes = 4_096;
const plainTypes: ReadonlySet<string | undefined> = new Set(['application/json', 'application/json; charset=utf-8']);

/**
 * Tries a route's shortcut before anything else is done for the request: for a plain JSON body that arrived in one piece, from a caller
 * that shows no credentials. Whatever is not answered is put back, unread, for the ordinary way. What this spares a request is the
 * framework's reading of the body, its schema, and its way of writing headers.
 */
export function createShortcut(
  shortcut: Shortcut,
  url: string,
  record: (status: number, seconds: number) => void,
): onRequestHookHandler {
  return (request, reply, done) => {
    const { raw } = request;
    const { headers } = raw;
    const length = Number(headers['content-length']);
    const isEligible =
      length > 0 &&
      length <= mostBytes &&
      raw.url === url &&
      headers.authorization === undefined &&
      plainTypes.has(headers['content-type']);
    if (!isEligible) {
      done();
      return;
    }
    const startedAt = performance.now();
    const onData = (chunk: Buffer): void => {
      const answer = chunk.length === length ? attempt(shortcut, chunk, request) : null;
      if (answer === null) {
        raw.removeListener('data', onData);
        raw.pause();
        raw.unshift(chunk);
        done();
        return;
      }
      send(reply, request.id, answer);
      record(200, (performance.now() - startedAt) / 1_000);
    };
    raw.on('data', onData);
  };
}

function attempt(shortcut: Shortcut, bytes: Buffer, request: HttpRequest): string | null {
  try {
    const body = parsePlainJson(bytes);
    if (body === undefined) return null;
    request.principal = anyone;
    return shortcut(body, request);
  } catch {
    // The ordinary way meets the same and knows how to say it.
    return null;
  }
}

function send(reply: HttpReply, requestId: string, json: string): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, [
    'content-type',
    'application/json; charset=utf-8',
    'content-length',
    String(Buffer.byteLength(json)),
    'x-content-type-options',
    'nosniff',
    'x-request-id',
    requestId,
  ]);
  raw.end(json);
}
