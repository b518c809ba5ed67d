import type { Database } from './database.ts';

export type StoredAnswer = { fingerprint: string; path: string; status: number; body: string; requestId: string };

const KEPT_MS = 24 * 3600 * 1000;

/** Answers kept under their Idempotency-Key for 24 hours of the sandbox clock. */
export class IdempotencyStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  find(key: string, nowMs: number): StoredAnswer | undefined {
    const row = this.#database.get(
      'SELECT fingerprint, path, status, body, request_id FROM idempotency WHERE key = ? AND created_ms > ?',
      key,
      nowMs - KEPT_MS,
    );
    if (row === undefined) return undefined;
    return {
      fingerprint: String(row.fingerprint),
      path: String(row.path),
      status: Number(row.status),
      body: String(row.body),
      requestId: String(row.request_id),
    };
  }

  save(key: string, answer: StoredAnswer, nowMs: number): void {
    this.#database.run('DELETE FROM idempotency WHERE created_ms <= ?', nowMs - KEPT_MS);
    this.#database.run(
      `INSERT OR REPLACE INTO idempotency (key, fingerprint, path, status, body, request_id, created_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      key,
      answer.fingerprint,
      answer.path,
      answer.status,
      answer.body,
      answer.requestId,
      nowMs,
    );
  }
}
