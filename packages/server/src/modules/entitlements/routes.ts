import { LatchkeyError } from '@latchkey/core';
import type { z } from 'zod';
import { assertAccess, maySee, ownerOf } from '../../http/authentication.ts';
import type { Http, HttpRequest } from '../../http/types.ts';
import { checkAnswer, checkBody, entitlementsAnswer, entitlementsQuery } from './schemas.ts';
import type { EntitlementService, Entitlements, Standing } from './service.ts';

const TAGS = ['Entitlements'];
/** Answers about unknown keys: what guessing looks like. */
const GUESSES = new Set(['MALFORMED', 'FORGED', 'NOT_FOUND']);

/** What may be used: by whoever holds a key, by the vendor's server for a customer, by anyone in demo mode. */
export function entitlementRoutes(http: Http, { entitlements }: { entitlements: EntitlementService }): void {
  http.get(
    '/v1/entitlements',
    {
      config: { access: 'anyone' },
      schema: {
        tags: TAGS,
        summary: 'What may be used',
        description:
          'Features, limits and flags of a licence key, of a customer (who calls, or whom an API key names), or of nobody: demo ' +
          'mode. A key that is not in force is answered as nobody, with the code that says why.',
        querystring: entitlementsQuery,
        response: { 200: entitlementsAnswer },
      },
    },
    async (request) => {
      const { fingerprint } = request.query;
      const machine = fingerprint === undefined ? undefined : { fingerprint };
      const standing = standingOf(request, { ...request.query, machine });
      return entitlementsView(countGuess(request, standing, await entitlements.read(standing)));
    },
  );

  http.post(
    '/v1/entitlements/check',
    {
      config: { access: 'anyone', idempotency: false },
      schema: {
        tags: TAGS,
        summary: 'Ask for a feature or a limit',
        description:
          'Always 200 for a well-formed question. With `feature`: is it included? With `limit` and `value`: may there be so many? A no ' +
          'carries what to say to the user.',
        body: checkBody,
        response: { 200: checkAnswer },
      },
    },
    async (request) => {
      const { feature, limit, value = 0 } = request.body;
      const standing = standingOf(request, request.body);
      const question = feature === undefined ? { limit: limit ?? '', value } : { feature };
      const answer = await entitlements.check(standing, question);
      countGuess(request, standing, answer.entitlements);
      return {
        allowed: answer.allowed,
        code: answer.code,
        detail: answer.detail,
        message: answer.message,
        limit: answer.limit,
        demo_mode: answer.entitlements.demoMode,
        license_ids: answer.entitlements.licenses.map(({ id }) => id),
      };
    },
  );
}

interface Asked {
  product?: string | undefined;
  license_key?: string | undefined;
  customer_id?: string | undefined;
  machine?: Standing['machine'];
}

function standingOf(request: HttpRequest, { product, license_key, customer_id: customerId, machine }: Asked): Standing {
  const header = request.headers['x-license-key'];
  const key = license_key ?? (typeof header === 'string' ? header : undefined);
  if (key !== undefined && customerId !== undefined) {
    throw new LatchkeyError('invalid_request', 'Name either a licence key or a customer.', { path: 'customer_id' });
  }
  if (key !== undefined) {
    request.assertKeyChecksAllowed(key);
    return { product, key, machine };
  }
  return { product, customerId: customerAsked(request, customerId), machine };
}

/** The customer who is asked about: a customer who calls is asked about by themselves. */
function customerAsked({ principal, identityError }: HttpRequest, named: string | undefined): Standing['customerId'] {
  // Demo mode in the place of what somebody paid for would be a wrong answer to a session that has just ended.
  if (identityError !== null) throw identityError;
  if (named === undefined) return principal.type === 'customer' ? (ownerOf(principal) ?? undefined) : undefined;
  assertAccess({ scope: 'licenses:read', owner: true }, principal);
  if (maySee(principal, named)) return named;
  throw new LatchkeyError('resource_missing', `There is no customer ${named}.`);
}

function countGuess(request: HttpRequest, { key }: Standing, answer: Entitlements): Entitlements {
  if (key !== undefined && GUESSES.has(answer.code)) request.countFailure(key);
  return answer;
}

function entitlementsView(answer: Entitlements): z.infer<typeof entitlementsAnswer> {
  const [license, another] = answer.licenses;
  return {
    product: answer.product,
    plan: another === undefined ? (license?.plan ?? null) : null,
    license_ids: answer.licenses.map(({ id }) => id),
    demo_mode: answer.demoMode,
    features: [...answer.features],
    limits: { ...answer.limits },
    flags: { ...answer.flags },
    code: answer.code,
    detail: answer.detail,
  };
}
