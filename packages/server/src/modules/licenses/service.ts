import {
  type Catalog,
  decidingHold,
  findOffer,
  type Hold,
  type HoldCause,
  LatchkeyError,
  type LicenseCoverage,
  type LicenseOverrides,
  machinesFor,
} from '@latchkey/core';
import type { Database, Transaction } from '../../db/database.ts';
import type { Clock, Ids, Randomness } from '../../ports.ts';
import { createLicenseChanges, type LicenseAuditEntry } from './changes.ts';
import { findImported } from './import-repository.ts';
import { createIssuing, type IssuedLicense, type IssueLicense } from './issuing.ts';
import type { KeyKeeper } from './keys.ts';
import { createMachines } from './machines.ts';
import { offer } from './offer.ts';
import { createReactivations } from './reactivations.ts';
import type { LicenseRecord } from './record.ts';
import * as repository from './repository.ts';
import { releaseSeats } from './seats-repository.ts';
import type { LicenseSnapshots } from './snapshots.ts';
import { beginTerm, renewedEnd } from './terms.ts';

export interface LicenseServiceOptions {
  database: Database;
  catalog: Catalog;
  keys: KeyKeeper;
  snapshots: LicenseSnapshots;
  clock: Clock;
  ids: Ids;
  randomness: Randomness;
  record(transaction: Transaction, entry: LicenseAuditEntry): Promise<unknown>;
}

/** What a licence is tied to when it follows a subscription. */
interface SubscriptionLinks {
  subscriptionId: string;
  customerId: string | null;
}

/** What a licence takes over from its subscription beside what covers it. */
interface FollowedSubscription {
  plan?: string | null;
  paidBefore?: number | null;
  quantity?: { before: number; now: number };
}

const ONE = { before: 1, now: 1 };

/** What the vendor changes of a licence. What is left out stays as it is. */
export interface LicenseUpdate {
  plan?: string | undefined;
  expiresAt?: Date | null | undefined;
  maxMachines?: number | undefined;
  /** Each part that is given replaces what the licence said before of it. */
  overrides?: LicenseOverrides | undefined;
  metadata?: Record<string, string> | undefined;
}

export type LicenseService = ReturnType<typeof createLicenseService>;

