import {
  type Catalog,
  type Decision,
  decidingHold,
  type Hold,
  type HoldCause,
  LatchkeyError,
  type LicenseCoverage,
  planActivation,
  refuseUnknownKey,
} from '@latchkey/core';
import type { Database, Transaction } from '../../db/database.ts';
import type { Clock, Ids, Randomness } from '../../ports.ts';
import { createIssuing, type IssuedLicense, type IssueLicense } from './issuing.ts';
import type { KeyKeeper } from './keys.ts';
import { offer, termEnd } from './offer.ts';
import { type Activation, type LicenseRecord, toSnapshot } from './record.ts';
import * as repository from './repository.ts';
import type { LicenseSnapshots } from './snapshots.ts';

/** An entry for the audit log; keys never go in. */
export interface LicenseAuditEntry {
  action: `license.${string}`;
  subjectType: 'license';
  subjectId: string;
  detail?: Record<string, unknown>;
}

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

export interface MachineInput {
  fingerprint: string;
  name?: string | undefined;
  components?: Record<string, string> | undefined;
}

export interface ActivationAnswer {
  decision: Decision;
  license: LicenseRecord | null;
  activation: Activation | null;
}

export type LicenseService = ReturnType<typeof createLicenseService>;

/** Everything that changes a licence. Each method runs in the caller's transaction and never commits it. */
export function createLicenseService(options: LicenseServiceOptions) {
  const { catalog, keys, snapshots, clock, ids, record } = options;

  /** Every change ends here: the version other processes cached is dropped with the commit, ours before the answer. */
  async function changed(transaction: Transaction, id: string): Promise<void> {
    transaction.afterCommit(() => snapshots.drop(id));
    await transaction.notify('latchkey_license', id);
  }

  async function locked(transaction: Transaction, id: string): Promise<LicenseRecord> {
    await repository.lockLicense(transaction.connection, id);
    const license = await repository.findById(transaction.connection, id);
    if (license === null) throw missing(id);
    return license;
  }

  async function reread(transaction: Transaction, id: string): Promise<LicenseRecord> {
    const license = await repository.findById(transaction.connection, id);
    if (license === null) throw missing(id);
    return license;
  }

  async function audit(
    transaction: Transaction,
    action: LicenseAuditEntry['action'],
    subjectId: string,
    detail: Record<string, unknown> = {},
  ): Promise<void> {
    await record(transaction, { action, subjectType: 'license', subjectId, detail });
  }

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

  return {
    /** Issues a licence; null when its origin already has one. */
    issueOnce,

    /** Issues a licence; `license_state_conflict` when its origin already has one. */
    async issue(transaction: Transaction, input: IssueLicense): Promise<IssuedLicense> {
      const issued = await issueOnce(transaction, input);
      if (issued !== null) return issued;
      throw new LatchkeyError('license_state_conflict', 'A licence was already issued for this.');
    },

    /** Activates a machine: the decision, and the activation it holds afterwards. The same machine again gets the same one. */
    async activate(
      transaction: Transaction,
      input: { key: string; machine: MachineInput; product?: string | undefined },
    ): Promise<ActivationAnswer> {
      const found = await findByKey(transaction, input.key);
      if ('refusal' in found) return { decision: found.refusal, license: null, activation: null };
      const license = await locked(transaction, found.license.id);
      const { fingerprint } = input.machine;
      const plan = planActivation(
        toSnapshot(license, catalog),
        fingerprint,
        { product: input.product },
        clock.now().getTime(),
      );
      if (plan.outcome === 'refuse') {
        await audit(transaction, 'license.activation_refused', license.id, { fingerprint, code: plan.decision.code });
        return { decision: plan.decision, license, activation: null };
      }
      if (plan.outcome === 'activate') {
        const seat = await repository.takeSeat(transaction.connection, {
          id: ids.next('act'),
          licenseId: license.id,
          fingerprint,
          name: input.machine.name ?? null,
          components: JSON.stringify(input.machine.components ?? {}),
          at: clock.now(),
        });
        if (!seat) throw new LatchkeyError('conflict', 'The last seat was taken at this moment. Try again.');
        await audit(transaction, 'license.activated', license.id, { fingerprint });
        await changed(transaction, license.id);
      }
      const after = await reread(transaction, license.id);
      const activation = after.activations.find((candidate) => candidate.fingerprint === fingerprint) ?? null;
      return { decision: plan.decision, license: after, activation };
    },

    /** Gives a machine's seat back, or all seats where no machine is named. Nothing to give back is a decision too. */
    async deactivate(
      transaction: Transaction,
      input: { key: string; fingerprint: string | null },
    ): Promise<ActivationAnswer> {
      const found = await findByKey(transaction, input.key);
      if ('refusal' in found) return { decision: found.refusal, license: null, activation: null };
      const license = await locked(transaction, found.license.id);
      const freed = await repository.releaseSeats(transaction.connection, license.id, input.fingerprint, clock.now());
      if (freed === 0) return { decision: notActivated(), license, activation: null };
      await audit(transaction, 'license.deactivated', license.id, { fingerprint: input.fingerprint, machines: freed });
      await changed(transaction, license.id);
      return { decision: released(freed), license: await reread(transaction, license.id), activation: null };
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

    /** Makes a licence follow its subscription. Applying the same coverage twice changes nothing. */
    async cover(transaction: Transaction, id: string, coverage: LicenseCoverage): Promise<LicenseRecord> {
      const license = await locked(transaction, id);
      const holds = await coverHolds(transaction, license, coverage);
      const longer =
        coverage.expiresAt !== null && license.expiresAt !== null && coverage.expiresAt > license.expiresAt;
      if (!longer && license.coverage === coverage.coverage && !holds) return license;
      await repository.updateLicense(
        transaction.connection,
        id,
        {
          coverage: coverage.coverage,
          ...(longer && coverage.expiresAt !== null ? { expires_at: new Date(coverage.expiresAt) } : {}),
        },
        clock.now(),
      );
      if (longer) {
        await audit(transaction, 'license.renewed', id, { from: license.expiresAt, to: coverage.expiresAt });
      }
      await changed(transaction, id);
      return reread(transaction, id);
    },

    /** Ties a licence to a subscription and its customer. */
    async attach(
      transaction: Transaction,
      id: string,
      links: { subscriptionId: string; customerId: string | null },
    ): Promise<void> {
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
    },

    /** Gives the licence to another customer. The machines of the one before are released: they are not the new owner's. */
    async transfer(transaction: Transaction, id: string, customerId: string): Promise<LicenseRecord> {
      const license = await locked(transaction, id);
      const now = clock.now();
      await repository.updateLicense(transaction.connection, id, { customer_id: customerId }, now);
      const machines = await repository.releaseSeats(transaction.connection, id, null, now);
      await audit(transaction, 'license.transferred', id, { from: license.customerId, to: customerId, machines });
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

  async function findByKey(
    transaction: Transaction,
    text: string,
  ): Promise<{ license: LicenseRecord } | { refusal: Decision }> {
    const key = keys.canonical(text);
    const license = await repository.findByKeyIndex(transaction.connection, keys.indexes(key));
    return license === null ? { refusal: refuseUnknownKey(keys.classify(key)) } : { license };
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

function renewedEnd(license: LicenseRecord, catalog: Catalog, now: Date): Date | null {
  if (license.expiresAt === null) return null;
  const { plan } = offer(catalog, license.product, license.plan);
  const from = plan.license.renewalBasis === 'now' ? now.getTime() : Math.max(now.getTime(), license.expiresAt);
  return termEnd(plan.license.termDays, new Date(from));
}

function missing(id: string): LatchkeyError {
  return new LatchkeyError('resource_missing', `There is no licence ${id}.`);
}

function notActivated(): Decision {
  const detail = 'This machine is not activated on the licence.';
  return {
    valid: false,
    code: 'MACHINE_NOT_ACTIVATED',
    detail,
    because: [{ rule: 'machine', passed: false, detail }],
  };
}

function released(machines: number): Decision {
  const detail = machines === 1 ? 'The machine was released.' : `${machines} machines were released.`;
  return { valid: true, code: 'VALID', detail, because: [{ rule: 'machine', passed: true, detail }] };
}
