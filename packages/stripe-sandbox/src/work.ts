import { previousAttributes } from './events/previous-attributes.ts';
import { noSuch } from './http/api-error.ts';
import { newId } from './ids.ts';
import type { Json, JsonObject } from './json.ts';
import type { ObjectName, StripeObjects } from './objects/index.ts';
import type { DeletedObject } from './objects/parts.ts';
import type { Settings } from './settings.ts';
import type { Condition } from './store/conditions.ts';
import type { DeliveryStore } from './store/deliveries.ts';
import type { MeterEventStore } from './store/meter-events.ts';
import type { ObjectStore, StoredObject } from './store/objects.ts';
import type { TaskStore, Tasks } from './store/tasks.ts';

/** The request that causes a change; all null when the clock causes it. Events carry it. */
export type Cause = { requestId: string | null; idempotencyKey: string | null };

export const BY_THE_CLOCK: Cause = { requestId: null, idempotencyKey: null };

export type Stores = {
  objects: ObjectStore;
  tasks: TaskStore;
  deliveries: DeliveryStore;
  meterEvents: MeterEventStore;
};

/**
 * When a unit of work happens. Whatever names something of a customer on a test clock happens at the time of that clock
 * (https://docs.stripe.com/billing/testing/test-clocks); all else by the sandbox clock.
 */
export type Moment = {
  /** Of the sandbox clock, on which everybody outside lives: events, deliveries, kept answers. */
  sandboxMs: number;
  testClock: string | null;
  /** Seconds since the epoch, by the test clock if there is one. */
  now: number;
};

/** New values of members; undefined takes an optional member away. */
type Changes<T> = { [K in keyof T]?: T[K] | undefined };

/** What an id in a message is called: `No such customer: 'cus_…'`. */
export function nounOf(name: string): string {
  if (name === 'test_helpers.test_clock') return 'test clock';
  if (name === 'billing.meter') return 'billing meter';
  if (name === 'subscription_schedule') return 'subscription schedule';
  if (name === 'setup_intent') return 'setupintent';
  return name === 'payment_method' ? 'PaymentMethod' : name;
}

/** Events of these types carry the attributes as they were. */
function showsPrevious(eventType: string): boolean {
  return eventType.endsWith('.updated') || eventType === 'charge.refunded';
}

/**
 * One unit of work: everything a request or a due task reads and changes, inside one transaction. Handlers see the clock,
 * the objects and the schedule through it and nothing else; it commits or is rolled back as a whole.
 */
export class Work {
  readonly settings: Settings;
  /** Seconds since the epoch, at which everything in this unit of work happens. */
  readonly now: number;
  /** The same in milliseconds. */
  readonly nowMs: number;
  /** The test clock that `now` is the time of. What is made here belongs to it. */
  readonly testClock: string | null;
  /** The sandbox clock's time, for what does not live by a test clock. */
  readonly sandboxMs: number;
  readonly objects: ObjectStore;
  /** The schedule of the clock that `now` is the time of. */
  readonly tasks: Tasks;
  readonly meterEvents: MeterEventStore;
  /** Events made so far, in order, for the observer once they are committed. */
  readonly events: StripeObjects['event'][];
  readonly #stores: Stores;
  readonly #cause: Cause;

  constructor(stores: Stores, settings: Settings, moment: Moment, cause: Cause, events: StripeObjects['event'][] = []) {
    this.objects = stores.objects;
    this.meterEvents = stores.meterEvents;
    this.tasks = stores.tasks.on(moment.testClock);
    this.#stores = stores;
    this.settings = settings;
    this.now = moment.now;
    this.nowMs = moment.testClock === null ? moment.sandboxMs : moment.now * 1000;
    this.testClock = moment.testClock;
    this.sandboxMs = moment.sandboxMs;
    this.#cause = cause;
    this.events = events;
  }

