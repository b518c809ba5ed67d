import { type AllowanceOverride, LatchkeyError, type Meter } from '@latchkey/core';
import type { Http, HttpRequest } from '../../../http/types.ts';
import { type Named, oneOwner, quantityOf, readQuantity } from '../../ledger/index.ts';
import { readUse } from '../event-input.ts';
import {
  allowanceBody,
  correctionAnswer,
  correctionBody,
  limitsAnswer,
  limitsQuery,
  standingAnswer,
} from '../schemas.ts';
import { standingView } from '../views.ts';
import { type UsageRoutes, WRITE } from './owners.ts';

const TAGS = ['Usage'];

/** Where use stands, and what the vendor changes about it. */
export function limitRoutes(http: Http, options: UsageRoutes): void {
  const { usage } = options;
  http.get(
    '/v1/usage/limits',
    {
      config: { access: 'anyone' },
      schema: {
        tags: TAGS,
        summary: 'Where use stands',
        description:
          'Of each meter: what the period includes, what was used of it, what remains, what goes beyond and costs, and when the next ' +
          'period begins. For whoever holds the key, the owner and the vendor.',
        querystring: limitsQuery,
        response: { 200: limitsAnswer },
      },
    },
    async (request) => {
      const { meter, ...named } = request.query;
      const holder = await usage.find(await oneOwner(request, usage.named(orTheirs(request, named), meter), options));
      const data = (await usage.limits(holder, meter)).map(standingView);
      return { data, has_more: false as const, next: null };
    },
  );
  correctionRoute(http, options);
  allowanceRoute(http, options);
}

/** A customer who names nobody asks about themselves. */
function orTheirs({ principal, headers }: HttpRequest, named: Named): Named {
  const isNamed = [named.license_key, named.license_id, named.customer_id, headers['x-license-key']].some(Boolean);
  return isNamed || principal.type !== 'customer' ? named : { ...named, customer_id: principal.id ?? undefined };
}

function correctionRoute(http: Http, options: UsageRoutes): void {
  const { usage } = options;
  http.post(
    '/v1/usage/corrections',
    {
      config: { access: WRITE, idempotency: false },
      schema: {
        tags: TAGS,
        summary: 'Take an event back',
        description:
          'The event, or a part of it: by another event, which says so. What was only noted goes first, then what is billed, then what ' +
          'the balance gave, which comes back.',
        body: correctionBody,
        response: { 200: correctionAnswer },
      },
    },
    async (request) => {
      const { id, reverses, quantity, meter, ...named } = request.body;
      const holder = await usage.find(await oneOwner(request, usage.named(named, meter), options, WRITE));
      const held = usage.meter(holder, meter);
      const some = quantity === undefined ? undefined : readUse(quantity, held.account.meter);
      const { outcome } = await usage.correct(held, { id, of: reverses, quantity: some });
      const of = (steps: number) => (steps === -1 ? -1 : quantityOf(steps, held.account.meter));
      const code = outcome.code === 'exists' ? 'exists' : 'done';
      const figures = { quantity: of(outcome.quantity), remaining: of(outcome.remaining) };
      return { object: 'usage_correction' as const, id, reverses, code, ...figures };
    },
  );
}

function allowanceRoute(http: Http, options: UsageRoutes): void {
  const { usage } = options;
  http.post(
    '/v1/usage/allowances',
    {
      config: { access: WRITE },
      schema: {
        tags: TAGS,
        summary: 'Give a licence or a customer an allowance of their own',
        description:
          'In the place of what the plan says, from now on: more takes effect at once, less with the next period. What is left out, or ' +
          'null, is the plan’s.',
        body: allowanceBody,
        response: { 200: standingAnswer },
      },
    },
    async (request) => {
      const { meter: meterId, included, limit = null, ceiling, ...named } = request.body;
      const holder = await usage.find(await oneOwner(request, usage.named(named, meterId), options, WRITE));
      const held = usage.meter(holder, meterId);
      const { meter } = held.account;
      const override: AllowanceOverride = {
        included: amountOf(included, meter, 'included'),
        limit,
        ceiling: amountOf(ceiling, meter, 'ceiling'),
      };
      const isNone = override.included === null && override.limit === null && override.ceiling === null;
      await request.write((transaction) => usage.setAllowance(transaction, held, isNone ? null : override));
      const [standing] = await usage.limits(holder, meterId);
      if (standing === undefined) throw new LatchkeyError('internal', 'There is no standing of the meter.');
      return standingView(standing);
    },
  );
}

function amountOf(given: number | string | null | undefined, meter: Meter, path: string): number | null {
  if (given === null || given === undefined) return null;
  const text = String(given).trim();
  if (text === '-1') return -1;
  return text === '0' ? 0 : readQuantity(given, meter, path);
}
