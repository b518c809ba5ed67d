import { LatchkeyError } from '@latchkey/core';
import { ownerOf } from '../../http/authentication.ts';
import type { Http, HttpRequest } from '../../http/index.ts';
import type { EntitlementService, Entitlements } from '../../modules/entitlements/index.ts';
import { assertNoGuess, countGuess, type LicenseRecord } from '../../modules/licenses/index.ts';
import { chosenLicense, instantOf } from './from-wire.ts';
import type { House } from './house.ts';
import {
  activateAnswer,
  activateBody,
  approvedAnswer,
  byId,
  featuresAnswer,
  generateAnswer,
  generateBody,
  refusedAnswer,
  standingQuery,
  validateAnswer,
} from './schemas.ts';
import { featuresOf, refusalOf, termsOf, validationOf } from './to-wire.ts';

type Standing = Parameters<EntitlementService['read']>[0];

const tags = ['CryptoOrchestrator'];
const WRITE = { access: { scope: 'licenses:write' } } as const;
/** Licences of one customer that are looked at. */
const MOST_LICENSES = 100;

/** Licences: made, bound to a machine, validated. */
export function licensingRoutes(http: Http, house: House): void {
  generateRoute(http, house);
  activateRoute(http, house);
  approveRoute(http, house);
  validateRoute(http, house);
  featuresRoute(http, house);
}

function generateRoute(http: Http, { product, customers, licenses, licenseReader }: House): void {
  http.post(
    '/api/licensing/generate',
    {
      config: WRITE,
      schema: {
        tags,
        summary: 'Make a licence for a user',
        description: '`user_id` is the `sub` of their token. A trial without an end of its own gets its 14 days.',
        body: generateBody,
        response: { 201: generateAnswer },
      },
    },
    async (request, reply) => {
      const { user_id: externalId, license_type: plan, expires_at } = request.body;
      const { license, key } = await request.write(async (transaction) => {
        const customer = await customers.ensure(transaction, { externalId });
        return licenses.issue(transaction, {
          product: product.id,
          plan,
          keyCustomer: externalId,
          keySubscription: 'none',
          customerId: customer.id,
          subscriptionId: null,
          expiresAt: instantOf(expires_at),
        });
      });
      return reply.code(201).send({ license_key: key, ...termsOf(license, licenseReader.granted(license)) });
    },
  );
}

function activateRoute(http: Http, { product, licenses, licenseReader }: House): void {
  http.post(
    '/api/licensing/activate',
    {
      config: { access: 'anyone' },
      schema: {
        tags,
        summary: 'Bind a licence to this machine',
        description:
          'The same machine again is answered the same. Another is refused with 409, and an admin may let it in; a key that is unknown ' +
          'is answered 404, one that is out of force 403.',
        body: activateBody,
        response: { 200: activateAnswer, 403: refusedAnswer, 404: refusedAnswer, 409: refusedAnswer },
      },
    },
    async (request, reply) => {
      const { license_key: key, machine_id: fingerprint, components } = request.body;
      assertNoGuess(request, licenseReader, key);
      const machine = { fingerprint, components };
      const answer = await request.write((transaction) =>
        licenses.activate(transaction, { key, machine, product: product.id }),
      );
      countGuess(request, key, answer.decision);
      const { license } = answer;
      if (license === null || !answer.decision.valid) {
        const { status, body } = refusalOf(answer);
        return reply.code(status).send(body);
      }
      return reply.code(200).send({ activated: true, ...termsOf(license, licenseReader.granted(license)) });
    },
  );
}

function approveRoute(http: Http, { reactivationDesk }: House): void {
  http.post(
    '/api/licensing/reactivations/:id/approve',
    {
      config: WRITE,
      schema: {
        tags,
        summary: 'Let a machine in that was refused',
        description: 'The machine that was bound before goes out for it. The owner is told by mail.',
        params: byId,
        response: { 200: approvedAnswer },
      },
    },
    async (request) => {
      const { request: decided, released } = await request.write((transaction) =>
        reactivationDesk.approve(transaction, request.params.id),
      );
      const { id, status, fingerprint } = decided;
      return { reactivation_request_id: id, status, machine_id: fingerprint, released_machines: released };
    },
  );
}

