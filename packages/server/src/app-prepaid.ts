/** What is used by the clock and bought in advance, wired. */

import { createUsageSessions, type UsageSessions } from './modules/usage-sessions/index.ts';

export interface PrepaidDesk {
  usageSessions: UsageSessions;
}

export type PrepaidDeskOptions = Parameters<typeof createUsageSessions>[0];

export function createPrepaidDesk(options: PrepaidDeskOptions): PrepaidDesk {
  return { usageSessions: createUsageSessions(options) };
}
