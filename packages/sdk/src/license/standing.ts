/** Where a program stands with its licence, and what it may therefore do. */

import {
  type DemoMode,
  demoGrant,
  type FeatureFlag,
  featureFlags,
  type Granted,
  type OfflineCode,
  type OfflineDecision,
  type ValidationCode,
} from '@latchkey/core';
import type { EntitlementsAnswer, LicenseDecision } from '../client/wire.ts';

export interface LicenseStanding {
  /** Whether a licence is in force. Without one the program may still run, in demo mode. */
  valid: boolean;
  /** The codes of a validation and of files; `NO_LICENSE` without a key, `UNREACHABLE` where there is nothing to decide by. */
  code: ValidationCode | OfflineCode | 'NO_LICENSE' | 'UNREACHABLE' | 'OFFLINE_TOO_LONG';
  /** The same for people. */
  detail: string;
  /** The program runs with what the catalog allows without a licence. */
  demoMode: boolean;
  /** What decided: the server, a signed file, the server's last answer, or nothing that was ever heard. */
  source: 'server' | 'file' | 'cache' | 'none';
  plan: string | null;
  expiresAt: string | null;
  features: readonly string[];
  /** -1 is unlimited. */
  limits: Readonly<Record<string, number>>;
  flags: Readonly<Record<string, FeatureFlag>>;
}

/** What the program may do until it has heard of the server once. As the catalog's `demo`. */
export interface DemoDefaults {
  enabled?: boolean | undefined;
  limits?: Readonly<Record<string, number>> | undefined;
  flags?: Readonly<Record<string, { enabled: boolean; message?: string; unlimited?: string }>> | undefined;
}

/** What the server says: the decision about the key, and what may be used. */
export function standingOfAnswers(
  decision: Pick<LicenseDecision, 'valid' | 'code' | 'detail' | 'license'> | null,
  entitlements: EntitlementsAnswer,
  source: 'server' | 'cache',
): LicenseStanding {
  return {
    valid: decision?.valid ?? false,
    code: decision?.code ?? 'NO_LICENSE',
    detail: decision?.detail ?? 'There is no licence key.',
    demoMode: entitlements.demo_mode,
    source,
    plan: decision?.license?.plan ?? entitlements.plan,
    expiresAt: decision?.license?.expires_at ?? null,
    features: entitlements.features,
    limits: entitlements.limits,
    flags: entitlements.flags,
  };
}

/** What a signed file says. */
export function standingOfFile(decision: OfflineDecision, demo: DemoDefaults): LicenseStanding {
  const { valid, code, detail, file } = decision;
  if (!valid || file === null) return { ...standingOfDemo(code, detail, demo), source: 'file' };
  const { license } = file;
  const granted: Granted = { features: new Set(license.entitlements), limits: license.limits };
  return {
    valid,
    code,
    detail,
    demoMode: false,
    source: 'file',
    plan: license.plan,
    expiresAt: license.expiresAt === null ? null : new Date(license.expiresAt).toISOString(),
    features: [...license.entitlements],
    limits: license.limits,
    flags: featureFlags(demoOf(demo), granted),
  };
}

/** What is left without a licence, by what the program itself says of demo mode. */
export function standingOfDemo(code: LicenseStanding['code'], detail: string, demo: DemoDefaults): LicenseStanding {
  const mode = demoOf(demo);
  const granted = demoGrant(mode);
  return {
    valid: false,
    code,
    detail,
    demoMode: mode.enabled,
    source: 'none',
    plan: null,
    expiresAt: null,
    features: [...granted.features],
    limits: granted.limits,
    flags: featureFlags(mode, granted),
  };
}

/** Demo mode as the server last told it, in the place of what the program was built with. */
export function demoOfAnswer(answer: EntitlementsAnswer): DemoDefaults {
  return { enabled: answer.demo_mode, limits: answer.limits, flags: answer.flags };
}

function demoOf({ enabled = true, limits = {}, flags = {} }: DemoDefaults): DemoMode {
  return {
    enabled,
    limits,
    flags: Object.fromEntries(
      Object.entries(flags).map(([name, flag]) => [
        name,
        { enabled: flag.enabled, message: flag.message ?? null, unlimited: flag.unlimited ?? null },
      ]),
    ),
  };
}
