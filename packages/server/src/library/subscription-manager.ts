import { LatchkeyError, secondMs } from '@latchkey/core';
import type { Transaction } from '../db/database.ts';
import type { Subscription, Write } from '../modules/subscriptions/index.ts';
import { closeHouse, type House, type HouseSource, libraryActor, openHouse, ownSource } from './house.ts';

/** A subscription as the library answers it. */
export interface SubscriptionData {
  subscriptionId: string;
  customerId: string | null;
  product: string;
  plan: string;
  /** In the words of the reference document: active, canceled, expired or suspended; `pending` until it is first paid. */
  status: 'active' | 'canceled' | 'expired' | 'suspended' | 'pending';
  stripeStatus: string;
  currentPeriodEnd: Date | null;
  expiresAt: Date | null;
  paymentFailures: number;
  graceUntil: Date | null;
  cancelAt: Date | null;
}

export interface SubscriptionManagerOptions {
  /** How often the monitor looks, in seconds; 3600 by default. */
  checkIntervalSeconds?: number;
}

const DEFAULT_INTERVAL_SECONDS = 3_600;
const LONGEST_INTERVAL_SECONDS = 86_400;

/** Subscriptions, as a program calls them. Give it a running Latchkey, or options to run one of its own. */
export class SubscriptionManager {
  readonly #source: HouseSource;
  readonly #intervalSeconds: number;
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> | null = null;

  constructor(source: HouseSource, options: SubscriptionManagerOptions = {}) {
    const seconds = options.checkIntervalSeconds ?? DEFAULT_INTERVAL_SECONDS;
    if (!(seconds >= 1 && seconds <= LONGEST_INTERVAL_SECONDS)) {
      throw new LatchkeyError('invalid_request', 'checkIntervalSeconds must be from 1 to 86400.', {
        path: 'checkIntervalSeconds',
      });
    }
    this.#source = ownSource(source);
    this.#intervalSeconds = seconds;
  }

