import { LatchkeyError, type LedgerOutcome } from '@latchkey/core';
import { isVendor } from '../../http/authentication.ts';
import type { Http, HttpRequest } from '../../http/index.ts';
import { readQuantity } from '../../modules/ledger/index.ts';
import type { LicenseRecord } from '../../modules/licenses/index.ts';
import { balanceOf, type HoursHouse, hoursAccount, hoursMeter, licenseByKey } from './house.ts';
import { createLicenseBody, figuresAnswer, hoursBody, keyParams, licenseAnswer } from './schemas.ts';
import { figuresOf, hoursOf, maskedKey } from './to-wire.ts';

/** Licences that carry hours: made, read, filled and used. */
export function licenseRoutes(http: Http, house: HoursHouse): void {
  createRoute(http, house);
  readRoute(http, house);
  hoursRoute(http, house);
  usageRoute(http, house);
}

function createRoute(http: Http, house: HoursHouse): void {
  const { product, customers, licenses, ledger } = house;
  http.post(
    '/api/licenses',
    {
      config: { access: { scope: 'licenses:write' } },
      schema: {
        tags: [product.name],
        summary: 'Create a licence with hours',
        body: createLicenseBody,
        response: { 201: licenseAnswer },
      },
    },
    async (request, reply) => {
      const { email, company = null, name = null, hours = null } = request.body;
      const amount = hours === null ? 0 : readQuantity(hours, hoursMeter(product));
      const { license, key } = await request.write(async (transaction) => {
        const customer = await customers.ensure(transaction, { email, name });
        const issued = await licenses.issue(transaction, {
          product: product.id,
          plan: planOf(house),
          keyCustomer: customer.id,
          keySubscription: 'none',
          customerId: customer.id,
          subscriptionId: null,
          metadata: { ...(company === null ? {} : { company }), ...(name === null ? {} : { name }) },
        });
        const account = hoursAccount(issued.license, house);
        if (amount > 0) {
          await ledger.grant(transaction, { account, amount, key: 'opening', source: 'granted', expiresAt: null });
        }
        return issued;
      });
      return reply.code(201).send(await toldLicense(license, { email, key }, house));
    },
  );
}

function readRoute(http: Http, house: HoursHouse): void {
  const { product, customers, licenseReader } = house;
  http.get(
    '/api/licenses/:key',
    {
      config: { access: 'anyone' },
      schema: {
        tags: [product.name],
        summary: 'Read a licence',
        description: 'Whoever holds the key sees its hours; whose it is, only the vendor.',
        params: keyParams,
        response: { 200: licenseAnswer },
      },
    },
    async (request) => {
      const license = await licenseByKey(request, request.params.key, house);
      const key = (await licenseReader.keyOf(license.id)) ?? request.params.key;
      if (!isVendor(request.principal)) return toldLicense({ ...license, metadata: {} }, { email: null, key }, house);
      const customer = license.customerId === null ? null : await customers.find(license.customerId);
      return toldLicense(license, { email: customer?.email ?? null, key }, house);
    },
  );
}

/** The plan that is filled with hours: the only one of a product that sells by the hour, or the first. */
function planOf({ product }: HoursHouse): string {
  const [plan] = product.plans;
  if (plan === undefined) throw new LatchkeyError('plan_unknown', `${product.id} has no plan.`);
  return plan.id;
}

async function toldLicense(
  license: LicenseRecord,
  { key, email }: { key: string; email: string | null },
  house: HoursHouse,
) {
  const { product, licenseReader } = house;
  const { valid, code } = await licenseReader.validate(key, { product: product.id });
  return {
    license_key: key,
    email,
    company: license.metadata.company ?? null,
    name: license.metadata.name ?? null,
    status: licenseReader.status(license),
    valid,
    code,
    ...figuresOf(await balanceOf(license, house), hoursMeter(product)),
    created_at: new Date(license.createdAt).toISOString(),
    expires_at: license.expiresAt === null ? null : new Date(license.expiresAt).toISOString(),
  };
}

const ONCE = 'With an `Idempotency-Key` it is done once for it, however often it is sent.';

function hoursRoute(http: Http, house: HoursHouse): void {
  const { product, ledger } = house;
  http.post(
    '/api/licenses/:key/hours',
    {
      config: { access: { scope: 'usage:write' } },
      schema: {
        tags: [product.name],
        summary: 'Add hours',
        description: ONCE,
        params: keyParams,
        body: hoursBody,
        response: { 200: figuresAnswer },
      },
    },
    async (request) => {
      const license = await licenseByKey(request, request.params.key, house);
      const account = hoursAccount(license, house);
      const amount = readQuantity(request.body.hours, account.meter);
      const key = operationKey(request, 'hours', house);
      await request.write((transaction) =>
        ledger.grant(transaction, { account, amount, key, source: 'granted', expiresAt: null }),
      );
      return toldFigures(license, house);
    },
  );
}

function usageRoute(http: Http, house: HoursHouse): void {
  const { product, ledger } = house;
  http.post(
    '/api/licenses/:key/usage',
    {
      config: { access: { scope: 'usage:write' } },
      schema: {
        tags: [product.name],
        summary: 'Deduct hours that were used',
        description: `All of them or, where fewer are left, none: then 402 with what is left. ${ONCE}`,
        params: keyParams,
        body: hoursBody,
        response: { 200: figuresAnswer },
      },
    },
    async (request) => {
      const license = await licenseByKey(request, request.params.key, house);
      const account = hoursAccount(license, house);
      const amount = readQuantity(request.body.hours, account.meter);
      const outcome = await ledger.consume({ account, amount, key: operationKey(request, 'usage', house) });
      assertUsed(outcome, hoursOf(outcome.available, account.meter));
      return toldFigures(license, house);
    },
  );
}

async function toldFigures(license: LicenseRecord, house: HoursHouse) {
  const figures = figuresOf(await balanceOf(license, house), hoursMeter(house.product));
  return { license_key: maskedKey(house.product, license.keyHint), ...figures };
}

const REPEATABLE = /^[A-Za-z0-9._:-]{1,150}$/;

/** Under what the ledger does it once: what the caller says, or what nobody else can say. */
function operationKey({ headers }: HttpRequest, what: 'hours' | 'usage', { ids }: HoursHouse): string {
  const given = headers['idempotency-key'];
  if (given === undefined) return `${what}/${ids.next('req')}`;
  if (typeof given === 'string' && REPEATABLE.test(given)) return `${what}/key/${given}`;
  throw new LatchkeyError('invalid_request', 'An Idempotency-Key has 1 to 150 of A-Z a-z 0-9 . _ : -');
}

function assertUsed({ code, because }: LedgerOutcome, available: number): void {
  if (code === 'done' || code === 'exists') return;
  if (code === 'insufficient') {
    throw new LatchkeyError('insufficient_balance', 'Insufficient hours', { path: 'hours', meta: { available } });
  }
  throw new LatchkeyError('operation_key_reused', because.at(-1)?.detail ?? code);
}