  /** This unit of work for what lives by a test clock, at the time where that clock stands. */
  on(clock: StripeObjects['test_helpers.test_clock']): Work {
    const moment = { sandboxMs: this.sandboxMs, testClock: clock.id, now: clock.frozen_time };
    return new Work(this.#stores, this.settings, moment, this.#cause, this.events);
  }

  /** The object, or undefined when there is none or it was deleted. */
  find<N extends ObjectName>(name: N, id: string): StripeObjects[N] | undefined {
    const found = this.objects.find(name, id);
    return found === undefined || found.deleted === true ? undefined : (found as StripeObjects[N]);
  }

  /** As {@link find}, for ids that came from a caller: `resource_missing` names `param` when there is no such object. */
  require<N extends ObjectName>(name: N, id: string, param: string): StripeObjects[N] {
    const found = this.find(name, id);
    if (found === undefined) throw noSuch(nounOf(name), id, param, param === 'id' ? 404 : 400);
    return found;
  }

  /** As {@link find}, for ids the sandbox wrote itself: a missing object is our own fault. */
  get<N extends ObjectName>(name: N, id: string): StripeObjects[N] {
    const found = this.find(name, id);
    if (found === undefined) throw new Error(`The state has no ${name} ${id}`);
    return found;
  }

  /** All that match, oldest first. */
  select<N extends ObjectName>(name: N, conditions: readonly Condition[]): StripeObjects[N][] {
    return this.objects.select(name, conditions) as StripeObjects[N][];
  }

  /** Stores a new object and, where an event type is given, announces it. */
  insert<T extends StripeObjects[ObjectName]>(object: T, eventType: string | null, hidden: Json = null): T {
    this.objects.insert(object as StoredObject, this.#sandboxNow(), this.#clockFor(object), hidden);
    if (eventType !== null) this.emit(eventType, object);
    return object;
  }

  /**
   * Applies changes to an object and announces them with the attributes as they were. Changes that change nothing make
   * no event. `eventType` null changes silently.
   */
  update<T extends StripeObjects[ObjectName]>(object: T, changes: Changes<T>, eventType: string | null): T {
    if ('test_clock' in object && object.test_clock !== this.testClock) {
      throw new Error(`${object.id} lives by ${object.test_clock ?? 'the sandbox clock'}, not by ${this.testClock}`);
    }
    const next = { ...object, ...changes };
    const previous = previousAttributes(object, next);
    if (previous === undefined) return object;
    this.objects.replace(next as StoredObject);
    if (eventType !== null) this.emit(eventType, next, showsPrevious(eventType) ? previous : undefined);
    return next;
  }

  /** Deletes an object, leaving Stripe's stub; the event carries the object as it was. */
  remove<T extends StripeObjects[ObjectName]>(object: T, eventType: string | null): DeletedObject<T['object']> {
    const stub: DeletedObject<T['object']> = { id: object.id, object: object.object, deleted: true };
    this.objects.markDeleted(stub);
    if (eventType !== null) this.emit(eventType, object);
    return stub;
  }

  /** The one account. */
  account(): JsonObject {
    return this.settings.account;
  }

  /** Seconds by the sandbox clock. */
  #sandboxNow(): number {
    return Math.floor(this.sandboxMs / 1000);
  }

  /** Whatever is of a customer lives by the customer's clock; products, prices and coupons are everybody's. */
  #clockFor(object: JsonObject): string | null {
    if (object.object === 'test_helpers.test_clock') return String(object.id);
    const ofSomebody = object.object === 'customer' || typeof object.customer === 'string';
    return ofSomebody ? this.testClock : null;
  }

  /** Takes everything off the schedule of a test clock. */
  clearTasks(testClock: string): void {
    this.#stores.tasks.clear(testClock);
  }

  cancelDeliveries(endpoint: string): void {
    this.#stores.deliveries.cancelFor(endpoint);
  }

  pendingWebhooks(event: string): number {
    return this.#stores.deliveries.unfinishedOf(event);
  }

  hidden(id: string): Json {
    return this.objects.hidden(id);
  }

  setHidden(id: string, hidden: Json): void {
    this.objects.replaceHidden(id, hidden);
  }

  /** Announces something: stores the event and one delivery for every endpoint that listens to its type. */
  emit(type: string, object: JsonObject, previous?: JsonObject): void {
    const event: StripeObjects['event'] = {
      id: newId('evt_'),
      object: 'event',
      api_version: this.settings.apiVersion,
      // Events are everybody's, those of test clocks too: they carry the time at which they really came about.
      created: this.#sandboxNow(),
      data: previous === undefined ? { object } : { object, previous_attributes: previous },
      livemode: false,
      pending_webhooks: 0,
      request: { id: this.#cause.requestId, idempotency_key: this.#cause.idempotencyKey },
      type,
    };
    this.objects.insert(event, event.created, null);
    this.events.push(event);
    for (const endpoint of this.select('webhook_endpoint', [])) {
      const listens = endpoint.enabled_events.includes('*') || endpoint.enabled_events.includes(type);
      if (endpoint.status === 'enabled' && listens) this.#stores.deliveries.enqueue(event, endpoint.id, this.sandboxMs);
    }
  }
}
