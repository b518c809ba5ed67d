import type { Subscription } from '../../modules/subscriptions/index.ts';
import { standingView, type UsageHolder } from '../../modules/usage/index.ts';
import type { Caller } from './caller.ts';
import type { Context } from './context.ts';
import { CALLS, type CallsUsed, FREE } from './to-wire.ts';

type Of = Pick<Context, 'product' | 'usage' | 'licenseReader'>;

/** On what tier whoever calls is, and where they stand with their calls. */
export async function standingOf(caller: Caller, subscription: Subscription | null, of: Of): Promise<CallsUsed> {
  const holder = await holderOf(caller, subscription, of);
  const [calls] = (await of.usage.limits(holder, CALLS)).map(standingView);
  if (calls === undefined) throw new Error(`The product ${of.product.id} counts no ${CALLS}.`);
  return {
    tier: subscription?.plan ?? holder.license?.plan ?? FREE,
    used: calls.used,
    included: calls.included,
    overage: calls.overage,
    overageCents: calls.overage_cost?.amount_cents ?? 0,
    currency: calls.overage_cost?.currency ?? 'usd',
    resetsAt: calls.resets_at === null ? null : new Date(calls.resets_at),
  };
}

/** The subscription's licence, in force or not; without one what the customer has, or they themselves. */
async function holderOf(
  { customer }: Caller,
  subscription: Subscription | null,
  { product, usage, licenseReader }: Of,
): Promise<UsageHolder> {
  const customerId = subscription?.customer_id ?? customer.id;
  if (subscription !== null) {
    const page = { limit: 100, after: null };
    const licenses = await licenseReader.list({ customerId, product: product.id }, page);
    const license = licenses.find(({ subscriptionId }) => subscriptionId === subscription.id);
    if (license !== undefined) return { owner: { licenseId: license.id }, product: product.id, license };
  }
  return usage.find({ owner: { customerId }, product: product.id });
}
