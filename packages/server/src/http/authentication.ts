import { LatchkeyError } from '@latchkey/core';
import { secretMatcher } from '../security/vault.ts';
import type { Access, Principal } from './types.ts';

export const anyone: Principal = { type: 'anyone', id: null, scopes: [] };
export const admin: Principal = { type: 'admin', id: null, scopes: ['admin'] };

/** Finds out whose token it is; null when it is nobody's. Throws `unavailable` when that cannot be told at the moment. */
export type Authenticate = (token: string) => Promise<Principal | null>;

/** The token of `Authorization: Bearer …`; null when there is none. */
export function bearerToken(authorization: string | undefined): string | null {
  if (authorization === undefined) return null;
  const match = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization);
  return match?.[1] ?? null;
}

/** Admin token first, then whoever else knows tokens. */
export function createAuthenticate(adminToken: string, others: readonly Authenticate[]): Authenticate {
  const isAdminToken = secretMatcher(adminToken);
  return async (token) => {
    if (isAdminToken(token)) return admin;
    for (const authenticate of others) {
      const principal = await authenticate(token);
      if (principal !== null) return principal;
    }
    return null;
  };
}

/** Whether customers may call: for what is theirs, which the handler sees to. */
export function admitsOwner(access: Access): boolean {
  return access === 'owner' || (typeof access === 'object' && access.owner === true);
}

/** The vendor's own servers and people, whom no limit slows down. Anybody can become a customer. */
export function isVendor({ type }: Principal): boolean {
  return type === 'admin' || type === 'api_key';
}

/** To whose things a call is confined: the customer ids of whoever calls, or null for the vendor, who sees everything. */
export function ownerOf(principal: Principal): readonly string[] | null {
  if (isVendor(principal)) return null;
  if (principal.type === 'customer' && principal.id !== null) return principal.owns ?? [principal.id];
  // Reached only by a route that lets anyone in and asks all the same: nobody owns nothing.
  throw new LatchkeyError('unauthorized', 'Send "Authorization: Bearer <token>".');
}

/** Whether a thing of this customer's is there for whoever calls. What is not must be answered as if it did not exist. */
export function maySee(principal: Principal, customerId: string | null): boolean {
  const owner = ownerOf(principal);
  return owner === null || (customerId !== null && owner.includes(customerId));
}

/** The customers whose things a list shows to whoever calls, if it is asked for those of one; undefined: everybody's. */
export function customersFor(principal: Principal, asked: string | undefined): readonly string[] | undefined {
  const owner = ownerOf(principal);
  if (asked === undefined) return owner ?? undefined;
  return owner === null || owner.includes(asked) ? [asked] : [];
}

/** Throws `unauthorized` or `forbidden` unless the principal may. */
export function assertAccess(access: Access, principal: Principal): void {
  if (access === 'anyone' || principal.type === 'admin') return;
  if (principal.type === 'anyone') {
    const tokens = admitsOwner(access)
      ? "the admin token, an API key or a customer's token"
      : 'the admin token or an API key';
    throw new LatchkeyError('unauthorized', `Send "Authorization: Bearer <token>" with ${tokens}.`);
  }
  if (principal.type === 'customer') {
    if (admitsOwner(access)) return;
    throw new LatchkeyError('forbidden', "This call is the vendor's: it needs the admin token or an API key.");
  }
  if (access === 'admin')
    throw new LatchkeyError('forbidden', 'This call needs the admin token or an API key with the scope admin.');
  if (access === 'owner')
    throw new LatchkeyError('forbidden', "This call is the owner's: it needs a customer's token, or the admin token.");
  if (!principal.scopes.includes(access.scope)) {
    throw new LatchkeyError('forbidden', `This API key lacks the scope ${access.scope}.`, {
      meta: { scope: access.scope },
    });
  }
}
