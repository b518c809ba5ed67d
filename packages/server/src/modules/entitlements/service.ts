import {
  type Catalog,
  checkEntitlement,
  type Decision,
  demoGrant,
  type EntitlementDecision,
  type EntitlementQuestion,
  type FeatureFlag,
  featureFlags,
  findProduct,
  type Granted,
  LatchkeyError,
  NOTHING_GRANTED,
  type Product,
  uniteGrants,
  type ValidationCode,
} from '@latchkey/core';
import type { LicenseReader, LicenseRecord } from '../licenses/index.ts';

/** Licences of one customer that are looked at. */
const MOST_LICENSES = 100;

/** On what somebody stands: a licence key, a customer of the vendor's, or nothing, which is demo mode. */
export interface Standing {
  product?: string | undefined;
  key?: string | undefined;
  customerId?: string | readonly string[] | undefined;
  /** The machine that asks, where a key is presented. */
  machine?: { fingerprint: string; components?: Record<string, string> | undefined } | undefined;
}

export interface Entitlements {
  product: string;
  /** The licences that give it; none in demo mode. */
  licenses: readonly Pick<LicenseRecord, 'id' | 'plan'>[];
  demoMode: boolean;
  features: readonly string[];
  limits: Readonly<Record<string, number>>;
  flags: Readonly<Record<string, FeatureFlag>>;
  /** What validation says of the key; VALID for a customer with a licence in force, NOT_FOUND for one without. */
  code: ValidationCode;
  detail: string;
}

/** `allowed`, and with a no what to say to the user, where the catalog has a message for it. */
export interface EntitlementAnswer extends EntitlementDecision {
  message: string | null;
  entitlements: Entitlements;
}

export interface EntitlementsOptions {
  catalog: Catalog;
  licenseReader: Pick<LicenseReader, 'validate' | 'findByKey' | 'list' | 'status' | 'granted'>;
}

export type EntitlementService = ReturnType<typeof createEntitlementService>;

/** What a licence, a customer or nobody may use. Reads only. */
export function createEntitlementService({ catalog, licenseReader }: EntitlementsOptions) {
  async function ofKey(key: string, { product, machine }: Standing): Promise<Entitlements> {
    const decision = await licenseReader.validate(key, { product, machine });
    const license = decision.license === undefined ? null : await licenseReader.findByKey(key);
    const sold = productOf(decision.valid || product === undefined ? license?.product : product);
    if (!decision.valid || license === null) return withoutLicense(sold, decision);
    return withLicenses(sold, [license], decision);
  }

  async function ofCustomer(
    customerId: NonNullable<Standing['customerId']>,
    productId: string | undefined,
  ): Promise<Entitlements> {
    const product = productOf(productId);
    const all = await licenseReader.list({ customerId, product: product.id }, { limit: MOST_LICENSES, after: null });
    const inForce = all.filter((license) => ['active', 'grace'].includes(licenseReader.status(license)));
    return inForce.length === 0
      ? withoutLicense(product, { code: 'NOT_FOUND', detail: 'This customer has no licence in force.' })
      : withLicenses(product, inForce, { code: 'VALID', detail: 'A licence is in force.' });
  }

  function withLicenses(product: Product, licenses: readonly LicenseRecord[], said: Said): Entitlements {
    const granted = uniteGrants(
      licenses.map((license) => {
        const { entitlements, limits } = licenseReader.granted(license);
        return { features: new Set(entitlements), limits };
      }),
    );
    return entitled(product, granted, { licenses, demoMode: false, ...said });
  }

  function withoutLicense(product: Product, said: Said): Entitlements {
    const demoMode = product.demo?.enabled === true;
    return entitled(product, demoMode ? demoGrant(product.demo) : NOTHING_GRANTED, { licenses: [], demoMode, ...said });
  }

  function productOf(id: string | undefined): Product {
    const [only, another] = catalog.products;
    const product = id === undefined ? (another === undefined ? only : undefined) : findProduct(catalog, id);
    if (product !== undefined && product !== null) return product;
    throw id === undefined
      ? new LatchkeyError('invalid_request', 'Name the product: several are sold here.', { path: 'product' })
      : new LatchkeyError('product_unknown', `There is no product "${id}" in the catalog.`, { path: 'product' });
  }

  /** What the standing gives. A key that is not in force gives what demo mode does, and its code says why. */
  async function read(standing: Standing): Promise<Entitlements> {
    const { key, customerId, product } = standing;
    if (key !== undefined) return ofKey(key, standing);
    if (customerId !== undefined) return ofCustomer(customerId, product);
    return withoutLicense(productOf(product), { code: 'NOT_FOUND', detail: 'No licence was presented.' });
  }

  return {
    read,

    /** Whether the standing includes a feature, or allows so many of what a limit counts. */
    async check(standing: Standing, question: EntitlementQuestion): Promise<EntitlementAnswer> {
      const entitlements = await read(standing);
      const { features, limits, flags } = entitlements;
      const decision = checkEntitlement({ features: new Set(features), limits }, question);
      const flag = 'feature' in question ? flags[question.feature] : undefined;
      return { ...decision, message: decision.allowed ? null : (flag?.message ?? null), entitlements };
    },
  };
}

type Said = Pick<Decision, 'code' | 'detail'>;

function entitled(
  product: Product,
  granted: Granted,
  { licenses, demoMode, code, detail }: Pick<Entitlements, 'licenses' | 'demoMode'> & Said,
): Entitlements {
  return {
    product: product.id,
    licenses,
    demoMode,
    features: [...granted.features],
    limits: granted.limits,
    flags: featureFlags(product.demo, granted),
    code,
    detail,
  };
}
