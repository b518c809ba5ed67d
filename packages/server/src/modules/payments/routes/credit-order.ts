import { type CreditOrder, LatchkeyError } from '@latchkey/core';
import { assertAccess, maySee } from '../../../http/authentication.ts';
import type { HttpRequest } from '../../../http/types.ts';
import type { LicenseReader } from '../../licenses/index.ts';

/** How a checkout names what is bought in advance, and for which licence. */
interface Named {
  pack?: string | undefined;
  quantity?: number | string | undefined;
  meter?: string | undefined;
  license_key?: string | undefined;
  license_id?: string | undefined;
}

const THEIRS = { scope: 'payments:write', owner: true } as const;

/** What is bought in advance; undefined for a checkout of a plan. */
export function creditOrderOf({ pack, quantity, meter }: Named): CreditOrder | undefined {
  if (pack === undefined && quantity === undefined) return undefined;
  return { pack, meter, quantity: quantity === undefined ? undefined : String(quantity) };
}

/**
 * The licence that is filled: by its key, for anyone who has it, or by its id, for its owner and the vendor. Undefined where none is
 * named.
 */
export async function licenseToFill(
  request: HttpRequest,
  { license_key: key, license_id: id }: Named,
  reader: Pick<LicenseReader, 'find' | 'findByKey'>,
): Promise<string | undefined> {
  if (key !== undefined && id !== undefined) {
    throw new LatchkeyError('invalid_request', 'Name the licence once.', { path: 'license_id' });
  }
  if (id !== undefined) {
    assertAccess(THEIRS, request.principal);
    const license = await reader.find(id);
    if (license !== null && maySee(request.principal, license.customerId)) return license.id;
    throw new LatchkeyError('resource_missing', 'There is no such licence.', { path: 'license_id' });
  }
  if (key === undefined) return undefined;
  request.assertKeyChecksAllowed(key);
  const license = await reader.findByKey(key);
  if (license !== null) return license.id;
  request.countFailure(key);
  throw new LatchkeyError('resource_missing', 'There is no licence under this key.', { path: 'license_key' });
}
