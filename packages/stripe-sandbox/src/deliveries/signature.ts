import { createHmac } from 'node:crypto';

/**
 * The `Stripe-Signature` header: HMAC-SHA-256 over `timestamp.body`. The timestamp is of the wall clock, because that is
 * what receivers compare it with, wherever the sandbox clock stands.
 */
export function signatureHeader(body: string, secret: string, wallSeconds: number): string {
  const signature = createHmac('sha256', secret).update(`${wallSeconds}.${body}`).digest('hex');
  return `t=${wallSeconds},v1=${signature}`;
}
