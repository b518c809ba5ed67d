import { type Catalog, LatchkeyError } from '@latchkey/core';
import type { Connection, Transaction } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import type { LicenseChanges } from './changes.ts';
import type { createMachines } from './machines.ts';
import * as repository from './reactivation-repository.ts';
import type { LicenseRecord } from './record.ts';
import { releaseSeats } from './seats-repository.ts';

export interface ReactivationsOptions {
  catalog: Catalog;
  clock: Clock;
  changes: LicenseChanges;
  machines: Pick<ReturnType<typeof createMachines>, 'takeSeat'>;
}

export interface DecidedReactivation {
  request: repository.ReactivationRequest;
  license: LicenseRecord;
  /** Fingerprints of the machines that went out for it. */
  released: string[];
}

/** Machines that were refused for want of a seat and asked the vendor to be let in. */
export function createReactivations({ clock, changes, machines }: ReactivationsOptions) {
  const { audit, changed, locked, reread } = changes;

  async function pending(transaction: Transaction, id: string) {
    const asked = await repository.findRequest(transaction.connection, id);
    if (asked === null) throw missing(id);
    // Whoever decides at the same time waits here, and then finds what was decided.
    const license = await locked(transaction, asked.licenseId);
    const request = await repository.findRequest(transaction.connection, id);
    if (request?.status !== 'pending') {
      throw new LatchkeyError('license_state_conflict', `This request was ${request?.status ?? 'withdrawn'} already.`);
    }
    return { request, license };
  }

  async function decide(
    transaction: Transaction,
    request: repository.ReactivationRequest,
    status: 'approved' | 'denied',
    reason: string | null,
  ): Promise<repository.ReactivationRequest> {
    const by = transaction.actor.id ?? transaction.actor.type;
    await repository.decideRequest(transaction.connection, request.id, { status, reason, by, at: clock.now() });
    const decided = await repository.findRequest(transaction.connection, request.id);
    if (decided === null) throw missing(request.id);
    return decided;
  }

  return {
    /**
     * Lets the machine in: the named machine goes out for it, or else the one that was activated first, unless a seat is free.
     * The new machine has its seat from here on, so that the old one cannot take it back in between.
     */
    async approve(
      transaction: Transaction,
      id: string,
      options: { release?: string | undefined; reason?: string | undefined } = {},
    ): Promise<DecidedReactivation> {
      const { request, license } = await pending(transaction, id);
      const released = await makeRoom(transaction, license, options.release);
      const { fingerprint, name, components } = request;
      if ((await machines.takeSeat(transaction, license, { fingerprint, name, components })) === 'active_elsewhere') {
        throw new LatchkeyError(
          'license_state_conflict',
          'This machine is active already, on this licence or another.',
        );
      }
      const decided = await decide(transaction, request, 'approved', options.reason ?? null);
      await audit(transaction, 'license.reactivation_approved', license.id, { request: id, fingerprint, released });
      await changed(transaction, license.id);
      return { request: decided, license: await reread(transaction, license.id), released };
    },

    /** Leaves everything as it is. The machine may ask again. */
    async deny(transaction: Transaction, id: string, reason: string | null): Promise<DecidedReactivation> {
      const { request, license } = await pending(transaction, id);
      const decided = await decide(transaction, request, 'denied', reason);
      const { fingerprint } = request;
      await audit(transaction, 'license.reactivation_denied', license.id, { request: id, fingerprint, reason });
      return { request: decided, license, released: [] };
    },

    async get(connection: Connection, id: string): Promise<repository.ReactivationRequest> {
      const request = await repository.findRequest(connection, id);
      if (request === null) throw missing(id);
      return request;
    },

    list: repository.listRequests,
  };

  async function makeRoom(transaction: Transaction, license: LicenseRecord, activationId: string | undefined) {
    const isFull = license.maxMachines !== -1 && license.machinesUsed >= license.maxMachines;
    if (activationId === undefined && !isFull) return [];
    const leaving = activationId ?? license.activations[0]?.id;
    if (leaving === undefined) {
      throw new LatchkeyError('license_state_conflict', 'The licence allows no machine; raise its max_machines first.');
    }
    const which = { activationId: leaving };
    const released = await releaseSeats(transaction.connection, license.id, which, 'reactivation', clock.now());
    if (released.length === 1) return released;
    throw new LatchkeyError('resource_missing', `The licence has no live machine ${leaving}.`, { path: 'release' });
  }
}

function missing(id: string): LatchkeyError {
  return new LatchkeyError('resource_missing', `There is no reactivation request ${id}.`);
}
