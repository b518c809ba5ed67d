import type { Database } from '../db/database.ts';
import { insertEvents, type NewEntry } from './inbox-repository.ts';

/** Stores events as they arrive; resolves, once the event is committed, with whether it is a new one. */
export type Intake = (entry: NewEntry) => Promise<boolean>;

/** Statements at the same time: while they run, what arrives gathers for the next one. */
const statementsAtOnce = 2;
/** Events in one statement, and about as many characters of payload: a delivery may have half a million. */
const mostTogether = 100;
const mostCharacters = 2_000_000;

interface Waiting {
  entry: NewEntry;
  resolve(isNew: boolean): void;
  reject(error: unknown): void;
}

/**
 * Group commit: events that arrive together are inserted together, and each is answered only after that commit. One that arrives alone
 * does not wait for company.
 */
export function createIntake(database: Database): Intake {
  const waiting: Waiting[] = [];
  let running = 0;

  const insert = async (group: readonly Waiting[]): Promise<void> => {
    // One statement is one transaction: when it resolves, the events are safe.
    const stored = await insertEvents(
      database.connection,
      group.map(({ entry }) => entry),
    );
    for (const { entry, resolve } of group) resolve(stored.has(entry.id));
  };

  const insertAlone = async (one: Waiting): Promise<void> => {
    await insert([one]).catch((error: unknown) => one.reject(error));
  };

  const run = async (): Promise<void> => {
    running += 1;
    while (waiting.length > 0) {
      const group = waiting.splice(0, groupSize(waiting));
      // What the database refuses must not be refused to those who merely came along.
      await insert(group).catch(() => Promise.all(group.map(insertAlone)));
    }
    running -= 1;
  };

  return (entry) =>
    new Promise((resolve, reject) => {
      waiting.push({ entry, resolve, reject });
      if (running < statementsAtOnce) void run();
    });
}

/** How many of those that wait go into the next statement; always at least one. */
function groupSize(waiting: readonly Waiting[]): number {
  let characters = 0;
  for (const [index, { entry }] of waiting.entries()) {
    characters += entry.payload.length;
    if (index > 0 && (index === mostTogether || characters > mostCharacters)) return index;
  }
  return waiting.length;
}
