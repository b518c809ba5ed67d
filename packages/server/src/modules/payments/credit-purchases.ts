import {
  type Catalog,
  DEFAULT_WITHDRAWAL_POLICY,
  findProduct,
  formatMeterQuantity,
  LatchkeyError,
} from '@latchkey/core';
import type { Connection, Database, Transaction } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import type { Ledger, MeteredAccount } from '../ledger/index.ts';
import type { Notifications } from '../notifications/index.ts';
import * as credits from './credit-repository.ts';
import { creditWithheld } from './credit-withheld.ts';
import { type CheckoutRow, findCheckout } from './repository.ts';
import type { PaymentFacts } from './taken-back.ts';

export interface CreditPurchasesOptions {
  database: Database;
  catalog: Catalog;
  clock: Clock;
  ledger: Pick<Ledger, 'account' | 'balances' | 'grant' | 'takeBack'>;
  notifications: Pick<Notifications, 'notify'>;
  /** Asks Stripe what became of a session, and follows the answer. May reject when Stripe is away. */
  askStripe(sessionId: string): Promise<void>;
}

/** Who paid, and the licence that what was bought is for where the checkout named none. */
export interface CreditPayment {
  sessionId: string;
  email: string | null;
  /** Issues the licence of a checkout that named none; the one it was issued before, if it was. */
  license(): Promise<string>;
}

/** What a checkout sold in advance, and what became of it. */
export interface CreditPurchase {
  checkout: CheckoutRow;
  credit: credits.CreditRow;
  /** `added` once it is paid; `open` while it can be paid; `closed` when it no longer can. */
  status: 'added' | 'open' | 'closed';
  /** The balance it is for; null until there is a licence. */
  account: MeteredAccount | null;
  /** What is available there, in the meter's steps. */
  available: number;
}

export type CreditPurchases = ReturnType<typeof createCreditPurchases>;

