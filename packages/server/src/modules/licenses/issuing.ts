import {
  type Catalog,
  type Coverage,
  LatchkeyError,
  type LicenseOverrides,
  type LicensePolicy,
  type LicenseState,
  machinesFor,
} from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { Clock, Ids, Randomness } from '../../ports.ts';
import { createFreeKeys } from './free-key.ts';
import type { KeyKeeper } from './keys.ts';
import { offer, termEnd } from './offer.ts';
import type { LicenseRecord } from './record.ts';
import * as repository from './repository.ts';

/** A key that is free when it is made can be taken when it is stored: by odds, or by one that was imported meanwhile. */
const MOST_KEYS_TRIED = 5;

export interface IssueLicense {
  product: string;
  plan: string;
  /** What brings the licence into being: issued once for each origin. Left out, the licence is its own origin. */
  origin?: string | undefined;
  /** How the key names customer and subscription. */
  keyCustomer: string;
  keySubscription: string;
  customerId: string | null;
  subscriptionId: string | null;
  /** Left out: the plan's own term. null: never. */
  expiresAt?: Date | null | undefined;
  coverage?: Coverage | undefined;
  /** Left out: the plan's. */
  maxMachines?: number | undefined;
  /** How many of the plan are paid for, such as seats. Left out: one. */
  quantity?: number | undefined;
  /** Left out: now. A term that nobody named runs from here. */
  startsAt?: Date | undefined;
  /** What the licence says over its plan. */
  overrides?: LicenseOverrides | undefined;
  metadata?: Record<string, string> | undefined;
  /** A key that is out there already, in its canonical form, whatever its format. Left out, one is made. */
  key?: string | undefined;
  /** Whether the caller writes the audit log itself. */
  recorded?: boolean | undefined;
}

export interface IssuedLicense {
  license: LicenseRecord;
  key: string;
}

export interface IssuingOptions {
  catalog: Catalog;
  keys: KeyKeeper;
  clock: Clock;
  ids: Ids;
  randomness: Randomness;
  /** Writes the audit log. */
  issued(transaction: Transaction, id: string, detail: Record<string, unknown>): Promise<void>;
  reread(transaction: Transaction, id: string): Promise<LicenseRecord>;
}

/** Brings licences into being, each with a key that no other has. */
export function createIssuing(options: IssuingOptions) {
  const { catalog, keys, clock, ids } = options;
  const freeKey = createFreeKeys(options);

  /** Issues a licence; null when its origin, or the key that was given, already has one. */
  return async function issueOnce(transaction: Transaction, input: IssueLicense): Promise<IssuedLicense | null> {
    const { product, plan } = offer(catalog, input.product, input.plan);
    const id = ids.next('lic');
    const now = clock.now();
    const policy = { ...plan.license, ...input.overrides?.policy };
    const startsAt = input.startsAt ?? now;
    const { expiresAt, waitsFor } = firstTerm(policy, input.expiresAt, startsAt);
    const license = {
      id,
      origin: input.origin ?? id,
      product: product.id,
      plan: plan.id,
      scheme: product.keyScheme.name,
      customer_id: input.customerId,
      subscription_id: input.subscriptionId,
      starts_at: startsAt,
      expires_at: expiresAt,
      max_machines: input.maxMachines ?? machinesFor(plan, input.quantity ?? 1),
      overrides: JSON.stringify(input.overrides ?? {}),
      term_begins_with: waitsFor,
      coverage: input.coverage ?? 'term',
      metadata: JSON.stringify(input.metadata ?? {}),
      revealed_at: null,
      created_at: now,
      updated_at: now,
    } as const;
    for (let tried = 0; tried < MOST_KEYS_TRIED; tried += 1) {
      const key =
        input.key ??
        (await freeKey(transaction, product, {
          customer: input.keyCustomer,
          subscription: input.keySubscription,
          plan: plan.id,
          issuedAt: now.getTime(),
          expiresAt: expiresAt?.getTime() ?? null,
        }));
      const insertion = await repository.insertLicense(transaction.connection, { ...license, ...sealed(id, key) });
      if (insertion === 'origin_taken') return null;
      if (insertion === 'key_taken') {
        if (input.key !== undefined) return null;
        continue;
      }
      if (input.recorded !== true) {
        await options.issued(transaction, id, { product: product.id, plan: plan.id, expires_at: expiresAt });
      }
      return { license: await options.reread(transaction, id), key };
    }
    throw new LatchkeyError('conflict', 'The key was taken by others at this moment. Try again.');
  };

  function sealed(id: string, key: string) {
    const { ciphertext, secretId, index, hint } = keys.seal(id, key);
    return { key_ciphertext: ciphertext, key_secret_id: secretId, key_index: index, key_hint: shownOf(key, hint) };
  }
}

/** Other systems' keys can be short: no more than a quarter of one is ever shown beside its licence. */
function shownOf(key: string, hint: string): string {
  const most = Math.min(hint.length, Math.floor(key.length / 4));
  return most === 0 ? '' : hint.slice(-most);
}

/** When the first term ends, and what it waits for before it runs. An end that was named is an end, whatever the plan says. */
function firstTerm(
  { termDays, termBasis }: LicensePolicy,
  named: Date | null | undefined,
  from: Date,
): { expiresAt: Date | null; waitsFor: LicenseState['termBeginsWith'] } {
  if (named !== undefined) return { expiresAt: named, waitsFor: null };
  if (termDays === null || termBasis === 'issue') return { expiresAt: termEnd(termDays, from), waitsFor: null };
  return { expiresAt: null, waitsFor: termBasis };
}
