import { findPlan, isPaid, LatchkeyError, type Plan, type Product } from '@latchkey/core';

/** A tier that is paid through Stripe, or one that costs nothing. Errors: `plan_unknown`, `invalid_request` for what is not for sale. */
export function tierOf(product: Product, tier: string): { plan: Plan; isFree: boolean } {
  const forSale = product.plans.filter(({ price }) => price !== null);
  const plan = findPlan(product, tier);
  if (plan === null) {
    const known = forSale.map(({ id }) => id).join(', ');
    throw new LatchkeyError('plan_unknown', `There is no tier "${tier}". There are ${known}.`, { path: 'tier' });
  }
  if (plan.price === null) {
    throw new LatchkeyError('invalid_request', `The tier ${tier} is given by the vendor; it cannot be subscribed to.`, {
      path: 'tier',
    });
  }
  return { plan, isFree: !isPaid(plan) };
}

/** The end that a request names. Null and nothing are the same to this document: the type's own end. Without an offset it is UTC. */
export function instantOf(text: string | null | undefined): Date | undefined {
  if (text === null || text === undefined) return undefined;
  const isUtc = /^\d{4}-\d{2}-\d{2}$|Z$|[+-]\d{2}:?\d{2}$/.test(text);
  return new Date(isUtc ? text : `${text}Z`);
}

/** What a free licence is known by, so that whoever asks twice is answered the one they have. */
export function originOfFree(product: Product, plan: Plan, customerId: string): string {
  return `free:${product.id}/${plan.id}:${customerId}`;
}

/** What `chosenLicense` looks at. */
interface Candidate {
  plan: string;
  createdAt: number;
  activations: readonly { fingerprint: string }[];
}

/**
 * Of a customer's licences the one that a question is about: one in force before any other, then one that this machine is active on,
 * then the higher tier, then the newer.
 */
export function chosenLicense<T extends Candidate>(
  licenses: readonly T[],
  about: { plans: readonly Pick<Plan, 'id'>[]; isInForce(license: T): boolean; machineId?: string | undefined },
): T | null {
  const tier = ({ plan }: T) => about.plans.findIndex(({ id }) => id === plan);
  const isHere = ({ activations }: T) => activations.some(({ fingerprint }) => fingerprint === about.machineId);
  const ranked = licenses.toSorted(
    (one, other) =>
      Number(about.isInForce(other)) - Number(about.isInForce(one)) ||
      Number(isHere(other)) - Number(isHere(one)) ||
      tier(other) - tier(one) ||
      other.createdAt - one.createdAt,
  );
  return ranked[0] ?? null;
}
