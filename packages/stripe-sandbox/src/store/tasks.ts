import type { Database } from './database.ts';

type Task = { due: number; kind: string; subject: string };

/** What falls due and when, in seconds of the sandbox clock. A subject has at most one task of a kind. */
export class TaskStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  schedule(kind: string, subject: string, due: number): void {
    this.#database.run('DELETE FROM tasks WHERE kind = ? AND subject = ?', kind, subject);
    this.#database.run('INSERT INTO tasks (due, kind, subject) VALUES (?, ?, ?)', due, kind, subject);
  }

  cancel(kind: string, subject: string): void {
    this.#database.run('DELETE FROM tasks WHERE kind = ? AND subject = ?', kind, subject);
  }

  /** The earliest task; of those due in the same second the one scheduled first. */
  next(): Task | undefined {
    const row = this.#database.get('SELECT due, kind, subject FROM tasks ORDER BY due, id LIMIT 1');
    if (row === undefined) return undefined;
    return { due: Number(row.due), kind: String(row.kind), subject: String(row.subject) };
  }
}
