import type { FetchedObject } from '../project.ts';
import type { Calls } from './calls.ts';

export interface StripeCustomers {
  createCustomer(
    customer: { email: string; name?: string; metadata?: Record<string, string> },
    idempotencyKey: string,
  ): Promise<FetchedObject>;
}

export function customerCalls({ sdk, timed }: Calls): StripeCustomers {
  return {
    createCustomer: ({ email, name, metadata }, idempotencyKey) =>
      timed('customers.create', () =>
        sdk.customers.create(
          { email, ...(name === undefined ? {} : { name }), ...(metadata === undefined ? {} : { metadata }) },
          { idempotencyKey },
        ),
      ),
  };
}
