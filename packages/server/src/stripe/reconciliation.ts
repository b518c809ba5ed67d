import { LatchkeyError } from '@latchkey/core';
import type { Database } from '../db/database.ts';
import type { Log } from '../observability/log.ts';
import type { Clock, Ids } from '../ports.ts';
import type { StripeClient } from './client/index.ts';
import { withKnownContent } from './fold.ts';
import { readState } from './mirror.ts';
import type { ObjectKey } from './mirrored-types.ts';
import type { OverageComparison } from './overage-comparison.ts';
import type { Projector } from './project.ts';
import { answerOf } from './question.ts';
import type { Difference, Reconciliation } from './reconciliation-repository.ts';
import * as repository from './reconciliation-repository.ts';
import { sameContent } from './semantic-rank.ts';
import type { MirroredType, StripeObject } from './shapes.ts';

/** What is compared, those that others refer to first. */
const TYPES: readonly MirroredType[] = [
  'product',
  'price',
  'customer',
  'subscription',
  'invoice',
  'checkout_session',
  'payment_intent',
  'charge',
  'invoice_payment',
  'refund',
  'dispute',
];
/** Of these Stripe's lists leave out what was deleted. */
const DELETABLE: readonly MirroredType[] = ['product', 'customer'];
/** Of these nothing follows: they are kept as far as Stripe told of them, and one it never told of is not missed. */
const AS_HEARD: readonly MirroredType[] = ['product', 'price'];
/** Differences that a report names; all are counted. */
const MOST_NAMED = 1_000;
const MIRROR_PAGE = 500;
/** A run that has written nothing for longer belongs to a process that is gone. */
const SILENT_MS = 120_000;

export interface ReconcilerOptions {
  database: Database;
  client: Pick<StripeClient, 'listPage' | 'fetch'>;
  projector: Pick<Projector, 'fetchAndProject'>;
  /** Compares what was told of use beyond plans. */
  overage?: Pick<OverageComparison, 'compare'>;
  clock: Clock;
  ids: Ids;
  log: Log;
}

/** Compares everything mirrored with Stripe, page by page, and brings it in line where it is told to. */
export interface Reconciler {
  /** Begins a run and goes on with it in the background; `conflict` while one is running. */
  start(mode: Reconciliation['mode']): Promise<Reconciliation>;
  /** The same, and waits for its end. */
  run(mode: Reconciliation['mode']): Promise<Reconciliation>;
  get(id: string): Promise<Reconciliation>;
  /** The last that came to its end; null before the first. */
  latest(): Promise<Reconciliation | null>;
  /** Ends after the page in hand. */
  stop(): Promise<void>;
}

type Run = Pick<Reconciliation, 'id' | 'mode' | 'checked' | 'found' | 'fixed' | 'stage' | 'differences'>;

