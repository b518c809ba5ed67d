import type { CallOptions, Transport } from './transport.ts';
import type {
  ActivationDecision,
  EntitlementsAnswer,
  LicenseDecision,
  LicenseFileDecision,
  WireMachine,
} from './wire.ts';

export interface Validation {
  key: string;
  product?: string | undefined;
  machine?: Pick<WireMachine, 'fingerprint' | 'components'> | undefined;
  /** Features that must be included. */
  entitlements?: readonly string[] | undefined;
  /** When the version that asks was released. */
  released_at?: string | undefined;
  /** Anything fresh: the answer is signed together with it. */
  nonce?: string | undefined;
}

export interface LicenseCalls {
  /** Whether the licence is in force. A no is an answer, not an error. */
  validate(question: Validation, options?: CallOptions): Promise<LicenseDecision>;
  /** Takes a seat for a machine; the same machine again has the seat it had. */
  activate(
    activation: { key: string; machine: WireMachine; product?: string | undefined },
    options?: CallOptions,
  ): Promise<ActivationDecision>;
  /** Gives the seat of a machine back, or every seat where none is named. */
  deactivate(
    deactivation: { key: string; machine?: Pick<WireMachine, 'fingerprint'> | undefined },
    options?: CallOptions,
  ): Promise<ActivationDecision>;
  /** A signed file, by which the licence can be verified without the server. */
  file(
    question: Pick<Validation, 'key' | 'product' | 'machine'> & { ttl_days?: number; encrypt?: boolean },
    options?: CallOptions,
  ): Promise<LicenseFileDecision>;
  /** The signed list of what files alone cannot know. */
  revocations(options?: CallOptions): Promise<{ certificate: string; issued_at: string; expires_at: string }>;
}

export function licenseCalls({ send }: Transport): LicenseCalls {
  // Reading writes nothing, and a seat is the machine's however often it asks: no Idempotency-Key is needed.
  const post = async <T>(name: string, body: unknown, options?: CallOptions): Promise<T> =>
    (await send<T>('POST', `/v1/licenses/${name}`, { idempotencyKey: null, ...options, body })).body;
  return {
    validate: (question, options) => post('validate', question, options),
    activate: (activation, options) => post('activate', activation, options),
    deactivate: (deactivation, options) => post('deactivate', deactivation, options),
    file: (question, options) => post('file', question, options),
    revocations: async (options) =>
      (await send<{ certificate: string; issued_at: string; expires_at: string }>('GET', '/v1/revocations', options))
        .body,
  };
}

/** Whose entitlements; nobody's are those of demo mode. */
export interface EntitlementsQuestion {
  /** Sent as a header, never in the address. */
  licenseKey?: string | undefined;
  /** With an API key: everything this customer's licences give. */
  customerId?: string | undefined;
  product?: string | undefined;
  fingerprint?: string | undefined;
}

export interface EntitlementCalls {
  get(question: EntitlementsQuestion, options?: CallOptions): Promise<EntitlementsAnswer>;
}

export function entitlementCalls({ send }: Transport): EntitlementCalls {
  return {
    async get({ licenseKey, customerId, product, fingerprint }, options) {
      const query = { customer_id: customerId, product, fingerprint };
      const call = { ...options, query, ...(licenseKey === undefined ? {} : { licenseKey }) };
      return (await send<EntitlementsAnswer>('GET', '/v1/entitlements', call)).body;
    },
  };
}
