import type { Database } from './database.ts';

export type Task = { due: number; kind: string; subject: string };

/** What a unit of work may do with the schedule it stands in. */
export type Tasks = {
  /** Puts something on the schedule, in place of what was there of this kind for this subject. */
  schedule(kind: string, subject: string, due: number): void;
  cancel(kind: string, subject: string): void;
};

/**
 * What falls due and when, in seconds: one schedule by the sandbox clock (`clock` null) and one by each test clock. A
 * subject has at most one task of a kind.
 */
export class TaskStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The schedule of one clock. */
  on(clock: string | null): Tasks {
    return {
      schedule: (kind, subject, due) => {
        this.cancel(kind, subject);
        this.#database.run(
          'INSERT INTO tasks (due, kind, subject, clock) VALUES (?, ?, ?, ?)',
          due,
          kind,
          subject,
          clock ?? '',
        );
      },
      cancel: (kind, subject) => this.cancel(kind, subject),
    };
  }

  cancel(kind: string, subject: string): void {
    this.#database.run('DELETE FROM tasks WHERE kind = ? AND subject = ?', kind, subject);
  }

  /** Takes everything off the schedule of a test clock. */
  clear(clock: string): void {
    this.#database.run('DELETE FROM tasks WHERE clock = ?', clock);
  }

  /** The earliest task of a clock; of those due in the same second the one scheduled first. */
  next(clock: string | null): Task | undefined {
    const row = this.#database.get(
      'SELECT due, kind, subject FROM tasks WHERE clock = ? ORDER BY due, id LIMIT 1',
      clock ?? '',
    );
    if (row === undefined) return undefined;
    return { due: Number(row.due), kind: String(row.kind), subject: String(row.subject) };
  }
}
