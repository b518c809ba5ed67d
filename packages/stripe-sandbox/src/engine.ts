import { CHECKOUT_TASKS } from './billing/checkout.ts';
import { BILLING_TASKS } from './billing/cycle.ts';
import { DISPUTE_TASKS } from './billing/disputes.ts';
import { REFUND_TASKS } from './billing/refunds.ts';
import type { Clock } from './clock/clock.ts';
import type { StripeObjects } from './objects/index.ts';
import type { Settings } from './settings.ts';
import type { Database } from './store/database.ts';
import { BY_THE_CLOCK, type Cause, type Stores, Work } from './work.ts';

const TASKS: Readonly<Record<string, (work: Work, subject: string) => void>> = {
  ...BILLING_TASKS,
  ...CHECKOUT_TASKS,
  ...DISPUTE_TASKS,
  ...REFUND_TASKS,
};

const POSTPONED_SECONDS = 3600;

type EngineHooks = {
  /** Called after each commit with the events it made. */
  committed(events: readonly StripeObjects['event'][]): void;
  log(line: string): void;
};

/** Runs units of work: one transaction each, at the time of the sandbox clock, whoever asks for them. */
export class Engine {
  readonly #database: Database;
  readonly #stores: Stores;
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #hooks: EngineHooks;

  constructor(database: Database, stores: Stores, settings: Settings, clock: Clock, hooks: EngineHooks) {
    this.#database = database;
    this.#stores = stores;
    this.#settings = settings;
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /** Commits what `body` does, or nothing of it when it throws. */
  run<T>(cause: Cause, body: (work: Work) => T): T {
    const work = new Work(this.#stores, this.#settings, this.#clock.nowMs(), cause);
    const result = this.#database.transaction(() => body(work));
    if (work.events.length > 0) this.#hooks.committed(work.events);
    return result;
  }

  /** When the next task falls due, in milliseconds. */
  nextDueMs(): number | null {
    const task = this.#stores.tasks.next();
    return task === undefined ? null : task.due * 1000;
  }

  /** Carries out what is due by `untilMs`, one thing at a time in order of time, the clock standing at each one's time. */
  runDue(untilMs: number): void {
    for (;;) {
      const task = this.#stores.tasks.next();
      if (task === undefined || task.due * 1000 > untilMs) return;
      this.#clock.standingAt(task.due * 1000, () => {
        try {
          this.run(BY_THE_CLOCK, (work) => {
            work.tasks.cancel(task.kind, task.subject);
            const carryOut = TASKS[task.kind];
            if (carryOut === undefined) throw new Error(`Nothing knows how to carry out ${task.kind}`);
            carryOut(work, task.subject);
          });
        } catch (error) {
          // A task that cannot be carried out is put off, not lost, and must not stop the ones after it.
          this.#hooks.log(
            `${task.kind} of ${task.subject} failed: ${error instanceof Error ? error.stack : String(error)}`,
          );
          this.#stores.tasks.schedule(task.kind, task.subject, task.due + POSTPONED_SECONDS);
        }
      });
    }
  }
}
