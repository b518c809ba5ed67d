/** What a program decides by while the server is away: a signed file, else the server's last answer, for a while. */

import type { RevocationList } from '@latchkey/core';
import type { WireMachine } from '../client/wire.ts';
import { readRevocationList, type SigningKey, verifyAnswer, verifyLicenseFile } from './offline.ts';
import {
  type DemoDefaults,
  demoOfAnswer,
  type LicenseStanding,
  standingOfAnswers,
  standingOfDemo,
  standingOfFile,
} from './standing.ts';
import type { KeptAnswer, KeptLicense } from './store.ts';

export interface OfflineTerms {
  product: string | undefined;
  machine: Pick<WireMachine, 'fingerprint' | 'components'> | undefined;
  publicKeys: readonly SigningKey[];
  graceMs: number;
  demo: DemoDefaults;
}

export interface OfflineStanding {
  standing: LicenseStanding;
  /** To be kept. */
  seenAt: number;
}

/** Clocks are corrected, and differ between machines: as the verifier of files forgives it. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** Where the program stands by what it kept. */
export async function standWithoutServer(
  kept: KeptLicense,
  terms: OfflineTerms,
  now: number,
): Promise<OfflineStanding> {
  const demo = demoNow(kept, terms.demo);
  const seenAt = Math.max(now, kept.seenAt ?? now);
  if (kept.key === null) {
    return { standing: standingOfDemo('NO_LICENSE', 'There is no licence key.', demo), seenAt };
  }
  if (kept.file !== null && terms.publicKeys.length > 0) {
    return byFile({ ...kept, key: kept.key, file: kept.file }, { ...terms, demo }, now);
  }
  return { standing: await byLastAnswer(kept, { ...terms, demo }, now), seenAt };
}

async function byFile(
  { key, file, revocations, seenAt }: KeptLicense & { key: string; file: { certificate: string } },
  { product, machine, publicKeys, demo }: OfflineTerms,
  now: number,
): Promise<OfflineStanding> {
  const decision = await verifyLicenseFile({
    certificate: file.certificate,
    publicKeys,
    licenseKey: key,
    machine,
    product,
    now,
    lastSeenAt: seenAt ?? undefined,
    revocations: (await listOf(revocations, publicKeys, now)) ?? undefined,
  });
  return { standing: standingOfFile(decision, demo), seenAt: decision.seenAt };
}

/** What an old list names stays named. */
async function listOf(
  certificate: string | null,
  publicKeys: readonly SigningKey[],
  now: number,
): Promise<RevocationList | null> {
  return certificate === null ? null : (await readRevocationList({ certificate, publicKeys, now })).list;
}

async function byLastAnswer(
  { answer, seenAt }: KeptLicense,
  { publicKeys, graceMs, demo }: OfflineTerms,
  now: number,
): Promise<LicenseStanding> {
  if (answer === null) {
    return standingOfDemo('UNREACHABLE', 'The licence server cannot be reached, and never was.', demo);
  }
  const answeredAt = publicKeys.length === 0 ? answer.at : await signedAt(answer, publicKeys);
  if (answeredAt === null) {
    return standingOfDemo('SIGNATURE_INVALID', 'The last answer of the server was changed.', demo);
  }
  // A no needs no grace.
  if (!answer.decision.valid) return standingOfAnswers(answer.decision, answer.entitlements, 'cache');
  if (now < Math.max(seenAt ?? now, answeredAt) - CLOCK_TOLERANCE_MS) {
    const detail = `The clock says ${new Date(now).toISOString()}, but it has been later already. Set it right.`;
    return standingOfDemo('CLOCK_SET_BACK', detail, demo);
  }
  if (now - answeredAt > graceMs) {
    const detail = `The licence server was last reached at ${new Date(answeredAt).toISOString()}, and must be again.`;
    return standingOfDemo('OFFLINE_TOO_LONG', detail, demo);
  }
  return standingOfAnswers(answer.decision, answer.entitlements, 'cache');
}

/** When the kept decision was signed; null where it is not what was signed: a yes that was edited into the file is none. */
async function signedAt({ decision, nonce }: KeptAnswer, publicKeys: readonly SigningKey[]): Promise<number | null> {
  if (decision.signature === undefined || nonce === null) return null;
  const { payload, signature } = decision.signature;
  const verified = await verifyAnswer({ payload, signature, nonce, publicKeys });
  if (!verified.genuine) return null;
  const { valid, code, at } = verified.answer;
  return valid === decision.valid && code === decision.code ? at : null;
}

/** Demo mode as the server told it last; the switches as the program knows them itself, where it does. */
function demoNow({ demo }: KeptLicense, own: DemoDefaults): DemoDefaults {
  if (demo === null) return own;
  return { ...demoOfAnswer(demo), ...(own.flags === undefined ? {} : { flags: own.flags }) };
}
