import {
  type Catalog,
  findPlan,
  findProduct,
  isPaid,
  LatchkeyError,
  type LicenseStatus,
  type Plan,
  type Product,
  termsOfPlan,
  type UsageStanding,
} from '@latchkey/core';
import type { AccountOwner, Ledger, MeteredAccount } from '../ledger/index.ts';
import { parseAccountId } from '../ledger/index.ts';
import type { LicenseReader, LicenseRecord } from '../licenses/index.ts';
import type { PeriodSource } from './write-batch.ts';

/** Licences of one customer that are looked at. */
const MOST_LICENSES = 100;

/** Who uses something: a licence, or a customer who has none. */
export interface UsageHolder extends AccountOwner {
  readonly license: LicenseRecord | null;
  /** The customer who was named, where it is their licence on which is counted. */
  readonly customer?: string;
}

/** A holder's meter: what is counted, on what terms, and by which periods. */
export interface HeldMeter {
  readonly account: MeteredAccount;
  readonly standing: UsageStanding;
  readonly source: PeriodSource;
  /** The customer's own account, where a customer was named: another licence may be theirs when an event is sent again. */
  readonly alias?: string;
  /** Why nothing may be used; null where the licence is in force, or there is none that could not be. */
  readonly withheld: Exclude<LicenseStatus, 'active' | 'grace'> | null;
}

export interface HoldersOptions {
  catalog: Catalog;
  ledger: Pick<Ledger, 'account'>;
  licenseReader: Pick<LicenseReader, 'list' | 'get' | 'recall' | 'status'>;
}

export type Holders = ReturnType<typeof createHolders>;

/** From whoever is named to what is counted for them. */
export function createHolders({ catalog, ledger, licenseReader }: HoldersOptions) {
  /**
   * Whose use a customer's is: that of their licence in force, of the best plan where they have several, of the product where one is
   * named. Without one it is the customer's own, on the product's free plan.
   */
  async function ofCustomer(
    customerId: string | readonly string[],
    product: string | undefined,
  ): Promise<LicenseRecord | null> {
    const filter = { customerId, ...(product === undefined ? {} : { product }) };
    const all = await licenseReader.list(filter, { limit: MOST_LICENSES, after: null });
    const inForce = all.filter((license) => isInForce(licenseReader.status(license)));
    const rank = ({ product: id, plan }: LicenseRecord) =>
      findProduct(catalog, id)?.plans.findIndex((one) => one.id === plan) ?? -1;
    return inForce.toSorted((one, other) => rank(other) - rank(one) || (one.id < other.id ? -1 : 1))[0] ?? null;
  }

  function meter(holder: UsageHolder, meterId: string): HeldMeter {
    const { license } = holder;
    const account = ledger.account(holder, meterId);
    const product = findProduct(catalog, account.reference.product);
    const plan =
      license === null ? freePlan(product, meterId) : product === null ? null : findPlan(product, license.plan);
    const status = license === null ? 'active' : licenseReader.status(license);
    return {
      account,
      standing: {
        account: account.id,
        meter: account.meter,
        terms: termsOfPlan(plan, account.meter),
        rateOf: (id) => termsOfPlan(product === null ? null : findPlan(product, id), account.meter).rate,
      },
      source: { subscription: license?.subscriptionId ?? null, startsAt: license?.startsAt ?? null },
      ...aliasOf(holder, account.reference.product, meterId),
      withheld: status === 'active' || status === 'grace' ? null : status,
    };
  }

  function aliasOf({ customer }: UsageHolder, product: string, meterId: string): Pick<HeldMeter, 'alias'> {
    return customer === undefined
      ? {}
      : { alias: ledger.account({ owner: { customerId: customer }, product }, meterId).id };
  }

  return {
    meter,

    /**
     * What names an owner, and the product where one alone has the meter: a customer may have licences of several, and the best of them
     * need not be the one that is used.
     */
    named<Named extends { customer_id?: string | undefined; product?: string | undefined }>(
      named: Named,
      meterId: string | undefined,
    ): Named {
      if (named.customer_id === undefined || named.product !== undefined || meterId === undefined) return named;
      const [only, another] = catalog.products.filter(({ meters }) => meters.some(({ id }) => id === meterId));
      return only === undefined || another !== undefined ? named : { ...named, product: only.id };
    },

    /** The holder behind what a call names, with the licence that a customer's use is counted on. */
    async find({ owner, product, license }: AccountOwner & { license?: LicenseRecord | null }): Promise<UsageHolder> {
      if ('licenseId' in owner) {
        const record = license ?? (await licenseReader.get(owner.licenseId));
        return { owner, product: record.product, license: record };
      }
      const found = await ofCustomer(owner.customerId, product);
      if (found === null) return { owner, product, license: null };
      return { owner: { licenseId: found.id }, product: found.product, license: found, customer: owner.customerId };
    },

    /** The holder of an account. */
    async ofAccount(account: string): Promise<{ holder: UsageHolder; meterId: string }> {
      const { owner, product, meter: meterId } = parseAccountId(account);
      const license = 'licenseId' in owner ? await licenseReader.recall(owner.licenseId) : null;
      return { holder: { owner, product, license }, meterId };
    },

    /** Every meter of the holder's product; of a customer without a licence, those of every product. */
    meters(holder: UsageHolder): HeldMeter[] {
      const products = holder.product === undefined ? catalog.products : [productOf(holder.product)];
      return products.flatMap(({ id, meters }) => meters.map((one) => meter({ ...holder, product: id }, one.id)));
    },
  };

  function productOf(id: string): Product {
    const product = findProduct(catalog, id);
    if (product !== null) return product;
    throw new LatchkeyError('product_unknown', `There is no product "${id}" in the catalog.`, { path: 'product' });
  }
}

function isInForce(status: LicenseStatus): boolean {
  return status === 'active' || status === 'grace';
}

/** The plan of those who have none: the first that costs nothing and includes something of the meter. */
function freePlan(product: Product | null, meterId: string): Plan | null {
  const isFree = (plan: Plan) =>
    plan.price !== null && !isPaid(plan) && plan.allowances.some(({ meter }) => meter === meterId);
  return product?.plans.find(isFree) ?? null;
}
