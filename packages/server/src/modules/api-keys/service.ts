import { LatchkeyError } from '@latchkey/core';
import type { Database, Transaction } from '../../db/database.ts';
import type { Principal, Scope } from '../../http/index.ts';
import type { Clock, Ids, Randomness } from '../../ports.ts';
import { randomCode } from '../../security/identifiers.ts';
import type { Vault } from '../../security/vault.ts';
import type { Audit } from '../audit/index.ts';
import { type ApiKey, findApiKeyByHash, insertApiKey, revokeApiKey, selectApiKeys, setLastUsed } from './repository.ts';

export interface NewApiKey {
  name: string;
  scopes: readonly Scope[];
  /** By the wall clock: a credential's life does not follow the sandbox's time machine. */
  expiresAt?: Date | null;
}

/** The keys with which a vendor's servers call. */
export interface ApiKeys {
  /** The secret is in this answer and nowhere else, ever. */
  create(transaction: Transaction, wanted: NewApiKey): Promise<{ apiKey: ApiKey; secret: string }>;
  list(after: { at: Date; id: string } | null, limit: number): Promise<ApiKey[]>;
  /** It stops working at once, in every process: keys are not cached. Throws `resource_missing`. */
  revoke(transaction: Transaction, id: string): Promise<ApiKey>;
  /** Whose a token is; null for what is unknown, revoked or expired. */
  authenticate(token: string): Promise<Principal | null>;
  /** Writes down when keys were last used, which a request does not wait for. For the sweep. */
  saveLastUsed(): Promise<void>;
}

export interface ApiKeysOptions {
  database: Database;
  vault: Vault;
  clock: Clock;
  ids: Ids;
  randomness: Randomness;
  audit: Audit;
}

const prefix = 'lk_';
/** 200 bits. */
const secretLength = 40;
const tokenShape = /^lk_[0-9a-z]{40}$/;

export function createApiKeys({ database, vault, clock, ids, randomness, audit }: ApiKeysOptions): ApiKeys {
  let lastUsed = new Map<string, Date>();
  return {
    async create(transaction, { name, scopes, expiresAt = null }) {
      const secret = `${prefix}${randomCode(randomness, secretLength)}`;
      const apiKey: ApiKey = {
        id: ids.next('key'),
        name,
        hint: `${prefix}…${secret.slice(-4)}`,
        scopes: [...scopes],
        createdAt: clock.wall(),
        expiresAt,
        revokedAt: null,
        lastUsedAt: null,
      };
      await insertApiKey(transaction.connection, apiKey, vault.hash(secret));
      await audit.record(transaction, {
        action: 'api_key.created',
        subjectType: 'api_key',
        subjectId: apiKey.id,
        detail: { name, scopes },
      });
      return { apiKey, secret };
    },
    list: (after, limit) => selectApiKeys(database.connection, after, limit),
    async revoke(transaction, id) {
      const revoked = await revokeApiKey(transaction.connection, id, clock.wall());
      if (revoked === null)
        throw new LatchkeyError('resource_missing', 'There is no API key with this id.', { path: 'id' });
      const { apiKey, changed } = revoked;
      if (changed) {
        const about = { subjectType: 'api_key', subjectId: id, detail: { name: apiKey.name } };
        await audit.record(transaction, { action: 'api_key.revoked', ...about });
      }
      return apiKey;
    },
    async authenticate(token) {
      // What cannot be one of ours costs no query.
      if (!tokenShape.test(token)) return null;
      const apiKey = await findApiKeyByHash(database.connection, vault.hashes(token));
      const wall = clock.wall();
      if (apiKey === null || apiKey.revokedAt !== null) return null;
      if (apiKey.expiresAt !== null && apiKey.expiresAt <= wall) return null;
      lastUsed.set(apiKey.id, wall);
      const scopes = apiKey.scopes as Scope[];
      return { type: scopes.includes('admin') ? 'admin' : 'api_key', id: apiKey.id, scopes };
    },
    async saveLastUsed() {
      const used = lastUsed;
      if (used.size === 0) return;
      lastUsed = new Map();
      await database.transaction({ actor: { type: 'system', id: 'api-keys' } }, async ({ connection }) => {
        // In one order everywhere, so that two processes cannot wait for each other.
        for (const id of [...used.keys()].sort()) await setLastUsed(connection, id, used.get(id) ?? clock.wall());
      });
    },
  };
}
