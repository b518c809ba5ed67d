/** The SQL of machines: seats that are taken, given back, and counted. */

import type { MachineComponents } from '@latchkey/core';
import type { Insertable } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { ActivationsTable } from '../../db/schema.ts';

/** Live machines read with a licence at most; a licence with more is refused new ones. */
export const MOST_MACHINES = 10_000;

export interface NewSeat {
  id: string;
  licenseId: string;
  fingerprint: string;
  name: string | null;
  components: MachineComponents;
  /** Within what this fingerprint is live once. */
  uniqueness: string;
  at: Date;
}

/** What became of a machine that was to take a seat. */
export type SeatTaking = 'taken' | 'none_free' | 'active_elsewhere';

/**
 * Takes a seat for a machine, or says why not. Both limits are the database's: the count is in the update's own condition, and
 * a fingerprint is live once within its uniqueness. They hold even for a caller that decided on something stale.
 */
export async function takeSeat(connection: Connection, seat: NewSeat): Promise<SeatTaking> {
  const counted = await connection
    .updateTable('licenses')
    .set((expression) => ({
      machines_used: expression('machines_used', '+', 1),
      version: expression('version', '+', 1),
      updated_at: seat.at,
    }))
    .where('id', '=', seat.licenseId)
    .where('machines_used', '<', MOST_MACHINES)
    .where((expression) =>
      expression.or([
        expression('max_machines', '=', -1),
        expression('machines_used', '<', expression.ref('max_machines')),
      ]),
    )
    .executeTakeFirst();
  if (counted.numUpdatedRows !== 1n) return 'none_free';
  const inserted = await connection
    .insertInto('activations')
    .values(toRow(seat))
    .onConflict((conflict) =>
      conflict.columns(['uniqueness', 'fingerprint']).where('released_at', 'is', null).doNothing(),
    )
    .returning('id')
    .executeTakeFirst();
  if (inserted !== undefined) return 'taken';
  await countBack(connection, seat.licenseId, 1, seat.at);
  return 'active_elsewhere';
}

function toRow(seat: NewSeat): Insertable<ActivationsTable> {
  return {
    id: seat.id,
    license_id: seat.licenseId,
    fingerprint: seat.fingerprint,
    name: seat.name,
    components: JSON.stringify(seat.components),
    uniqueness: seat.uniqueness,
    created_at: seat.at,
    released_at: null,
    released_by: null,
  };
}

/** Which seats are to be given back: that of a machine, one by its id, or all. */
export type SeatsToRelease = { fingerprint: string } | { activationId: string } | 'all';

/** Gives seats back; the fingerprints that were freed. */
export async function releaseSeats(
  connection: Connection,
  licenseId: string,
  which: SeatsToRelease,
  by: NonNullable<ActivationsTable['released_by']>,
  now: Date,
): Promise<string[]> {
  let release = connection
    .updateTable('activations')
    .set({ released_at: now, released_by: by })
    .where('license_id', '=', licenseId)
    .where('released_at', 'is', null);
  if (which !== 'all') {
    release =
      'fingerprint' in which
        ? release.where('fingerprint', '=', which.fingerprint)
        : release.where('id', '=', which.activationId);
  }
  const freed = await release.returning('fingerprint').execute();
  if (freed.length > 0) await countBack(connection, licenseId, freed.length, now);
  return freed.map((row) => row.fingerprint);
}

async function countBack(connection: Connection, licenseId: string, seats: number, now: Date): Promise<void> {
  await connection
    .updateTable('licenses')
    .set((expression) => ({
      machines_used: expression('machines_used', '-', seats),
      version: expression('version', '+', 1),
      updated_at: now,
    }))
    .where('id', '=', licenseId)
    .execute();
}

/** Writes what a machine is called today; false, and nothing written, where its new fingerprint is live elsewhere. */
export async function renameMachine(
  connection: Connection,
  machine: { activationId: string; fingerprint: string; components: MachineComponents; uniqueness: string },
): Promise<boolean> {
  const taken = await connection
    .selectFrom('activations')
    .select('id')
    .where('uniqueness', '=', machine.uniqueness)
    .where('fingerprint', '=', machine.fingerprint)
    .where('released_at', 'is', null)
    .where('id', '!=', machine.activationId)
    .executeTakeFirst();
  if (taken !== undefined) return false;
  await connection
    .updateTable('activations')
    .set({ fingerprint: machine.fingerprint, components: JSON.stringify(machine.components) })
    .where('id', '=', machine.activationId)
    .execute();
  return true;
}

/** How many machines of a licence its owner released by link since then. */
export async function countOwnerReleases(connection: Connection, licenseId: string, since: Date): Promise<number> {
  const { released } = await connection
    .selectFrom('activations')
    .select((expression) => expression.fn.countAll<number>().as('released'))
    .where('license_id', '=', licenseId)
    .where('released_by', '=', 'owner')
    .where('released_at', '>', since)
    .executeTakeFirstOrThrow();
  return Number(released);
}
