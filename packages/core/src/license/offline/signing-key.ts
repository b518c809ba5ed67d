import { type Cryptography, toHex } from '../../cryptography.ts';

/** `active` signs; `retired` signed before, and what it signed still holds; `revoked` counts for nothing. */
export type SigningKeyStatus = 'active' | 'retired' | 'revoked';

/** A signing key as everybody may know it. */
export interface PublicSigningKey {
  /** The first 8 bytes of the public key's SHA-256, in hexadecimal. */
  id: string;
  /** The raw 32 bytes of an Ed25519 key (RFC 8032). */
  publicKey: Uint8Array;
  /** Left out: active. */
  status?: SigningKeyStatus | undefined;
}

/** Who signs: the 32-byte seed of the key whose id it is. */
export interface Signer {
  id: string;
  seed: Uint8Array;
}

const ID_BYTES = 8;

/** The id of a signing key, which whoever has the public key can compute. */
export function signingKeyId(publicKey: Uint8Array, cryptography: Pick<Cryptography, 'sha256'>): string {
  return toHex(cryptography.sha256(publicKey).subarray(0, ID_BYTES));
}

/** What is wrong with a signature. The order is the precedence. */
export const SIGNATURE_CODES = ['SIGNING_KEY_UNKNOWN', 'SIGNING_KEY_REVOKED', 'SIGNATURE_INVALID'] as const;

export type SignatureCode = (typeof SIGNATURE_CODES)[number];

/** Why a signature was refused. */
export interface SignatureRefusal {
  code: SignatureCode;
  detail: string;
}

/** What a signature is for. It stands before the text that is signed, so that a signature of one use is none of another. */
export type SigningPurpose = 'license' | 'machine' | 'revocations' | 'validation' | 'key';

/** Something that was signed. */
export interface SignedText {
  /** The bytes that the signature is over: purpose, slash, text. */
  message: Uint8Array;
  keyId: string;
  signature: Uint8Array;
}

/** Signs a text for one purpose. */
export function signText(
  purpose: SigningPurpose,
  text: string,
  { signer, cryptography }: { signer: Signer; cryptography: Cryptography },
): Uint8Array {
  return cryptography.signEd25519(signer.seed, messageOf(purpose, cryptography.utf8(text)));
}

/** The bytes that a signature for this purpose is over. Purposes are ASCII. */
export function messageOf(purpose: SigningPurpose, text: Uint8Array): Uint8Array {
  const message = new Uint8Array(purpose.length + 1 + text.length);
  for (let at = 0; at < purpose.length; at += 1) message[at] = purpose.charCodeAt(at);
  message[purpose.length] = SLASH;
  message.set(text, purpose.length + 1);
  return message;
}

const SLASH = 0x2f;

/** Why the signature does not count, or null when it does. */
export function judgeSignature(
  signed: SignedText,
  publicKeys: readonly PublicSigningKey[],
  cryptography: Cryptography,
): SignatureRefusal | null {
  const { keyId, message, signature } = signed;
  const key = publicKeys.find(({ id }) => id === keyId);
  if (key === undefined) {
    return { code: 'SIGNING_KEY_UNKNOWN', detail: `Signed with the key ${keyId}, which is not among those given.` };
  }
  if (key.status === 'revoked') {
    return { code: 'SIGNING_KEY_REVOKED', detail: `Signed with the key ${keyId}, which the vendor took back.` };
  }
  if (!cryptography.verifyEd25519(key.publicKey, message, signature)) {
    return {
      code: 'SIGNATURE_INVALID',
      detail: `The key ${keyId} did not sign this: it was changed, or is not genuine.`,
    };
  }
  return null;
}
