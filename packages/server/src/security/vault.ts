import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import type { Randomness } from '../ports.ts';

/** Bytes that only the vault can read, with the short id of the root secret they were sealed under. */
export interface Sealed {
  ciphertext: Uint8Array;
  secretId: string;
}

/**
 * Encryption at rest, blind indexes and hashes, all from the root secrets (LATCHKEY_SECRET). The first secret seals and indexes; all of
 * them open, so a secret is replaced by putting the new one in front. Each purpose has keys of its own (HKDF-SHA-256, RFC 5869).
 */
export interface Vault {
  /** The short id of the secret that seals today. */
  readonly secretId: string;
  /** Encrypts (AES-256-GCM). `context` says which row and column this is: it opens with the same context only. */
  seal(purpose: string, plaintext: string | Uint8Array, context: string): Sealed;
  /** The text that was sealed. Throws `VaultError`. */
  open(purpose: string, sealed: Sealed, context: string): string;
  openBytes(purpose: string, sealed: Sealed, context: string): Uint8Array;
  /** What to store beside sealed text so that it can be found again: HMAC-SHA-256 under the first secret. */
  index(purpose: string, value: string): Uint8Array;
  /** The index under every live secret, for looking up what an older secret indexed. The first is `index`. */
  indexes(purpose: string, value: string): Uint8Array[];
  /** What to store of an API key or token, which nobody needs to read again. */
  hash(token: string): Uint8Array;
  hashes(token: string): Uint8Array[];
}

/** Sealed bytes that do not open: sealed under a secret that is not here, or not what was sealed. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly reason: 'unknown_secret' | 'does_not_open';

  constructor(reason: 'unknown_secret' | 'does_not_open', message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

const cipherName = 'aes-256-gcm';
const nonceLength = 12;
const tagLength = 16;
const salt = 'latchkey/vault/1';

/** One root secret: derives a key for each purpose once, since deriving costs more than using. */
interface Secret {
  id: string;
  key(kind: 'seal' | 'index', purpose: string): KeyObject;
}

function deriveBytes(rootSecret: string, info: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', rootSecret, salt, info, length));
}

function createSecret(rootSecret: string): Secret {
  const keys = new Map<string, KeyObject>();
  return {
    id: secretIdOf(rootSecret),
    key(kind, purpose) {
      const info = `${kind}/${purpose}`;
      let key = keys.get(info);
      if (key === undefined) {
        key = createSecretKey(deriveBytes(rootSecret, info, 32));
        keys.set(info, key);
      }
      return key;
    },
  };
}

/** The short public name of a secret: derived one way, so that rows may say which secret they need. */
export function secretIdOf(rootSecret: string): string {
  return deriveBytes(rootSecret, 'id', 4).toString('hex');
}

/** A vault over the live root secrets, newest first. `randomness` gives the nonces. */
export function createVault(rootSecrets: readonly string[], randomness: Randomness): Vault {
  const [first, ...rest] = rootSecrets.map(createSecret);
  if (first === undefined) throw new Error('A vault needs at least one root secret (LATCHKEY_SECRET).');
  const secrets = [first, ...rest];
  const hmac = (secret: Secret, purpose: string, value: string): Uint8Array =>
    createHmac('sha256', secret.key('index', purpose)).update(value).digest();
  const openBytes = (purpose: string, sealed: Sealed, context: string): Buffer => {
    const secret = secrets.find(({ id }) => id === sealed.secretId);
    if (secret === undefined) {
      throw new VaultError(
        'unknown_secret',
        `Sealed under root secret ${sealed.secretId}, which is not in LATCHKEY_SECRET.`,
      );
    }
    return decrypt(secret.key('seal', purpose), sealed.ciphertext, context);
  };
  return {
    secretId: first.id,
    seal: (purpose, plaintext, context) => ({
      ciphertext: encrypt(first.key('seal', purpose), randomness.bytes(nonceLength), plaintext, context),
      secretId: first.id,
    }),
    open: (purpose, sealed, context) => openBytes(purpose, sealed, context).toString('utf8'),
    openBytes,
    index: (purpose, value) => hmac(first, purpose, value),
    indexes: (purpose, value) => secrets.map((secret) => hmac(secret, purpose, value)),
    hash: (token) => hmac(first, 'token', token),
    hashes: (token) => secrets.map((secret) => hmac(secret, 'token', token)),
  };
}

// nonce | ciphertext | tag
function encrypt(key: KeyObject, nonce: Uint8Array, plaintext: string | Uint8Array, context: string): Uint8Array {
  const cipher = createCipheriv(cipherName, key, nonce, { authTagLength: tagLength });
  cipher.setAAD(Buffer.from(context, 'utf8'));
  const body = typeof plaintext === 'string' ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext);
  return Buffer.concat([nonce, body, cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: KeyObject, sealed: Uint8Array, context: string): Buffer {
  if (sealed.length < nonceLength + tagLength) throw new VaultError('does_not_open', 'Sealed bytes are too short.');
  const decipher = createDecipheriv(cipherName, key, sealed.subarray(0, nonceLength), { authTagLength: tagLength });
  decipher.setAAD(Buffer.from(context, 'utf8'));
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceLength, sealed.length - tagLength)), decipher.final()]);
  } catch (error) {
    throw new VaultError('does_not_open', 'Sealed bytes were changed, or belong to another context.', { cause: error });
  }
}

/** Compares two secrets in a time that tells nothing of where they differ. */
export function equalSecrets(left: string, right: string): boolean {
  return secretMatcher(right)(left);
}

/** What compares texts with one secret as `equalSecrets` does, and hashes the secret only once. */
export function secretMatcher(secret: string): (text: string) => boolean {
  // Hashing first makes the lengths equal, so that not even the length can be probed.
  const digest = (text: string) => hash('sha256', `${salt} ${text}`, 'buffer');
  const expected = digest(secret);
  return (text) => timingSafeEqual(digest(text), expected);
}
