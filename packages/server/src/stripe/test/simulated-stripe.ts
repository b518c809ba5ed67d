import type { FetchStripeObject } from '../project.ts';
import type { StripeObject } from '../shapes.ts';

/** An event as Stripe sends it. */
export interface SimulatedEvent {
  id: string;
  object: 'event';
  api_version: string;
  created: number;
  type: string;
  data: { object: StripeObject };
}

/** Stripe as far as a mirror can see it: objects that change, an event for each change, and answers about what is. */
export interface SimulatedStripe {
  /** Milliseconds of its clock. */
  nowMs: number;
  /** Changes an object, now, and gives the event that tells of it. */
  change(type: string, object: StripeObject): SimulatedEvent;
  fetch: FetchStripeObject;
  /** How often it was asked. */
  fetches: number;
  /** Objects it does not know any more: asked about them it answers 404. */
  forgets: boolean;
  /** Runs between Stripe looking an object up and its answer arriving. */
  underWay: () => Promise<void>;
  truth(id: string): StripeObject | undefined;
}

let events = 0;

export function createSimulatedStripe(startMs = Date.UTC(2026, 0, 1)): SimulatedStripe {
  const objects = new Map<string, StripeObject>();
  const stripe: SimulatedStripe = {
    nowMs: startMs,
    fetches: 0,
    forgets: false,
    underWay: async () => {},
    change(type, object) {
      objects.set(object.id, object);
      events += 1;
      return {
        id: `evt_${events}`,
        object: 'event',
        api_version: '2026-10-28.endive',
        created: Math.floor(stripe.nowMs / 1_000),
        type,
        data: { object },
      };
    },
    async fetch(_type, id) {
      stripe.fetches += 1;
      const object = objects.get(id);
      await stripe.underWay();
      if (object === undefined || stripe.forgets) return null;
      return { object, asOf: new Date(Math.floor(stripe.nowMs / 1_000) * 1_000) };
    },
    truth: (id) => objects.get(id),
  };
  return stripe;
}

/** A subscription with what the mirror and those who follow it look at. */
export function subscription(id: string, status: string, more: object = {}): StripeObject {
  return {
    id,
    object: 'subscription',
    status,
    customer: `cus_of_${id}`,
    currency: 'usd',
    items: {
      object: 'list',
      data: [{ id: `si_of_${id}`, current_period_start: 1_767_225_600, current_period_end: 1_769_904_000 }],
    },
    metadata: {},
    ...more,
  };
}
