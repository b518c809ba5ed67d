import { createHmac } from 'node:crypto';
import { dayMs } from '@latchkey/core';
import type { Actor, Database, Transaction } from '../../db/database.ts';
import type { Principal } from '../../http/index.ts';
import type { Log } from '../../observability/log.ts';
import type { Clock, Ids } from '../../ports.ts';
import { equalSecrets, type Vault } from '../../security/vault.ts';
import type { Audit } from '../audit/index.ts';
import { type AccountLetter, createAccountLetters } from './letters.ts';
import * as repository from './repository.ts';
import { createLinkSeal } from './sealed-link.ts';
import { sessionHashes } from './session-hashes.ts';
import { BASE_PATH, createSignIn, signingSecrets } from './sign-in.ts';
import type { KnownOwner } from './tokens.ts';

export interface AccountsOptions {
  database: Database;
  vault: Vault;
  clock: Clock;
  ids: Ids;
  log: Log;
  audit: Audit;
  allowedOrigins: readonly string[];
  /** A function, because with port 0 the address is known only once the server listens. */
  publicUrl: () => string;
  notify(transaction: Transaction, letter: AccountLetter): Promise<void>;
  customers: {
    /** The customer of a proven address, made known when there is none. */
    ensureOfAddress(transaction: Transaction, email: string, name: string | null): Promise<string>;
    ofAddress(id: string, email: string): Promise<KnownOwner>;
  };
}

export type Accounts = ReturnType<typeof createAccounts>;

const SYSTEM: Actor = { type: 'system', id: 'accounts' };
/** A session's token, as the body of a sign-in answers it; followed by its signature, as the header does. */
const sessionShape = /^([A-Za-z0-9]{32})(?:\.([A-Za-z0-9+/]{43}=))?$/;

/** People who sign in here. A user is a customer once their address is verified, and nobody before. */
export function createAccounts(options: AccountsOptions) {
  const { database, vault, clock, audit, customers, log } = options;
  const links = createLinkSeal(options);
  const send = createAccountLetters({ ...options, links });
  const secrets = signingSecrets(vault);
  const background = new Set<Promise<unknown>>();
  let signIn: { publicUrl: string; created: ReturnType<typeof createSignIn> } | null = null;

  const record = (action: string, userId: string, actor: Actor) =>
    database.transaction({ actor }, (transaction) =>
      audit.record(transaction, { action, subjectType: 'account', subjectId: userId }),
    );

  function inBackground(work: Promise<unknown>): void {
    const watched = work
      .catch((error: unknown) => log.error({ error }, 'an account’s letter could not be decided'))
      .finally(() => background.delete(watched));
    background.add(watched);
  }

  function current(): ReturnType<typeof createSignIn> {
    const publicUrl = options.publicUrl();
    if (signIn?.publicUrl === publicUrl) return signIn.created;
    const created = createSignIn({
      connection: database.connection,
      vault,
      log,
      publicUrl,
      allowedOrigins: options.allowedOrigins,
      send,
      inBackground,
      created: ({ id }) => record('account.created', id, { type: 'anyone', id: null }),
      verified: async ({ id }) => void (await becomeCustomer(id)),
      passwordReset: ({ id }) => record('account.password_reset', id, { type: 'anyone', id: null }),
    });
    signIn = { publicUrl, created };
    // The next request tries again.
    created.catch(() => {
      signIn = null;
    });
    return created;
  }

  /** Makes a user with a verified address a customer, once. Null for one whose address is not verified. */
  async function becomeCustomer(userId: string): Promise<string | null> {
    return database.transaction({ actor: SYSTEM }, async (transaction) => {
      const user = await repository.lockUser(transaction.connection, userId);
      if (user === null || !user.emailVerified) return null;
      if (user.customerId !== null) return user.customerId;
      const name = user.name.trim() === '' ? null : user.name;
      const customerId = await customers.ensureOfAddress(transaction, user.email, name);
      await repository.setCustomer(transaction.connection, userId, customerId);
      const detail = { customer_id: customerId };
      await audit.record(transaction, { action: 'account.linked', subjectType: 'account', subjectId: userId, detail });
      return customerId;
    });
  }

  return {
    /** Answers a request below `/auth`. */
    handle: async (request: Request): Promise<Response> => (await current()).handler(request),

    /** Chooses another password with the token of a mailed link: done, or the token does not work, or no such password may be. */
    async resetPassword(token: string, newPassword: string): Promise<'done' | 'gone' | 'unsuitable'> {
      const { handler } = await current();
      const response = await handler(
        new Request(`${options.publicUrl()}${BASE_PATH}/reset-password`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ token, newPassword }),
        }),
      );
      if (response.ok) return 'done';
      const { code } = (await response.json()) as { code?: string };
      return code?.startsWith('PASSWORD_') === true ? 'unsuitable' : 'gone';
    },

    /** Whose session a token is; null for what is no session, has ended, or is of an address that nobody verified. */
    async authenticate(token: string): Promise<Principal | null> {
      const raw = sessionTokenOf(token, secrets);
      if (raw === null) return null;
      const held = await repository.findSession(database.connection, sessionHashes(vault, raw), clock.wall());
      if (held === null || !held.emailVerified) return null;
      if (held.isAdmin) return { type: 'admin', id: held.userId, scopes: ['admin'] };
      const customerId = held.customerId ?? (await becomeCustomer(held.userId));
      if (customerId === null) return null;
      const { id, owns } = await customers.ofAddress(customerId, held.email);
      return { type: 'customer', id, scopes: [], owns };
    },

    /** The link that a letter was decided with. For whoever writes it. */
    openLink: links.open,

    /** Resolves when nothing is at work that an answer did not wait for. */
    async settled(): Promise<void> {
      while (background.size > 0) await Promise.all(background);
    },

    /** Forgets sessions and links that ended yesterday or before. */
    forget: () => repository.deleteEnded(database.connection, new Date(clock.wall().getTime() - dayMs)),
  };
}

/** The token itself, from either form; null for another shape, or a signature that is not ours. */
function sessionTokenOf(token: string, secrets: readonly string[]): string | null {
  let text = token;
  if (token.includes('%')) {
    try {
      text = decodeURIComponent(token);
    } catch {
      return null;
    }
  }
  const [, raw, signature] = sessionShape.exec(text) ?? [];
  if (raw === undefined) return null;
  if (signature === undefined) return raw;
  const genuine = secrets.map((secret) => createHmac('sha256', secret).update(raw).digest('base64'));
  return genuine.some((one) => equalSecrets(one, signature)) ? raw : null;
}
