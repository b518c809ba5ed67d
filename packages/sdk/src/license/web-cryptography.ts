/** Core's verifiers over WebCrypto, which only answers later, while they ask for an answer now. */

import type { Cryptography } from '@latchkey/core';

/** Thrown where an answer is not there yet. */
class Unanswered extends Error {
  readonly work: () => Promise<unknown>;

  constructor(work: () => Promise<unknown>) {
    super('An answer of WebCrypto is waited for.');
    this.work = work;
  }
}

/** More than a file with a hundred components asks for. */
const MOST_QUESTIONS = 500;

/**
 * Runs `decide`, which must be pure, over WebCrypto: it is stopped at each question that has no answer yet, and run again from the
 * beginning once it has. Being pure it asks the same again, in the same order, and comes further each time.
 */
export async function withWebCryptography<T>(decide: (cryptography: Cryptography) => T): Promise<T> {
  const answers: unknown[] = [];
  while (answers.length <= MOST_QUESTIONS) {
    let asked = 0;
    const ask = <A>(work: () => Promise<A>): A => {
      asked += 1;
      if (asked > answers.length) throw new Unanswered(work);
      return answers[asked - 1] as A;
    };
    try {
      return decide(cryptographyOver(ask));
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      answers.push(await error.work());
    }
  }
  throw new RangeError(`More than ${MOST_QUESTIONS} questions of cryptography in one decision.`);
}

type Ask = <A>(work: () => Promise<A>) => A;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

function cryptographyOver(ask: Ask): Cryptography {
  const { subtle } = globalThis.crypto;
  const digest = (name: string, data: Uint8Array) =>
    ask(async () => new Uint8Array(await subtle.digest(name, own(data))));
  const hmac = (hash: string, secret: Uint8Array, data: Uint8Array) =>
    ask(async () => {
      const key = await subtle.importKey('raw', own(secret), { name: 'HMAC', hash }, false, ['sign']);
      return new Uint8Array(await subtle.sign('HMAC', key, own(data)));
    });
  return {
    sha256: (data) => digest('SHA-256', data),
    sha512: (data) => digest('SHA-512', data),
    hmacSha256: (secret, data) => hmac('SHA-256', secret, data),
    hmacSha512: (secret, data) => hmac('SHA-512', secret, data),
    equal: areEqual,
    utf8: (text) => new TextEncoder().encode(text),
    text(bytes) {
      try {
        return strictUtf8.decode(bytes);
      } catch {
        return null;
      }
    },
    verifyEd25519: (publicKey, message, signature) =>
      publicKey.length === KEY_BYTES &&
      signature.length === SIGNATURE_BYTES &&
      ask(() => verify(own(publicKey), own(message), own(signature))),
    openAes256Gcm(key, nonce, { ciphertext, tag }) {
      if (tag.length !== TAG_BYTES || nonce.length !== NONCE_BYTES) return null;
      return ask(() => open(own(key), own(nonce), own(joined(ciphertext, tag))));
    },
    // A program that verifies has no keys to sign or seal with.
    ed25519PublicKey: notHere,
    signEd25519: notHere,
    sealAes256Gcm: notHere,
  };
}

async function verify(raw: Bytes, message: Bytes, signature: Bytes): Promise<boolean> {
  const { subtle } = globalThis.crypto;
  const key = await subtle.importKey('raw', raw, { name: 'Ed25519' }, false, ['verify']).catch((error: unknown) => {
    // A platform without Ed25519 must not look like a forgery.
    if (error instanceof Error && error.name === 'NotSupportedError') throw error;
    return null;
  });
  return key !== null && subtle.verify({ name: 'Ed25519' }, key, signature, message);
}

async function open(raw: Bytes, iv: Bytes, sealed: Bytes): Promise<Uint8Array | null> {
  const { subtle } = globalThis.crypto;
  try {
    const key = await subtle.importKey('raw', raw, { name: 'AES-GCM' }, false, ['decrypt']);
    return new Uint8Array(await subtle.decrypt({ name: 'AES-GCM', iv, tagLength: TAG_BYTES * 8 }, key, sealed));
  } catch {
    return null;
  }
}

type Bytes = Uint8Array<ArrayBuffer>;

/** WebCrypto takes no views of shared memory. */
function own(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function areEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  let different = 0;
  for (let at = 0; at < left.length; at += 1) different |= (left[at] ?? 0) ^ (right[at] ?? 0);
  return different === 0;
}

function notHere(): never {
  throw new Error('Signing and sealing are the server’s.');
}