/** The operator wanted the process to end. */
class Stopped extends Error {
  override readonly name = 'Stopped';
}

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { database, client, projector, overage, clock, ids, log } = options;
  const { connection } = database;
  let isStopping = false;
  let running: Promise<void> = Promise.resolve();

  async function begin(mode: Reconciliation['mode']): Promise<Run> {
    const at = clock.wall();
    const run: Run = { id: ids.next('rec'), mode, checked: 0, found: 0, fixed: 0, stage: 'product', differences: [] };
    const silentSince = new Date(at.getTime() - SILENT_MS);
    if (await repository.begin(connection, { ...run, at, silentSince })) return run;
    throw new LatchkeyError('conflict', 'A comparison with Stripe is running. Wait for its end.');
  }

  /** Writes how far the run is, and sees whether it shall go on. */
  async function report(run: Run): Promise<void> {
    const isOurs = await repository.progress(connection, run, clock.wall());
    if (isStopping || !isOurs) throw new Stopped('The comparison was stopped.');
  }

  async function carryOut(run: Run): Promise<void> {
    try {
      for (const type of TYPES) await compareType(run, type);
      await compareOverage(run);
      await repository.finish(connection, run.id, { status: 'done', error: null, at: clock.wall() });
      const { checked, found, fixed } = run;
      log[found > fixed ? 'warn' : 'info'](
        { run: run.id, checked, found, fixed },
        'everything was compared with Stripe',
      );
    } catch (error) {
      const said =
        error instanceof LatchkeyError ? error.detail : error instanceof Stopped ? error.message : 'It broke off.';
      log.warn({ error, run: run.id }, 'a comparison with Stripe did not come to its end');
      await repository.finish(connection, run.id, { status: 'failed', error: said, at: clock.wall() });
    }
  }

  async function compareType(run: Run, type: MirroredType): Promise<void> {
    run.stage = type;
    const seen = DELETABLE.includes(type) ? new Set<string>() : null;
    let after: string | null = null;
    for (;;) {
      const { objects, hasMore } = await client.listPage(type, after);
      for (const { object } of objects) {
        seen?.add(object.id);
        if (!(await isKnownAs({ type, id: object.id }, object))) await look(run, { type, id: object.id });
      }
      run.checked += objects.length;
      await report(run);
      after = objects.at(-1)?.object.id ?? null;
      if (!hasMore || after === null) break;
    }
    if (seen !== null) await lookForGone(run, type, seen);
  }

  async function compareOverage(run: Run): Promise<void> {
    if (overage === undefined) return;
    run.stage = 'overage';
    const { checked, differences } = await overage.compare(run.mode);
    run.checked += checked;
    run.found += differences.length;
    run.fixed += differences.filter(({ fixed }) => fixed).length;
    const room = MOST_NAMED - run.differences.length;
    run.differences.push(...differences.slice(0, room).map((one) => ({ ...one, type: 'overage' as const })));
    await report(run);
  }

  async function isKnownAs(key: ObjectKey, object: StripeObject): Promise<boolean> {
    const known = await readState(connection, key);
    if (known === null) return false;
    const answer = withKnownContent(answerOf(key.type, { object, asOf: known.asOf }), known);
    return known.deleted === answer.deleted && sameContent(known.object, answer.object);
  }

  /** Asks for the one object again, for it may have changed since the page was made; and writes down what then still differs. */
  async function look(run: Run, key: ObjectKey): Promise<void> {
    const fetched = await client.fetch(key.type, key.id);
    if (fetched === null) return;
    const known = await readState(connection, key);
    if (known === null && AS_HEARD.includes(key.type)) return;
    const answer = withKnownContent(answerOf(key.type, fetched), known);
    if (known !== null && known.deleted === answer.deleted && sameContent(known.object, answer.object)) return;
    const problem = known === null ? 'missing' : answer.deleted && !known.deleted ? 'gone' : 'differs';
    await settle(run, { ...key, problem, fields: known === null ? [] : differing(known.object, answer.object) });
  }

  async function lookForGone(run: Run, type: MirroredType, seen: ReadonlySet<string>): Promise<void> {
    let after = '';
    for (;;) {
      const page = await repository.livingIds(connection, type, after, MIRROR_PAGE);
      for (const id of page) if (!seen.has(id)) await look(run, { type, id });
      await report(run);
      after = page.at(-1) ?? '';
      if (page.length < MIRROR_PAGE) return;
    }
  }

  async function settle(run: Run, difference: Omit<Difference, 'fixed' | 'type'> & ObjectKey): Promise<void> {
    run.found += 1;
    const fixed = run.mode === 'fix' && (await fix(difference));
    if (fixed) run.fixed += 1;
    if (run.differences.length < MOST_NAMED) run.differences.push({ ...difference, fixed });
  }

  async function fix({ type, id }: ObjectKey): Promise<boolean> {
    try {
      return (await projector.fetchAndProject(type, id)) === 'projected';
    } catch (error) {
      log.warn({ error, object: `${type}:${id}` }, 'a difference could not be mended');
      return false;
    }
  }

  async function get(id: string): Promise<Reconciliation> {
    const found = await repository.find(connection, id);
    if (found === null) throw new LatchkeyError('resource_missing', `There is no comparison ${id}.`);
    return found;
  }

  return {
    async start(mode) {
      const run = await begin(mode);
      running = carryOut(run);
      return get(run.id);
    },
    async run(mode) {
      const run = await begin(mode);
      running = carryOut(run);
      await running;
      return get(run.id);
    },
    get,
    latest: () => repository.latest(connection),
    async stop() {
      isStopping = true;
      await running;
    },
  };
}

function differing(left: StripeObject, right: StripeObject): string[] {
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].filter((name) => !sameContent(only(left, name), only(right, name))).sort();
}

function only(object: StripeObject, name: string): StripeObject {
  return { id: '', object: '', value: object[name] };
}
