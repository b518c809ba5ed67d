import type { Transaction } from '../db/database.ts';
import type { AttachRequest, DefaultRequest, PaymentMethodIntents } from '../modules/payments/index.ts';
import type { Intent, Intents } from './intents.ts';
import type { Projector } from './project.ts';

export interface PaymentMethodIntentsOptions {
  intents: Intents;
  projector: Pick<Projector, 'fetchAndProject'>;
}

/** What is done with customers' cards as intents: once, whatever breaks in between. */
export function createPaymentMethodIntents({ intents, projector }: PaymentMethodIntentsOptions): PaymentMethodIntents {
  // Stripe's events tell the rest; nothing of a card is kept.
  const record = async () => {};
  const attachments = intents.register<AttachRequest, { id: string }>('payment-method.attach', {
    async call(stripe, { paymentMethod, stripeCustomerId }, key) {
      const { id } = await stripe.attachPaymentMethod(paymentMethod, stripeCustomerId, key);
      return { id };
    },
    record,
  });
  const choices = intents.register<DefaultRequest, object>('payment-method.default', {
    async call(stripe, { paymentMethod, stripeCustomerId, subscriptions }, key) {
      await stripe.setDefaultPaymentMethod({ id: paymentMethod, customerId: stripeCustomerId, subscriptions }, key);
      return {};
    },
    record,
  });
  const detachments = intents.register<AttachRequest, { id: string }>('payment-method.detach', {
    async call(stripe, { paymentMethod }, key) {
      const { id } = await stripe.detachPaymentMethod(paymentMethod, key);
      return { id };
    },
    record,
  });

  const withdrawOlder = async (transaction: Transaction, paymentMethod: string) => {
    // Nothing older is to undo what is asked now when it is carried out late.
    await attachments.withdraw(transaction, paymentMethod);
    await detachments.withdraw(transaction, paymentMethod);
  };

  return {
    attach: {
      async plan(transaction, request) {
        await withdrawOlder(transaction, request.paymentMethod);
        return attachments.plan(transaction, request.paymentMethod, request);
      },
      carryOut: (planned) => attachments.carryOut(planned as Intent<AttachRequest>),
    },
    makeDefault: {
      async plan(transaction, request) {
        await detachments.withdraw(transaction, request.paymentMethod);
        await choices.withdraw(transaction, request.stripeCustomerId);
        return choices.plan(transaction, request.stripeCustomerId, request);
      },
      async carryOut(planned) {
        const intent = planned as Intent<DefaultRequest>;
        await choices.carryOut(intent);
        for (const subscription of intent.request.subscriptions) {
          await projector.fetchAndProject('subscription', subscription);
        }
      },
    },
    detach: {
      async plan(transaction, request) {
        await withdrawOlder(transaction, request.paymentMethod);
        return detachments.plan(transaction, request.paymentMethod, request);
      },
      async carryOut(planned) {
        await detachments.carryOut(planned as Intent<AttachRequest>);
      },
    },
  };
}
