import type { Connection, Database, Transaction } from '../../db/database.ts';
import type { Clock, Ids } from '../../ports.ts';
import type { Audit } from '../audit/index.ts';
import * as repository from './repository.ts';

/** What is known of somebody who shows who they are. */
export interface Claimant {
  /** The vendor's id for them; null for whoever signs in here. */
  externalId: string | null;
  email: string | null;
  /** Whether it was proven that the address is theirs. */
  emailVerified: boolean;
  name: string | null;
}

/** A customer, and every id under which they bought: shops make a customer of each purchase, and the address makes them one. */
export interface Owner {
  id: string;
  owns: string[];
}

export interface IdentityOptions {
  database: Database;
  clock: Clock;
  ids: Ids;
  audit: Audit;
}

export type CustomerIdentity = ReturnType<typeof createCustomerIdentity>;

/**
 * Whose things are whose. The vendor's id decides; an address links to what was bought with it once it is proven to be theirs, and never to
 * a customer whom the vendor knows by another id.
 */
export function createCustomerIdentity({ database, clock, ids, audit }: IdentityOptions) {
  /** Every customer of this proven address whom the vendor knows by no id, beside the one that is known already. */
  async function ownerOf(connection: Connection, id: string, provenEmail: string | null): Promise<Owner> {
    const linked = provenEmail === null ? [] : await repository.findUnclaimedByEmail(connection, provenEmail);
    return { id, owns: [id, ...linked.filter((other) => other.id !== id).map((other) => other.id)] };
  }

  async function ensure(transaction: Transaction, claimant: Claimant): Promise<string> {
    const { connection } = transaction;
    const { externalId } = claimant;
    if (externalId !== null) {
      await repository.lockExternalId(connection, externalId);
      const known = await repository.findBy(connection, 'external_id', externalId);
      if (known !== null) return (await addAddress(connection, known, claimant)).id;
    }
    return (await link(transaction, claimant)) ?? create(transaction, claimant);
  }

  /** What was bought with a proven address becomes theirs; null where there is nothing. */
  async function link(
    transaction: Transaction,
    { externalId, email, emailVerified }: Claimant,
  ): Promise<string | null> {
    if (email === null || !emailVerified) return null;
    const [oldest] = await repository.findUnclaimedByEmail(transaction.connection, email);
    if (oldest === undefined) return null;
    if (externalId === null) return oldest.id;
    // Somebody else's token may have come first.
    const given = await repository.giveExternalId(transaction.connection, oldest.id, externalId, clock.now());
    if (!given) return null;
    await audit.record(transaction, { action: 'customer.linked', subjectType: 'customer', subjectId: oldest.id });
    return oldest.id;
  }

  async function create(transaction: Transaction, claimant: Claimant): Promise<string> {
    const { connection } = transaction;
    const id = ids.next('cust');
    const address = await addressFields(connection, claimant);
    const fields = { ...address, name: claimant.name, external_id: claimant.externalId ?? undefined };
    const created = await repository.insert(connection, id, fields, clock.now());
    if (created === null) throw new Error('A customer whose id was looked up under a lock exists all the same.');
    await audit.record(transaction, { action: 'customer.created', subjectType: 'customer', subjectId: id });
    return id;
  }

  /** An address that nobody proved is kept for show alone, and not at all when somebody else has it. */
  async function addressFields(connection: Connection, { email, emailVerified }: Claimant) {
    if (email === null) return {};
    if (emailVerified) return { email, email_claimed: false };
    return (await repository.hasEmail(connection, email)) ? {} : { email, email_claimed: true };
  }

  async function addAddress(
    connection: Connection,
    known: repository.CustomerRow,
    claimant: Claimant,
  ): Promise<repository.CustomerRow> {
    if (!lacksAddress(known, claimant)) return known;
    const fields = await addressFields(connection, claimant);
    return fields.email === undefined ? known : repository.update(connection, known.id, fields, clock.now());
  }

  return {
    /** The customer whom the vendor's token names, made known when they are new. Reads only, when nothing is new. */
    async ofToken(claimant: Claimant & { externalId: string }): Promise<Owner> {
      const proven = claimant.emailVerified ? claimant.email : null;
      const known = await repository.findBy(database.connection, 'external_id', claimant.externalId);
      const isNew = known === null || (lacksAddress(known, claimant) && claimant.emailVerified);
      const id = isNew
        ? await database.transaction({ actor: { type: 'system', id: 'accounts' } }, (tx) => ensure(tx, claimant))
        : known.id;
      return ownerOf(database.connection, id, proven);
    },

    /** The customer of whoever proved by a mailed link that this address is theirs, made known when there is none. */
    ensureOfAddress: (transaction: Transaction, email: string, name: string | null): Promise<string> =>
      ensure(transaction, { externalId: null, email, emailVerified: true, name }),

    /** Everything that whoever proved an address owns, beside the customer they are. */
    ofAddress: (id: string, email: string): Promise<Owner> => ownerOf(database.connection, id, email),
  };
}

/** Whether the token tells an address that the customer does not have yet, or proves one that was only claimed. */
function lacksAddress(known: repository.CustomerRow, { email, emailVerified }: Claimant): boolean {
  if (email === null) return false;
  return known.email === null || (known.email_claimed && emailVerified);
}
