/** A request as the middleware sees it, whatever framework it came through. */

import type { UsageOwner } from '../client/wire.ts';

export interface GatedRequest {
  method: string;
  /** The pattern that the framework's router chose, such as `/signals/history/:symbol`; null where it is not known yet. */
  route: string | null;
  /** The path as it was asked for, without the query. */
  path: string;
  header(name: string): string | undefined;
  query(name: string): string | undefined;
  /** As the framework parsed it; undefined where it did not. */
  body: unknown;
  /** The framework's own request. */
  source: unknown;
}

/** Says whose request it is; null for nobody's. */
export type Identify = (request: GatedRequest) => UsageOwner | null | Promise<UsageOwner | null>;

/** A request's licence key: the header `X-License-Key`, else `license_key` in the query, else in the body. */
export function licenseKeyOf(request: GatedRequest): string | null {
  const inBody = typeof request.body === 'object' && request.body !== null ? request.body : {};
  const given = [
    request.header('x-license-key'),
    request.query('license_key'),
    'license_key' in inBody ? inBody.license_key : undefined,
  ];
  const key = given.find((value) => typeof value === 'string' && value.trim() !== '');
  return typeof key === 'string' ? key.trim() : null;
}

/** Whoever holds the key that the request names. */
export const byLicenseKey: Identify = (request) => {
  const key = licenseKeyOf(request);
  return key === null ? null : { license_key: key };
};

/** Whoever a bearer token is of: `resolve` looks it up, and says null for one that is nobody's. */
export function byBearer(resolve: (token: string) => UsageOwner | null | Promise<UsageOwner | null>): Identify {
  return (request) => {
    const [, token] = /^Bearer +(\S+)$/i.exec(request.header('authorization') ?? '') ?? [];
    return token === undefined ? null : resolve(token);
  };
}
