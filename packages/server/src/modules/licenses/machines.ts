import {
  type Catalog,
  type Decision,
  dayMs,
  digestComponents,
  LatchkeyError,
  type LicensePolicy,
  type MachineComponents,
  planActivation,
  refuseSecondHome,
} from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { Clock, Ids } from '../../ports.ts';
import { nodeCryptography } from '../../security/cryptography.ts';
import type { LicenseChanges } from './changes.ts';
import { findByKey } from './finding.ts';
import type { KeyKeeper } from './keys.ts';
import { policyOf, toSnapshot } from './policy.ts';
import { askForMachine } from './reactivation-repository.ts';
import type { Activation, LicenseRecord } from './record.ts';
import * as seats from './seats-repository.ts';
import { beginTerm } from './terms.ts';

export interface MachineInput {
  fingerprint: string;
  name?: string | undefined;
  /** Parts of the machine by name, in clear; they are kept as digests. */
  components?: Record<string, string> | undefined;
}

export interface ActivationAnswer {
  decision: Decision;
  license: LicenseRecord | null;
  activation: Activation | null;
  /** The request that the vendor may approve, where the machine was one too many and the plan lets it ask. */
  reactivationRequestId: string | null;
}

/** What became of a machine that its owner wanted to free without the vendor. */
export interface OwnerRelease {
  released: boolean;
  /** For people: what was done, or why it was not. */
  detail: string;
}

export interface MachinesOptions {
  catalog: Catalog;
  keys: KeyKeeper;
  clock: Clock;
  ids: Ids;
  changes: LicenseChanges;
}

/** A machine as it is stored with a licence and compared with those that are. */
interface Machine {
  fingerprint: string;
  name: string | null;
  /** As digests. */
  components: MachineComponents;
}

