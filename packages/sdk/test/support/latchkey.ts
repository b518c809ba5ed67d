import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../../server/src/config/config.ts';
import { type Server, startServer } from '../../../server/src/server.ts';
import { createClient, type LatchkeyClient } from '../../src/index.ts';

/** A real Latchkey on the embedded database, in the sandbox, that can go away and come back at the same address. */
export interface TestLatchkey {
  url: string;
  /** The admin's. */
  token: string;
  admin: LatchkeyClient;
  /** In this process, to look into. Throws while it is away. */
  server(): Server;
  issue(product: string, more?: object): Promise<{ id: string; key: string }>;
  /** Moves the time by which it decides. */
  advance(time: { days?: number; hours?: number; minutes?: number }): Promise<void>;
  stop(): Promise<void>;
  start(more?: Record<string, string>): Promise<void>;
  remove(): Promise<void>;
}

/** Starts one. Whoever started it removes it. */
export async function startTestLatchkey(environment: Record<string, string> = {}): Promise<TestLatchkey> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-sdk-'));
  const config = (port: number, more: Record<string, string> = {}) =>
    parseConfig({
      PORT: String(port),
      SANDBOX: 'on',
      SANDBOX_PORT: '0',
      DATA_DIR: folder,
      LOG_LEVEL: 'silent',
      LATCHKEY_SECRET: 'a root secret for tests of the sdk',
      ...environment,
      ...more,
    });
  let server: Server | null = await startServer(config(0));
  const { url } = server;
  const { token } = server.app.adminToken;
  const admin = createClient({ url, token, retries: 1 });
  const stop = async () => {
    await server?.close();
    server = null;
  };
  return {
    url,
    token,
    admin,
    server() {
      if (server === null) throw new Error('The server is away.');
      return server;
    },
    issue: (product, more = {}) => admin.request('POST', '/v1/licenses', { body: { product, ...more } }),
    advance: async (body) => {
      await admin.request('POST', '/sandbox/time/advance', { body, timeoutMs: 60_000 });
    },
    stop,
    async start(more) {
      server = await startServer(config(Number(new URL(url).port), more));
    },
    async remove() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
