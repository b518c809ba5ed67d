import type { Http } from '../../../http/types.ts';
import type { AccountOwner } from '../meters.ts';
import { balancesAnswer, balancesQuery, statementAnswer, statementQuery } from '../schemas.ts';
import type { AccountBalance, Ledger } from '../service.ts';
import { balanceView, entryView } from '../views.ts';
import { type Named, oneOwner, ownIds, type WhoseOptions, whose } from './whose.ts';

const TAGS = ['Balances'];

export interface BalanceRoutes extends WhoseOptions {
  ledger: Ledger;
}

/** What is left, and how it came to that: for whoever holds the key, the owner and the vendor. */
export function balanceRoutes(http: Http, { ledger, ...options }: BalanceRoutes): void {
  http.get(
    '/v1/balances',
    {
      config: { access: 'anyone' },
      schema: {
        tags: TAGS,
        summary: 'Balances',
        description:
          'Of a licence, by its key or id: every meter of its product. Of a customer: what is their own. A customer who names nobody is ' +
          'answered everything that is theirs, their licences’ balances too. What ran out by now is no longer counted.',
        querystring: balancesQuery,
        response: { 200: balancesAnswer },
      },
    },
    async (request) => {
      const { meter, ...named } = request.query;
      const owner = await whose(request, named, options);
      const balances =
        owner === null ? await ledger.balancesOf(await ownIds(request, options)) : await of(owner, meter);
      const shown = balances.filter(
        ({ reference: { meter: of, product } }) => isAsked(of, meter) && isAsked(product, named.product),
      );
      return { data: shown.map(balanceView), has_more: false as const, next: null };
    },
  );

  function of({ owner, product }: AccountOwner, meter: string | undefined): Promise<AccountBalance[]> {
    if (meter !== undefined) return ledger.balances([ledger.account({ owner, product }, meter)]);
    const expected = 'licenseId' in owner && product !== undefined ? ledger.accountsOf(owner, product) : [];
    return ledger.balancesOf(Object.values(owner), expected);
  }

  http.get(
    '/v1/balances/statement',
    {
      config: { access: 'anyone' },
      schema: {
        tags: TAGS,
        summary: 'The statement of a balance',
        description:
          'Every movement, the newest first, each with what was available after it. The changes of all of them add up to it.',
        querystring: statementQuery,
        response: { 200: statementAnswer },
      },
    },
    async (request) => {
      const { meter, limit, after, ...named } = request.query;
      const account = ledger.account(await oneOwner(request, named satisfies Named, options), meter);
      const before = after === undefined ? {} : { before: Number(after) };
      const transfers = await ledger.statement(account, { ...before, limit });
      const shown = transfers.slice(0, limit);
      const has_more = transfers.length > limit;
      const next = has_more ? String(shown.at(-1)?.number ?? '') : null;
      return { data: shown.map((transfer) => entryView(transfer, account.meter)), has_more, next };
    },
  );
}

function isAsked(value: string, wanted: string | undefined): boolean {
  return wanted === undefined || wanted === value;
}
