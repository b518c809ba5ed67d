import { dayMs, LatchkeyError } from '@latchkey/core';
import type { Database, Transaction } from '../../db/database.ts';
import type { Clock, Ids } from '../../ports.ts';
import { equalSecrets, type Vault } from '../../security/vault.ts';
import { normalizeEmail } from '../customers/index.ts';
import type { Notifications } from '../notifications/index.ts';
import type { OwnerRelease } from './machines.ts';
import { deleteLinks, findLink, insertLink } from './owner-link-repository.ts';
import type { LicenseReader } from './reading.ts';
import type { LicenseRecord } from './record.ts';
import type { LicenseService } from './service.ts';

/** How long a link works, by the process's clock. */
const LINK_MINUTES = 60;
/** However often it is asked for, an address gets one such letter in this time. */
const LETTER_EVERY_MS = 60_000;
/** Licences that one page shows at most. */
const MOST_LICENSES = 100;

export interface OwnerLinksOptions {
  database: Database;
  vault: Vault;
  clock: Clock;
  ids: Ids;
  reader: LicenseReader;
  licenses: LicenseService;
  notifications: Notifications;
  publicUrl: () => string;
}

export type OwnerLinks = ReturnType<typeof createOwnerLinks>;

/**
 * Links by which the owner of an address proves to be it, and frees machines without the vendor. A link's secret is derived from
 * its id and the root secret: it exists in the letter alone, and neither database nor outbox could tell it.
 */
export function createOwnerLinks(options: OwnerLinksOptions) {
  const { database, vault, clock, ids, reader, licenses } = options;
  const secretOf = (id: string) => Buffer.from(vault.hash(`owner-link:${id}`)).toString('base64url');
  const owned = (email: string) => reader.list({ email }, { limit: MOST_LICENSES, after: null });

  /** The address that a link was mailed to; `resource_missing` for one that is not, or no longer, a link. */
  async function emailOf(token: string): Promise<string> {
    const [id = '', secret = ''] = token.split('.');
    const link = await findLink(database.connection, id);
    const genuine = vault
      .hashes(`owner-link:${id}`)
      .map((hash) => equalSecrets(Buffer.from(hash).toString('base64url'), secret))
      .includes(true);
    if (link === null || !genuine || link.expiresAt.getTime() <= clock.wall().getTime()) {
      throw new LatchkeyError('resource_missing', 'This link does not work, or no longer. Ask for a new one.');
    }
    return link.email;
  }

  return {
    /** The address in the letter. */
    address: (id: string) => `${options.publicUrl()}/release/${id}.${secretOf(id)}`,

    /** Mails a link to an address that owns licences with machines. Never tells whether it does. */
    async request(email: string, write: Write): Promise<void> {
      const address = normalizeEmail(email);
      const withMachines = (await owned(address)).filter((license) => license.activations.length > 0);
      const [first] = withMachines;
      if (first === undefined) return;
      const now = clock.wall();
      const id = ids.next('link');
      const minute = Math.floor(now.getTime() / LETTER_EVERY_MS);
      await write(async (transaction) => {
        const isNew = await options.notifications.notify(transaction, {
          template: 'machine-release',
          to: address,
          data: { linkId: id, product: first.product, minutes: LINK_MINUTES },
          effectKey: `machine-release:${address}:${minute}`,
        });
        if (!isNew) return;
        const expiresAt = new Date(now.getTime() + LINK_MINUTES * 60_000);
        await insertLink(transaction.connection, { id, email: address, createdAt: now, expiresAt });
      });
    },

    /** What a link's holder owns, machines and all. */
    async open(token: string): Promise<LicenseRecord[]> {
      return owned(await emailOf(token));
    },

    /** Frees a machine of a licence that the link's holder owns: done, or why not. */
    async release(token: string, activationId: string, write: Write): Promise<OwnerRelease> {
      const licensesOfOwner = await owned(await emailOf(token));
      const license = licensesOfOwner.find(({ activations }) => activations.some(({ id }) => id === activationId));
      if (license === undefined) return { released: false, detail: 'This machine is not active any more.' };
      return write((transaction) => licenses.releaseAsOwner(transaction, license.id, activationId));
    },

    /** Forgets links that ended long ago. */
    forget: () => deleteLinks(database.connection, new Date(clock.wall().getTime() - dayMs)),
  };
}

type Write = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;
