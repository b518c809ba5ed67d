import type { z } from 'zod';
import type { Entitlements } from '../../modules/entitlements/index.ts';
import type { ActivationAnswer, LicenseRecord } from '../../modules/licenses/index.ts';
import type { featuresAnswer, generateAnswer, refusedAnswer, validateAnswer } from './schemas.ts';

/** What the software may run at a time; what no licence and no demo mode allows is none. */
const BOTS = 'max_bots';

type Terms = Omit<z.infer<typeof generateAnswer>, 'license_key'>;
type Licensed = Pick<LicenseRecord, 'id' | 'plan' | 'expiresAt' | 'machinesUsed'>;

function iso(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}

/** What a licence gives. */
export function termsOf(
  { plan, expiresAt }: Pick<LicenseRecord, 'plan' | 'expiresAt'>,
  { entitlements, limits }: { entitlements: readonly string[]; limits: Readonly<Record<string, number>> },
): Terms {
  return {
    license_type: plan,
    expires_at: iso(expiresAt),
    max_bots: limits[BOTS] ?? 0,
    features: [...entitlements],
  };
}

/** A machine that was refused, and the status that says so: nobody's key is 404, a key that is out of force 403, a full licence 409. */
export function refusalOf({ decision, reactivationRequestId }: ActivationAnswer): {
  status: 403 | 404 | 409;
  body: z.infer<typeof refusedAnswer>;
} {
  const { code, detail } = decision;
  const body = { activated: false as const, error: detail, code: code as string };
  switch (code) {
    case 'MALFORMED':
    case 'FORGED':
    case 'NOT_FOUND':
    case 'PRODUCT_MISMATCH':
      return { status: 404, body };
    case 'TOO_MANY_MACHINES':
    case 'MACHINE_MISMATCH':
      return {
        status: 409,
        body: {
          ...body,
          code: 'MACHINE_LIMIT',
          ...(reactivationRequestId === null ? {} : { reactivation_request_id: reactivationRequestId }),
        },
      };
    default:
      return { status: 403, body };
  }
}

/** What may be used now, and of which licence; one that is not in force gives what demo mode does, and the reason. */
export function validationOf(license: Licensed | null, now: Entitlements): z.infer<typeof validateAnswer> {
  const valid = now.licenses.length > 0;
  return {
    valid,
    license_type: license?.plan ?? null,
    expires_at: iso(license?.expiresAt ?? null),
    max_bots: now.limits[BOTS] ?? 0,
    features: [...now.features],
    machine_bound: (license?.machinesUsed ?? 0) > 0,
    demo_mode: now.demoMode,
    license_id: license?.id ?? null,
    code: now.code,
    ...(valid ? {} : { reason: now.detail }),
  };
}

export function featuresOf({ features, flags, limits, demoMode }: Entitlements): z.infer<typeof featuresAnswer> {
  return { features: [...features], flags: { ...flags }, max_bots: limits[BOTS] ?? 0, demo_mode: demoMode };
}
