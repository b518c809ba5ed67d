import { writePolicy } from '@latchkey/core';
import type { z } from 'zod';
import type { ActivationAnswer } from './machines.ts';
import type { LicenseReader, LicenseStatistics } from './reading.ts';
import type { Activation, LicenseRecord } from './record.ts';
import type { activationAnswer, licenseAnswer, shortLicense, statisticsAnswer } from './schemas.ts';

export type ShortLicense = z.infer<typeof shortLicense>;

const iso = (milliseconds: number) => new Date(milliseconds).toISOString();

/** The licence as `/v1` answers it, without its key. */
export function licenseView(
  license: LicenseRecord,
  reader: Pick<LicenseReader, 'status' | 'granted'>,
): z.infer<typeof licenseAnswer> {
  return {
    object: 'license',
    ...shortView(license),
    status: reader.status(license),
    key_hint: license.keyHint,
    customer_id: license.customerId,
    subscription_id: license.subscriptionId,
    starts_at: iso(license.startsAt),
    holds: license.holds.map(({ cause, effect, effectiveAt, reason }) => ({
      cause,
      effect,
      effective_at: iso(effectiveAt),
      reason,
    })),
    machines: license.activations.map(activationView),
    term_begins_with: license.termBeginsWith,
    policy: writePolicy(license.overrides.policy ?? {}),
    ...reader.granted(license),
    metadata: license.metadata,
    created_at: iso(license.createdAt),
    updated_at: iso(license.updatedAt),
  };
}

/** What whoever holds the key may see of the licence. */
export function shortView(
  license: Pick<LicenseRecord, 'id' | 'product' | 'plan' | 'expiresAt' | 'maxMachines' | 'machinesUsed'>,
): ShortLicense {
  return {
    id: license.id,
    product: license.product,
    plan: license.plan,
    expires_at: license.expiresAt === null ? null : iso(license.expiresAt),
    max_machines: license.maxMachines,
    machines_used: license.machinesUsed,
  };
}

function activationView({ id, fingerprint, name, createdAt }: Activation) {
  return { id, fingerprint, name, created_at: iso(createdAt) };
}

export function activationAnswerView(answer: ActivationAnswer): z.infer<typeof activationAnswer> {
  return {
    ...answer.decision,
    ...(answer.license === null ? {} : { license: shortView(answer.license) }),
    activation: answer.activation === null ? null : activationView(answer.activation),
    ...(answer.reactivationRequestId === null ? {} : { reactivation_request_id: answer.reactivationRequestId }),
  };
}

export function statisticsView({ notStarted, ...rest }: LicenseStatistics): z.infer<typeof statisticsAnswer> {
  return { ...rest, not_started: notStarted };
}
