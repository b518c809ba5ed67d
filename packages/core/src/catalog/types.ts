/**
 * What a vendor sells, in the newest shape. A catalog is written as YAML, checked and completed by the server's loader;
 * from here on every default is filled in, every reference resolves, and no secret's value is anywhere in it.
 *
 * Glossary. A *product* is one piece of software. A *plan* is one way to have it; a *price* is what a plan costs and how
 * often. A *feature* is a name the software asks for; an *entitlement* is a feature a plan has, its own or inherited. A
 * *limit* is a number the software asks for. A *meter* counts use; an *allowance* is what a plan includes of it; a *pack*
 * is an amount of it bought in advance.
 *
 * Lists keep the order of the file: plans go from the least to the most.
 */

import type { Fraction } from '../fraction.ts';

export interface Catalog {
  readonly products: readonly Product[];
}

export interface Product {
  /** Lower-case letters, digits and hyphens; unique in the catalog and never changed once something was sold. */
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly vendor: Vendor;
  readonly keyScheme: KeyScheme;
  readonly plans: readonly Plan[];
  readonly meters: readonly Meter[];
  readonly packs: readonly Pack[];
  /** What one unit bought in advance costs, for packs without a price of their own and for custom amounts. */
  readonly creditRates: readonly CreditRate[];
  readonly timedUse: TimedUse | null;
  readonly dunning: DunningPolicy;
  readonly cancellation: CancellationPolicy;
  readonly planChange: PlanChangePolicy;
  readonly withdrawal: WithdrawalPolicy;
  /** How use beyond what a plan includes reaches Stripe. */
  readonly overage: OverageBilling;
  readonly demo: DemoMode | null;
  /** The set of older paths and bodies by which this product is spoken to beside `/v1`; null for none. */
  readonly dialect: string | null;
}

/** Who signs the letters and answers the customer's questions. */
export interface Vendor {
  readonly name: string;
  readonly supportEmail: string | null;
  readonly url: string | null;
}

export type KeySchemeName = 'sha512-hmac' | 'sealed' | 'random' | 'tier-signature' | 'signed';

export interface KeyScheme {
  readonly name: KeySchemeName;
  /** The first group of a key, such as `CO`; null where the scheme has none. */
  readonly prefix: string | null;
  /** Null for schemes that need no secret of the vendor's (`random`, `signed`). */
  readonly secret: SecretReference | null;
}

/** Names a secret without holding it: the loader gives the values, newest first, for a reference. */
export interface SecretReference {
  /** The environment variable, such as `LICENSE_MASTER_SECRET`. */
  readonly variable: string;
  /** How the variable's text becomes bytes. `hex32` is exactly 32 bytes in hexadecimal. */
  readonly encoding: 'utf8' | 'hex32';
}

export interface Plan {
  /** Unique in its product. */
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  /**
   * Null: not for sale, issued by the vendor only. An amount of 0 is a free plan, which needs no payment, unless what goes beyond one of
   * its allowances is billed: then it is subscribed to, and costs what is used.
   */
  readonly price: Price | null;
  readonly license: LicensePolicy;
  /** The plan whose entitlements this one has as well. */
  readonly inherits: string | null;
  /** The plan's own features, in the order of the file. */
  readonly features: readonly string[];
  /** The plan's own features followed by what it inherits, each once. */
  readonly entitlements: readonly string[];
  /** Sentences for the price page; they promise, `entitlements` and `limits` enforce. */
  readonly highlights: readonly string[];
  /** The plan's own limits over those it inherits; -1 is unlimited. */
  readonly limits: Readonly<Record<string, number>>;
  readonly allowances: readonly Allowance[];
  readonly checkout: CheckoutPolicy;
  /** Null: the catalog says nothing of several. Pages sell one then, and several that are subscribed to give what one does. */
  readonly quantity: QuantityPolicy | null;
}

/** How many of a plan one customer can have, such as seats, and what each of them gives. */
export interface QuantityPolicy {
  readonly maximum: number;
  /** Whether a licence has the plan's machines for each of them. */
  readonly multipliesMachines: boolean;
}