function validateRoute(http: Http, house: House): void {
  http.get(
    '/api/licensing/validate',
    {
      // Programs ask at every start, many of them from behind one address: only guesses are counted.
      config: { access: 'anyone', rateLimit: false },
      schema: {
        tags,
        summary: 'Whether the caller’s licence is in force',
        description:
          'Of the customer whose token calls, or of a licence key. With a machine it must be bound to it. Without a licence in force: ' +
          'why, and what demo mode allows.',
        querystring: standingQuery,
        response: { 200: validateAnswer },
      },
    },
    async (request) => {
      const { license, standing } = await asked(house, request, request.query);
      if (license === null && standing.key === undefined && request.principal.type === 'anyone') {
        throw new LatchkeyError('unauthorized', "Send a customer's token, or a licence key in X-License-Key.");
      }
      return validationOf(
        license,
        await house.entitlements.read(standing).then((now) => counted(request, standing, now)),
      );
    },
  );
}

function featuresRoute(http: Http, house: House): void {
  http.get(
    '/api/licensing/features',
    {
      config: { access: 'anyone' },
      schema: {
        tags,
        summary: 'What may be used',
        description: 'By the customer whose token calls, with a licence key, or in demo mode by anyone.',
        querystring: standingQuery,
        response: { 200: featuresAnswer },
      },
    },
    async (request) => {
      const { standing } = await asked(house, request, request.query);
      return featuresOf(counted(request, standing, await house.entitlements.read(standing)));
    },
  );
}

interface Question {
  machine_id?: string | undefined;
  license_key?: string | undefined;
}

/** What is asked about: a key that is shown, or the licence of the customer who calls; nobody's is demo mode. */
async function asked(
  house: House,
  request: HttpRequest,
  { machine_id, license_key }: Question,
): Promise<{ license: LicenseRecord | null; standing: Standing }> {
  const { product, licenseReader } = house;
  const machineId = machine_id ?? headerOf(request, 'x-machine-id');
  const machine = machineId === undefined ? undefined : { fingerprint: machineId };
  const key = license_key ?? headerOf(request, 'x-license-key');
  if (key !== undefined) {
    assertNoGuess(request, licenseReader, key);
    const license = await licenseReader.findByKey(key);
    const isOurs = license?.product === product.id;
    return { license: isOurs ? license : null, standing: { product: product.id, key, machine } };
  }
  // A session that has just ended must not be taken for somebody without a licence.
  if (request.identityError !== null) throw request.identityError;
  const license = await ownLicense(house, request, machineId);
  const own = license === null ? null : await licenseReader.keyOf(license.id);
  return { license, standing: { product: product.id, machine, ...(own === null ? {} : { key: own }) } };
}

async function ownLicense(
  { product, licenseReader }: House,
  { principal }: HttpRequest,
  machineId: string | undefined,
): Promise<LicenseRecord | null> {
  if (principal.type !== 'customer') return null;
  const customerId = ownerOf(principal) ?? [];
  const licenses = await licenseReader.list({ customerId, product: product.id }, { limit: MOST_LICENSES, after: null });
  return chosenLicense(licenses, {
    plans: product.plans,
    isInForce: (license) => ['active', 'grace'].includes(licenseReader.status(license)),
    machineId,
  });
}

function headerOf(request: HttpRequest, name: string): string | undefined {
  const value = request.headers[name];
  const text = typeof value === 'string' ? value.trim() : '';
  if (text.length > 2_048) throw new LatchkeyError('invalid_request', `The header ${name} is too long.`);
  return text === '' ? undefined : text;
}

function counted(request: HttpRequest, { key }: Standing, now: Entitlements): Entitlements {
  return key === undefined ? now : countGuess(request, key, now);
}
