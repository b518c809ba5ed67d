import { LatchkeyError } from '@latchkey/core';

/** Whose account it is: a licence's or a customer's own. */
export type LedgerOwner = { readonly licenseId: string } | { readonly customerId: string };

/** One account: an owner's of one meter of a product. */
export interface AccountReference {
  readonly owner: LedgerOwner;
  readonly product: string;
  readonly meter: string;
}

// Neither an id nor a name in a catalog has a slash.
const PATTERN = /^(license|customer)\/([^/]+)\/([^/]+)\/([^/]+)$/;

/** The account's id, which says all of it. */
export function accountId({ owner, product, meter }: AccountReference): string {
  const of = 'licenseId' in owner ? `license/${owner.licenseId}` : `customer/${owner.customerId}`;
  return `${of}/${product}/${meter}`;
}

/** What an account's id says. */
export function parseAccountId(id: string): AccountReference {
  const [, type, owner, product, meter] = PATTERN.exec(id) ?? [];
  if (owner === undefined || product === undefined || meter === undefined) {
    throw new LatchkeyError('internal', `"${id}" is not the id of an account of the ledger.`);
  }
  return { owner: type === 'license' ? { licenseId: owner } : { customerId: owner }, product, meter };
}
