import { LatchkeyError } from '@latchkey/core';
import { equalSecrets } from '../security/vault.ts';
import type { Access, Principal } from './types.ts';

export const anyone: Principal = { type: 'anyone', id: null, scopes: [] };
export const admin: Principal = { type: 'admin', id: null, scopes: ['admin'] };

/** Finds out whose token it is; null when it is nobody's. */
export type Authenticate = (token: string) => Promise<Principal | null>;

/** The token of `Authorization: Bearer …`; null when there is none. */
export function bearerToken(authorization: string | undefined): string | null {
  if (authorization === undefined) return null;
  const match = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization);
  return match?.[1] ?? null;
}

/** Admin token first, then whoever else knows tokens. */
export function createAuthenticate(adminToken: string, others: readonly Authenticate[]): Authenticate {
  return async (token) => {
    if (equalSecrets(token, adminToken)) return admin;
    for (const authenticate of others) {
      const principal = await authenticate(token);
      if (principal !== null) return principal;
    }
    return null;
  };
}

/** Throws `unauthorized` or `forbidden` unless the principal may. */
export function assertAccess(access: Access, principal: Principal): void {
  if (access === 'anyone' || principal.type === 'admin') return;
  if (principal.type === 'anyone') {
    throw new LatchkeyError('unauthorized', 'Send "Authorization: Bearer <token>" with the admin token or an API key.');
  }
  if (access === 'admin')
    throw new LatchkeyError('forbidden', 'This call needs the admin token or an API key with the scope admin.');
  if (!principal.scopes.includes(access.scope)) {
    throw new LatchkeyError('forbidden', `This API key lacks the scope ${access.scope}.`, {
      meta: { scope: access.scope },
    });
  }
}