/** What was bought in advance: added once, and taken back with the money as far as it was not used. */
export function createCreditPurchases(options: CreditPurchasesOptions) {
  const { database, catalog, clock, ledger, notifications } = options;

  const accountOf = ({ product }: CheckoutRow, licenseId: string, meter: string): MeteredAccount =>
    ledger.account({ owner: { licenseId }, product }, meter);

  async function read(sessionId: string): Promise<CreditPurchase | null> {
    const { connection } = database;
    const checkout = await findCheckout(connection, 'stripe_session_id', sessionId);
    const credit = checkout === null ? null : await credits.findCredit(connection, checkout.id);
    if (checkout === null || credit === null) return null;
    const isClosed = checkout.status === 'expired' || checkout.status === 'failed';
    const status = credit.granted_at !== null ? 'added' : isClosed ? 'closed' : 'open';
    const account = credit.license_id === null ? null : accountOf(checkout, credit.license_id, credit.meter);
    const [balance] = account === null ? [] : await ledger.balances([account]);
    return { checkout, credit, status, account, available: balance?.account.balance.available ?? 0 };
  }

  async function write(
    transaction: Transaction,
    checkout: CheckoutRow,
    { sessionId, email }: CreditPayment,
    { account, credit, available }: { account: MeteredAccount; credit: credits.CreditRow; available: number },
  ): Promise<void> {
    const to = email ?? checkout.email;
    if (to === null) return;
    const { amount_cents: amountCents, currency } = credit;
    const data = {
      ...{ product: checkout.product, meter: credit.meter, amountCents, currency },
      quantity: formatMeterQuantity(credit.quantity, account.meter),
      available: formatMeterQuantity(available, account.meter),
    };
    await notifications.notify(transaction, { template: 'credits-added', to, data, effectKey: `credits:${sessionId}` });
  }

  return {
    /**
     * Adds what a paid checkout sold, once, however often and by whomever the payment is told of. False for a checkout that sold no
     * credit.
     */
    async purchased(transaction: Transaction, checkout: CheckoutRow, payment: CreditPayment): Promise<boolean> {
      const { connection } = transaction;
      const credit = await credits.lockCredit(connection, checkout.id);
      if (credit === null) return false;
      if (credit.granted_at !== null) return true;
      const licenseId = credit.license_id ?? (await payment.license());
      const account = accountOf(checkout, licenseId, credit.meter);
      const { available } = await ledger.grant(transaction, {
        account,
        amount: credit.quantity,
        key: lotOf(payment.sessionId),
        reason: `checkout ${checkout.id}`,
        source: 'purchased',
        expiresAt: null,
      });
      await credits.updateCredit(connection, checkout.id, { license_id: licenseId, granted_at: clock.now() });
      await write(transaction, checkout, payment, { account, credit, available });
      return true;
    },

    /**
     * Lets what was bought follow what became of its payment: what is not to be had is taken back as far as it was not used, and given
     * back when it is to be had again. Called again for the same facts, it does nothing. False for a checkout that sold no credit.
     */
    async followPayment(transaction: Transaction, checkout: CheckoutRow, facts: PaymentFacts): Promise<boolean> {
      const credit = await credits.lockCredit(transaction.connection, checkout.id);
      if (credit === null) return false;
      const { stripe_session_id: sessionId } = checkout;
      if (credit.granted_at === null || credit.license_id === null || sessionId === null) return true;
      const policy = findProduct(catalog, checkout.product)?.withdrawal ?? DEFAULT_WITHDRAWAL_POLICY;
      const withheld = creditWithheld(credit.quantity, facts, policy);
      if (withheld === credit.withheld) return true;
      const account = accountOf(checkout, credit.license_id, credit.meter);
      const moved = { transaction, account, credit, lot: lotOf(sessionId), reason: `payment ${facts.charge}` };
      const changes = withheld > credit.withheld ? await takeBack(moved, withheld) : await giveBack(moved, withheld);
      await credits.updateCredit(transaction.connection, checkout.id, { withheld, ...changes });
      return true;
    },

    /** The licence that a checkout sold credit for; null for a checkout that sold none. */
    async licenseOf(connection: Connection, checkoutId: string): Promise<string | null> {
      return (await credits.findCredit(connection, checkoutId))?.license_id ?? null;
    },

    /** What a checkout sold in advance; null for one that sold a plan. */
    find: (checkoutId: string) => credits.findCredit(database.connection, checkoutId),

    /**
     * Where a purchase stands, for whoever comes back from paying: where no webhook told of it yet, Stripe is asked. Null for a session
     * that is not known, or sold no credit.
     */
    async settle(sessionId: string): Promise<CreditPurchase | null> {
      const purchase = await read(sessionId);
      if (purchase?.status !== 'open') return purchase;
      await options.askStripe(sessionId).catch(orLater);
      return read(sessionId);
    },
  };

  interface Move {
    transaction: Transaction;
    account: MeteredAccount;
    credit: credits.CreditRow;
    lot: string;
    reason: string;
  }

  /** From the lot that was bought, and from what was given back of it since; never from anything else. */
  async function takeBack({ transaction, account, credit, lot, reason }: Move, withheld: number) {
    const takings = credit.takings + 1;
    let missing = withheld - credit.withheld;
    let { taken } = credit;
    for (let giving = 0; giving <= credit.givings && missing > 0; giving += 1) {
      const from = giving === 0 ? lot : `${lot}/given-back/${giving}`;
      const key = `${lot}/taken-back/${takings}/${giving}`;
      const { amount } = await ledger.takeBack(transaction, { account, lot: from, amount: missing, key, reason });
      missing -= amount;
      taken += amount;
    }
    return { takings, taken };
  }

  /** No more than was taken: what was used before is not added once more. */
  async function giveBack({ transaction, account, credit, lot, reason }: Move, withheld: number) {
    const amount = credit.taken - withheld;
    if (amount <= 0) return {};
    const givings = credit.givings + 1;
    const key = `${lot}/given-back/${givings}`;
    await ledger.grant(transaction, { account, amount, key, reason, source: 'purchased', expiresAt: null });
    return { givings, taken: credit.taken - amount };
  }
}

/** The session and not the event: told twice, or by the webhook and the success page, it is one purchase. */
function lotOf(sessionId: string): string {
  return `checkout/${sessionId}`;
}

/** Whoever just paid must not be shown an error because Stripe is slow to say so. */
function orLater(error: unknown): void {
  if (!(error instanceof LatchkeyError)) throw error;
}
