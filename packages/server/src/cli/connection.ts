import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type Client, createClient } from './client.ts';
import { type Host, UsageError } from './host.ts';

/** The options every command has. */
export interface GlobalOptions {
  url?: string;
  token?: string;
  timeout?: string;
  json?: boolean;
  showKey?: boolean;
}

const DEFAULT_TIMEOUT_SECONDS = 15;
const LONGEST_TIMEOUT_SECONDS = 3_600;

/** A client for the server that the options and the environment name. */
export function connect(host: Host, options: GlobalOptions): Client {
  return createClient({
    url: serverUrl(host, options),
    token: adminToken(host, options),
    timeoutMs: timeoutSeconds(options) * 1000,
  });
}

export function serverUrl({ environment }: Host, options: GlobalOptions): string {
  const url = options.url ?? environment.LATCHKEY_URL ?? `http://127.0.0.1:${environment.PORT || '4242'}`;
  if (!/^https?:\/\/./.test(url) || !URL.canParse(url)) {
    throw new UsageError(`"${url}" is no address. Write it like http://127.0.0.1:4242.`);
  }
  return url.replace(/\/+$/, '');
}

/** The token given, or the one a first start on this machine left in its data folder; null: calls that anyone may make. */
export function adminToken({ environment, directory }: Host, options: GlobalOptions): string | null {
  const given = options.token ?? environment.ADMIN_TOKEN;
  if (given !== undefined && given !== '') return given;
  return storedToken(resolve(directory, environment.DATA_DIR || './data'));
}

const secrets = z.object({ adminToken: z.string().optional() });

function storedToken(dataDir: string): string | null {
  try {
    return secrets.parse(JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8'))).adminToken ?? null;
  } catch {
    // No such file, or not ours to read: the server will say that credentials are missing, where they are needed.
    return null;
  }
}

function timeoutSeconds(options: GlobalOptions): number {
  if (options.timeout === undefined) return DEFAULT_TIMEOUT_SECONDS;
  const seconds = Number(options.timeout);
  if (seconds > 0 && seconds <= LONGEST_TIMEOUT_SECONDS) return seconds;
  throw new UsageError(`--timeout is in seconds, up to ${LONGEST_TIMEOUT_SECONDS}; "${options.timeout}" is not.`);
}
