import type { Clock } from '../clock/clock.ts';
import { isObject } from '../json.ts';
import type { Event } from '../objects/event.ts';
import type { WebhookEndpoint } from '../objects/webhook-endpoint.ts';
import type { Delivery, DeliveryStore } from '../store/deliveries.ts';
import type { ObjectStore } from '../store/objects.ts';
import { renderEvent } from '../versions/versions.ts';
import { Poster, type PostOutcome } from './post.ts';
import { nextAttemptMs } from './retry.ts';
import { signatureHeader } from './signature.ts';

const MAX_IN_FLIGHT = 8;

/**
 * Sends what the delivery store says is due: started in order, up to eight at once. Everything it needs is in the state
 * file, so a restart goes on where the last run stopped.
 */
export class Dispatcher {
  readonly #deliveries: DeliveryStore;
  readonly #objects: ObjectStore;
  readonly #clock: Clock;
  readonly #poster = new Poster(MAX_IN_FLIGHT);
  readonly #inFlight = new Set<number>();
  readonly #idle: (() => void)[] = [];
  /** Called after each attempt, when the time of the next retry may have changed. */
  readonly #attempted: () => void;
  #closed = false;

  constructor(stores: { deliveries: DeliveryStore; objects: ObjectStore }, clock: Clock, attempted: () => void) {
    this.#deliveries = stores.deliveries;
    this.#objects = stores.objects;
    this.#clock = clock;
    this.#attempted = attempted;
  }

  /** Starts whatever is due and has a free place. Cheap when there is nothing. */
  kick(): void {
    if (this.#closed) return;
    // A shuffled order is only an order when nothing overtakes on the way.
    const places = this.#deliveries.mode() === 'shuffle' ? 1 : MAX_IN_FLIGHT;
    const free = places - this.#inFlight.size;
    if (free > 0) {
      const due = this.#deliveries.due(this.#clock.nowMs(), this.#inFlight.size + free);
      for (const delivery of due.filter((one) => !this.#inFlight.has(one.id)).slice(0, free)) {
        this.#inFlight.add(delivery.id);
        void this.#attempt(delivery);
      }
    }
    if (this.#inFlight.size === 0) for (const wake of this.#idle.splice(0)) wake();
  }

  /** Resolves true once nothing is due or in flight, false when `timeoutMs` have passed before that. */
  settle(timeoutMs: number): Promise<boolean> {
    this.kick();
    if (this.#inFlight.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const outcome = await this.#post(delivery);
    if (!this.#closed) this.#record(delivery, outcome);
    this.#inFlight.delete(delivery.id);
    if (this.#closed) return;
    this.#attempted();
    this.kick();
  }

  async #post(delivery: Delivery): Promise<PostOutcome> {
    const endpoint = this.#objects.find('webhook_endpoint', delivery.endpoint);
    const event = this.#objects.find('event', delivery.event);
    const secret = this.#objects.hidden(delivery.endpoint);
    if (endpoint === undefined || event === undefined || !isObject(secret)) return { error: 'the endpoint is gone' };
    const { api_version: version, url } = endpoint as WebhookEndpoint;
    const pending = { ...(event as Event), pending_webhooks: this.#deliveries.unfinishedOf(delivery.event) };
    const body = JSON.stringify(renderEvent(pending, version ?? pending.api_version, this.#objects), null, 2);
    return this.#poster.post(url, body, {
      'Content-Type': 'application/json; charset=utf-8',
      'User-Agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
      'Cache-Control': 'no-cache',
      'Stripe-Signature': signatureHeader(body, String(secret.secret), Math.floor(Date.now() / 1000)),
    });
  }

  #record(delivery: Delivery, outcome: PostOutcome): void {
    const status = 'status' in outcome ? outcome.status : null;
    const error = 'error' in outcome ? outcome.error : null;
    if (status !== null && status >= 200 && status < 300) {
      this.#deliveries.record(delivery.id, {
        state: 'delivered',
        nextAttemptMs: delivery.nextAttemptMs,
        status,
        error,
      });
      return;
    }
    const nowMs = this.#clock.nowMs();
    const next = nextAttemptMs(delivery.attempts + 1, nowMs, delivery.createdMs);
    this.#deliveries.record(delivery.id, {
      state: next === null ? 'failed' : 'pending',
      nextAttemptMs: next ?? delivery.nextAttemptMs,
      status,
      error,
    });
  }

  /** Stops sending. What is in flight counts as not attempted: the next run sends it again. */
  close(): void {
    this.#closed = true;
    this.#poster.close();
    for (const wake of this.#idle.splice(0)) wake();
  }
}
