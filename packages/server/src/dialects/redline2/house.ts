import { type Balance, LatchkeyError, type Meter, type Product } from '@latchkey/core';
import type { HttpRequest } from '../../http/index.ts';
import type { CustomerService } from '../../modules/customers/index.ts';
import type { Ledger, MeteredAccount } from '../../modules/ledger/index.ts';
import {
  assertNoGuess,
  type LicenseReader,
  type LicenseRecord,
  type LicenseService,
} from '../../modules/licenses/index.ts';
import type { Ids } from '../../ports.ts';

/** What of the house this dialect needs to keep hours. */
export interface HoursHouse {
  product: Product;
  ids: Ids;
  customers: Pick<CustomerService, 'ensure' | 'find'>;
  licenses: Pick<LicenseService, 'issue'>;
  licenseReader: Pick<LicenseReader, 'find' | 'findByKey' | 'keyOf' | 'lastAskedFrom' | 'status' | 'validate'>;
  ledger: Pick<Ledger, 'account' | 'balances' | 'consume' | 'grant' | 'statement'>;
}

/** The meter that the product's hours are counted by. */
export function hoursMeter({ id, timedUse, meters }: Product): Meter {
  const meter = meters.find((one) => one.id === timedUse?.meter) ?? meters.find(({ kind }) => kind === 'time');
  if (meter !== undefined) return meter;
  throw new LatchkeyError('meter_unknown', `The product ${id} has no meter of hours.`);
}

/** The account of a licence's hours. */
export function hoursAccount({ id }: Pick<LicenseRecord, 'id'>, { product, ledger }: HoursHouse): MeteredAccount {
  return ledger.account({ owner: { licenseId: id }, product: product.id }, hoursMeter(product).id);
}

export async function balanceOf(license: Pick<LicenseRecord, 'id'>, house: HoursHouse): Promise<Balance> {
  const [found] = await house.ledger.balances([hoursAccount(license, house)]);
  if (found === undefined) throw new LatchkeyError('internal', 'An account was left without a balance.');
  return found.account.balance;
}

/** The licence of this product behind a key. Throws `resource_missing`; wrong keys count against whoever sends many. */
export async function licenseByKey(
  request: HttpRequest,
  key: string,
  { product, licenseReader }: Pick<HoursHouse, 'product' | 'licenseReader'>,
): Promise<LicenseRecord> {
  assertNoGuess(request, licenseReader, key);
  const license = await licenseReader.findByKey(key);
  if (license !== null && license.product === product.id) return license;
  request.countFailure(key);
  throw new LatchkeyError('resource_missing', 'License not found', { path: 'license_key' });
}
