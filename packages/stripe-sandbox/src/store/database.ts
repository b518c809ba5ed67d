import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

export type Row = Record<string, unknown>;

/** Each entry lifts the state file by one version; entries are only ever added. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
   CREATE TABLE objects (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     object TEXT NOT NULL,
     created INTEGER NOT NULL,
     deleted INTEGER NOT NULL DEFAULT 0,
     body TEXT NOT NULL,
     hidden TEXT NOT NULL
   ) STRICT;
   CREATE INDEX objects_by_kind ON objects (object, seq);
   CREATE INDEX objects_by_customer ON objects (object, json_extract(body, '$.customer'), seq);
   CREATE INDEX objects_by_invoice ON objects (object, json_extract(body, '$.invoice'), seq);
   CREATE INDEX objects_by_subscription ON objects (object, json_extract(body, '$.parent.subscription_details.subscription'), seq);
   CREATE INDEX objects_by_payment_intent ON objects (object, json_extract(body, '$.payment_intent'), seq);
   CREATE INDEX objects_by_payment ON objects (object, json_extract(body, '$.payment.payment_intent'), seq);
   CREATE TABLE owners (part TEXT PRIMARY KEY, owner TEXT NOT NULL) STRICT;
   CREATE TABLE tasks (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     due INTEGER NOT NULL,
     kind TEXT NOT NULL,
     subject TEXT NOT NULL,
     UNIQUE (kind, subject)
   ) STRICT;
   CREATE INDEX tasks_by_due ON tasks (due, id);
   CREATE TABLE deliveries (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     event TEXT NOT NULL,
     event_type TEXT NOT NULL,
     endpoint TEXT NOT NULL,
     state TEXT NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0,
     created_ms INTEGER NOT NULL,
     next_attempt_ms INTEGER NOT NULL,
     response_status INTEGER,
     error TEXT
   ) STRICT;
   CREATE INDEX deliveries_by_due ON deliveries (state, next_attempt_ms, id);
   CREATE INDEX deliveries_by_event ON deliveries (event);
   CREATE TABLE idempotency (
     key TEXT PRIMARY KEY,
     fingerprint TEXT NOT NULL,
     path TEXT NOT NULL,
     status INTEGER NOT NULL,
     body TEXT NOT NULL,
     request_id TEXT NOT NULL,
     created_ms INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX idempotency_by_age ON idempotency (created_ms);`,
  // Test clocks: whose objects and tasks live at a time of their own. Tasks of the sandbox clock have '' for a clock.
  `ALTER TABLE objects ADD COLUMN clock TEXT;
   CREATE INDEX objects_by_clock ON objects (clock, object, seq) WHERE clock IS NOT NULL;
   ALTER TABLE tasks ADD COLUMN clock TEXT NOT NULL DEFAULT '';
   DROP INDEX tasks_by_due;
   CREATE INDEX tasks_by_due ON tasks (clock, due, id);`,
  // What customers used, as reported to meters. Amounts are decimals, and those of a sum may be long: they are kept as text.
  `CREATE TABLE meter_events (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     meter TEXT NOT NULL,
     customer TEXT NOT NULL,
     identifier TEXT NOT NULL,
     at INTEGER NOT NULL,
     value TEXT NOT NULL,
     received_ms INTEGER NOT NULL,
     canceled INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE INDEX meter_events_by_time ON meter_events (meter, customer, at, id);
   CREATE INDEX meter_events_by_identifier ON meter_events (identifier, received_ms);`,
];

/**
 * The state file. Write-ahead logging with `synchronous = NORMAL`: what was committed survives the process being killed
 * at any moment (a power cut may lose the last commits, never corrupt the file).
 */
export class Database {
  readonly #sqlite: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: string) {
    this.#sqlite = new DatabaseSync(file);
    this.#sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;');
    this.#migrate();
  }

  #migrate(): void {
    this.transaction(() => {
      const version = Number(this.#sqlite.prepare('PRAGMA user_version').get()?.user_version ?? 0);
      if (version > MIGRATIONS.length) {
        throw new Error(`The state file is of version ${version}; this program knows up to ${MIGRATIONS.length}.`);
      }
      for (const migration of MIGRATIONS.slice(version)) this.#sqlite.exec(migration);
      this.#sqlite.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    });
  }

  /** Runs `body` in one transaction: all of it is on disk when this returns, or none of it when it throws. */
  transaction<T>(body: () => T): T {
    this.#sqlite.exec('BEGIN IMMEDIATE');
    try {
      const result = body();
      this.#sqlite.exec('COMMIT');
      return result;
    } catch (error) {
      this.#sqlite.exec('ROLLBACK');
      throw error;
    }
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const prepared = this.#sqlite.prepare(sql);
    this.#statements.set(sql, prepared);
    return prepared;
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values);
  }

  /** Returns how many rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  meta(key: string): string | undefined {
    const row = this.get('SELECT value FROM meta WHERE key = ?', key);
    return row === undefined ? undefined : String(row.value);
  }

  setMeta(key: string, value: string): void {
    this.run(
      'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      key,
      value,
    );
  }

  /** Empties every table; ids of rows start again. */
  clear(): void {
    this.transaction(() => {
      for (const table of ['meta', 'objects', 'owners', 'tasks', 'deliveries', 'idempotency', 'meter_events']) {
        this.#sqlite.exec(`DELETE FROM ${table}`);
      }
      this.#sqlite.exec('DELETE FROM sqlite_sequence');
    });
  }

  close(): void {
    this.#statements.clear();
    this.#sqlite.close();
  }
}