/** Machines of a licence: activated, recognized, deactivated. */
export function createMachines({ catalog, keys, clock, ids, changes }: MachinesOptions) {
  const { audit, changed, locked, reread } = changes;

  /** Writes what a machine that has its seat is called today, so that it is known tomorrow by what it is now. */
  async function recognize(transaction: Transaction, license: LicenseRecord, known: string, machine: Machine) {
    const activation = license.activations.find((candidate) => candidate.fingerprint === known);
    if (activation === undefined) return;
    const tells = Object.keys(machine.components).length > 0;
    const components = tells ? machine.components : activation.components;
    if (activation.fingerprint === machine.fingerprint && sameComponents(activation.components, components)) return;
    const uniqueness = uniquenessOf(license, policyOf(catalog, license));
    const activationId = activation.id;
    const { fingerprint } = machine;
    if (await seats.renameMachine(transaction.connection, { activationId, fingerprint, components, uniqueness })) {
      await audit(transaction, 'license.machine_recognized', license.id, { fingerprint, known_as: known });
      await changed(transaction, license.id);
    }
  }

  async function takeSeat(transaction: Transaction, license: LicenseRecord, machine: Machine) {
    const policy = policyOf(catalog, license);
    const taking = await seats.takeSeat(transaction.connection, {
      id: ids.next('act'),
      licenseId: license.id,
      ...machine,
      uniqueness: uniquenessOf(license, policy),
      at: clock.now(),
    });
    if (taking === 'none_free')
      throw new LatchkeyError('conflict', 'The last seat was taken at this moment. Try again.');
    return taking;
  }

  /** Every refusal is written down; where the plan says so, so is the wish. */
  async function refuse(
    transaction: Transaction,
    { license, machine, decision }: { license: LicenseRecord; machine: Machine; decision: Decision },
  ): Promise<ActivationAnswer> {
    const { fingerprint } = machine;
    const mayAsk = decision.code === 'TOO_MANY_MACHINES' && policyOf(catalog, license).whenMachinesFull === 'request';
    const wish = { id: ids.next('rea'), licenseId: license.id, ...machine, at: clock.now() };
    const asked = mayAsk ? await askForMachine(transaction.connection, wish) : null;
    await audit(transaction, 'license.activation_refused', license.id, {
      fingerprint,
      code: decision.code,
      reason: decision.detail,
      ...(asked === null ? {} : { reactivation_request: asked.id }),
    });
    return { decision, license, activation: null, reactivationRequestId: asked?.id ?? null };
  }

  return {
    takeSeat,

    /** Frees a machine for the vendor; `resource_missing` when the licence has no such live machine. */
    async release(transaction: Transaction, licenseId: string, activationId: string): Promise<LicenseRecord> {
      await locked(transaction, licenseId);
      const which = { activationId };
      const freed = await seats.releaseSeats(transaction.connection, licenseId, which, 'vendor', clock.now());
      const [fingerprint] = freed;
      if (fingerprint === undefined) {
        throw new LatchkeyError('resource_missing', `The licence has no live machine ${activationId}.`, {
          path: 'machine',
        });
      }
      await audit(transaction, 'license.machine_released', licenseId, { fingerprint, by: 'vendor' });
      await changed(transaction, licenseId);
      return reread(transaction, licenseId);
    },

    /** Frees a machine for an owner who proved to be it by mail, as often as the plan's `owner_release` allows. */
    async releaseAsOwner(transaction: Transaction, licenseId: string, activationId: string): Promise<OwnerRelease> {
      const license = await locked(transaction, licenseId);
      const { max, days } = policyOf(catalog, license).ownerRelease;
      const now = clock.now();
      const since = new Date(now.getTime() - days * dayMs);
      if ((await seats.countOwnerReleases(transaction.connection, licenseId, since)) >= max) {
        await audit(transaction, 'license.release_refused', licenseId, { activation: activationId, max, days });
        return { released: false, detail: tooManyReleases(max, days) };
      }
      const freed = await seats.releaseSeats(transaction.connection, licenseId, { activationId }, 'owner', now);
      const [fingerprint] = freed;
      if (fingerprint === undefined) return { released: false, detail: 'This machine is not active any more.' };
      await audit(transaction, 'license.machine_released', licenseId, { fingerprint, by: 'owner' });
      await changed(transaction, licenseId);
      return { released: true, detail: 'The machine was released. Its seat is free for another.' };
    },

    /** Activates a machine: the decision, and the activation it holds afterwards. The same machine again gets the same one. */
    async activate(
      transaction: Transaction,
      input: { key: string; machine: MachineInput; product?: string | undefined },
    ): Promise<ActivationAnswer> {
      const found = await findByKey(transaction, keys, input.key);
      if ('refusal' in found) return unknownKey(transaction, input, found.refusal);
      let license = await locked(transaction, found.license.id);
      const machine = asKept(license.id, input.machine);
      const now = clock.now();
      const plan = planActivation(toSnapshot(license, catalog), machine, { product: input.product }, now.getTime());
      if (plan.outcome === 'refuse') return refuse(transaction, { license, machine, decision: plan.decision });
      if (plan.outcome === 'already-active') await recognize(transaction, license, plan.fingerprint, machine);
      else if ((await takeSeat(transaction, license, machine)) === 'active_elsewhere') {
        const decision = refuseSecondHome(plan.decision, policyOf(catalog, license).machineUniqueness);
        return refuse(transaction, { license, machine, decision });
      } else {
        await beginTerm(transaction, license, { catalog, now, changes });
        await audit(transaction, 'license.activated', license.id, { fingerprint: machine.fingerprint });
        await changed(transaction, license.id);
      }
      license = await reread(transaction, license.id);
      const { fingerprint } = machine;
      const known = plan.outcome === 'already-active' ? plan.fingerprint : fingerprint;
      const activation =
        license.activations.find((candidate) => candidate.fingerprint === fingerprint) ??
        license.activations.find((candidate) => candidate.fingerprint === known) ??
        null;
      return { decision: plan.decision, license, activation, reactivationRequestId: null };
    },

    /** Gives a machine's seat back, or all seats where no machine is named. Nothing to give back is a decision too. */
    async deactivate(
      transaction: Transaction,
      input: { key: string; fingerprint: string | null },
    ): Promise<ActivationAnswer> {
      const found = await findByKey(transaction, keys, input.key);
      const nothing = { activation: null, reactivationRequestId: null };
      if ('refusal' in found) return { decision: found.refusal, license: null, ...nothing };
      const license = await locked(transaction, found.license.id);
      const { fingerprint } = input;
      const which = fingerprint === null ? 'all' : { fingerprint };
      const freed = await seats.releaseSeats(transaction.connection, license.id, which, 'key_holder', clock.now());
      if (freed.length === 0) {
        await audit(transaction, 'license.deactivation_refused', license.id, { fingerprint });
        return { decision: notActivated(), license, ...nothing };
      }
      await audit(transaction, 'license.deactivated', license.id, { fingerprint, machines: freed.length });
      await changed(transaction, license.id);
      return { decision: released(freed.length), license: await reread(transaction, license.id), ...nothing };
    },
  };

  async function unknownKey(
    transaction: Transaction,
    { key, machine }: { key: string; machine: MachineInput },
    decision: Decision,
  ): Promise<ActivationAnswer> {
    const { fingerprint } = machine;
    await audit(transaction, 'license.activation_refused', 'unknown', {
      fingerprint,
      code: decision.code,
      key_hint: key.trim().slice(-4),
    });
    return { decision, license: null, activation: null, reactivationRequestId: null };
  }
}

/** A presented machine with its components as digests. */
export function asKept(licenseId: string, { fingerprint, name, components }: MachineInput): Machine {
  return {
    fingerprint,
    name: name ?? null,
    components: components === undefined ? {} : digestComponents(licenseId, components, nodeCryptography),
  };
}

/** Within what a fingerprint is live once, as the database's constraint names it. */
function uniquenessOf(license: LicenseRecord, { machineUniqueness }: LicensePolicy): string {
  switch (machineUniqueness) {
    case 'license':
      return license.id;
    case 'plan':
      return `plan:${license.product}/${license.plan}`;
    case 'product':
      return `product:${license.product}`;
  }
}

function sameComponents(left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}

function tooManyReleases(max: number, days: number): string {
  if (max === 0) return 'Machines of this licence are released by the vendor only. Write to them.';
  const often = max === 1 ? 'One machine' : `${max} machines`;
  return `${often} may be released in ${days} days, and that was done. Write to the vendor to release another.`;
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
