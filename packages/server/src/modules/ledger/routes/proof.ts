import type { Http } from '../../../http/types.ts';
import { proofAnswer, proofQuery } from '../schemas.ts';
import type { Ledger } from '../service.ts';

/** The books, checked. */
export function ledgerProofRoute(http: Http, { ledger }: { ledger: Pick<Ledger, 'prove'> }): void {
  http.get(
    '/v1/ledger/proof',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['Balances'],
        summary: 'Prove that the ledger balances',
        description:
          'Recomputes accounts from their journals, a part of them in each call: go on with `after` until `next` is null. Nothing stands ' +
          'still for it.',
        querystring: proofQuery,
        response: { 200: proofAnswer },
      },
    },
    async ({ query }) => {
      const { accounts, transfers, discrepancies, next } = await ledger.prove(query);
      const balanced = discrepancies.length === 0;
      return { balanced, accounts, transfers, discrepancies: [...discrepancies], has_more: next !== null, next };
    },
  );
}
