/** What goes over the wire, field for field as `/v1` documents it. Times are ISO 8601 in UTC. */

import type { Decision, FeatureFlag, ValidationCode } from '@latchkey/core';

/** A page of a list. */
export interface Page<T> {
  data: T[];
  has_more: boolean;
  /** `after` of the next page; null on the last. */
  next: string | null;
}

export interface WireMachine {
  /** What the machine calls itself, the same each time. */
  fingerprint: string;
  name?: string | undefined;
  /** Parts of it, by which it is known again when one changed. */
  components?: Readonly<Record<string, string>> | undefined;
}

/** What whoever holds a key may see of its licence. */
export interface ShortLicense {
  id: string;
  product: string;
  plan: string;
  expires_at: string | null;
  max_machines: number;
  machines_used: number;
}

/** A decision over HTTP: yes or no, and why. */
export interface LicenseDecision extends Decision {
  license?: ShortLicense;
  signature?: { key_id: string; algorithm: 'ed25519'; payload: string; signature: string };
}

export interface ActivationDecision extends LicenseDecision {
  activation: { id: string; fingerprint: string; name: string | null; created_at: string } | null;
  /** The machine was one too many, and the vendor was asked to let it in. */
  reactivation_request_id?: string;
}

export interface LicenseFileDecision extends LicenseDecision {
  file: {
    id: string;
    /** To be kept to the letter. */
    certificate: string;
    key_id: string;
    issued_at: string;
    expires_at: string | null;
    kind: 'license' | 'machine';
    encrypted: boolean;
  } | null;
}

/** What may be used: with a licence in force by the licence, else in demo mode. */
export interface EntitlementsAnswer {
  product: string;
  plan: string | null;
  license_ids: string[];
  demo_mode: boolean;
  features: string[];
  /** -1 is unlimited. */
  limits: Record<string, number>;
  flags: Record<string, FeatureFlag>;
  code: ValidationCode;
  detail: string;
}

export interface WireSigningKey {
  id: string;
  /** The 32 bytes of an Ed25519 key in base64. */
  public_key: string;
  status: 'active' | 'retired' | 'revoked';
}

/** Whose use it is: one of these. */
export interface UsageOwner {
  license_key?: string | undefined;
  license_id?: string | undefined;
  customer_id?: string | undefined;
}

/** Use that happened. */
export interface UsageEvent extends UsageOwner {
  /** Made once: an event with an id that was counted before changes nothing. */
  id: string;
  meter: string;
  /** For a customer, where several products have a meter of this name. */
  product?: string | undefined;
  /** In the meter's unit: a number, or a decimal as text. */
  quantity: number | string;
  /** When it happened. */
  at?: string | undefined;
  /** `route`, `method`, `status` and `duration_ms` show in the analytics. */
  properties?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** false: counted beyond a limit too, since it has happened already. */
  enforce?: boolean | undefined;
}

/** One event that was not counted, and why. */
export interface UsageRejection {
  id: string | null;
  index: number;
  code: string;
  detail: string;
  path?: string;
}

export interface UsageAnswer {
  accepted: number;
  duplicates: number;
  rejected: UsageRejection[];
}

export interface UsageQuestion extends UsageOwner {
  meter: string;
  product?: string | undefined;
  quantity: number | string;
  /** Keeps the quantity until it is finalized or released, or `hold_seconds` are over. */
  reserve?: boolean | undefined;
  hold_seconds?: number | undefined;
}

export interface UsageDecision {
  allowed: boolean;
  /** `VALID`, `LIMIT_REACHED`, `NO_CREDIT`, or why the licence is not in force. */
  code: string;
  /** What may be used before a limit, or a price, is met; -1 is without limit. */
  remaining: number;
  /** What the period includes; -1 is without limit. */
  limit: number;
  /** When the next period begins; null where nothing comes back by itself. */
  resets_at: string | null;
  because: readonly { rule: string; passed: boolean; detail: string }[];
  reservation_id: string | null;
}

/** A session whose time is counted. An ended one stays ended. */
export interface UsageSession {
  id: string;
  status: 'running' | 'ended';
  /** `RUNNING`, or how it ended: `ENDED`, `VANISHED`, `NO_CREDIT`, `LICENSE_NOT_VALID`. */
  code: string;
  detail: string;
  /** The program's own name of it. */
  session_id: string | null;
  license_id: string;
  product: string;
  meter: string;
  unit: string | null;
  started_at: string;
  last_seen_at: string;
  ended_at: string | null;
  interval_seconds: number;
  /** When the next heartbeat should come; null once it ended. */
  heartbeat_seconds: number | null;
  used_seconds: number;
  /** What is left of the balance, in the meter's unit. */
  remaining: number;
  remaining_seconds: number;
}

export interface Checkout {
  /** Stripe's `cs_…`. */
  id: string;
  /** Where the customer pays. */
  url: string;
}
