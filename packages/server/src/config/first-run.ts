import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Randomness } from '../ports.ts';

const stored = z.object({
  rootSecret: z.string().optional(),
  adminToken: z.string().optional(),
  sandboxWebhookSecret: z.string().optional(),
  /** By the name of the variable that would have held it. */
  catalogSecrets: z.record(z.string(), z.string()).optional(),
});
type Stored = z.infer<typeof stored>;

/** The secrets that an installation makes for itself at its first start, in `DATA_DIR/secrets.json`. */
export interface FirstRun {
  readonly file: string;
  /** Stands in for LATCHKEY_SECRET. */
  rootSecret(): string;
  /** Stands in for ADMIN_TOKEN; `isNew` the one time it was made, when it is to be shown. */
  adminToken(): { token: string; isNew: boolean };
  /** What the local Stripe signs with. */
  sandboxWebhookSecret(): string;
  /** A secret for a variable that a catalog names: 32 bytes in hexadecimal. */
  secretFor(variable: string): string;
}

/**
 * Opens the file, without writing anything until a secret is asked for that is not there yet. It is readable by its owner alone and
 * replaced in one step, so that a crash leaves the old one or the new one.
 */
export function openFirstRun(dataDir: string, randomness: Randomness): FirstRun {
  const file = join(dataDir, 'secrets.json');
  const secrets = read(file);
  const hex = (bytes: number) => Buffer.from(randomness.bytes(bytes)).toString('hex');
  const save = () => write(dataDir, file, secrets);
  const make = (name: 'rootSecret' | 'adminToken' | 'sandboxWebhookSecret', prefix: string) => {
    const existing = secrets[name];
    if (existing !== undefined) return { secret: existing, isNew: false };
    const secret = `${prefix}${hex(32)}`;
    secrets[name] = secret;
    save();
    return { secret, isNew: true };
  };
  return {
    file,
    rootSecret: () => make('rootSecret', '').secret,
    adminToken() {
      const { secret, isNew } = make('adminToken', 'lka_');
      return { token: secret, isNew };
    },
    sandboxWebhookSecret: () => make('sandboxWebhookSecret', 'whsec_').secret,
    secretFor(variable) {
      secrets.catalogSecrets ??= {};
      const existing = secrets.catalogSecrets[variable];
      if (existing !== undefined) return existing;
      const secret = hex(32);
      secrets.catalogSecrets[variable] = secret;
      save();
      return secret;
    },
  };
}

function read(file: string): Stored {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
  try {
    return stored.parse(JSON.parse(text));
  } catch (error) {
    // Making new ones would lock everything that the old ones sealed.
    throw new Error(`${file} cannot be read. Put it back from a backup: the database can be opened only with it.`, {
      cause: error,
    });
  }
}

function write(dataDir: string, file: string, secrets: Stored): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const part = `${file}.${process.pid}`;
  try {
    writeFileSync(part, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flush: true });
    // The mode above is applied to new files only, and less the umask.
    chmodSync(part, 0o600);
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}
