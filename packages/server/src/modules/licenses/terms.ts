import type { Catalog } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { LicenseChanges } from './changes.ts';
import { termEnd } from './offer.ts';
import { policyOf } from './policy.ts';
import type { LicenseRecord } from './record.ts';
import * as repository from './repository.ts';

/** Lets the term of a locked licence run from now on, if it waited for its first use. */
export async function beginTerm(
  transaction: Transaction,
  license: LicenseRecord,
  { catalog, now, changes }: { catalog: Catalog; now: Date; changes: LicenseChanges },
): Promise<void> {
  if (license.termBeginsWith === null) return;
  const expiresAt = termEnd(policyOf(catalog, license).termDays, now);
  await repository.updateLicense(
    transaction.connection,
    license.id,
    { term_begins_with: null, expires_at: expiresAt },
    now,
  );
  await changes.audit(transaction, 'license.term_begun', license.id, {
    with: license.termBeginsWith,
    expires_at: expiresAt,
  });
  await changes.changed(transaction, license.id);
}

/** When a renewal from now on ends; null for a licence without an end. */
export function renewedEnd(license: LicenseRecord, catalog: Catalog, now: Date): Date | null {
  if (license.expiresAt === null) return null;
  const { renewalBasis, termDays } = policyOf(catalog, license);
  const from = renewalBasis === 'now' ? now.getTime() : Math.max(now.getTime(), license.expiresAt);
  return termEnd(termDays, new Date(from));
}
