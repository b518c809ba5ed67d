import { LatchkeyError } from '@latchkey/core';
import { assertAccess, isVendor, maySee, ownerOf } from '../../../http/authentication.ts';
import type { Access, HttpRequest } from '../../../http/types.ts';
import type { CustomerService } from '../../customers/index.ts';
import type { LicenseReader, LicenseRecord } from '../../licenses/index.ts';
import type { AccountOwner } from '../meters.ts';

/** How a caller names whose balance it is. */
export interface Named {
  license_key?: string | undefined;
  license_id?: string | undefined;
  customer_id?: string | undefined;
  product?: string | undefined;
}

/** The owner who was named, and their licence where it was one. */
export interface NamedOwner extends AccountOwner {
  readonly license: LicenseRecord | null;
}

export interface WhoseOptions {
  licenseReader: Pick<LicenseReader, 'find' | 'findByKey' | 'list'>;
  customers: Pick<CustomerService, 'get'>;
}

const READ = { scope: 'usage:read', owner: true } as const;

/**
 * The one owner that a call names, if whoever calls may see it: a key's holder its licence, a customer what is theirs, the vendor
 * everything. What they may not see is answered as if it did not exist. Null where none is named.
 */
export async function whose(
  request: HttpRequest,
  named: Named,
  options: WhoseOptions,
  access: Access = READ,
): Promise<NamedOwner | null> {
  const header = request.headers['x-license-key'];
  const license_key = named.license_key ?? (typeof header === 'string' ? header : undefined);
  const given = Object.entries({ license_key, license_id: named.license_id, customer_id: named.customer_id });
  const [first, second] = given.filter(([, value]) => value !== undefined);
  if (second !== undefined) {
    throw new LatchkeyError('invalid_request', 'Name one owner: a licence or a customer.', { path: second[0] });
  }
  if (first === undefined) return null;
  if (license_key !== undefined) return ofLicense(await byKey(request, license_key, options), named);
  if (request.identityError !== null) throw request.identityError;
  assertAccess(access, request.principal);
  if (named.license_id !== undefined) return ofLicense(await byId(request, named.license_id, options), named);
  const customer = await options.customers.get(named.customer_id ?? '').catch((error: unknown) => {
    throw isMissing(error) ? missing('customer_id', 'There is no such customer.') : error;
  });
  if (!maySee(request.principal, customer.id)) throw missing('customer_id', 'There is no such customer.');
  return { owner: { customerId: customer.id }, product: named.product, license: null };
}

/** As `whose`, where one must be named. */
export async function oneOwner(
  request: HttpRequest,
  named: Named,
  options: WhoseOptions,
  access: Access = READ,
): Promise<NamedOwner> {
  const found = await whose(request, named, options, access);
  if (found !== null) return found;
  throw new LatchkeyError('invalid_request', 'Name the licence or the customer.', { path: 'license_id' });
}

/** Licences of a customer that one call lists the balances of. */
const MOST_LICENSES = 100;

/** The ids of all that whoever calls owns: themselves, and their licences. For a call that names nobody. */
export async function ownIds(
  { principal, identityError }: HttpRequest,
  { licenseReader }: WhoseOptions,
): Promise<string[]> {
  if (identityError !== null) throw identityError;
  assertAccess(READ, principal);
  if (isVendor(principal)) {
    throw new LatchkeyError('invalid_request', 'Name the licence or the customer.', { path: 'license_id' });
  }
  const customerId = ownerOf(principal) ?? [];
  const licenses = await licenseReader.list({ customerId }, { limit: MOST_LICENSES, after: null });
  return [...customerId, ...licenses.map(({ id }) => id)];
}

async function byKey(request: HttpRequest, key: string, { licenseReader }: WhoseOptions): Promise<LicenseRecord> {
  request.assertKeyChecksAllowed(key);
  const license = await licenseReader.findByKey(key);
  if (license !== null) return license;
  request.countFailure(key);
  throw missing('license_key', 'There is no licence under this key.');
}

async function byId({ principal }: HttpRequest, id: string, { licenseReader }: WhoseOptions): Promise<LicenseRecord> {
  const license = await licenseReader.find(id);
  if (license !== null && maySee(principal, license.customerId)) return license;
  throw missing('license_id', 'There is no such licence.');
}

function ofLicense(license: LicenseRecord, named: Named): NamedOwner {
  const { id, product } = license;
  if (named.product !== undefined && named.product !== product) {
    throw new LatchkeyError('invalid_request', `The licence is of the product ${product}.`, { path: 'product' });
  }
  return { owner: { licenseId: id }, product, license };
}

function isMissing(error: unknown): boolean {
  return error instanceof LatchkeyError && error.code === 'resource_missing';
}

function missing(path: string, detail: string): LatchkeyError {
  return new LatchkeyError('resource_missing', detail, { path });
}
