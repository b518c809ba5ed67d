import type { Actor, Connection, Database, Transaction } from '../db/database.ts';
import { type Vault, VaultError } from '../security/vault.ts';
import type { Mode } from './config.ts';

/** What a database belongs to. */
export interface Identity {
  mode: Mode;
  /** Stripe's `acct_…`; null while no Stripe is configured. */
  stripeAccount: string | null;
}

interface StoredStamp {
  mode: Mode;
  stripeAccount: string | null;
}

interface StoredCanary {
  ciphertext: string;
  secretId: string;
}

const stampKey = 'stamp';
const canaryKey = 'canary';
const canaryText = 'the root secret opens what is stored';
const asSystem: Actor = { type: 'system', id: 'start' };

/**
 * Marks the database with what it belongs to, at its first start; at every other, refuses to start as something else. Sandbox purchases
 * must never be taken for real ones, and one Stripe account's objects mean nothing in another.
 */
export async function stampDatabase(database: Database, identity: Identity, wall: Date): Promise<void> {
  await database.transaction({ actor: asSystem }, async (transaction) => {
    const fresh: StoredStamp = identity;
    const held = await insertOnce<StoredStamp>(transaction, stampKey, fresh, wall);
    if (held.mode !== identity.mode) {
      throw new Error(
        `This database belongs to ${describe(held.mode)} and cannot be used as ${describe(identity.mode)}. ` +
          `Start with SANDBOX=${held.mode === 'sandbox' ? 'on' : 'off'}, or use another DATABASE_URL or DATA_DIR.`,
      );
    }
    if (identity.stripeAccount === null || held.stripeAccount === identity.stripeAccount) return;
    if (held.stripeAccount !== null) {
      throw new Error(
        `This database belongs to the Stripe account ${held.stripeAccount}, but STRIPE_SECRET_KEY is of ${identity.stripeAccount}. ` +
          'Use a key of the first account, or another database for the second.',
      );
    }
    await transaction.connection
      .updateTable('settings')
      .set({ value: JSON.stringify(fresh), updated_at: wall })
      .where('key', '=', stampKey)
      .execute();
  });
}

/** Refuses root secrets that cannot open what this database holds, before anything is written that nobody could read together. */
export async function checkRootSecrets(database: Database, vault: Vault, wall: Date): Promise<void> {
  const sealed = vault.seal('canary', canaryText, canaryKey);
  const fresh: StoredCanary = {
    ciphertext: Buffer.from(sealed.ciphertext).toString('base64'),
    secretId: sealed.secretId,
  };
  const held = await database.transaction({ actor: asSystem }, (transaction) =>
    insertOnce<StoredCanary>(transaction, canaryKey, fresh, wall),
  );
  try {
    vault.open('canary', { ...held, ciphertext: Buffer.from(held.ciphertext, 'base64') }, canaryKey);
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    throw new Error(
      `LATCHKEY_SECRET does not open what this database holds (sealed under ${held.secretId}; given: ${vault.secretId}). ` +
        'Give the secret it was made with; while replacing it, write both: LATCHKEY_SECRET=new,old. ' +
        'On the embedded database it is in secrets.json of DATA_DIR.',
      { cause: error },
    );
  }
}

/** What the database is stamped with; null when it never was. */
export async function readStamp(connection: Connection): Promise<Identity | null> {
  const row = await connection.selectFrom('settings').select('value').where('key', '=', stampKey).executeTakeFirst();
  return row === undefined ? null : (row.value as StoredStamp);
}

// Whoever comes first writes; the others, also those that come in the same moment, read what the first wrote.
async function insertOnce<T extends object>(transaction: Transaction, key: string, value: T, wall: Date): Promise<T> {
  await transaction.connection
    .insertInto('settings')
    .values({ key, value: JSON.stringify(value), updated_at: wall })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute();
  const row = await transaction.connection
    .selectFrom('settings')
    .select('value')
    .where('key', '=', key)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return row.value as T;
}

function describe(mode: Mode): string {
  return mode === 'sandbox' ? 'the sandbox' : 'real payments';
}
