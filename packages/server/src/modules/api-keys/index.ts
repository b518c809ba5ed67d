/** API keys: how a vendor's own servers show who they are. */

export type { ApiKey } from './repository.ts';
export { registerApiKeyRoutes } from './routes/index.ts';
export { type ApiKeys, createApiKeys, type NewApiKey } from './service.ts';