  /** Puts a subscription on record for a licence; from then on the licence follows it. */
  async addSubscription(input: {
    customerId: string;
    subscriptionId: string;
    licenseKey: string;
    email: string;
  }): Promise<SubscriptionData> {
    const house = await openHouse(this.#source);
    const license = await house.licenseReader.findByKey(input.licenseKey);
    if (license === null) {
      throw new LatchkeyError('resource_missing', 'No licence is stored under this key.', { path: 'licenseKey' });
    }
    return this.#write(house)(async (transaction) => {
      const known = input.customerId.startsWith('cus_')
        ? { stripeCustomerId: input.customerId }
        : { externalId: input.customerId };
      const customer = await house.customers.ensure(transaction, { ...known, email: input.email });
      const added = { reference: input.subscriptionId, licenseId: license.id, customerId: customer.id };
      return present(await house.subscriptions.add(transaction, added), house);
    });
  }

  /** Changes metadata, whether it renews, and, of a subscription that is not Stripe's, the end of its period. */
  async updateSubscription(input: {
    subscriptionId: string;
    metadata?: Record<string, string>;
    cancelAtPeriodEnd?: boolean;
    currentPeriodEnd?: Date;
  }): Promise<SubscriptionData> {
    const house = await openHouse(this.#source);
    const { subscriptionId, ...changes } = input;
    return present(await house.subscriptions.update(subscriptionId, changes, this.#write(house)), house);
  }

  /** Cancels now, or with `atPeriodEnd` when what was paid for ends. At Stripe too, where the subscription is Stripe's. */
  async cancelSubscription(input: { subscriptionId: string; atPeriodEnd?: boolean }): Promise<SubscriptionData> {
    const house = await openHouse(this.#source);
    const { subscriptionId, atPeriodEnd = false } = input;
    const write = this.#write(house);
    return present(await house.subscriptions.cancel(subscriptionId, { atPeriodEnd, write }), house);
  }

  /** Takes over a renewal that Stripe made (it never charges by itself); a subscription that is not Stripe's runs another term. */
  async renewSubscription(input: { subscriptionId: string }): Promise<SubscriptionData> {
    const house = await openHouse(this.#source);
    return present(await house.subscriptions.renew(input.subscriptionId, this.#write(house)), house);
  }

  /** Takes over Stripe's count of failed charges, or counts one more. At the catalog's number the licence is revoked and the customer told. */
  async handlePaymentFailure(input: { subscriptionId: string }): Promise<SubscriptionData> {
    const house = await openHouse(this.#source);
    return present(await house.subscriptions.paymentFailed(input.subscriptionId, this.#write(house)), house);
  }

  /** Subscriptions whose paid time ends within so many days (1 by default), the first to end first; at most 100. */
  async checkExpiringSubscriptions(input: { withinDays?: number } = {}): Promise<SubscriptionData[]> {
    const house = await openHouse(this.#source);
    const expiring = await house.subscriptions.expiring(input.withinDays);
    return expiring.map((subscription) => present(subscription, house));
  }

  /** Takes over Stripe's truth for what is about to renew; answers how many were extended. */
  async autoRenewSubscriptions(): Promise<number> {
    const house = await openHouse(this.#source);
    return house.subscriptions.autoRenew();
  }

  /** Looks at once and then at every interval: grace that ended, time that ran out, renewals. False when it runs already. */
  async startMonitoring(): Promise<boolean> {
    if (this.#timer !== null) return false;
    const house = await openHouse(this.#source);
    this.#timer = setInterval(() => void this.#look(house), this.#intervalSeconds * secondMs);
    await this.#look(house);
    return true;
  }

  /** Stops looking, and resolves when a look that is under way has ended. False when it did not run. */
  async stopMonitoring(): Promise<boolean> {
    if (this.#timer === null) return false;
    clearInterval(this.#timer);
    this.#timer = null;
    await this.#round;
    return true;
  }

  /** Totals by status and what comes in each month, in whole units of the main currency and in its smallest. */
  async getStatistics(): Promise<{
    totalSubscriptions: number;
    active: number;
    canceled: number;
    expired: number;
    suspended: number;
    totalRevenueMonthly: number;
    annualRunRate: number;
    revenueMonthlyCents: Record<string, number>;
  }> {
    const house = await openHouse(this.#source);
    const { monthlyRevenueCents, ...counts } = await house.subscriptions.statistics();
    const monthly = (monthlyRevenueCents.usd ?? Object.values(monthlyRevenueCents)[0] ?? 0) / 100;
    return {
      ...counts,
      totalRevenueMonthly: monthly,
      annualRunRate: monthly * 12,
      revenueMonthlyCents: monthlyRevenueCents,
    };
  }

  /** Stops monitoring, and closes the Latchkey that was opened for this object. */
  async close(): Promise<void> {
    await this.stopMonitoring();
    await closeHouse(this.#source);
  }

  async #look(house: House): Promise<void> {
    // One look at a time: a slow one is not overtaken by the next.
    if (this.#round !== null) return this.#round;
    this.#round = house.subscriptions
      .monitor()
      .then(() => house.subscriptions.autoRenew())
      .then(
        () => {},
        (error: unknown) =>
          house.log.error({ error }, 'the subscription monitor failed and looks again at its next turn'),
      )
      .finally(() => {
        this.#round = null;
      });
    return this.#round;
  }

  #write(house: House): Write {
    return (work) =>
      house.database.transaction({ actor: libraryActor }, (transaction: Transaction) => work(transaction));
  }
}

function present(row: Subscription, house: House): SubscriptionData {
  return {
    subscriptionId: row.reference,
    customerId: row.customer_id,
    product: row.product,
    plan: row.plan,
    status: statusOf(row, house.now()),
    stripeStatus: row.status,
    currentPeriodEnd: row.current_period_end,
    expiresAt: row.paid_through,
    paymentFailures: row.failed_payments,
    graceUntil: row.grace_until,
    cancelAt: row.cancel_at,
  };
}

function statusOf(row: Subscription, now: Date): SubscriptionData['status'] {
  switch (row.standing) {
    case 'current':
    case 'grace':
      return row.source === 'manual' && row.paid_through !== null && row.paid_through < now ? 'expired' : 'active';
    case 'ended':
      return 'canceled';
    case 'pending':
      return 'pending';
    default:
      return 'suspended';
  }
}
