import { LatchkeyError } from '@latchkey/core';
import type { Connection, Database, Transaction } from '../../db/database.ts';
import type { Clock, Ids } from '../../ports.ts';
import type { Audit } from '../audit/index.ts';
import * as repository from './repository.ts';

export type Customer = repository.CustomerRow;

export interface CustomerServiceOptions {
  database: Database;
  clock: Clock;
  ids: Ids;
  audit: Audit;
}

/** Who a customer is, as far as somebody knows. */
export interface KnownCustomer {
  stripeCustomerId?: string | undefined;
  externalId?: string | undefined;
  email?: string | null | undefined;
  name?: string | null | undefined;
  metadata?: Record<string, string> | undefined;
}

export type CustomerService = ReturnType<typeof createCustomerService>;

export function createCustomerService({ database, clock, ids, audit }: CustomerServiceOptions) {
  async function find(connection: Connection, known: KnownCustomer): Promise<Customer | null> {
    if (known.stripeCustomerId !== undefined) {
      return repository.findBy(connection, 'stripe_customer_id', known.stripeCustomerId);
    }
    if (known.externalId !== undefined) return repository.findBy(connection, 'external_id', known.externalId);
    return known.email == null ? null : repository.findByEmail(connection, known.email);
  }

  return {
    /**
     * The customer this is, made known when it is a new one. Stripe's id decides before the vendor's own, and that before the
     * address; what is known now and was not before is added, what was known stays.
     */
    async ensure(transaction: Transaction, known: KnownCustomer): Promise<Customer> {
      const { connection } = transaction;
      const existing = await find(connection, known);
      if (existing !== null) return complete(connection, existing, known);
      const fields = {
        email: known.email,
        name: known.name,
        external_id: known.externalId,
        stripe_customer_id: known.stripeCustomerId,
        metadata: known.metadata,
      };
      const created = await repository.insert(connection, ids.next('cust'), fields, clock.now());
      if (created !== null) {
        await audit.record(transaction, { action: 'customer.created', subjectType: 'customer', subjectId: created.id });
        return created;
      }
      // Somebody else made the same customer known a moment ago.
      const other = await find(connection, known);
      if (other === null) throw new LatchkeyError('conflict', 'The customer was changed by someone else. Try again.');
      return complete(connection, other, known);
    },

    /** Takes over what Stripe says of a customer. `customerId` is who of ours they are, if their metadata says so. */
    async followStripe(
      transaction: Transaction,
      stripe: { id: string; email: string | null; name: string | null; deleted: boolean; customerId?: string | null },
    ): Promise<Customer> {
      if (stripe.customerId != null) await giveStripeId(transaction, stripe.customerId, stripe.id);
      const customer = await this.ensure(transaction, { stripeCustomerId: stripe.id });
      const same = customer.email === stripe.email && customer.name === stripe.name;
      if (same && stripe.deleted === (customer.deleted_at !== null)) return customer;
      return repository.update(
        transaction.connection,
        customer.id,
        stripe.deleted && customer.deleted_at === null
          ? { deleted_at: clock.now() }
          : { email: stripe.email, name: stripe.name },
        clock.now(),
      );
    },

    /** Writes down who a customer is at Stripe. */
    async foundAtStripe(transaction: Transaction, id: string, stripeCustomerId: string): Promise<void> {
      await giveStripeId(transaction, id, stripeCustomerId);
    },

    find: (id: string, connection: Connection = database.connection) => repository.findBy(connection, 'id', id),

    /** Who Stripe's customer is here; null when they are nobody's that we know. */
    ofStripe: (stripeCustomerId: string): Promise<Customer | null> =>
      repository.findBy(database.connection, 'stripe_customer_id', stripeCustomerId),

    /** The customer by our id or Stripe's; `resource_missing` when there is none. */
    async get(id: string, connection: Connection = database.connection): Promise<Customer> {
      const column = id.startsWith('cus_') ? 'stripe_customer_id' : 'id';
      const customer = await repository.findBy(connection, column, id);
      if (customer === null) throw new LatchkeyError('resource_missing', `There is no customer ${id}.`);
      return customer;
    },

    /** Those of these that are known here, the oldest first. */
    several: (ids: readonly string[]): Promise<Customer[]> => repository.findSeveral(database.connection, ids),

    list: (filter: repository.CustomerFilter, page: Parameters<typeof repository.list>[2]) =>
      repository.list(database.connection, filter, page),
  };

  async function giveStripeId(transaction: Transaction, id: string, stripeCustomerId: string): Promise<void> {
    const given = await repository.giveStripeId(transaction.connection, id, stripeCustomerId, clock.now());
    if (given === null) return;
    const detail = { stripe_customer_id: stripeCustomerId };
    const entry = { action: 'customer.made_at_stripe', subjectType: 'customer', subjectId: id, detail };
    await audit.record(transaction, entry);
  }

  async function complete(connection: Connection, customer: Customer, known: KnownCustomer): Promise<Customer> {
    const added = {
      ...(customer.email === null && known.email != null ? { email: known.email } : {}),
      ...(customer.name === null && known.name != null ? { name: known.name } : {}),
      ...(customer.stripe_customer_id === null && known.stripeCustomerId !== undefined
        ? { stripe_customer_id: known.stripeCustomerId }
        : {}),
    };
    return Object.keys(added).length === 0 ? customer : repository.update(connection, customer.id, added, clock.now());
  }
}
