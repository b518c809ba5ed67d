/**
 * What a signed text travels in: armour around base64 of a small JSON object, `{enc, sig, alg, kid}`. `enc` is what was signed, `sig`
 * the signature, `kid` names the key. A verifier that knows only the first three reads it too.
 */

import type { Cryptography } from '../../cryptography.ts';
import { fromBase64, fromBase64Lines, toBase64, toBase64Lines } from './base64.ts';
import { messageOf, type SignedText, type Signer, type SigningPurpose, signText } from './signing-key.ts';

export type EnvelopePurpose = Extract<SigningPurpose, 'license' | 'machine' | 'revocations'>;

export const ALGORITHMS = ['base64+ed25519', 'aes-256-gcm+ed25519'] as const;

export type Algorithm = (typeof ALGORITHMS)[number];

/** An envelope that was opened. Nothing in it is to be believed before its signature was judged. */
export interface Envelope extends SignedText {
  purpose: EnvelopePurpose;
  algorithm: Algorithm;
  /** What was signed, as the bytes of its characters. */
  text: Uint8Array;
}

interface Armour {
  begin: string;
  end: string;
}

const ARMOURS: Readonly<Record<EnvelopePurpose, Armour>> = {
  license: armour('LICENSE FILE'),
  machine: armour('MACHINE FILE'),
  revocations: armour('REVOCATION LIST'),
};

const LINE_DIGITS = 64;
/** Larger than any that is written: nothing longer is looked at. */
const LONGEST_TEXT = 16 * 1024 * 1024;
const SIGNATURE_BYTES = 64;
const HEAD = '{"enc":"';
/** What follows `enc`: never longer than this, and looked at alone, since `enc` is large and was signed as it is. */
const TAIL = /","sig":"([A-Za-z0-9+/]{86}==)","alg":"([a-z0-9+-]{1,30})","kid":"([0-9a-f]{16})"\}$/;
const LONGEST_TAIL = 160;

/** Signs `text` and puts it into its armour. */
export function sealEnvelope(
  { purpose, text, algorithm }: { purpose: EnvelopePurpose; text: string; algorithm: Algorithm },
  signer: Signer,
  cryptography: Cryptography,
): string {
  const signature = signText(purpose, text, { signer, cryptography });
  const json = JSON.stringify({ enc: text, sig: toBase64(signature), alg: algorithm, kid: signer.id });
  const { begin, end } = ARMOURS[purpose];
  return `${begin}${toBase64Lines(cryptography.utf8(json), LINE_DIGITS)}${end}`;
}

/**
 * Opens an envelope for one of these purposes; null for any other text. It has one spelling: what `sealEnvelope` writes, but that its
 * lines may end in CRLF and the last line's end may be missing, since that is what mail and editors do.
 */
export function openEnvelope(
  armoured: string,
  purposes: readonly EnvelopePurpose[],
  cryptography: Cryptography,
): Envelope | null {
  if (armoured.length > LONGEST_TEXT) return null;
  const unix = armoured.includes('\r') ? armoured.replaceAll('\r\n', '\n') : armoured;
  const lines = unix.endsWith('\n') ? unix : `${unix}\n`;
  const purpose = purposes.find((candidate) => lines.startsWith(ARMOURS[candidate].begin));
  if (purpose === undefined) return null;
  const { begin, end } = ARMOURS[purpose];
  if (!lines.endsWith(end)) return null;
  const bytes = cryptography.utf8(lines);
  const outer = fromBase64Lines(bytes, begin.length, bytes.length - end.length, LINE_DIGITS);
  return outer === null ? null : readOuter(outer, purpose, cryptography);
}

/** Reads the outer object by the letter, not as JSON, which would pass over spaces, escapes and repeated names. */
function readOuter(outer: Uint8Array, purpose: EnvelopePurpose, cryptography: Cryptography): Envelope | null {
  const tailStart = Math.max(HEAD.length, outer.length - LONGEST_TAIL);
  const found = startsWithHead(outer) ? TAIL.exec(cryptography.text(outer.subarray(tailStart)) ?? '') : null;
  if (found === null) return null;
  const [, signatureText = '', name = '', keyId = ''] = found;
  const algorithm = ALGORITHMS.find((known) => known === name);
  const signature = fromBase64(signatureText);
  if (algorithm === undefined || signature?.length !== SIGNATURE_BYTES) return null;
  const text = outer.subarray(HEAD.length, tailStart + found.index);
  return { purpose, algorithm, text, message: messageOf(purpose, text), keyId, signature };
}

function startsWithHead(outer: Uint8Array): boolean {
  for (let at = 0; at < HEAD.length; at += 1) if (outer[at] !== HEAD.charCodeAt(at)) return false;
  return true;
}

function armour(title: string): Armour {
  return { begin: `-----BEGIN ${title}-----\n`, end: `-----END ${title}-----\n` };
}
