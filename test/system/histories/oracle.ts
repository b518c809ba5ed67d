/**
 * What a licence must be, told from Stripe's objects and the sentences of the catalog's documentation alone. It shares no code with
 * the server, so that both being wrong in the same way takes two mistakes.
 */
import type { Wire } from '../../support/wire.ts';
import type { StripeState } from './stripe-state.ts';

/** The policies of catalog.yaml, once more. */
const POLICIES: Readonly<Record<string, Policy>> = {
  strict: { graceDays: 3, suspends: true, mostFailures: 3, onEnd: 'revoke', onRefund: 'revoke', onDispute: 'suspend' },
  lenient: {
    graceDays: 5,
    suspends: false,
    mostFailures: null,
    onEnd: 'expire',
    onRefund: 'keep',
    onDispute: 'revoke',
  },
  fallback: {
    graceDays: 2,
    suspends: true,
    mostFailures: null,
    onEnd: 'free',
    onRefund: 'revoke',
    onDispute: 'revoke',
  },
};

interface Policy {
  graceDays: number;
  suspends: boolean;
  mostFailures: number | null;
  onEnd: 'revoke' | 'expire' | 'free';
  onRefund: 'revoke' | 'keep';
  onDispute: 'revoke' | 'suspend';
}

export interface Expected {
  status: 'active' | 'grace' | 'suspended' | 'revoked' | 'expired';
  /** Null where it stays whatever it was. */
  plan: string | null;
  /** Whether a licence must be there, whatever was heard on the way. */
  isOwed: boolean;
}

const DAY = 86_400;

/** Null for a subscription that has never been paid for: it brings no licence. */
export function expectedLicense(
  subscription: Wire,
  stripe: StripeState,
  { product, plan }: { product: string; plan: string },
): Expected | null {
  const policy = POLICIES[product];
  if (policy === undefined) throw new Error(`The oracle does not know ${product}.`);
  const now = stripe.now / 1_000;
  const invoices = stripe
    .all('invoice')
    .filter((invoice) => invoice.parent?.subscription_details?.subscription === subscription.id);
  const owed = byPayment(subscription, { invoices, policy, now, plan });
  if (owed === null) return null;
  const taken = byMoneyTakenBack(invoices, stripe, policy);
  if (owed.status === 'revoked' || taken === 'revoked') return { ...owed, status: 'revoked' };
  if (owed.status === 'suspended' || taken === 'suspended') return { ...owed, status: 'suspended' };
  return owed;
}

function byPayment(
  { status, items, ended_at }: Wire,
  { invoices, policy, now, plan }: { invoices: readonly Wire[]; policy: Policy; now: number; plan: string },
): Expected | null {
  switch (status) {
    case 'incomplete':
    case 'incomplete_expired':
      return null;
    case 'trialing':
    case 'active':
      return { status: 'active', plan, isOwed: true };
    case 'past_due': {
      const unpaid = unpaidSinceLastPayment(invoices);
      const failures = Math.max(0, ...unpaid.map(({ attempt_count }) => attempt_count));
      if (policy.mostFailures !== null && failures >= policy.mostFailures) {
        return { status: 'revoked', plan: null, isOwed: false };
      }
      if (!policy.suspends) return { status: 'grace', plan, isOwed: true };
      const since = unpaid[0]?.status_transitions.finalized_at ?? items.data[0].current_period_start;
      const isOver = now >= since + policy.graceDays * DAY;
      return isOver ? { status: 'suspended', plan: null, isOwed: false } : { status: 'grace', plan, isOwed: true };
    }
    case 'canceled': {
      const paidUntil = Math.max(0, ...invoices.filter(isPaid).map(reachesTo));
      if (paidUntil === 0) return null;
      if (policy.onEnd === 'revoke') return { status: 'revoked', plan: null, isOwed: false };
      const until = Math.min(paidUntil, items.data[0].current_period_end);
      if (now < until) return { status: 'active', plan: null, isOwed: false };
      if (policy.onEnd === 'free') return { status: 'active', plan: 'free', isOwed: false };
      return { status: 'expired', plan: null, isOwed: false };
    }
    default:
      throw new Error(`The oracle does not know the status ${status} (ended ${ended_at}).`);
  }
}

const isPaid = ({ status }: Wire) => status === 'paid';

/** The last second of the subscription that an invoice is for. */
function reachesTo({ lines }: Wire): number {
  const ofSubscription = lines.data.filter(({ parent }: Wire) => parent?.type === 'subscription_item_details');
  return Math.max(0, ...ofSubscription.map(({ period }: Wire) => period.end));
}

function unpaidSinceLastPayment(invoices: readonly Wire[]): readonly Wire[] {
  const lastPaid = Math.max(0, ...invoices.filter(isPaid).map(({ created }) => created));
  return invoices
    .filter(({ status, attempt_count }) => (status === 'open' || status === 'uncollectible') && attempt_count > 0)
    .filter(({ created }) => created >= lastPaid)
    .toSorted((one, other) => one.created - other.created || (one.id < other.id ? -1 : 1));
}

function byMoneyTakenBack(
  invoices: readonly Wire[],
  stripe: StripeState,
  policy: Policy,
): 'revoked' | 'suspended' | null {
  const paid = invoices.filter(isPaid);
  const last = Math.max(0, ...paid.map(reachesTo));
  const current = paid.filter((invoice) => reachesTo(invoice) === last);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const cameIn = sum(current.map(({ amount_paid }) => amount_paid));
  const wentOut = sum(
    current.flatMap((invoice) => chargesOf(invoice, stripe)).map(({ amount_refunded }) => amount_refunded),
  );
  if (policy.onRefund === 'revoke' && cameIn > 0 && wentOut >= cameIn) return 'revoked';
  const charges = new Set(paid.flatMap((invoice) => chargesOf(invoice, stripe)).map(({ id }) => id));
  const holds = stripe
    .all('dispute')
    .some(({ charge, status }) => charges.has(charge) && status !== 'won' && !status.startsWith('warning_'));
  if (!holds) return null;
  return policy.onDispute === 'revoke' ? 'revoked' : 'suspended';
}

function chargesOf(invoice: Wire, stripe: StripeState): readonly Wire[] {
  const intents = new Set(
    stripe
      .all('invoice_payment')
      .filter((payment) => payment.invoice === invoice.id)
      .map(({ payment }) => payment.payment_intent),
  );
  return stripe
    .all('charge')
    .filter(({ payment_intent, status }) => status === 'succeeded' && intents.has(payment_intent));
}

/** What a subscription brings in a month, by Stripe's definition: active or late, a year over 12, to the cent. */
export function expectedMonthlyCents({ status, items }: Wire): number {
  if (status !== 'active' && status !== 'past_due') return 0;
  const [{ price, quantity }] = items.data;
  const months = price.recurring.interval === 'year' ? 12 : 1;
  return Math.round((price.unit_amount * quantity) / months);
}
