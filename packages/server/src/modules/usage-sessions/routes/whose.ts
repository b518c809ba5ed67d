import { LatchkeyError } from '@latchkey/core';
import { assertAccess, maySee } from '../../../http/authentication.ts';
import type { Access, HttpRequest } from '../../../http/types.ts';
import type { LicenseReader, LicenseRecord } from '../../licenses/index.ts';

export interface LicenseSource {
  licenseReader: Pick<LicenseReader, 'find' | 'findByKey'>;
}

/** How a caller names the licence. */
interface Named {
  license_key?: string | undefined;
  license_id?: string | undefined;
}

/**
 * The licence that a call is about: by its key, for whoever holds it, or by its id, for whoever may see it. What they may not see is
 * answered as if it did not exist.
 */
export async function licenseOf(
  request: HttpRequest,
  named: Named,
  access: Access,
  { licenseReader }: LicenseSource,
): Promise<LicenseRecord> {
  const key = keyOf(request, named);
  if (key !== undefined && named.license_id !== undefined) {
    throw new LatchkeyError('invalid_request', 'Name the licence once.', { path: 'license_id' });
  }
  if (key !== undefined) {
    request.assertKeyChecksAllowed(key);
    const license = await licenseReader.findByKey(key);
    if (license !== null) return license;
    request.countFailure(key);
    throw missing('license_key', 'There is no licence under this key.');
  }
  if (request.identityError !== null) throw request.identityError;
  assertAccess(access, request.principal);
  if (named.license_id === undefined) {
    throw new LatchkeyError('invalid_request', 'Name the licence by its key or its id.', { path: 'license_key' });
  }
  const license = await licenseReader.find(named.license_id);
  if (license !== null && maySee(request.principal, license.customerId)) return license;
  throw missing('license_id', 'There is no such licence.');
}

/** Whether a call shows a key: in the body or address, or in the header. */
export function keyOf(request: HttpRequest, { license_key }: Named): string | undefined {
  const header = request.headers['x-license-key'];
  return license_key ?? (typeof header === 'string' && header !== '' ? header : undefined);
}

function missing(path: string, detail: string): LatchkeyError {
  return new LatchkeyError('resource_missing', detail, { path });
}
