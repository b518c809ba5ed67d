import type { DemoMode } from '../catalog/index.ts';
import type { ValidationCode } from './codes.ts';

/** What somebody may use: features by name, and numbers that the software asks for (-1: unlimited). */
export interface Granted {
  features: ReadonlySet<string>;
  limits: Readonly<Record<string, number>>;
}

export const NOTHING_GRANTED: Granted = { features: new Set(), limits: {} };

/** What several licences give together: every feature, and of each limit the widest. */
export function uniteGrants(grants: readonly Granted[]): Granted {
  const limits: Record<string, number> = {};
  for (const grant of grants) {
    for (const [name, limit] of Object.entries(grant.limits)) limits[name] = wider(limits[name], limit);
  }
  return { features: new Set(grants.flatMap(({ features }) => [...features])), limits };
}

function wider(known: number | undefined, other: number): number {
  if (known === undefined) return other;
  return known === -1 || other === -1 ? -1 : Math.max(known, other);
}

/** What the software may do without a licence; nothing where there is no demo, or it is switched off. */
export function demoGrant(demo: DemoMode | null): Granted {
  if (demo === null || !demo.enabled) return NOTHING_GRANTED;
  const features = Object.keys(demo.flags).filter((name) => demo.flags[name]?.enabled === true);
  return { features: new Set(features), limits: demo.limits };
}

/** A switch of the software, and what to say where it is off. */
export interface FeatureFlag {
  enabled: boolean;
  /** Such as `Upgrade to Basic`; only where it is off. */
  message?: string;
}

/** The flags that the catalog names for demo mode, as they stand for what is granted. */
export function featureFlags(demo: DemoMode | null, granted: Granted): Record<string, FeatureFlag> {
  const flags = Object.entries(demo?.flags ?? {}).map(([name, { enabled, message, unlimited }]) => {
    const unlocked = granted.features.has(name) || (unlimited !== null && granted.limits[unlimited] === -1) || enabled;
    return [name, unlocked || message === null ? { enabled: unlocked } : { enabled: unlocked, message }] as const;
  });
  return Object.fromEntries(flags);
}

/** What is asked: a feature, or whether there may be as many as `value` of what a limit counts. */
export type EntitlementQuestion = { feature: string } | { limit: string; value: number };

export interface EntitlementDecision {
  allowed: boolean;
  code: Extract<ValidationCode, 'VALID' | 'ENTITLEMENT_MISSING' | 'LIMIT_REACHED'>;
  detail: string;
  /** The limit that was looked at; null for a feature, and for a limit that nobody set. */
  limit: number | null;
}

/** Whether what is granted includes what is asked. A limit that nobody set allows nothing: a misspelt name must not open a door. */
export function checkEntitlement(granted: Granted, question: EntitlementQuestion): EntitlementDecision {
  if ('feature' in question) {
    const { feature } = question;
    return granted.features.has(feature)
      ? { allowed: true, code: 'VALID', detail: `${feature} is included.`, limit: null }
      : { allowed: false, code: 'ENTITLEMENT_MISSING', detail: `${feature} is not included.`, limit: null };
  }
  const { limit: name, value } = question;
  const limit = granted.limits[name];
  if (limit === undefined) {
    return { allowed: false, code: 'ENTITLEMENT_MISSING', detail: `There is no limit ${name}.`, limit: null };
  }
  if (limit === -1) return { allowed: true, code: 'VALID', detail: `${name} is unlimited.`, limit };
  return value <= limit
    ? { allowed: true, code: 'VALID', detail: `${value} of ${limit} (${name}).`, limit }
    : { allowed: false, code: 'LIMIT_REACHED', detail: `${value} is over the limit of ${limit} (${name}).`, limit };
}
