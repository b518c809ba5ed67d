/** The SQL of licence files, and of what the revocation list names. */

import type { Hold } from '@latchkey/core';
import type { Insertable } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { LicenseFilesTable } from '../../db/schema.ts';

/** Remembers that a file is out there, and forgets those of the same licence that ended before `endedBefore`. */
export async function insertFile(
  connection: Connection,
  file: Insertable<LicenseFilesTable>,
  endedBefore: Date,
): Promise<void> {
  await connection
    .deleteFrom('license_files')
    .where('license_id', '=', file.license_id)
    .where('expires_at', '<', endedBefore)
    .execute();
  await connection.insertInto('license_files').values(file).execute();
}

export interface WithheldRow extends Pick<Hold, 'cause' | 'effect' | 'effectiveAt'> {
  licenseId: string;
}

/**
 * The holds that bite at `now` on licences which work without the server: those with a file that has not ended before `endedBefore`,
 * and those whose key itself can be verified. The newest first.
 */
export async function selectWithheld(
  connection: Connection,
  { now, endedBefore, limit }: { now: Date; endedBefore: Date; limit: number },
): Promise<WithheldRow[]> {
  const rows = await connection
    .selectFrom('license_holds')
    .innerJoin('licenses', 'licenses.id', 'license_holds.license_id')
    .select(['license_holds.license_id', 'license_holds.cause', 'license_holds.effect', 'license_holds.effective_at'])
    .where('license_holds.effective_at', '<=', now)
    .where((expression) =>
      expression.or([
        expression('licenses.scheme', '=', 'signed'),
        expression.exists(
          expression
            .selectFrom('license_files')
            .select('license_files.id')
            .whereRef('license_files.license_id', '=', 'licenses.id')
            .where((file) => file.or([file('expires_at', 'is', null), file('expires_at', '>=', endedBefore)])),
        ),
      ]),
    )
    .orderBy('license_holds.effective_at', 'desc')
    .orderBy('license_holds.license_id')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    licenseId: row.license_id,
    cause: row.cause,
    effect: row.effect,
    effectiveAt: row.effective_at.getTime(),
  }));
}
