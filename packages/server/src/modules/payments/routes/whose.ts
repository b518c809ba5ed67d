import { LatchkeyError } from '@latchkey/core';
import { maySee, ownerOf } from '../../../http/authentication.ts';
import type { Principal } from '../../../http/types.ts';
import type { Customer, CustomerService } from '../../customers/index.ts';

type Customers = Pick<CustomerService, 'get' | 'several'>;

/** Customers whose cards one call lists: more share an address only where something went wrong. */
const MOST_CUSTOMERS = 10;

/**
 * The customer that a call is about: the one it names, by our id or Stripe's, or else whoever calls. Somebody else's is answered as one
 * that does not exist.
 */
export async function customerOf(
  principal: Principal,
  named: string | undefined,
  customers: Customers,
): Promise<Customer> {
  if (named !== undefined) return visible(principal, named, customers);
  const own = await customersOf(principal, undefined, customers);
  // Who bought under several ids pays under the first that Stripe knows.
  const atStripe = own.find((customer) => customer.stripe_customer_id !== null && customer.deleted_at === null);
  return atStripe ?? customers.get(principal.id ?? '');
}

/** The customers that a list is about: the one it names, or everybody whom whoever calls is. */
export async function customersOf(
  principal: Principal,
  named: string | undefined,
  customers: Customers,
): Promise<Customer[]> {
  if (named !== undefined) return [await visible(principal, named, customers)];
  const owner = ownerOf(principal);
  if (owner !== null) return customers.several(owner.slice(0, MOST_CUSTOMERS));
  throw new LatchkeyError('invalid_request', 'Name the customer.', { path: 'customer_id' });
}

async function visible(principal: Principal, named: string, customers: Customers): Promise<Customer> {
  // Before the look-up, so that nothing tells a stranger which ids there are.
  ownerOf(principal);
  const customer = await customers.get(named);
  if (maySee(principal, customer.id)) return customer;
  throw new LatchkeyError('resource_missing', `There is no customer ${named}.`);
}
