import type { Transaction } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import { observe } from './event.ts';
import { finish, type InboxWork, lease } from './inbox-repository.ts';
import { keyText, type ObjectKey } from './mirrored-types.ts';
import type { EventProjector, Observation } from './project.ts';

/**
 * How long events are their worker's own while it asks Stripe. Asking may take longer when Stripe is slow; then two ask, which
 * costs a call and changes nothing. What it must not be is long: so much later is heard what a process that died was asking about.
 */
const leaseMs = 15_000;

/** An object about which only Stripe can tell, and the events that said so. */
export interface Doubt {
  key: ObjectKey;
  ids: string[];
  observations: Observation[];
}

/** Why nothing follows from an event although it was understood and mirrored; null when something may. */
export type ExplainNothing = (observation: Observation) => string | null;

interface Heard {
  id: string;
  observation: Observation;
}

/** Projects events in the caller's transaction and marks them done; those of objects in doubt are kept for whoever asks Stripe. */
export async function projectBatch(
  transaction: Transaction,
  work: readonly InboxWork[],
  { clock, projector, explain }: { clock: Clock; projector: EventProjector; explain?: ExplainNothing },
): Promise<Doubt[]> {
  const { connection } = transaction;
  const wall = clock.wall();
  const { heard, ignored } = observeAll(work);
  for (const [reason, ids] of ignored) await finish(connection, ids, { status: 'ignored', reason, wall });
  const doubtful = await projector.projectEvents(
    transaction,
    heard.map(({ observation }) => observation),
  );
  const { clear, doubts } = separate(heard, doubtful);
  const { done, unused } = explained(heard, clear, explain);
  await finish(connection, done, { status: 'processed', reason: null, wall });
  for (const [reason, ids] of unused) await finish(connection, ids, { status: 'ignored', reason, wall });
  const kept = doubts.flatMap(({ ids }) => ids);
  await lease(connection, kept, new Date(wall.getTime() + leaseMs));
  return doubts;
}

/** What the events say; and those that say nothing, by the reason. */
function observeAll(work: readonly InboxWork[]): { heard: Heard[]; ignored: Map<string, string[]> } {
  const heard: Heard[] = [];
  const ignored = new Map<string, string[]>();
  for (const { id, type, created, payload } of work) {
    const observation = observe(type, created, payload);
    if (typeof observation !== 'string') heard.push({ id, observation });
    else ignored.set(observation, [...(ignored.get(observation) ?? []), id]);
  }
  return { heard, ignored };
}

/** Of the events that are clear, those from which something may follow; and the others, by the reason. */
function explained(
  heard: readonly Heard[],
  clear: readonly string[],
  explain: ExplainNothing = () => null,
): { done: string[]; unused: Map<string, string[]> } {
  const unused = new Map<string, string[]>();
  const known = new Set(clear);
  for (const { id, observation } of heard) {
    const reason = known.has(id) ? explain(observation) : null;
    if (reason === null) continue;
    known.delete(id);
    unused.set(reason, [...(unused.get(reason) ?? []), id]);
  }
  return { done: [...known], unused };
}

function separate(heard: readonly Heard[], doubtful: readonly ObjectKey[]): { clear: string[]; doubts: Doubt[] } {
  const doubts = new Map(doubtful.map((key): [string, Doubt] => [keyText(key), { key, ids: [], observations: [] }]));
  const clear: string[] = [];
  for (const { id, observation } of heard) {
    const doubt = doubts.get(keyText(observation));
    if (doubt === undefined) clear.push(id);
    else {
      doubt.ids.push(id);
      doubt.observations.push(observation);
    }
  }
  return { clear, doubts: [...doubts.values()] };
}

/** Events that were tried alone may be about the same object. */
export function mergedByObject(doubts: readonly Doubt[]): Doubt[] {
  const merged = new Map<string, Doubt>();
  for (const doubt of doubts) {
    const same = merged.get(keyText(doubt.key));
    if (same === undefined) merged.set(keyText(doubt.key), doubt);
    else {
      same.ids.push(...doubt.ids);
      same.observations.push(...doubt.observations);
    }
  }
  return [...merged.values()];
}
