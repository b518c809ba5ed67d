/** What a program asks the server about its licence, and what it then keeps. */

import type { LatchkeyClient } from '../client/client.ts';
import { isOutage } from '../client/errors.ts';
import type { EntitlementsAnswer, LicenseDecision, WireMachine } from '../client/wire.ts';
import { newNonce } from '../identifiers.ts';
import { type SigningKey, verifyAnswer } from './offline.ts';
import type { KeptAnswer, KeptLicense } from './store.ts';

export interface Asking {
  client: LatchkeyClient;
  product: string | undefined;
  machine: WireMachine | undefined;
  publicKeys: readonly SigningKey[];
  /** Whether files are wanted for the time without the server. */
  wantsFile: boolean;
}

/** Somebody stands between the program and the server, or answers in its place. */
export class NotGenuineError extends Error {
  override readonly name = 'NotGenuineError';
}

const FILE_GOOD_FOR_MS = 24 * 60 * 60 * 1_000;

/** What demo mode is, by the server. */
export function askDemo({ client, product }: Pick<Asking, 'client' | 'product'>): Promise<EntitlementsAnswer> {
  return client.entitlements.get({ product });
}

/** What the server says of a key. Throws a NotGenuineError where it is not the server that says it. */
export async function askAboutKey(key: string, asking: Asking, now: number): Promise<KeptAnswer> {
  const { client, product, machine, publicKeys } = asking;
  const nonce = publicKeys.length === 0 ? null : newNonce();
  const question = { key, product, machine: machine && seen(machine), ...(nonce === null ? {} : { nonce }) };
  const [decision, entitlements] = await Promise.all([
    client.licenses.validate(question),
    client.entitlements.get({ licenseKey: key, product, fingerprint: machine?.fingerprint }),
  ]);
  const at = nonce === null ? now : await assertGenuine(decision, nonce, publicKeys);
  const { valid, code, detail, license, signature } = decision;
  const kept = { valid, code, detail, ...(license && { license }), ...(signature && { signature }) };
  return { decision: kept, nonce, entitlements, at };
}

/** The server's time, under its signature. */
async function assertGenuine(
  { valid, code, signature }: LicenseDecision,
  nonce: string,
  publicKeys: readonly SigningKey[],
): Promise<number> {
  if (signature === undefined) throw new NotGenuineError('The answer is not signed, though that was asked for.');
  const { payload, signature: signed } = signature;
  const verified = await verifyAnswer({ payload, signature: signed, nonce, publicKeys });
  if (!verified.genuine) throw new NotGenuineError(verified.detail);
  const { answer } = verified;
  if (answer.valid !== valid || answer.code !== code) throw new NotGenuineError('The answer is not what was signed.');
  return answer.at;
}

/** A file and a revocation list for the time without the server, where they are wanted and those there are not fresh. */
export async function fetchForLater(
  kept: KeptLicense,
  { client, product, machine, wantsFile }: Asking,
  now: number,
): Promise<Pick<KeptLicense, 'file' | 'revocations'>> {
  const { key, file, revocations } = kept;
  if (!wantsFile || key === null) return { file, revocations };
  if (file !== null && now - file.fetchedAt < FILE_GOOD_FOR_MS && now >= file.fetchedAt) return { file, revocations };
  try {
    const answer = await client.licenses.file({ key, product, machine: machine && seen(machine), encrypt: true });
    if (answer.file === null) return { file, revocations };
    const list = await client.licenses.revocations();
    return { file: { certificate: answer.file.certificate, fetchedAt: now }, revocations: list.certificate };
  } catch (error) {
    // The plan has no files, or none is to be had at the moment: the last answer serves.
    if (isOutage(error)) return { file, revocations };
    return { file: null, revocations: null };
  }
}

function seen({ fingerprint, components }: WireMachine): Pick<WireMachine, 'fingerprint' | 'components'> {
  return { fingerprint, components };
}
