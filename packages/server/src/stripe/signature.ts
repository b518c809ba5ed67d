import { createHmac, timingSafeEqual } from 'node:crypto';

/** How old a signed delivery may be: as long as Stripe's own libraries allow (https://docs.stripe.com/webhooks#replay-attacks). */
export const signatureToleranceSeconds = 300;

/** Why a delivery was not believed; for the log, never for whoever sent it. */
export type SignatureProblem = 'no header' | 'malformed header' | 'no match' | 'too old';

export interface SignedDelivery {
  /** The very bytes that were sent. */
  rawBody: Uint8Array;
  /** The `Stripe-Signature` header: `t=<unix seconds>,v1=<hex>[,v1=<hex>…]`. */
  header: string | undefined;
  /** Any of these may have signed it. */
  secrets: readonly string[];
  wall: Date;
}

/** Checks that Stripe signed exactly these bytes, lately. Null when it did. Takes as long for every wrong signature. */
export function verifySignature({ rawBody, header, secrets, wall }: SignedDelivery): SignatureProblem | null {
  if (header === undefined || header === '') return 'no header';
  const parsed = parseHeader(header);
  if (parsed === null) return 'malformed header';
  const { timestamp, signatures } = parsed;
  let matches = false;
  for (const secret of secrets) {
    const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(rawBody).digest();
    // All of them, so that how long it takes says nothing about which came near.
    for (const signature of signatures) matches = timingSafeEqual(signature, expected) || matches;
  }
  if (!matches) return 'no match';
  // A time ahead of ours is a clock of ours that is behind: nobody but Stripe could have signed it.
  return wall.getTime() / 1_000 - Number(timestamp) > signatureToleranceSeconds ? 'too old' : null;
}

/** Signatures beyond these are not looked at: Stripe sends one for each live secret of the endpoint, two at most. */
const mostSignatures = 10;

function parseHeader(header: string): { timestamp: string; signatures: Buffer[] } | null {
  let timestamp: string | null = null;
  const signatures: Buffer[] = [];
  for (const part of header.split(',')) {
    const [, name, value = ''] = /^\s*(\w+)=(\S*)\s*$/.exec(part) ?? [];
    if (name === 't') {
      if (timestamp !== null || !/^\d{1,12}$/.test(value)) return null;
      timestamp = value;
    } else if (name === 'v1' && /^[0-9a-f]{64}$/.test(value) && signatures.length < mostSignatures) {
      signatures.push(Buffer.from(value, 'hex'));
    }
  }
  return timestamp === null || signatures.length === 0 ? null : { timestamp, signatures };
}
