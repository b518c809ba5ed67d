import { LatchkeyError } from '@latchkey/core';
import type { Http } from '../../../http/types.ts';
import type { Clock } from '../../../ports.ts';
import { readQuantity } from '../meters.ts';
import { assertDone } from '../outcomes.ts';
import { changeAnswer, correctionBody, deductionBody, grantBody } from '../schemas.ts';
import type { Ledger } from '../service.ts';
import { changeView } from '../views.ts';
import { oneOwner, type WhoseOptions } from './whose.ts';

const TAGS = ['Balances'];
const VENDOR = { access: { scope: 'usage:write' } } as const;
const EITHER = { 200: changeAnswer, 201: changeAnswer };

export interface ChangeRoutes extends WhoseOptions {
  ledger: Ledger;
  clock: Clock;
}

/** What the vendor does to balances. Each is done once for its operation_key. */
export function balanceChangeRoutes(http: Http, { ledger, clock, ...options }: ChangeRoutes): void {
  http.post(
    '/v1/balances/grants',
    {
      config: VENDOR,
      schema: {
        tags: TAGS,
        summary: 'Add to a balance',
        description: '201 when it was added, 200 when it was before, under the same operation_key.',
        body: grantBody,
        response: EITHER,
      },
    },
    async (request, reply) => {
      const { body } = request;
      const account = ledger.account(await oneOwner(request, body, options, VENDOR.access), body.meter);
      const grant = {
        account,
        amount: readQuantity(body.quantity, account.meter),
        key: body.operation_key,
        reason: body.reason,
        source: body.source,
        priority: body.priority,
        expiresAt: expiry(body.expires_at, clock.now()),
      };
      const outcome = await request.write((transaction) => ledger.grant(transaction, grant));
      return reply.code(outcome.code === 'done' ? 201 : 200).send(changeView(account, body.operation_key, outcome));
    },
  );

  http.post(
    '/v1/balances/corrections',
    {
      config: VENDOR,
      schema: {
        tags: TAGS,
        summary: 'Correct a balance',
        description:
          'With `reverses`, undoes a use, or a part of it: it goes back to where it came from. Without, takes away what should not be there, ' +
          'all of it or, where there is less, nothing: 402.',
        body: correctionBody,
        response: EITHER,
      },
    },
    async (request, reply) => {
      const { reverses, quantity, operation_key: key, reason, meter } = request.body;
      const account = ledger.account(await oneOwner(request, request.body, options, VENDOR.access), meter);
      const amount = quantity === undefined ? undefined : readQuantity(quantity, account.meter);
      const outcome = await request.write((transaction) =>
        reverses === undefined
          ? ledger.correct(transaction, { account, amount: amount ?? 0, key, reason })
          : ledger.reverse(transaction, { account, amount, of: reverses, key, reason }),
      );
      return reply.code(outcome.code === 'done' ? 201 : 200).send(changeView(account, key, outcome));
    },
  );

  http.post(
    '/v1/balances/deductions',
    {
      config: { ...VENDOR, quiet: true },
      schema: {
        tags: TAGS,
        summary: 'Use some of a balance',
        description:
          'All of it or, where less is available, nothing: then 402 with what is. Answered once it is written for good.',
        body: deductionBody,
        response: { 200: changeAnswer },
      },
    },
    async (request) => {
      const { body } = request;
      const account = ledger.account(await oneOwner(request, body, options, VENDOR.access), body.meter);
      const amount = readQuantity(body.quantity, account.meter);
      const outcome = await ledger.consume({ account, amount, key: body.operation_key, reason: body.reason });
      return changeView(account, body.operation_key, assertDone(outcome, account.meter));
    },
  );
}

function expiry(text: string | null | undefined, now: Date): number | null {
  if (text == null) return null;
  const at = Date.parse(text);
  if (at > now.getTime()) return at;
  throw new LatchkeyError('invalid_request', 'expires_at must lie ahead.', { path: 'expires_at' });
}
