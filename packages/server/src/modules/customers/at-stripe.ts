import { LatchkeyError } from '@latchkey/core';
import type { Connection, Database, Transaction } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import type { Audit } from '../audit/index.ts';
import * as repository from './repository.ts';
import type { Customer } from './service.ts';

/** A customer as they are to be made at Stripe: all of it, so that it can be done later just as well. */
export interface NewStripeCustomer {
  customerId: string;
  email: string | null;
  name: string | null;
  metadata: Record<string, string>;
}

/** What changes of a customer at Stripe. A note that is empty text is taken away. */
export interface StripeCustomerChange {
  customerId: string;
  stripeCustomerId: string;
  email?: string;
  name?: string | null;
  metadata?: Record<string, string>;
}

/** Carries customers to Stripe: planned with the decision, called, recorded. */
export interface CustomerIntents {
  /** What is planned already of this customer is the plan: nobody is made twice. */
  planCreation(transaction: Transaction, customer: NewStripeCustomer): Promise<{ id: string }>;
  /** Answers Stripe's id. */
  carryOutCreation(planned: { id: string }): Promise<string>;
  /** Takes what Stripe could not be told before along, so that nothing old comes after it. */
  planChange(transaction: Transaction, change: StripeCustomerChange): Promise<{ id: string }>;
  carryOutChange(planned: { id: string }): Promise<void>;
}

export interface CustomersAtStripeOptions {
  database: Database;
  clock: Clock;
  audit: Audit;
  intents: CustomerIntents;
}

export interface CustomerChanges {
  email?: string | undefined;
  /** Null takes it away. */
  name?: string | null | undefined;
  externalId?: string | undefined;
  /** Merged into what is there; null takes a note away. */
  metadata?: Record<string, string | null> | undefined;
}

/** Stripe takes 50, our own among them. */
export const MOST_NOTES = 40;

type Write = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;

export type CustomersAtStripe = ReturnType<typeof createCustomersAtStripe>;

/** Customers of ours as Stripe has them: made there when they are first needed, and told of what changes here. */
export function createCustomersAtStripe({ database, clock, audit, intents }: CustomersAtStripeOptions) {
  return {
    /**
     * Stripe's id of a customer, who is made known there once if they are not. Errors: `resource_missing`, `stripe_unavailable`: then they
     * are made as soon as Stripe answers, and asking again finds them.
     */
    async ensure(id: string, write: Write): Promise<string> {
      const known = requireLiving(id, await repository.findBy(database.connection, 'id', id));
      if (known.stripe_customer_id !== null) return known.stripe_customer_id;
      const planned = await write(async (transaction) => {
        const customer = requireLiving(id, await repository.lock(transaction.connection, id));
        const { stripe_customer_id: stripeCustomerId, email, name, metadata } = customer;
        if (stripeCustomerId !== null) return stripeCustomerId;
        return intents.planCreation(transaction, { customerId: id, email, name, metadata });
      });
      return typeof planned === 'string' ? planned : intents.carryOutCreation(planned);
    },

    /**
     * Changes what is known of a customer. Stripe is told; one that cannot be reached is told when it can. Errors: `resource_missing`,
     * `conflict` for the id of somebody else or another than they have, `stripe_rejected`: then Stripe's word is what stays.
     */
    async update(id: string, changes: CustomerChanges, write: Write): Promise<Customer> {
      const { customer, planned } = await write(async (transaction) => {
        const before = await repository.lock(transaction.connection, id);
        if (before === null) throw missing(id);
        const customer = await change(transaction, before, changes);
        return { customer, planned: await planChange(transaction, customer, changes) };
      });
      if (planned === null) return customer;
      await intents.carryOutChange(planned).catch((error: unknown) => {
        const isKept = error instanceof LatchkeyError && error.code === 'stripe_unavailable';
        if (!isKept) throw error;
      });
      return (await repository.findBy(database.connection, 'id', id)) ?? customer;
    },
  };

  async function change(transaction: Transaction, before: Customer, changes: CustomerChanges): Promise<Customer> {
    const { connection } = transaction;
    const { email, name, externalId, metadata } = changes;
    if (externalId !== undefined) await requireFree(connection, before, externalId);
    const fields = {
      ...(email === undefined ? {} : { email, email_claimed: false }),
      ...(name === undefined ? {} : { name }),
      ...(externalId === undefined ? {} : { external_id: externalId }),
      ...(metadata === undefined ? {} : { metadata: mergeNotes(before.metadata, metadata) }),
    };
    if (Object.keys(fields).length === 0) return before;
    const customer = await repository.update(connection, before.id, fields, clock.now());
    await audit.record(transaction, {
      action: 'customer.updated',
      subjectType: 'customer',
      subjectId: before.id,
      detail: { fields: Object.keys(changes).filter((name) => changes[name as keyof CustomerChanges] !== undefined) },
    });
    return customer;
  }

  async function planChange(
    transaction: Transaction,
    { id, stripe_customer_id: stripeCustomerId, deleted_at: deletedAt }: Customer,
    { email, name, metadata }: CustomerChanges,
  ): Promise<{ id: string } | null> {
    const concernsStripe = email !== undefined || name !== undefined || metadata !== undefined;
    if (stripeCustomerId === null || deletedAt !== null || !concernsStripe) return null;
    return intents.planChange(transaction, {
      customerId: id,
      stripeCustomerId,
      ...(email === undefined ? {} : { email }),
      ...(name === undefined ? {} : { name }),
      ...(metadata === undefined ? {} : { metadata: asStripeTakesThem(metadata) }),
    });
  }
}

/** The vendor's own id is given once; it is what their tokens name. */
async function requireFree(connection: Connection, customer: Customer, externalId: string): Promise<void> {
  if (customer.external_id === externalId) return;
  if (customer.external_id !== null) {
    throw new LatchkeyError('conflict', `The customer ${customer.id} has an external id already, which stays.`, {
      path: 'external_id',
    });
  }
  await repository.lockExternalId(connection, externalId);
  if ((await repository.findBy(connection, 'external_id', externalId)) === null) return;
  throw new LatchkeyError('conflict', 'Another customer has this external id.', { path: 'external_id' });
}

function requireLiving(id: string, customer: Customer | null): Customer {
  if (customer === null) throw missing(id);
  if (customer.deleted_at === null) return customer;
  throw new LatchkeyError('resource_missing', `The customer ${id} was deleted at Stripe.`);
}

function missing(id: string): LatchkeyError {
  return new LatchkeyError('resource_missing', `There is no customer ${id}.`);
}

function mergeNotes(before: Record<string, string>, changes: Record<string, string | null>): Record<string, string> {
  const merged = Object.entries({ ...before, ...changes });
  const kept = merged.filter((note): note is [string, string] => note[1] !== null);
  if (kept.length <= MOST_NOTES) return Object.fromEntries(kept);
  throw new LatchkeyError('invalid_request', `A customer has at most ${MOST_NOTES} notes.`, { path: 'metadata' });
}

/** At Stripe an empty text takes a note away. */
function asStripeTakesThem(metadata: Record<string, string | null>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, value ?? '']));
}