/** What the page that sells a plan offers and adds. */
export interface CheckoutPolicy {
  /** Whether customers may enter a promotion code. */
  readonly promotionCodes: boolean;
  /** Whether Stripe works out the tax and adds it. */
  readonly automaticTax: boolean;
}

export type Interval = 'day' | 'week' | 'month' | 'year';

export interface Price {
  /** In the currency's smallest unit: 2500 is 25.00 USD, and 2500 is 2500 JPY. */
  readonly amountCents: number;
  /** ISO 4217 in lower case, as Stripe writes it. */
  readonly currency: string;
  /** Null: paid once. */
  readonly interval: Interval | null;
  /** 3 with `month` is a quarter; 1 where `interval` is null. */
  readonly intervalCount: number;
  readonly trialDays: number;
  /** A price that already exists in Stripe and is used as it is; null lets `catalog push` create one. */
  readonly stripePriceId: string | null;
}

/** What a licence says over its plan. What is left out is the plan's. */
export interface LicenseOverrides {
  readonly policy?: Partial<Omit<LicensePolicy, 'maxMachines'>> | undefined;
  /** Features beside those of the plan. */
  readonly features?: readonly string[] | undefined;
  /** Limits in the place of the plan's; -1 is unlimited. */
  readonly limits?: Readonly<Record<string, number>> | undefined;
}

/** What a licence of this plan allows, unless the licence itself says otherwise. */
export interface LicensePolicy {
  /** Days a licence runs where no subscription sets its end; null is for ever. */
  readonly termDays: number | null;
  readonly termBasis: 'issue' | 'first_validation' | 'first_activation';
  /** What the end of the term means: not valid, revoked, valid for what was released until then, or valid still. */
  readonly expiryStrategy: 'restrict' | 'revoke' | 'maintain' | 'allow';
  /** A renewal is counted from the end of the term that is running, or from the moment of renewal. */
  readonly renewalBasis: 'expiry' | 'now';
  /** Days after the term in which the licence is still valid (as `GRACE`), where no subscription is behind it. */
  readonly graceDays: number;
  /** Live machines at a time; -1 is unlimited. */
  readonly maxMachines: number;
  /** Whether a validation must name the product it is for. */
  readonly requireProduct: boolean;
  /** Whether a validation must name a machine. */
  readonly requireMachine: boolean;
  /** How many of a machine's components must match for it to count as the same machine. */
  readonly machineMatching: 'any' | 'two' | 'most' | 'all';
  /** Within what a fingerprint may be active once only. */
  readonly machineUniqueness: 'license' | 'plan' | 'product';
  /** What a machine too many is told: no, or that the vendor will be asked to let it in, in another's place. */
  readonly whenMachinesFull: 'refuse' | 'request';
  /** How many machines the owner may release by a mailed link in so many days, without the vendor. A `max` of 0: none. */
  readonly ownerRelease: { readonly max: number; readonly days: number };
  /** Days before the end at which a notice is due, largest first; within the first a validation says `EXPIRING`. */
  readonly expiringNoticeDays: readonly number[];
  /** How long a signed licence file may live; -1 for ever, null where the plan has none. */
  readonly offlineFileDays: number | null;
  /** The meter of which something must be left for a validation to say yes; null where nothing is bought in advance. */
  readonly requireCredit: string | null;
}

/** What follows when a renewal is not paid. */
export interface DunningPolicy {
  /** Days of use after the end of the paid period. */
  readonly graceDays: number;
  /** `suspend` the licence, `keep` it as it is, or `downgrade` it to a plan until what is owed is paid. */
  readonly whenGraceEnds: 'suspend' | 'keep' | 'downgrade';
  /** The plan that is left, with `downgrade`. */
  readonly downgradeTo?: string;
  /** The failed attempts on one invoice after which the licence is revoked; null never does. */
  readonly failuresBeforeRevocation: number | null;
}

/** What the end of a subscription does to its licence. */
export interface CancellationPolicy {
  /** `revoke` at once; `expire` leaves it to the end of what was paid; `downgrade` moves it to a plan then. */
  readonly effect: 'revoke' | 'expire' | 'downgrade';
  readonly downgradeTo: string | null;
}

