import type { Connection } from '../db/database.ts';
import type {
  CustomerIntents,
  CustomerService,
  NewStripeCustomer,
  StripeCustomerChange,
} from '../modules/customers/index.ts';
import type { Intent, Intents } from './intents.ts';
import { type KeptAnswer, keepAnswer, projectAnswer } from './kept-answer.ts';
import { mirror } from './mirror.ts';
import type { Projector } from './project.ts';

const CREATE = 'customer.create';

/** Under this name a customer at Stripe says whom of ours they are. */
const OUR_ID = 'latchkey_customer';

export interface CustomerIntentsOptions {
  intents: Intents;
  customers: Pick<CustomerService, 'foundAtStripe' | 'followStripe'>;
  projector: Projector;
}

/** Customers as intents: made at Stripe once, and what changes of them told there, whatever breaks in between. */
export function createCustomerIntents(options: CustomerIntentsOptions): CustomerIntents {
  const { intents, customers, projector } = options;

  const creations = intents.register<NewStripeCustomer, KeptAnswer>(CREATE, {
    async call(stripe, { customerId, email, name, metadata }, key) {
      // By the note, an event that comes before the answer finds its customer too.
      const notes = { ...metadata, [OUR_ID]: customerId };
      return keepAnswer(await stripe.createCustomer({ email, name, metadata: notes }, key));
    },
    record: (transaction, { request }, { object }) =>
      customers.foundAtStripe(transaction, request.customerId, object.id),
  });

  const changes = intents.register<StripeCustomerChange, KeptAnswer>('customer.update', {
    call: async (stripe, { customerId: _ours, stripeCustomerId, ...change }, key) =>
      keepAnswer(await stripe.updateCustomer(stripeCustomerId, change, key)),
    // The answer is projected by whoever carried it out, and the event that Stripe sends says the same.
    async record() {},
    async reject(transaction, { request }) {
      // What Stripe does not take does not stay here either.
      const known = await mirror.find(transaction.connection, 'customer', request.stripeCustomerId);
      if (known === null) return;
      const { id, email, name } = known;
      await customers.followStripe(transaction, { id, email: email ?? null, name: name ?? null, deleted: false });
    },
  });

  const project = (kept: KeptAnswer) => projectAnswer(projector, 'customer', kept);

  return {
    async planCreation(transaction, customer) {
      const open = await openCreation(transaction.connection, customer.customerId);
      return open ?? creations.plan(transaction, customer.customerId, customer);
    },
    async carryOutCreation(planned) {
      const kept = await creations.carryOut(planned as Intent<NewStripeCustomer>);
      await project(kept);
      return kept.object.id;
    },
    async planChange(transaction, change) {
      const open = await changes.withdraw(transaction, change.customerId);
      return changes.plan(transaction, change.customerId, [...open, change].reduce(merge));
    },
    async carryOutChange(planned) {
      await project(await changes.carryOut(planned as Intent<StripeCustomerChange>));
    },
  };
}

/** The customer's creation that was planned and is not carried out yet: whoever needs it next goes on with it, under its key. */
async function openCreation(connection: Connection, customerId: string): Promise<Intent<NewStripeCustomer> | null> {
  const row = await connection
    .selectFrom('intents')
    .select(['id', 'request'])
    .where('kind', '=', CREATE)
    .where('subject_id', '=', customerId)
    .where('status', '=', 'planned')
    .orderBy('id')
    .executeTakeFirst();
  if (row === undefined) return null;
  return { id: row.id, kind: CREATE, subjectId: customerId, request: row.request as NewStripeCustomer };
}

function merge(older: StripeCustomerChange, newer: StripeCustomerChange): StripeCustomerChange {
  const metadata = { ...older.metadata, ...newer.metadata };
  return { ...older, ...newer, ...(Object.keys(metadata).length === 0 ? {} : { metadata }) };
}
