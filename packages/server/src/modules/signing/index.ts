/** The keys that sign licence files, revocation lists, answers and keys of the scheme `signed`. */

export { registerSigningKeyRoutes } from './routes.ts';
export { createSigning, type Signing } from './service.ts';
