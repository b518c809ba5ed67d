import { LatchkeyError, secondMs } from '@latchkey/core';
import { assertAccess } from '../../../http/authentication.ts';
import type { Http, HttpRequest } from '../../../http/types.ts';
import { oneOwner, quantityOf, readQuantity } from '../../ledger/index.ts';
import { readDetails, readUse } from '../event-input.ts';
import { checkAnswer, checkBody, finalizeBody, releaseBody, reservationAnswer, reservationParams } from '../schemas.ts';
import type { HeldReservation } from '../service.ts';
import { checkView } from '../views.ts';
import { type UsageRoutes, WRITE } from './owners.ts';
import { OPEN } from './record.ts';

const TAGS = ['Usage'];

/** Whether something may be used, and use that is reserved before it happens. */
export function checkRoutes(http: Http, options: UsageRoutes): void {
  const { usage } = options;
  http.post(
    '/v1/usage/check',
    {
      config: OPEN,
      schema: {
        tags: TAGS,
        summary: 'Ask whether something may be used',
        description:
          'Always 200 for a well-formed question, with what remains and why. With `reserve`, what is allowed is kept for whoever asked: ' +
          'however many ask at once, no more is allowed than there is.',
        body: checkBody,
        response: { 200: checkAnswer },
      },
    },
    async (request) => {
      const { meter, quantity = 1, reserve, hold_seconds, ...named } = request.body;
      const holder = await usage.find(await oneOwner(request, usage.named(named, meter), options, WRITE));
      const held = usage.meter(holder, meter);
      const asked = {
        quantity: readUse(quantity, held.account.meter),
        holdMs: reserve ? hold_seconds * secondMs : null,
      };
      return checkView(await usage.check(held, asked), held);
    },
  );
  finalizeRoute(http, options);
  releaseRoute(http, options);
}

function finalizeRoute(http: Http, options: UsageRoutes): void {
  const { usage } = options;
  http.post(
    '/v1/reservations/:id/finalize',
    {
      config: OPEN,
      schema: {
        tags: TAGS,
        summary: 'Use what was reserved',
        description:
          'All of it, or the quantity that was used; the rest is given back. Counted once as an event, under `id` or the reservation’s ' +
          'own. 409 once the reservation was released or has run out.',
        params: reservationParams,
        body: finalizeBody,
        response: { 200: reservationAnswer },
      },
    },
    async (request) => {
      const { id, quantity, properties } = request.body ?? {};
      const found = await theirs(request, options);
      const { meter } = found.held.account;
      const outcome = await usage.finalize(found, {
        id,
        quantity: quantity === undefined ? undefined : readQuantity(quantity, meter),
        details: readDetails(properties),
      });
      return answerOf(found, 'finalized', outcome);
    },
  );
}

function releaseRoute(http: Http, options: UsageRoutes): void {
  http.post(
    '/v1/reservations/:id/release',
    {
      config: OPEN,
      schema: {
        tags: TAGS,
        summary: 'Give up what was reserved',
        params: reservationParams,
        body: releaseBody,
        response: { 200: reservationAnswer },
      },
    },
    async (request) => {
      const found = await theirs(request, options);
      return answerOf(found, 'released', await options.usage.release(found));
    },
  );
}

interface Params {
  params: { id: string };
  body?: { license_key?: string | undefined } | null | undefined;
}

/** The reservation, if it is of the licence whose key is presented, or the vendor asks. */
async function theirs(request: HttpRequest & Params, options: UsageRoutes): Promise<HeldReservation> {
  const { id } = request.params;
  const header = request.headers['x-license-key'];
  const license_key = request.body?.license_key ?? (typeof header === 'string' ? header : undefined);
  if (license_key === undefined) {
    if (request.identityError !== null) throw request.identityError;
    assertAccess(WRITE, request.principal);
    return options.usage.reservation(id);
  }
  const { owner } = await oneOwner(request, { license_key }, options, WRITE);
  const found = await options.usage.reservation(id);
  const { owner: its } = found.held.account.reference;
  if ('licenseId' in owner && 'licenseId' in its && owner.licenseId === its.licenseId) return found;
  throw new LatchkeyError('resource_missing', `There is no reservation ${id}.`);
}

function answerOf(
  { reservation, held }: HeldReservation,
  status: 'finalized' | 'released',
  { code, quantity, remaining, resetsAt }: Awaited<ReturnType<UsageRoutes['usage']['release']>>,
) {
  const of = (steps: number) => (steps === -1 ? -1 : quantityOf(steps, held.account.meter));
  return {
    object: 'reservation' as const,
    id: reservation.id,
    status,
    code: code === 'exists' ? 'exists' : 'done',
    quantity: of(quantity),
    remaining: of(remaining),
    resets_at: resetsAt === null ? null : new Date(resetsAt).toISOString(),
  };
}
