import { CHECKOUT_TASKS } from './billing/checkout.ts';
import { BILLING_TASKS } from './billing/cycle.ts';
import { DISPUTE_TASKS } from './billing/disputes.ts';
import { NOTICE_TASKS } from './billing/invoice-notices.ts';
import { PAUSE_TASKS } from './billing/pause-collection.ts';
import { PENDING_TASKS } from './billing/pending-update-end.ts';
import { REFUND_TASKS } from './billing/refunds.ts';
import { RESUME_TASKS } from './billing/resume.ts';
import { SCHEDULE_TASKS } from './billing/schedules.ts';
import { arrive, isBehind, TEST_CLOCK_TASKS } from './billing/test-clocks.ts';
import type { Clock } from './clock/clock.ts';
import type { StripeObjects } from './objects/index.ts';
import type { TestClock } from './objects/test-clock.ts';
import type { Settings } from './settings.ts';
import type { Database } from './store/database.ts';
import type { Task } from './store/tasks.ts';
import { BY_THE_CLOCK, type Cause, type Moment, type Stores, Work } from './work.ts';

const TASKS: Readonly<Record<string, (work: Work, subject: string) => void>> = {
  ...BILLING_TASKS,
  ...CHECKOUT_TASKS,
  ...DISPUTE_TASKS,
  ...NOTICE_TASKS,
  ...PAUSE_TASKS,
  ...PENDING_TASKS,
  ...REFUND_TASKS,
  ...RESUME_TASKS,
  ...SCHEDULE_TASKS,
  ...TEST_CLOCK_TASKS,
};

const POSTPONED_SECONDS = 3600;

type EngineHooks = {
  /** Called after each commit with the events it made. */
  committed(events: readonly StripeObjects['event'][]): void;
  log(line: string): void;
};

/** Runs units of work: one transaction each, at the time of the clock they belong to, whoever asks for them. */
export class Engine {
  readonly #database: Database;
  readonly #stores: Stores;
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #hooks: EngineHooks;
  /** What the request that is being carried out names. */
  #named: readonly string[] = [];

  constructor(database: Database, stores: Stores, settings: Settings, clock: Clock, hooks: EngineHooks) {
    this.#database = database;
    this.#stores = stores;
    this.#settings = settings;
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /**
   * Runs `body` on behalf of a request that names these ids: units of work in it happen at the time of the test clock by
   * which any of the named lives.
   */
  about<T>(ids: readonly string[], body: () => T): T {
    this.#named = ids;
    try {
      return body();
    } finally {
      this.#named = [];
    }
  }

  /** Commits what `body` does, or nothing of it when it throws. */
  run<T>(cause: Cause, body: (work: Work) => T): T {
    const [id] = this.#stores.objects.clocksOf(this.#named);
    const clock = id === undefined ? undefined : this.#testClocks().find((one) => one.id === id);
    return this.#runAt(this.#momentOn(clock), cause, body);
  }

  #momentOn(clock: TestClock | undefined): Moment {
    const sandboxMs = this.#clock.nowMs();
    const now = clock?.frozen_time ?? Math.floor(sandboxMs / 1000);
    return { sandboxMs, testClock: clock?.id ?? null, now };
  }

  #runAt<T>(moment: Moment, cause: Cause, body: (work: Work) => T): T {
    const work = new Work(this.#stores, this.#settings, moment, cause);
    const result = this.#database.transaction(() => body(work));
    if (work.events.length > 0) this.#hooks.committed(work.events);
    return result;
  }

  #testClocks(): TestClock[] {
    return this.#stores.objects.select('test_helpers.test_clock', []) as TestClock[];
  }

  /** When the next task falls due by the sandbox clock, in milliseconds: now, where a test clock has something to do. */
  nextDueMs(): number | null {
    const waits = (clock: TestClock) => isBehind(clock, this.#stores.tasks.next(clock.id)?.due);
    if (this.#testClocks().some(waits)) return this.#clock.nowMs();
    const task = this.#stores.tasks.next(null);
    return task === undefined ? null : task.due * 1000;
  }

  /** Carries out what is due by `untilMs`, one thing at a time in order of time, the clock standing at each one's time. */
  runDue(untilMs: number): void {
    for (let task = this.#stores.tasks.next(null); task !== undefined; task = this.#stores.tasks.next(null)) {
      const due = task;
      if (due.due * 1000 > untilMs) break;
      this.#clock.standingAt(due.due * 1000, () => this.#carryOut(due, this.#momentOn(undefined)));
    }
    for (const clock of this.#testClocks()) this.#catchUpOn(clock);
  }

  /** The same for a test clock, up to where it stands or is to go; then it stands there. */
  #catchUpOn(clock: TestClock): void {
    const until = clock.status_details.advancing?.target_frozen_time ?? clock.frozen_time;
    for (let task = this.#stores.tasks.next(clock.id); task !== undefined; task = this.#stores.tasks.next(clock.id)) {
      if (task.due > until) break;
      this.#carryOut(task, { ...this.#momentOn(clock), now: Math.max(task.due, clock.frozen_time) });
    }
    if (clock.status === 'advancing') {
      this.#runAt({ ...this.#momentOn(clock), now: until }, BY_THE_CLOCK, (work) => arrive(work, clock));
    }
  }

  #carryOut(task: Task, moment: Moment): void {
    try {
      this.#runAt(moment, BY_THE_CLOCK, (work) => {
        work.tasks.cancel(task.kind, task.subject);
        const carryOut = TASKS[task.kind];
        if (carryOut === undefined) throw new Error(`Nothing knows how to carry out ${task.kind}`);
        carryOut(work, task.subject);
      });
    } catch (error) {
      // A task that cannot be carried out is put off, not lost, and must not stop the ones after it.
      const why = error instanceof Error ? error.stack : String(error);
      this.#hooks.log(`${task.kind} of ${task.subject} failed: ${why}`);
      this.#stores.tasks.on(moment.testClock).schedule(task.kind, task.subject, task.due + POSTPONED_SECONDS);
    }
  }
}
