/** Every call of `/v1` that a vendor's program makes, by name; any other by `request`. */

import { type EntitlementCalls, entitlementCalls, type LicenseCalls, licenseCalls } from './license-calls.ts';
import { type Answered, type CallOptions, type ClientOptions, createTransport, type Transport } from './transport.ts';
import { type SessionCalls, sessionCalls, type UsageCalls, usageCalls } from './usage-calls.ts';
import type { Checkout, Page, WireSigningKey } from './wire.ts';

/** A client of one Latchkey server. It holds no connection and need not be closed. */
export interface LatchkeyClient {
  licenses: LicenseCalls;
  entitlements: EntitlementCalls;
  usage: UsageCalls;
  usageSessions: SessionCalls;
  checkouts: { create(checkout: CheckoutRequest, options?: CallOptions): Promise<Checkout> };
  signingKeys: { list(options?: CallOptions): Promise<WireSigningKey[]> };
  /** Any call, by method and path; answers the body. */
  request<T>(method: string, path: string, options?: CallOptions): Promise<T>;
  /** The same with status, headers and the request's id. */
  send<T>(method: string, path: string, options?: CallOptions): Promise<Answered<T>>;
  /** Every item of a list, page after page: `for await (const license of client.list('/v1/licenses'))`. */
  list<T>(path: string, options?: CallOptions): AsyncGenerator<T, void, undefined>;
}

export interface CheckoutRequest {
  product: string;
  plan?: string | undefined;
  pack?: string | undefined;
  quantity?: number | string | undefined;
  email?: string | undefined;
  license_key?: string | undefined;
  success_url?: string | undefined;
  cancel_url?: string | undefined;
}

/** A client for the server at `url`. Throws a TypeError where that is no address. */
export function createClient(options: ClientOptions): LatchkeyClient {
  const transport = createTransport(options);
  const { send } = transport;
  return {
    send,
    request: async <T>(method: string, path: string, call?: CallOptions) => (await send<T>(method, path, call)).body,
    list: (path, call) => listAll(transport, path, call),
    licenses: licenseCalls(transport),
    entitlements: entitlementCalls(transport),
    usage: usageCalls(transport),
    usageSessions: sessionCalls(transport),
    checkouts: {
      create: async (body, call) => (await send<Checkout>('POST', '/v1/checkouts', { ...call, body })).body,
    },
    signingKeys: {
      list: async (call) => (await send<{ data: WireSigningKey[] }>('GET', '/v1/signing-keys', call)).body.data,
    },
  };
}

async function* listAll<T>(
  transport: Transport,
  path: string,
  options: CallOptions = {},
): AsyncGenerator<T, void, undefined> {
  let after: string | undefined;
  do {
    const query = { ...options.query, ...(after === undefined ? {} : { after }) };
    const { body } = await transport.send<Page<T>>('GET', path, { ...options, query });
    yield* body.data;
    // A server that says the same place again would be asked for ever.
    after = body.has_more && body.next !== null && body.next !== after ? body.next : undefined;
  } while (after !== undefined);
}
