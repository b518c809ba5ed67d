import {
  type Catalog,
  type EndingFacts,
  type EndingNotice,
  endingNotice,
  type KnownBefore,
  type Letter,
  lettersFor,
  type SubscriptionView,
} from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { Notifications } from '../notifications/index.ts';
import type { SourceInvoice, SourceSubscription } from './following.ts';
import { noticeDaysOf, policiesOf } from './policies.ts';

/** What a letter is written from. */
interface Told {
  before: KnownBefore;
  current: SourceSubscription;
  view: SubscriptionView;
  /** The customer's address. */
  to: string;
  now: Date;
}

interface LetterTo extends Omit<Told, 'before'> {
  effectKey: string;
}

/** Writes the letters about a subscription that its state, the step to it and the clock call for: each once. */
export function createSubscriptionLetters({
  catalog,
  notifications,
}: {
  catalog: Catalog;
  notifications: Notifications;
}) {
  return async function writeLetters(transaction: Transaction, { before, ...told }: Told): Promise<void> {
    const { current, view, now } = told;
    const keyOf = (template: string, occasion: string) => `subscription:${current.reference}:${template}:${occasion}`;
    for (const { template, occasion } of lettersFor(before, view)) {
      await write(transaction, template, { ...told, effectKey: keyOf(template, occasion) });
    }
    const notice = endingNotice(endingFacts(current, view), noticeDaysOf(catalog, current), now.getTime());
    if (notice === null) return;
    await announce(transaction, notice, { ...told, effectKey: keyOf(notice.template, notice.occasion) });
  };

  async function announce(
    transaction: Transaction,
    { template, endsAt }: EndingNotice,
    { current, to, effectKey }: LetterTo,
  ): Promise<void> {
    const { product, plan, amountCents, currency } = current;
    const ends = new Date(endsAt).toISOString();
    if (template === 'trial-ending') {
      const data = { product, plan, amountCents, currency, trialEndsAt: ends };
      await notifications.notify(transaction, { template, to, effectKey, data });
      return;
    }
    await notifications.notify(transaction, { template, to, effectKey, data: { product, plan, endsAt: ends } });
  }

  async function write(transaction: Transaction, template: Letter['template'], letter: LetterTo): Promise<void> {
    const { to, effectKey, current, view, now } = letter;
    const { product, plan } = current;
    const offer = { product, plan };
    const owed = owedBy(current, view);
    switch (template) {
      case 'subscription-renewed':
      case 'payment-recovered': {
        const { currency } = current;
        const data = {
          ...offer,
          amountCents: paidFor(current, view),
          currency,
          paidThrough: iso(view.paidThrough) ?? now.toISOString(),
        };
        await notifications.notify(transaction, { template, to, effectKey, data });
        return;
      }
      case 'payment-failed': {
        const { failuresBeforeRevocation } = policiesOf(catalog, product).dunning;
        const graceUntil = view.standing === 'grace' ? iso(view.graceUntil) : null;
        const data = {
          ...offer,
          ...owed,
          ...attemptOf(owedInvoice(current, view), view),
          failuresBeforeRevocation,
          graceUntil,
        };
        await notifications.notify(transaction, { template, to, effectKey, data });
        return;
      }
      case 'payment-reminder': {
        const graceUntil = iso(view.graceUntil) ?? now.toISOString();
        const data = { ...offer, ...owed, graceUntil, leavesPlan: view.leavesPlan };
        await notifications.notify(transaction, { template, to, effectKey, data });
        return;
      }
      case 'subscription-suspended': {
        const { nextAttemptAt, payUrl } = owed;
        const suspendedAt = iso(view.graceUntil) ?? now.toISOString();
        const data = { ...offer, nextAttemptAt, payUrl, suspendedAt, leavesPlan: view.leavesPlan };
        await notifications.notify(transaction, { template, to, effectKey, data });
        return;
      }
      case 'license-revoked': {
        const data = { ...offer, revokedAt: now.toISOString(), cause: 'payment' as const };
        await notifications.notify(transaction, { template, to, effectKey, data });
        return;
      }
      case 'subscription-canceled': {
        const keeps = policiesOf(catalog, product).cancellation.effect !== 'revoke';
        const canceledAt = iso(current.endedAt ?? current.canceledAt) ?? now.toISOString();
        const data = { ...offer, canceledAt, usableUntil: keeps ? iso(view.paidThrough) : null };
        await notifications.notify(transaction, { template, to, effectKey, data });
      }
    }
  }
}

/** Tells the vendor of a charge that failed: once for each invoice, whoever it was sent to. */
export async function alertOfFailure(
  transaction: Transaction,
  notifications: Pick<Notifications, 'alertVendor'>,
  { current, view, customer }: { current: SourceSubscription; view: SubscriptionView; customer: string | null },
): Promise<void> {
  if (view.owedInvoice === null) return;
  const { amountCents, currency, nextAttemptAt } = owedBy(current, view);
  await notifications.alertVendor(transaction, {
    what: 'payment_failed',
    object: view.owedInvoice.id,
    amountCents,
    currency,
    customer,
    due: nextAttemptAt,
    reason: null,
  });
}

/** What of a subscription ends by itself. One kept by hand ends with what was paid for: nobody but the vendor renews it. */
export function endingFacts(current: SourceSubscription, view: SubscriptionView): EndingFacts {
  return {
    standing: view.standing,
    isTrial: current.status === 'trialing',
    endsAt: current.cancelAt ?? (current.source === 'manual' ? view.paidThrough : null),
    trialEndsAt: current.trialEnd,
    startedAt: current.startedAt,
  };
}

/** What the term that was paid for last has cost, with what was used beyond the plan before it. */
function paidFor({ invoices, amountCents }: SourceSubscription, { paidThrough }: SubscriptionView): number {
  const paid = invoices.find(({ status, paysUntil }) => status === 'paid' && paysUntil === paidThrough);
  return paid?.paidCents ?? amountCents;
}

function owedInvoice(current: SourceSubscription, view: SubscriptionView): SourceInvoice | null {
  return current.invoices.find((invoice) => invoice.id === view.owedInvoice?.id) ?? null;
}

function owedBy(current: SourceSubscription, view: SubscriptionView) {
  const owed = owedInvoice(current, view);
  return {
    amountCents: owed?.amountDueCents ?? current.amountCents,
    currency: owed?.currency ?? current.currency,
    nextAttemptAt: iso(owed?.nextAttemptAt ?? null),
    payUrl: owed?.payUrl ?? null,
  };
}

function attemptOf(owed: SourceInvoice | null, view: SubscriptionView): { attempt: number } {
  return { attempt: owed?.attemptCount ?? view.failedPayments };
}

function iso(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}
