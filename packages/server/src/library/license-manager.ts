import { addDays, dayMs, LatchkeyError, type LicenseStatus } from '@latchkey/core';
import type { Transaction } from '../db/database.ts';
import type { LicenseRecord } from '../modules/licenses/index.ts';
import { closeHouse, type House, type HouseSource, libraryActor, openHouse, ownSource } from './house.ts';

/** A licence as the library answers it. Dates are Date objects. */
export interface LicenseData {
  licenseId: string;
  licenseKey: string;
  product: string;
  plan: string;
  status: LicenseStatus;
  customerId: string | null;
  subscriptionId: string | null;
  email: string | null;
  createdAt: Date;
  expiresAt: Date | null;
  maxActivations: number;
  activations: { serverId: string; activatedAt: Date }[];
}

export interface LicenseManagerOptions {
  /** Which product's keys are made; by default the catalog's only product, or its first with keys of the scheme `sha512-hmac`. */
  product?: string;
  /** Which plan; by default the product's first. */
  plan?: string;
}

/** What a refusal says in words, for each code: what was wrong, never how close it came. */
const REASONS: Readonly<Record<string, string>> = {
  MALFORMED: 'Invalid license key format',
  FORGED: 'Invalid license signature',
  NOT_FOUND: 'License not found',
  REVOKED: 'License is revoked',
  SUSPENDED: 'License is suspended',
  EXPIRED: 'License has expired',
  TOO_MANY_MACHINES: 'Maximum activations exceeded',
  MACHINE_MISMATCH: 'License is activated on another server',
  MACHINE_NOT_ACTIVATED: 'License is not activated on this server',
};

/** Licence keys, as a program calls them. Give it a running Latchkey, or options to run one of its own. */
export class LicenseManager {
  readonly #source: HouseSource;
  readonly #options: LicenseManagerOptions;

  constructor(source: HouseSource, options: LicenseManagerOptions = {}) {
    this.#source = ownSource(source);
    this.#options = options;
  }

  /**
   * Makes a licence and answers its key. A subscription gets one licence: asked again for the same, it is answered the same key.
   * Errors: `product_unknown`, `plan_unknown`, `license_state_conflict`.
   */
  async generateLicense(input: { customerId: string; subscriptionId: string; email: string }): Promise<string> {
    const house = await openHouse(this.#source);
    requireText(input, ['customerId', 'subscriptionId', 'email']);
    const { product, plan } = house.offer(this.#options);
    return this.#write(house, async (transaction) => {
      const origin = `subscription:${input.subscriptionId}`;
      const existing = await house.licenseReader.findByOrigin(transaction.connection, origin);
      if (existing !== null) return (await house.licenseReader.keyOf(existing.id, transaction.connection)) ?? '';
      const customer = await house.customers.ensure(
        transaction,
        input.customerId.startsWith('cus_')
          ? { stripeCustomerId: input.customerId, email: input.email }
          : { externalId: input.customerId, email: input.email },
      );
      const { key } = await house.licenses.issue(transaction, {
        product,
        plan,
        origin,
        keyCustomer: input.customerId,
        keySubscription: input.subscriptionId,
        customerId: customer.id,
        subscriptionId: null,
      });
      return key;
    });
  }

  /**
   * Whether a key is good: format, signature, status, expiry, activations, in this order; the first that fails is the reason.
   * With `serverId`, the licence must be activated there.
   */
  async validateLicense(input: {
    licenseKey: string;
    serverId?: string;
  }): Promise<{ valid: boolean; code: string; reason?: string; licenseData?: LicenseData }> {
    const house = await openHouse(this.#source);
    const answer = await house.licenseReader.validate(
      input.licenseKey,
      input.serverId === undefined ? {} : { machine: { fingerprint: input.serverId } },
    );
    const licenseData = await this.getLicenseInfo(input);
    return {
      valid: answer.valid,
      code: answer.code,
      ...(answer.valid ? {} : { reason: REASONS[answer.code] ?? answer.detail }),
      ...(licenseData === null ? {} : { licenseData }),
    };
  }

  /** Binds the licence to a server. The same server again is no second activation. */
  async activateLicense(input: {
    licenseKey: string;
    serverId: string;
  }): Promise<{ success: boolean; code: string; reason?: string; activationId?: string }> {
    const house = await openHouse(this.#source);
    requireText(input, ['licenseKey', 'serverId']);
    const { decision, activation } = await this.#write(house, (transaction) =>
      house.licenses.activate(transaction, { key: input.licenseKey, machine: { fingerprint: input.serverId } }),
    );
    return {
      success: decision.valid,
      code: decision.code,
      ...(decision.valid ? {} : { reason: REASONS[decision.code] ?? decision.detail }),
      ...(activation === null ? {} : { activationId: activation.id }),
    };
  }

  /** Releases one server, or all of them where none is named. False when there was nothing to release. */
  async deactivateLicense(input: { licenseKey: string; serverId?: string }): Promise<boolean> {
    const house = await openHouse(this.#source);
    const { decision } = await this.#write(house, (transaction) =>
      house.licenses.deactivate(transaction, { key: input.licenseKey, fingerprint: input.serverId ?? null }),
    );
    return decision.valid;
  }

  /** Takes a licence back. False when the key is unknown. */
  async revokeLicense(input: { licenseKey: string; reason?: string }): Promise<boolean> {
    return this.#change(input.licenseKey, (house, license, transaction) =>
      house.licenses.revoke(transaction, license.id, input.reason ?? null),
    );
  }

