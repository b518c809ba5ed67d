import type { Http } from '../../../http/types.ts';
import { type BalanceRoutes, balanceRoutes } from './balances.ts';
import { balanceChangeRoutes, type ChangeRoutes } from './changes.ts';
import { ledgerProofRoute } from './proof.ts';

export function ledgerRoutes(http: Http, options: BalanceRoutes & ChangeRoutes): void {
  balanceRoutes(http, options);
  balanceChangeRoutes(http, options);
  ledgerProofRoute(http, options);
}
