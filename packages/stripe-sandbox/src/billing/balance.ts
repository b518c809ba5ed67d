import { newId } from '../ids.ts';
import type { Customer } from '../objects/customer.ts';
import type { CustomerBalanceTransaction } from '../objects/customer-balance-transaction.ts';
import type { Metadata } from '../objects/parts.ts';
import type { Work } from '../work.ts';

/** Changes what a customer has to their credit (negative) or owes, and writes down why. */
export function moveBalance(
  work: Work,
  customer: Customer,
  amount: number,
  reason: {
    type: CustomerBalanceTransaction['type'];
    currency: string;
    invoice?: string;
    creditNote?: string;
    description?: string | null;
    metadata?: Metadata;
  },
): CustomerBalanceTransaction {
  const balance = customer.balance + amount;
  work.update(customer, { balance, currency: customer.currency ?? reason.currency }, 'customer.updated');
  const transaction: CustomerBalanceTransaction = {
    id: newId('cbtxn_'),
    object: 'customer_balance_transaction',
    amount,
    checkout_session: null,
    created: work.now,
    credit_note: reason.creditNote ?? null,
    currency: reason.currency,
    customer: customer.id,
    customer_account: null,
    description: reason.description ?? null,
    ending_balance: balance,
    invoice: reason.invoice ?? null,
    livemode: false,
    metadata: reason.metadata ?? {},
    type: reason.type,
  };
  return work.insert(transaction, null);
}
