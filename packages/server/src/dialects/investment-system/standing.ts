import { findPlan } from '@latchkey/core';
import type { Subscription } from '../../modules/subscriptions/index.ts';
import type { Caller } from './caller.ts';
import type { Context } from './context.ts';
import { CALLS, type CallsUsed, FREE } from './to-wire.ts';

/** On what tier whoever calls is, and what they used of it. */
export async function standingOf(
  _caller: Caller,
  subscription: Subscription | null,
  { product }: Context,
): Promise<CallsUsed> {
  const tier = subscription?.plan ?? FREE;
  const allowance = findPlan(product, tier)?.allowances.find(({ meter }) => meter === CALLS);
  const included = allowance?.included ?? 0;
  const currency = allowance?.overage?.currency ?? 'usd';
  return { tier, used: 0, included, remaining: included, overage: 0, overageCents: 0, currency, resetsAt: null };
}
