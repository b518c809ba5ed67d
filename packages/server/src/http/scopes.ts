/** What an API key may be allowed to do, in one place. `admin` allows everything. */
export const scopes = [
  'admin',
  'licenses:read',
  'licenses:write',
  'subscriptions:read',
  'subscriptions:write',
  'customers:read',
  'customers:write',
  'payments:read',
  'payments:write',
  'usage:read',
  'usage:write',
  'events:read',
] as const;

export type Scope = (typeof scopes)[number];