/**
 * What becomes of the rest of a period when the plan changes within it: it is charged and given back on an invoice at once, on
 * the next one, or not at all.
 */
export type ProrationPolicy = 'always_invoice' | 'create_prorations' | 'none';

/** When a change of plan takes effect. */
export interface PlanChangePolicy {
  readonly upgrade: 'now' | 'period_end';
  readonly downgrade: 'now' | 'period_end';
  /** For changes within a period. */
  readonly proration: ProrationPolicy;
}

/**
 * `meter_events`: counted at Stripe as it happens, on a metered price beside the plan's, and billed with the renewal;
 * `invoice_items`: put on the renewal's invoice as an amount.
 */
export type OverageBilling = 'meter_events' | 'invoice_items';

/** What is taken back when money is. */
export interface WithdrawalPolicy {
  readonly onRefund: 'revoke' | 'keep';
  readonly onDispute: 'suspend' | 'revoke' | 'keep';
}

export interface Meter {
  readonly id: string;
  readonly name: string;
  /** What one is called: `call`, `hour`. */
  readonly unit: string;
  /** `time` is kept in microseconds whatever its unit; `quantity` in integers of 10^-scale. */
  readonly kind: 'quantity' | 'time';
  /** Decimal places of a quantity; 0 is whole units. */
  readonly scale: number;
  readonly aggregation: 'sum' | 'count' | 'max' | 'last';
  readonly endpointCosts: readonly EndpointCost[];
}

/** Units that one request to a route of the vendor's software costs. */
export interface EndpointCost {
  /** `*` any method. */
  readonly method: string;
  /** A path with `:name` for one segment, such as `/signals/history/:symbol`. */
  readonly route: string;
  readonly units: number;
}

/** What a plan includes of a meter in each period. */
export interface Allowance {
  readonly meter: string;
  /** In whole units of the meter; -1 is unlimited. */
  readonly included: number;
  /** What happens past it: refused, billed by `overage`, or let through and noted. */
  readonly limit: 'hard' | 'overage' | 'soft';
  /** A ceiling past which even billed use is refused; null is none. */
  readonly ceiling: number | null;
  readonly overage: UnitPrice | null;
  /** In percent of what is included: when so much of it is used in a period, the customer is told. */
  readonly notifyAt: readonly number[];
}

/** `amountCents` for every `perUnits` units, so that a price below a cent is exact too. */
export interface UnitPrice {
  readonly amountCents: number;
  readonly perUnits: number;
  readonly currency: string;
}

export interface Pack {
  readonly id: string;
  readonly name: string;
  readonly meter: string;
  /** In whole units of the meter. */
  readonly quantity: number;
  readonly amountCents: number;
  readonly currency: string;
}

/** What units bought in advance cost where no pack names a price. */
export interface CreditRate {
  readonly meter: string;
  readonly currency: string;
  /** Units one major unit of the currency buys, as an exact fraction: 0.2 hours a dollar is 1/5. */
  readonly unitsPerMajor: Fraction;
  /** Bounds of a custom amount, in whole units; null where custom amounts are not sold. */
  readonly custom: { readonly minimum: number; readonly maximum: number } | null;
}

/** Use that is measured by the clock: a session deducts from a time meter while it lives. */
export interface TimedUse {
  readonly meter: string;
  readonly intervalSeconds: number;
  /** Whether two sessions of one licence may run side by side, each deducting. */
  readonly parallelSessions: 'allow' | 'refuse';
}

/** What the software may do without a licence. */
export interface DemoMode {
  readonly enabled: boolean;
  readonly limits: Readonly<Record<string, number>>;
  readonly flags: Readonly<Record<string, DemoFlag>>;
}

export interface DemoFlag {
  readonly enabled: boolean;
  /** What to say when it is asked for, such as `Upgrade to Basic`. */
  readonly message: string | null;
  /** The limit that, unlimited, switches it on too; null where only the feature of the same name does. */
  readonly unlimited: string | null;
}
