import { createHash } from 'node:crypto';
import { LatchkeyError } from '@latchkey/core';
import type { onSendHookHandler, preHandlerHookHandler } from 'fastify';
import type { Database, TransactionOptions } from '../db/database.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../ports.ts';
import type { Vault } from '../security/vault.ts';
import {
  deleteClaim,
  deleteClaimsBefore,
  extendLease,
  insertClaim,
  lockClaim,
  type StoredClaim,
  storeAnswer,
} from './idempotency-repository.ts';
import type { Http, HttpReply, HttpRequest, IdempotencyClaim } from './types.ts';

export interface IdempotencyOptions {
  database: Database;
  vault: Vault;
  clock: Clock;
  log: Log;
}

/** Longer than any request may take: after it, whoever held the key is gone. */
const leaseMs = 60_000;
const keptMs = 24 * 60 * 60 * 1_000;
const asSystem: TransactionOptions = { actor: { type: 'system', id: 'idempotency' } };
const mutating = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * Gives every mutating `/v1` route the Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header). The key is claimed before
 * anything is done. The same key and body get the same answer, byte for byte; while the first is in flight, 409; with another body,
 * 422. Keys belong to whoever calls (a stranger's to their address) and are kept for 24 hours.
 *
 * What `request.write` commits also notes the commit in the claim. So if the process ends between commit and answer, a repetition is
 * told so and does not do the thing twice; if it ends before, a repetition is free to do it once the lease is over.
 */
export function addIdempotency(http: Http, options: IdempotencyOptions): void {
  const begin: preHandlerHookHandler = (request, reply, done) => {
    const header = request.headers['idempotency-key'];
    if (header === undefined) return done();
    claim(request, reply, String(header), options).then((replayed) => {
      if (!replayed) done();
    }, done);
  };
  const finish: onSendHookHandler<unknown> = (request, reply, payload, done) => {
    const claimed = request.idempotencyClaim;
    if (claimed === null) return done(null, payload);
    request.idempotencyClaim = null;
    record(claimed, reply, payload, options)
      .catch((error: unknown) => {
        // The work stands; a repetition will be told that its answer is lost.
        options.log.error({ error, request_id: request.id }, 'an answer could not be kept for its Idempotency-Key');
      })
      .then(() => done(null, payload));
  };
  http.addHook('onRoute', (route) => {
    const methods = [route.method].flat();
    if (!route.url.startsWith('/v1/') || !methods.some((method) => mutating.has(method))) return;
    if (route.config?.idempotency === false) return;
    route.preHandler = [begin, ...[route.preHandler ?? []].flat()];
    route.onSend = [...[route.onSend ?? []].flat(), finish];
  });
}

/** Forgets keys that are older than a day. For the housekeeping job. */
export function expireIdempotencyKeys(database: Database, wall: Date): Promise<number> {
  return database.transaction(asSystem, ({ connection }) =>
    deleteClaimsBefore(connection, new Date(wall.getTime() - keptMs)),
  );
}

/** True when the answer was sent from what is kept. */
async function claim(
  request: HttpRequest,
  reply: HttpReply,
  header: string,
  options: IdempotencyOptions,
): Promise<boolean> {
  const { database, vault, clock } = options;
  const wanted: IdempotencyClaim = { principal: principalOf(request), key: parseKey(header), committed: false };
  const requestHash = hashRequest(request);
  const wall = clock.wall();
  const leaseUntil = new Date(wall.getTime() + leaseMs);
  const found = await database.transaction(asSystem, async ({ connection }): Promise<StoredClaim | null> => {
    if (await insertClaim(connection, wanted, requestHash, leaseUntil, wall)) return null;
    const held = await lockClaim(connection, wanted);
    // Released between the two statements: as good as in flight.
    if (held === null) throw inUse();
    if (!Buffer.from(held.requestHash).equals(requestHash)) {
      throw new LatchkeyError('idempotency_key_reused', 'Use a new Idempotency-Key for another request.');
    }
    if (held.answer !== null) return held;
    if (held.leaseUntil > wall) throw inUse();
    if (held.status !== null) {
      throw new LatchkeyError(
        'conflict',
        'The request with this Idempotency-Key was carried out, but its answer was lost when the server ended. Look for its result before you send it with a new key.',
      );
    }
    await extendLease(connection, wanted, leaseUntil);
    return null;
  });
  if (found?.answer == null) {
    request.idempotencyClaim = wanted;
    return false;
  }
  const answer = JSON.parse(vault.open('idempotency', found.answer, contextOf(wanted))) as StoredAnswer;
  reply
    .code(found.status ?? 200)
    .headers(answer.headers)
    .header('idempotency-replayed', 'true');
  reply.send(Buffer.from(answer.body, 'utf8'));
  return true;
}

interface StoredAnswer {
  headers: Record<string, string>;
  body: string;
}

async function record(
  claimed: IdempotencyClaim,
  reply: HttpReply,
  payload: unknown,
  options: IdempotencyOptions,
): Promise<void> {
  const { database, vault } = options;
  const isRepeatable = reply.statusCode >= 500 || reply.statusCode === 429;
  // What failed without having done anything may be tried again under the same key.
  if (isRepeatable && !claimed.committed) {
    await database.transaction(asSystem, ({ connection }) => deleteClaim(connection, claimed));
    return;
  }
  const headers: Record<string, string> = {};
  for (const name of ['content-type', 'location']) {
    const value = reply.getHeader(name);
    if (value !== undefined) headers[name] = String(value);
  }
  const body = payload === null || payload === undefined ? '' : String(payload);
  const answer: StoredAnswer = { headers, body };
  const sealed = vault.seal('idempotency', JSON.stringify(answer), contextOf(claimed));
  await database.transaction(asSystem, ({ connection }) => storeAnswer(connection, claimed, reply.statusCode, sealed));
}

function inUse(): LatchkeyError {
  return new LatchkeyError(
    'idempotency_key_in_use',
    'The first request with this Idempotency-Key is still being worked on.',
    {
      retryAfterSeconds: 1,
    },
  );
}

function principalOf({ principal, ip }: HttpRequest): string {
  if (principal.type === 'anyone') return `anyone:${ip}`;
  return principal.id === null ? principal.type : `${principal.type}:${principal.id}`;
}

// The draft's keys are quoted strings; most clients send them bare.
function parseKey(header: string): string {
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header;
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw new LatchkeyError('invalid_request', 'An Idempotency-Key has 1 to 255 printable ASCII characters.');
  }
  return key;
}

function hashRequest(request: HttpRequest): Buffer {
  return createHash('sha256')
    .update(`${request.method} ${request.url}\n`)
    .update(request.bodyBytes ?? '')
    .digest();
}

function contextOf({ principal, key }: IdempotencyClaim): string {
  return `${principal}\n${key}`;
}
