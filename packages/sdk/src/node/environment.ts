import type { ClientOptions } from '../client/transport.ts';

/** The address and token that the environment names: `LICENSE_SERVER_URL` and `LATCHKEY_API_KEY`. Pass `process.env`. */
export function clientOptionsFrom(
  environment: Readonly<Record<string, string | undefined>>,
): Pick<ClientOptions, 'url' | 'token'> {
  const { LICENSE_SERVER_URL: url, LATCHKEY_API_KEY: token } = environment;
  return { url: url === undefined || url === '' ? 'http://127.0.0.1:4242' : url, ...(token ? { token } : {}) };
}
