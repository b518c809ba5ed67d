export { usageSessionRoutes } from './sessions.ts';
