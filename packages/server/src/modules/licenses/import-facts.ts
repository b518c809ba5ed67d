import type { LicenseStatus } from '@latchkey/core';
import { normalizeEmail } from '../customers/index.ts';
import type { KnownLicense } from './import-repository.ts';
import type { ImportRow } from './import-schemas.ts';
import type { LicenseRecord } from './record.ts';

/**
 * The fields in which a row says something else than the licence that is here. What the row leaves out is no difference,
 * nor is what people did with the licence since: machines that came or went, a term that its first use began.
 */
export function differingFields(row: ImportRow, plan: string, license: KnownLicense, now: Date): string[] {
  const reference = referenceOf(license);
  const differs: [string, boolean][] = [
    ['product', row.product !== license.product],
    ['plan', plan !== license.plan],
    ['reference', row.reference !== undefined && row.reference !== reference],
    ...ownerDifferences(row, license.owner),
    ['starts_at', row.starts_at !== undefined && Date.parse(row.starts_at) !== license.startsAt],
    ['expires_at', row.expires_at !== undefined && instantOf(row.expires_at) !== license.expiresAt],
    ['max_machines', row.max_machines !== undefined && row.max_machines !== license.maxMachines],
    ['status', row.status !== undefined && !isStatus(row.status, license, now)],
    ['metadata', row.metadata !== undefined && !sameEntries(row.metadata, license.metadata)],
    ['machines', (row.machines ?? []).some(({ fingerprint }) => !license.machines.includes(fingerprint))],
  ];
  return differs.flatMap(([field, different]) => (different ? [field] : []));
}

/** Only what decides whose the licence is: an address that is not the customer's own one was never taken over. */
function ownerDifferences(row: ImportRow, owner: KnownLicense['owner']): [string, boolean][] {
  if (row.stripe_customer_id !== undefined) {
    return [['stripe_customer_id', row.stripe_customer_id !== owner.stripe_customer_id]];
  }
  if (row.customer_external_id !== undefined) {
    return [['customer_external_id', row.customer_external_id !== owner.external_id]];
  }
  if (row.email === undefined) return [];
  return [['email', normalizeEmail(row.email) !== owner.email_normalized]];
}

function isStatus(status: LicenseStatus, { status: current, expiresAt }: KnownLicense, now: Date): boolean {
  if (status === 'suspended' || status === 'revoked') return current === status;
  if (current === 'suspended' || current === 'revoked') return false;
  return status !== 'expired' || (expiresAt !== null && expiresAt <= now.getTime());
}

function sameEntries(left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}

function instantOf(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}

const BY_REFERENCE = 'ref';

/** What brings an imported licence into being, once: the vendor's own name for it, or else its key. */
export function originOf(product: string, named: { reference: string } | { keyIndex: Uint8Array }): string {
  return 'reference' in named
    ? `import:${product}:${BY_REFERENCE}:${named.reference}`
    : `import:${product}:key:${Buffer.from(named.keyIndex).toString('hex')}`;
}

/** The vendor's own name of an imported licence; null where it has none. */
export function referenceOf({ origin, product }: Pick<LicenseRecord, 'origin' | 'product'>): string | null {
  const prefix = `import:${product}:${BY_REFERENCE}:`;
  return origin.startsWith(prefix) ? origin.slice(prefix.length) : null;
}
