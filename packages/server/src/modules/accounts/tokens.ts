import { type CryptoKey, decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { Config } from '../../config/config.ts';
import type { Authenticate } from '../../http/index.ts';
import type { Log } from '../../observability/log.ts';
import type { Clock } from '../../ports.ts';
import { createKeySet } from './key-set.ts';

/** What a vendor's token says of a customer, once its signature was found right. */
export interface TokenClaims {
  /** `sub`: the customer's id at the vendor. */
  externalId: string;
  email: string | null;
  /** Whether the vendor says that the address was proven. */
  emailVerified: boolean;
  name: string | null;
}

/** A customer, with every id under which they bought: `id` is the first of them. */
export interface KnownOwner {
  id: string;
  owns: readonly string[];
}

export interface CustomerTokenOptions {
  tokens: Config['customerTokens'];
  clock: Pick<Clock, 'wall'>;
  log: Log;
  /** Whose token this is; a customer is made for a new one. */
  customerOf(claims: TokenClaims): Promise<KnownOwner>;
}

/** How far the vendor's clock may be ahead of ours. */
const TOLERANCE_SECONDS = 60;
const LONGEST_TOKEN = 8_192;
const LONGEST_SUBJECT = 255;
const tokenShape = /^[\w-]{2,}\.[\w-]{2,}\.[\w-]{2,}$/;
const addressShape = /^[^\s@]{1,64}@[^\s@]{1,189}$/;

/** Signatures by a key of the set. HS256 is not among them, and nothing else goes with JWT_SECRET: a public key is never taken for a secret. */
const PUBLIC_KEY_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];

/**
 * Tokens that the vendor issues to customers (JWT, RFC 7519): HS256 under JWT_SECRET, or by a key at JWT_JWKS_URL. They must end (`exp`)
 * and say who it is (`sub`). Null for a token that is not one of these.
 */
export function createTokenAuthentication({ tokens, clock, log, customerOf }: CustomerTokenOptions): Authenticate {
  const secrets = tokens.secrets.map((secret) => new TextEncoder().encode(secret));
  const keySet = tokens.jwksUrl === null ? null : createKeySet({ url: tokens.jwksUrl, clock, log });

  async function verify(token: string): Promise<JWTPayload | null> {
    const { alg } = decodeProtectedHeader(token);
    const options = {
      clockTolerance: TOLERANCE_SECONDS,
      currentDate: clock.wall(),
      requiredClaims: ['exp', 'sub'],
      ...(tokens.issuer === null ? {} : { issuer: tokens.issuer }),
      ...(tokens.audience === null ? {} : { audience: tokens.audience }),
    };
    if (alg === 'HS256') return verifyWithAny(token, secrets, { ...options, algorithms: ['HS256'] });
    if (keySet === null || alg === undefined || !PUBLIC_KEY_ALGORITHMS.includes(alg)) return null;
    const byPublicKey = { ...options, algorithms: PUBLIC_KEY_ALGORITHMS };
    try {
      return (await jwtVerify(token, keySet.key, byPublicKey)).payload;
    } catch (error) {
      // Keys without an id, of which the token may mean any.
      if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyWithAny(token, error, byPublicKey);
      throw error;
    }
  }

  return async (token) => {
    if (secrets.length === 0 && keySet === null) return null;
    if (token.length > LONGEST_TOKEN || !tokenShape.test(token)) return null;
    const claims = await readClaims(token);
    if (claims === null) return null;
    const { id, owns } = await customerOf(claims);
    return { type: 'customer', id, scopes: [], owns };
  };

  async function readClaims(token: string): Promise<TokenClaims | null> {
    try {
      const payload = await verify(token);
      return payload === null || !isInTime(payload, clock.wall()) ? null : claimsOf(payload);
    } catch (error) {
      // jose throws its own errors, and TypeErrors for keys that do not fit the algorithm. A set that cannot be had is neither.
      if (!(error instanceof errors.JOSEError) && !(error instanceof TypeError)) throw error;
      log.debug({ reason: error.message }, 'a customer token was refused');
      return null;
    }
  }
}

/** The first key that made the signature; null when none did. Any other fault of the token is thrown. */
async function verifyWithAny(
  token: string,
  keys: Iterable<Uint8Array> | AsyncIterable<CryptoKey>,
  options: JWTVerifyOptions,
): Promise<JWTPayload | null> {
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  return null;
}

// An end is an end: the tolerance is for clocks that are ahead, which a token that was just issued would otherwise trip over.
function isInTime({ exp, iat }: JWTPayload, wall: Date): boolean {
  const now = wall.getTime() / 1_000;
  return exp !== undefined && exp > now && (iat === undefined || iat <= now + TOLERANCE_SECONDS);
}

function claimsOf(payload: JWTPayload): TokenClaims | null {
  const { sub, email, name } = payload;
  if (!isStorable(sub) || sub === '' || sub.length > LONGEST_SUBJECT) return null;
  const address = isStorable(email) && addressShape.test(email) ? email : null;
  return {
    externalId: sub,
    email: address,
    // Some letters beyond ASCII become others in lower case (K, the kelvin, becomes k): such an address could pass for another.
    emailVerified: address !== null && /^[\x21-\x7e]+$/.test(address) && payload.email_verified === true,
    name: isStorable(name) && name !== '' ? name.slice(0, 255) : null,
  };
}

/** PostgreSQL stores neither NUL nor half of a surrogate pair. */
function isStorable(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0') && value.isWellFormed();
}
