import { type Product, secondMs } from '@latchkey/core';
import type { Http, HttpRequest } from '../../http/index.ts';
import type { CustomerService } from '../../modules/customers/index.ts';
import { assertNoGuess, countGuess, type LicenseReader, type LicenseService } from '../../modules/licenses/index.ts';
import type { Clock } from '../../ports.ts';
import { keyOf, keyOrderOf, USER_NOTE } from './from-wire.ts';
import { generateAnswer, generateBody, refusedAnswer, verifiedAnswer, verifyBody } from './schemas.ts';
import { clockView, generatedView, refusedView, type ToldLicense, verifiedView } from './to-wire.ts';

/** What of the house this dialect needs. */
export interface QuantumFalconHouse {
  product: Product;
  clock: Clock;
  customers: Pick<CustomerService, 'ensure' | 'find'>;
  licenses: Pick<LicenseService, 'issue'>;
  licenseReader: Pick<LicenseReader, 'find' | 'granted' | 'lastAskedFrom' | 'validate'>;
}

type IssuedLicense = NonNullable<Awaited<ReturnType<LicenseReader['find']>>>;

export function generateRoute(http: Http, { product, clock, customers, licenses, licenseReader }: QuantumFalconHouse) {
  http.post(
    '/api/generate',
    {
      config: { access: { scope: 'licenses:write' } },
      schema: {
        tags: [product.name],
        summary: 'Generate a licence key',
        description: 'The same user and tier twice in one second are given two seconds, so that each key recomputes.',
        body: generateBody,
        response: { 200: generateAnswer },
      },
    },
    async (request) => {
      // A key names whole seconds, and its term is counted from the one it names.
      const from = new Date(Math.floor(clock.now().getTime() / secondMs) * secondMs);
      const { userId, email, plan, expiresAt, paymentIntentId } = keyOrderOf(request.body, product, from);
      const { license, key } = await request.write(async (transaction) => {
        const customer = await customers.ensure(transaction, { externalId: userId, email });
        return licenses.issue(transaction, {
          product: product.id,
          plan: plan.id,
          keyCustomer: userId,
          keySubscription: 'none',
          customerId: customer.id,
          subscriptionId: null,
          startsAt: from,
          expiresAt,
          metadata: { [USER_NOTE]: userId, ...(paymentIntentId === null ? {} : { paymentIntentId }) },
        });
      });
      const { entitlements } = licenseReader.granted(license);
      return generatedView({ ...license, userId, features: entitlements }, { key, email, paymentIntentId });
    },
  );
}

export function verifyRoute(http: Http, house: QuantumFalconHouse) {
  const { product, clock, licenseReader } = house;
  http.post(
    '/api/verify',
    {
      config: { access: 'anyone', rateLimit: false },
      schema: {
        tags: [product.name],
        summary: 'Verify a licence key',
        description: 'What is stored decides. Only failed checks of unknown keys are rate-limited.',
        body: verifyBody,
        response: { 200: verifiedAnswer, 401: refusedAnswer },
      },
    },
    async (request, reply) => {
      const key = keyOf(request.body?.license);
      const decision = await decide(request, key, house);
      const told = decision.valid ? await find(decision.license?.id, house) : null;
      const clocks = clockView(request.body?.timestamp, clock.now());
      if (told === null) return reply.code(401).send({ ...refusedView(decision), ...clocks });
      return { ...verifiedView(told, decision), ...clocks };
    },
  );

  async function decide(request: HttpRequest, key: string, { licenseReader: reader }: QuantumFalconHouse) {
    assertNoGuess(request, licenseReader, key);
    return countGuess(request, key, await reader.validate(key, { product: product.id }, request.ip));
  }
}

async function find(
  id: string | undefined,
  { customers, licenseReader }: QuantumFalconHouse,
): Promise<ToldLicense | null> {
  const license = id === undefined ? null : await licenseReader.find(id);
  if (license === null) return null;
  const userId = await userOf(license, customers);
  return { ...license, userId, features: licenseReader.granted(license).entitlements };
}

/** Who a licence is for, by the vendor's name for them; by ours where they never gave one. */
async function userOf(
  { metadata, customerId }: IssuedLicense,
  customers: Pick<CustomerService, 'find'>,
): Promise<string> {
  const noted = metadata[USER_NOTE];
  if (noted !== undefined) return noted;
  const customer = customerId === null ? null : await customers.find(customerId);
  return customer?.external_id ?? customerId ?? 'unknown';
}