  /** Extends a licence by `days`, or by the plan's term. False when the key is unknown; `license_state_conflict` when it is revoked or suspended. */
  async renewLicense(input: { licenseKey: string; days?: number }): Promise<boolean> {
    const { days } = input;
    if (days !== undefined && !(Number.isFinite(days) && days > 0 && days * dayMs < 8e14)) {
      throw new LatchkeyError('invalid_request', 'days must be a number above zero.', { path: 'days' });
    }
    return this.#change(input.licenseKey, (house, license, transaction) => {
      const from = new Date(Math.max(house.now().getTime(), license.expiresAt ?? 0));
      return house.licenses.renew(transaction, license.id, days === undefined ? null : addDays(from, days));
    });
  }

  /** Everything about the licence behind a key; null when it is unknown. */
  async getLicenseInfo(input: { licenseKey: string }): Promise<LicenseData | null> {
    const house = await openHouse(this.#source);
    const license = await house.licenseReader.findByKey(input.licenseKey);
    return license === null ? null : describe(house, license);
  }

  /** Licences, the newest first, at most 100; with `status`, those that have it now. */
  async listLicenses(input: { status?: LicenseStatus; limit?: number } = {}): Promise<LicenseData[]> {
    const house = await openHouse(this.#source);
    const limit = Math.min(Math.max(Math.trunc(input.limit ?? 100), 1), 100);
    const licenses = await house.licenseReader.list({ status: input.status }, { limit, after: null });
    return Promise.all(licenses.map((license) => describe(house, license)));
  }

  /** Totals at this moment. `active` counts every licence that works, those in grace included. */
  async getStatistics(): Promise<{
    totalLicenses: number;
    active: number;
    expired: number;
    revoked: number;
    suspended: number;
  }> {
    const house = await openHouse(this.#source);
    const { total, active, expired, revoked, suspended } = await house.licenseReader.statistics();
    return { totalLicenses: total, active, expired, revoked, suspended };
  }

  /** Closes the Latchkey that was opened for this object; one that was handed in stays open. */
  async close(): Promise<void> {
    await closeHouse(this.#source);
  }

  #write<T>(house: House, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return house.database.transaction({ actor: libraryActor }, work);
  }

  async #change(
    licenseKey: string,
    work: (house: House, license: LicenseRecord, transaction: Transaction) => Promise<unknown>,
  ): Promise<boolean> {
    const house = await openHouse(this.#source);
    const license = await house.licenseReader.findByKey(licenseKey);
    if (license === null) return false;
    await this.#write(house, (transaction) => work(house, license, transaction));
    return true;
  }
}

async function describe(house: House, license: LicenseRecord): Promise<LicenseData> {
  const customer = license.customerId === null ? null : await house.customers.find(license.customerId);
  const key = await house.licenseReader.keyOf(license.id);
  return {
    licenseId: license.id,
    licenseKey: key ?? '',
    product: license.product,
    plan: license.plan,
    status: house.licenseReader.status(license),
    customerId: customer?.stripe_customer_id ?? customer?.external_id ?? license.customerId,
    subscriptionId: license.origin.startsWith('subscription:') ? license.origin.slice('subscription:'.length) : null,
    email: customer?.email ?? null,
    createdAt: new Date(license.createdAt),
    expiresAt: license.expiresAt === null ? null : new Date(license.expiresAt),
    maxActivations: license.maxMachines,
    activations: license.activations.map(({ fingerprint, createdAt }) => ({
      serverId: fingerprint,
      activatedAt: new Date(createdAt),
    })),
  };
}

function requireText<T extends object>(input: T, names: readonly (keyof T & string)[]): void {
  for (const name of names) {
    const value = input[name];
    if (typeof value === 'string' && value.trim() !== '' && value.length <= 1_024) continue;
    throw new LatchkeyError('invalid_request', `${name} is required: a text of up to 1,024 characters.`, {
      path: name,
    });
  }
}
