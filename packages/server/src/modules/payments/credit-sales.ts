import {
  type Catalog,
  type CreditOffer,
  type CreditOrder,
  creditOffer,
  findProduct,
  isPaid,
  LatchkeyError,
  type Plan,
  type Product,
} from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { LicenseReader } from '../licenses/index.ts';
import { insertCredit } from './credit-repository.ts';

export interface CreditSalesOptions {
  catalog: Catalog;
  licenseReader: Pick<LicenseReader, 'get' | 'status'>;
  /** Whether a licence of the product can be issued. */
  canDeliver(product: Product): boolean;
}

/** What is to be bought in advance. */
export interface CreditSaleOrder {
  product: string;
  credit: CreditOrder;
  /** The licence it is for; left out: one that is issued when it is paid. */
  licenseId?: string | undefined;
  /** The plan of that licence; left out: the product's one prepaid plan. */
  plan?: string | undefined;
}

/** A sale, ready to be written down with its checkout. */
export interface CreditSale {
  product: Product;
  plan: Plan;
  offer: CreditOffer;
  licenseId: string | null;
  planned(transaction: Transaction, checkoutId: string): Promise<void>;
}

export type CreditSales = ReturnType<typeof createCreditSales>;

/** Sells what a licence uses up: at which price, and for which licence. */
export function createCreditSales({ catalog, licenseReader, canDeliver }: CreditSalesOptions) {
  function productOf(id: string): Product {
    const product = findProduct(catalog, id);
    if (product !== null) return product;
    throw new LatchkeyError('product_unknown', `There is no product "${id}".`, { path: 'product' });
  }

  /** What an order costs. Errors: `product_unknown`, `meter_unknown`, `quantity_invalid`, `invalid_request`. */
  function quote(productId: string, order: CreditOrder): CreditOffer {
    const offer = creditOffer(productOf(productId), order);
    if ('code' in offer) throw new LatchkeyError(offer.code, offer.detail, { path: offer.path });
    return offer;
  }

  async function planOf(product: Product, offer: CreditOffer, { licenseId, plan }: CreditSaleOrder): Promise<Plan> {
    if (licenseId === undefined) {
      if (canDeliver(product)) return prepaidPlan(product, offer, plan);
      const detail = `${product.name} is not for sale yet: keys of its kind are not made by this version.`;
      throw new LatchkeyError('invalid_request', detail, { path: 'product' });
    }
    const license = await licenseReader.get(licenseId);
    if (license.product !== product.id) {
      throw new LatchkeyError('invalid_request', `The licence is of the product ${license.product}.`, {
        path: 'product',
      });
    }
    if (licenseReader.status(license) === 'revoked') {
      throw new LatchkeyError('license_state_conflict', 'The licence is revoked: nothing can be added to it.');
    }
    const found = product.plans.find(({ id }) => id === license.plan);
    if (found !== undefined) return found;
    throw new LatchkeyError('plan_unknown', `The licence's plan ${license.plan} is no longer in the catalog.`);
  }

  return {
    quote,

    /** What is sold, for whom. Errors as of `quote`; `resource_missing` and `license_state_conflict` for the licence. */
    async sale(order: CreditSaleOrder): Promise<CreditSale> {
      const product = productOf(order.product);
      const offer = quote(product.id, order.credit);
      const { meter, pack, steps, price } = offer;
      const { licenseId = null } = order;
      return {
        product,
        plan: await planOf(product, offer, order),
        offer,
        licenseId,
        planned: (transaction, checkoutId) =>
          insertCredit(transaction.connection, {
            ...{ checkout_id: checkoutId, license_id: licenseId, meter: meter.id, pack, quantity: steps },
            ...{ amount_cents: price.amountCents, currency: price.currency, granted_at: null, withheld: 0, taken: 0 },
          }),
      };
    },
  };
}

/** The plan of a licence that comes with what was bought: one that lives on credit and costs nothing of its own. */
function prepaidPlan(product: Product, { meter }: CreditOffer, named: string | undefined): Plan {
  const free = product.plans.filter((plan) => !isPaid(plan));
  const fitting = free.filter(({ id, license }) =>
    named === undefined ? license.requireCredit === meter.id : id === named,
  );
  const [only, another] = fitting;
  if (only !== undefined && another === undefined) return only;
  if (named !== undefined) {
    const detail = `${product.id} has no plan "${named}" that costs nothing of its own.`;
    throw new LatchkeyError('plan_unknown', detail, { path: 'plan' });
  }
  const detail = 'Name the licence that it is for, by its license_key; or the plan of a new one.';
  throw new LatchkeyError('invalid_request', detail, { path: 'license_key' });
}
