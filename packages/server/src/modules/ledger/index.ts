/** The ledger: what licences and customers have of each meter, and how it came to that. */

export type { LedgerOwner } from './account-reference.ts';
export { parseAccountId } from './account-reference.ts';
export { creditOn } from './credit.ts';
export { createGroupWriter, type GroupWriter, type GroupWriterOptions } from './group-writer.ts';
export { type AccountOwner, type MeteredAccount, readQuantity } from './meters.ts';
export { quantityOf } from './outcomes.ts';
export { ledgerRoutes } from './routes/index.ts';
export { type Named, oneOwner, ownIds, type WhoseOptions, whose } from './routes/whose.ts';
export { type AccountBalance, createLedger, type Ledger, type NewGrant } from './service.ts';
