/** Accounts: how customers show who they are, by tokens that the vendor signs. */

export { createTokenAuthentication } from './tokens.ts';
