import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export type PostOutcome = { status: number } | { error: string };

const TIMEOUT_MS = 10_000;

/** Sends webhooks over connections that are kept open between them. */
export class Poster {
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;

  constructor(maxSockets: number) {
    this.#http = new HttpAgent({ keepAlive: true, maxSockets });
    this.#https = new HttpsAgent({ keepAlive: true, maxSockets });
  }

  /** Never throws; redirects are not followed. */
  post(url: string, body: string, headers: Record<string, string>): Promise<PostOutcome> {
    return this.#send(url, body, headers, true);
  }

  #send(url: string, body: string, headers: Record<string, string>, first: boolean): Promise<PostOutcome> {
    return new Promise((resolve) => {
      const target = new URL(url);
      const secure = target.protocol === 'https:';
      const options = {
        method: 'POST',
        headers: { ...headers, 'Content-Length': Buffer.byteLength(body) },
        agent: secure ? this.#https : this.#http,
      };
      const request: ClientRequest = (secure ? httpsRequest : httpRequest)(target, options, (response) => {
        response.on('error', () => resolve({ error: 'the answer broke off' }));
        response.on('end', () => {
          clearTimeout(timer);
          resolve({ status: response.statusCode ?? 0 });
        });
        response.resume();
      });
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
      request.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        // A kept connection that the receiver closed (a restart): that is not an attempt the receiver saw.
        if (first && request.reusedSocket && error.code === 'ECONNRESET') {
          resolve(this.#send(url, body, headers, false));
          return;
        }
        resolve({ error: error.code ?? error.message });
      });
      request.end(body);
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}
