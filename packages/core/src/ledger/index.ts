export { type Applied, applyOperations, type OpenLedger, openLedger } from './apply.ts';
export { availableBeside, compareLots } from './burn.ts';
export { emptyAccount } from './draft.ts';
export { decimalsOfMeter, formatMeterQuantity, parseMeterQuantity } from './meter-quantity.ts';
export { type AccountProof, type Discrepancy, proveAccount, proveBalance } from './proof.ts';
export { accountAt, OWN_KEY_PREFIX, pendingAt } from './settle.ts';
export * from './types.ts';
