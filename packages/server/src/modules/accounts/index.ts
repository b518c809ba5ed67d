/** Accounts: how customers show who they are, by tokens of the vendor's or by signing in here. */

export { adminRoutes } from './admin-routes.ts';
export { type Admins, createAdmins } from './admins.ts';
export { accountRoutes } from './routes.ts';
export { type SealedLink, sealedLink } from './sealed-link.ts';
export { type Accounts, createAccounts } from './service.ts';
export { createTokenAuthentication } from './tokens.ts';
