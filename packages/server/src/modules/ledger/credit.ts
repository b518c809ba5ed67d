import type { AccountOwner, MeteredAccount } from './meters.ts';
import type { Ledger } from './service.ts';

/** What a licence has available of a meter, in its steps; nothing of a meter that its product does not have. */
export function creditOn(ledger: Pick<Ledger, 'accountsOf' | 'balances'>) {
  return async ({ id, product }: { id: string; product: string }, meter: string): Promise<number> => {
    const owner: AccountOwner['owner'] = { licenseId: id };
    const account: MeteredAccount | undefined = ledger
      .accountsOf(owner, product)
      .find(({ reference }) => reference.meter === meter);
    if (account === undefined) return 0;
    const [found] = await ledger.balances([account]);
    return found?.account.balance.available ?? 0;
  };
}
