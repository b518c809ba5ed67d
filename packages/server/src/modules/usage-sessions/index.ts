/** Usage sessions: timed use, deducted while it goes on. */

export { usageSessionRoutes } from './routes/index.ts';
export { createUsageSessions, type UsageSession, type UsageSessions } from './service.ts';
