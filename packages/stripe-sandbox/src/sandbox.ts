import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { account, accountId } from './account.ts';
import { Clock } from './clock/clock.ts';
import { Scheduler } from './clock/scheduler.ts';
import { Control } from './control/control.ts';
import { Dispatcher } from './deliveries/dispatcher.ts';
import { Shuffler } from './deliveries/shuffler.ts';
import { Engine } from './engine.ts';
import { FaultPlan } from './http/faults.ts';
import { Front } from './http/front.ts';
import { V1 } from './http/v1.ts';
import type { SandboxObserver } from './observer.ts';
import { Pages } from './pages/pages.ts';
import { API_VERSION, type FinalRetryOutcome, type Settings } from './settings.ts';
import { Database } from './store/database.ts';
import { DeliveryStore } from './store/deliveries.ts';
import { IdempotencyStore } from './store/idempotency.ts';
import { MeterEventStore } from './store/meter-events.ts';
import { ObjectStore } from './store/objects.ts';
import { TaskStore } from './store/tasks.ts';

export interface StripeSandboxOptions {
  /** 0 takes any free port. */
  port: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** The SQLite file that holds everything, or `:memory:`. */
  stateFile: string;
  /** Bearer token of the control API under `/_sandbox`. */
  adminToken: string;
  /** Base of the hosted pages' addresses; default the address listened on. */
  publicUrl?: string;
  /** How long a renewal's invoice stays a draft. Default 3600, as Stripe's. */
  renewalFinalizeDelaySeconds?: number;
  /** Days from one failed attempt to collect to the next. Default 3, 5, 7. */
  retryDelaysDays?: readonly number[];
  /** What becomes of a subscription when the last retry has failed. Default `cancel`. */
  afterFinalRetry?: FinalRetryOutcome;
  /** Days before a renewal at which `invoice.upcoming` is sent. Default 7. */
  upcomingDays?: number;
  /** Days before an invoice that is sent is due at which `invoice.will_be_due` is. Default 3. */
  willBeDueDays?: number;
  /** Days after that day at which `invoice.overdue` is sent. Default 0: on that day. */
  overdueDays?: number;
  observer?: SandboxObserver;
  log?: (line: string) => void;
}

export interface StripeSandbox {
  readonly url: string;
  readonly port: number;
  /** Stops listening and sending; what is not delivered yet is delivered by the next run on the same state file. */
  close(): Promise<void>;
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function settingsOf(options: StripeSandboxOptions, url: string, account: Settings['account']): Settings {
  return {
    account,
    apiVersion: API_VERSION,
    publicUrl: (options.publicUrl ?? url).replace(/\/+$/, ''),
    renewalFinalizeDelaySeconds: options.renewalFinalizeDelaySeconds ?? 3600,
    retryDelaysDays: options.retryDelaysDays ?? [3, 5, 7],
    afterFinalRetry: options.afterFinalRetry ?? 'cancel',
    upcomingDays: options.upcomingDays ?? 7,
    willBeDueDays: options.willBeDueDays ?? 3,
    overdueDays: options.overdueDays ?? 0,
  };
}

/** Builds everything around an open state file; `url` is where it will be reached. */
function wire(options: StripeSandboxOptions, database: Database, url: string) {
  const log = options.log ?? (() => undefined);
  const objects = new ObjectStore(database);
  const stores = {
    objects,
    tasks: new TaskStore(database),
    deliveries: new DeliveryStore(database),
    meterEvents: new MeterEventStore(database),
  };
  const clock = new Clock(database);
  const settings = settingsOf(options, url, account(accountId(database), clock.now()));
  const faults = new FaultPlan();
  const engine = new Engine(database, stores, settings, clock, {
    log,
    committed(events) {
      for (const event of events) options.observer?.event(event);
      scheduler.committed();
      shuffler.wait();
    },
  });
  const dispatcher = new Dispatcher(stores, clock, () => scheduler.arm());
  const shuffler = new Shuffler({ clock, deliveries: stores.deliveries, dispatcher });
  const scheduler = new Scheduler(engine, clock, stores.deliveries, dispatcher);
  const v1 = new V1({
    engine,
    clock,
    faults,
    objects,
    idempotency: new IdempotencyStore(database),
    observer: options.observer,
    log,
  });
  const reset = () => {
    const id = accountId(database);
    database.clear();
    database.setMeta('account', id);
    clock.reset();
    faults.clear();
  };
  const control = new Control({
    adminToken: options.adminToken,
    engine,
    clock,
    scheduler,
    dispatcher,
    deliveries: stores.deliveries,
    faults,
    reset,
  });
  const pages = new Pages(engine, settings.publicUrl);
  const front = new Front({ engine, v1, control, pages, clock, log, catchUp: () => scheduler.catchUp() });
  return { front, scheduler, dispatcher, shuffler };
}

/**
 * Starts a local Stripe: `/v1` for the official SDK, hosted pages, webhooks, and the control API under `/_sandbox`. It
 * goes on with the state file where the last run stopped.
 */
export async function startStripeSandbox(options: StripeSandboxOptions): Promise<StripeSandbox> {
  const host = options.host ?? '127.0.0.1';
  const database = new Database(options.stateFile);
  let front: Front | undefined;
  const server = createServer((request, response) => void front?.handle(request, response));
  // Idle kept-alive connections of clients must not hold up closing, and slow ones must not pile up.
  server.requestTimeout = 30_000;
  try {
    const port = await listen(server, options.port, host);
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
    const parts = wire(options, database, url);
    front = parts.front;
    parts.scheduler.catchUp();
    parts.shuffler.wait();
    return {
      url,
      port,
      async close() {
        parts.scheduler.close();
        parts.shuffler.close();
        parts.dispatcher.close();
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeAllConnections();
        await closed;
        database.close();
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}