/** Everything that changes a licence. Each method runs in the caller's transaction and never commits it. */
export function createLicenseService(options: LicenseServiceOptions) {
  const { catalog, keys, clock, ids } = options;
  const changes = createLicenseChanges(options);
  const { audit, changed, locked, reread } = changes;
  const machines = createMachines({ catalog, keys, clock, ids, changes });

  const issueOnce = createIssuing({
    ...options,
    issued: (transaction, id, detail) => audit(transaction, 'license.issued', id, detail),
    reread,
  });

  async function setHold(transaction: Transaction, id: string, hold: Hold): Promise<LicenseRecord> {
    await locked(transaction, id);
    await repository.putHold(transaction.connection, id, hold);
    await repository.updateLicense(transaction.connection, id, {}, clock.now());
    await changed(transaction, id);
    return reread(transaction, id);
  }

  async function attach(transaction: Transaction, id: string, links: SubscriptionLinks): Promise<void> {
    await locked(transaction, id);
    await repository.updateLicense(
      transaction.connection,
      id,
      {
        subscription_id: links.subscriptionId,
        ...(links.customerId === null ? {} : { customer_id: links.customerId }),
      },
      clock.now(),
    );
    await changed(transaction, id);
  }

  return {
    /** Issues a licence; null when its origin already has one. */
    issueOnce,

    /** Issues a licence; `license_state_conflict` when its origin already has one. */
    async issue(transaction: Transaction, input: IssueLicense): Promise<IssuedLicense> {
      const issued = await issueOnce(transaction, input);
      if (issued !== null) return issued;
      throw new LatchkeyError('license_state_conflict', 'A licence was already issued for this.');
    },

    activate: machines.activate,
    deactivate: machines.deactivate,
    releaseAsOwner: machines.releaseAsOwner,
    releaseMachine: machines.release,
    reactivations: createReactivations({ catalog, clock, changes, machines }),

    /** Lets a term run that waited for its first use; one that runs already is left alone. */
    async beginTerm(transaction: Transaction, id: string): Promise<void> {
      await beginTerm(transaction, await locked(transaction, id), { catalog, now: clock.now(), changes });
    },

    /** Changes what the vendor may change. Machines over a lowered limit keep their seats, and are told at every validation. */
    async update(transaction: Transaction, id: string, update: LicenseUpdate): Promise<LicenseRecord> {
      const license = await locked(transaction, id);
      const { plan, expiresAt, maxMachines, overrides, metadata } = update;
      if (plan !== undefined) offer(catalog, license.product, plan);
      await repository.updateLicense(
        transaction.connection,
        id,
        {
          ...(plan === undefined ? {} : { plan }),
          ...(expiresAt === undefined ? {} : { expires_at: expiresAt, term_begins_with: null }),
          ...(maxMachines === undefined ? {} : { max_machines: maxMachines }),
          ...(overrides === undefined ? {} : { overrides: JSON.stringify({ ...license.overrides, ...overrides }) }),
          ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
        },
        clock.now(),
      );
      await audit(transaction, 'license.updated', id, { ...update });
      await changed(transaction, id);
      return reread(transaction, id);
    },

    /**
     * Extends a licence to `until`, or by the plan's term from its end (from now, when that has passed). A licence that is
     * withheld is not extended: `license_state_conflict`.
     */
    async renew(transaction: Transaction, id: string, until: Date | null = null): Promise<LicenseRecord> {
      const license = await locked(transaction, id);
      const now = clock.now();
      const hold = decidingHold(license.holds, now.getTime());
      if (hold !== null) {
        throw new LatchkeyError(
          'license_state_conflict',
          `The licence is ${hold.effect === 'revoke' ? 'revoked' : 'suspended'} (${hold.cause}); lift that first.`,
        );
      }
      const expiresAt = until ?? renewedEnd(license, catalog, now);
      if (license.expiresAt !== null && (expiresAt === null || expiresAt.getTime() > license.expiresAt)) {
        await repository.updateLicense(transaction.connection, id, { expires_at: expiresAt }, now);
        await changed(transaction, id);
      }
      await audit(transaction, 'license.renewed', id, { from: license.expiresAt, to: expiresAt });
      return reread(transaction, id);
    },

    /** Withholds access until the vendor gives it back. */
    async suspend(transaction: Transaction, id: string, reason: string | null): Promise<LicenseRecord> {
      const effectiveAt = clock.now().getTime();
      const license = await setHold(transaction, id, { cause: 'admin', effect: 'suspend', effectiveAt, reason });
      await audit(transaction, 'license.suspended', id, { cause: 'admin', reason });
      return license;
    },

    /** Takes the licence back for good (as far as `cause` goes: lifting it needs `reinstate`). */
    async revoke(
      transaction: Transaction,
      id: string,
      reason: string | null,
      cause: HoldCause = 'admin',
    ): Promise<LicenseRecord> {
      const effectiveAt = clock.now().getTime();
      const license = await setHold(transaction, id, { cause, effect: 'revoke', effectiveAt, reason });
      await audit(transaction, 'license.revoked', id, { cause, reason });
      return license;
    },

    /** Lifts what the vendor imposed; what a payment or a cancellation took stays taken. */
    async reinstate(transaction: Transaction, id: string): Promise<LicenseRecord> {
      const license = await locked(transaction, id);
      if (!license.holds.some((hold) => hold.cause === 'admin')) {
        throw new LatchkeyError('license_state_conflict', 'The vendor did not suspend or revoke this licence.');
      }
      await repository.removeHold(transaction.connection, id, 'admin');
      await repository.updateLicense(transaction.connection, id, {}, clock.now());
      await audit(transaction, 'license.reinstated', id, { cause: 'admin' });
      await changed(transaction, id);
      return reread(transaction, id);
    },

    /**
     * Makes a licence follow its subscription: what covers it, and the plan it is of (null: as it is). Applying the same twice
     * changes nothing. `paidBefore` is how far was paid before: a licence that ends there may end earlier now. `quantity` is how many of
     * the plan were, and are, paid for.
     */
    async cover(
      transaction: Transaction,
      id: string,
      coverage: LicenseCoverage,
      { plan = null, paidBefore = null, quantity = ONE }: FollowedSubscription = {},
    ): Promise<LicenseRecord> {
      const license = await locked(transaction, id);
      const holds = await coverHolds(transaction, license, coverage);
      const wanted = coverage.fallBackTo ?? plan ?? license.plan;
      const expiresAt = coveredUntil(license, coverage, paidBefore);
      const isMoved = expiresAt !== license.expiresAt;
      const machines = machinesOf(license, wanted, quantity);
      const isAsBefore = wanted === license.plan && machines === license.maxMachines;
      const same = isAsBefore && !isMoved && license.coverage === coverage.coverage && !holds;
      if (same) return license;
      await repository.updateLicense(
        transaction.connection,
        id,
        {
          coverage: coverage.coverage,
          ...(isMoved ? { expires_at: expiresAt === null ? null : new Date(expiresAt) } : {}),
          ...(isAsBefore ? {} : { plan: wanted, max_machines: machines }),
        },
        clock.now(),
      );
      if (isMoved) {
        const isShorter = expiresAt !== null && license.expiresAt !== null && expiresAt < license.expiresAt;
        const action = isShorter ? 'license.shortened' : 'license.renewed';
        await audit(transaction, action, id, { from: license.expiresAt, to: expiresAt });
      }
      if (wanted !== license.plan)
        await audit(transaction, 'license.plan_changed', id, { from: license.plan, to: wanted });
      else if (machines !== license.maxMachines)
        await audit(transaction, 'license.machines_changed', id, { from: license.maxMachines, to: machines });
      await changed(transaction, id);
      return reread(transaction, id);
    },

    /** Ties a licence to a subscription and its customer. */
    attach,

    /** Ties the licence that was imported for this subscription of Stripe's to it; null when there is none. */
    async adoptImported(transaction: Transaction, reference: string, links: SubscriptionLinks) {
      const id = await findImported(transaction.connection, reference);
      if (id === null) return null;
      await attach(transaction, id, links);
      await audit(transaction, 'license.adopted', id, { subscription: links.subscriptionId });
      return reread(transaction, id);
    },

    /** Gives the licence to another customer. The machines of the one before are released: they are not the new owner's. */
    async transfer(transaction: Transaction, id: string, customerId: string): Promise<LicenseRecord> {
      const license = await locked(transaction, id);
      const now = clock.now();
      await repository.updateLicense(transaction.connection, id, { customer_id: customerId }, now);
      const freed = await releaseSeats(transaction.connection, id, 'all', 'transfer', now);
      await audit(transaction, 'license.transferred', id, {
        from: license.customerId,
        to: customerId,
        machines: freed.length,
      });
      await changed(transaction, id);
      return reread(transaction, id);
    },

    /** The key, for the first caller; null for everybody after. */
    async revealOnce(transaction: Transaction, id: string): Promise<string | null> {
      const first = await repository.markRevealed(transaction.connection, id, clock.now());
      if (!first) return null;
      const sealed = await repository.readSealedKey(transaction.connection, id);
      return sealed === null ? null : keys.open(id, sealed);
    },
  };

  /** A licence of another plan, or of more of one, has the machines of that, unless it was given a number of its own. */
  function machinesOf(license: LicenseRecord, planId: string, quantity: { before: number; now: number }): number {
    const before = findOffer(catalog, license.product, license.plan)?.plan ?? null;
    const after = planId === license.plan ? before : offer(catalog, license.product, planId).plan;
    const isUsual = before !== null && license.maxMachines === machinesFor(before, quantity.before);
    return isUsual && after !== null ? machinesFor(after, quantity.now) : license.maxMachines;
  }

  /** Brings the holds of payment and cancellation to what they must be; true when something changed. */
  async function coverHolds(
    transaction: Transaction,
    license: LicenseRecord,
    coverage: LicenseCoverage,
  ): Promise<boolean> {
    let any = false;
    for (const cause of ['payment', 'cancel'] as const) {
      const wanted = coverage[cause];
      const stands = license.holds.find((hold) => hold.cause === cause);
      if (wanted === null) {
        if (stands === undefined) continue;
        await repository.removeHold(transaction.connection, license.id, cause);
        await audit(transaction, 'license.hold_lifted', license.id, { cause });
      } else {
        if (stands !== undefined && saysTheSame(stands, wanted, clock.now().getTime())) continue;
        await repository.putHold(transaction.connection, license.id, { cause, ...wanted });
        await audit(transaction, 'license.hold_placed', license.id, { cause, ...wanted });
      }
      any = true;
    }
    return any;
  }
}

/** A hold that bites already keeps the moment it began; one that lies ahead must lie at the same moment. */
function saysTheSame(stands: Hold, wanted: Pick<Hold, 'effect' | 'effectiveAt'>, now: number): boolean {
  if (stands.effect !== wanted.effect) return false;
  return stands.effectiveAt === wanted.effectiveAt || (stands.effectiveAt <= now && wanted.effectiveAt <= now);
}

/**
 * Until when the licence runs under this coverage, without an end once it has fallen back. Less than it did only where its end is
 * what had been paid for before: an end that the vendor gave it stays.
 */
function coveredUntil(
  license: LicenseRecord,
  { expiresAt, fallBackTo }: LicenseCoverage,
  paidBefore: number | null,
): number | null {
  if (fallBackTo !== null || license.expiresAt === null) return null;
  if (expiresAt === null) return license.expiresAt;
  return license.expiresAt === paidBefore ? expiresAt : Math.max(expiresAt, license.expiresAt);
}
