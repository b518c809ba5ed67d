/** Entitlements: what a licence, a customer or nobody may use. */

export { entitlementRoutes } from './routes.ts';
export {
  createEntitlementService,
  type EntitlementAnswer,
  type EntitlementService,
  type Entitlements,
} from './service.ts';
