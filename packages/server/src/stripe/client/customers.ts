import type { FetchedObject } from '../project.ts';
import type { Calls } from './calls.ts';

export interface NewStripeCustomer {
  email?: string | null;
  name?: string | null;
  metadata?: Record<string, string>;
}

export interface StripeCustomers {
  createCustomer(customer: NewStripeCustomer, idempotencyKey: string): Promise<FetchedObject>;
  /** Changes what is named. An empty text takes a note of the metadata away. */
  updateCustomer(
    id: string,
    changes: { email?: string; name?: string | null; metadata?: Record<string, string> },
    idempotencyKey: string,
  ): Promise<FetchedObject>;
}

export function customerCalls({ sdk, timed }: Calls): StripeCustomers {
  return {
    createCustomer: ({ email, name, metadata }, idempotencyKey) =>
      timed('customers.create', () =>
        sdk.customers.create(
          {
            ...(email == null ? {} : { email }),
            ...(name == null ? {} : { name }),
            ...(metadata === undefined ? {} : { metadata }),
          },
          { idempotencyKey },
        ),
      ),

    updateCustomer: (id, { email, name, metadata }, idempotencyKey) =>
      timed('customers.update', () =>
        sdk.customers.update(
          id,
          {
            ...(email === undefined ? {} : { email }),
            // An empty text is how Stripe is told to forget a name.
            ...(name === undefined ? {} : { name: name ?? '' }),
            ...(metadata === undefined ? {} : { metadata }),
          },
          { idempotencyKey },
        ),
      ),
  };
}
