import { LatchkeyError } from '@latchkey/core';
import type { Database, Transaction } from '../../db/database.ts';
import type { Clock, Randomness } from '../../ports.ts';
import type { Audit } from '../audit/index.ts';
import * as repository from './admins-repository.ts';

/** Somebody of the vendor's, who signs in like a customer and may do everything. */
export interface Admin {
  id: string;
  email: string;
  name: string;
  since: Date;
}

export interface AdminsOptions {
  database: Database;
  clock: Clock;
  randomness: Randomness;
  audit: Audit;
}

export type Admins = ReturnType<typeof createAdmins>;

/** As at a sign-up. */
export const PASSWORD_LENGTHS = { min: 10, max: 128 } as const;

/** The people of the vendor's who sign in. Whoever makes one vouches for the address. */
export function createAdmins({ database, clock, randomness, audit }: AdminsOptions) {
  const text = (bytes: number) => Buffer.from(randomness.bytes(bytes)).toString('base64url');
  const record = (transaction: Transaction, action: string, id: string) =>
    audit.record(transaction, { action, subjectType: 'account', subjectId: id });

  return {
    /**
     * Prepares an admin outside of the transaction that makes them, since hashing a password takes long. Without a password one is made
     * up, and given once.
     */
    async prepare(input: { email: string; name?: string | undefined; password?: string | undefined }) {
      const password = input.password ?? text(18);
      const { hashPassword } = await import('better-auth/crypto');
      const hash = await hashPassword(password);
      // As a sign-in looks it up.
      const email = input.email.trim().toLowerCase();
      return { email, name: input.name ?? null, hash, madeUp: input.password === undefined ? password : null };
    },

    /**
     * Makes the account of an address an admin's. One that was there before keeps nothing of how it was entered: whoever signed up
     * with the address, without being its owner, has their password and sessions taken.
     */
    async create(
      transaction: Transaction,
      { email, name, hash }: { email: string; name: string | null; hash: string },
    ): Promise<Admin> {
      const { connection } = transaction;
      const wall = clock.wall();
      const row = await repository.upsertAdmin(connection, { id: text(24), email, name, wall });
      await repository.replacePassword(connection, { id: text(24), userId: row.id, hash, wall });
      await record(transaction, row.isNew ? 'account.admin_created' : 'account.admin_promoted', row.id);
      return view(row);
    },

    list: async (): Promise<Admin[]> => (await repository.listAdmins(database.connection)).map(view),

    /** Takes the rights, and ends every session: of a customer only their own things are left. */
    async remove(transaction: Transaction, id: string): Promise<void> {
      const { connection } = transaction;
      const removed = await repository.demote(connection, id, clock.wall());
      if (removed === null) throw new LatchkeyError('resource_missing', `There is no admin ${id.slice(0, 100)}.`);
      await repository.endSessions(connection, id);
      await record(transaction, 'account.admin_removed', id);
    },
  };
}

function view({ id, email, name, admin_since: since }: repository.AdminRow): Admin {
  return { id, email, name, since };
}
