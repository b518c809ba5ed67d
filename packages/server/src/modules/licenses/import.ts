import { type Catalog, LatchkeyError } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { Clock, Ids } from '../../ports.ts';
import type { Customer, CustomerService } from '../customers/index.ts';
import { createLicenseChanges, type LicenseChangesOptions } from './changes.ts';
import { differingFields, originOf } from './import-facts.ts';
import * as importRepository from './import-repository.ts';
import { lineOf, RowRefusal, readRow, refusalOf } from './import-row.ts';
import type { ImportOutcome, ImportRow } from './import-schemas.ts';
import type { IssuedLicense, IssueLicense } from './issuing.ts';
import { type KeyKeeper, LONGEST_KEY } from './keys.ts';
import { asKept, createMachines } from './machines.ts';
import { offer, planOrOnly } from './offer.ts';
import { statusOf } from './policy.ts';
import type { LicenseRecord } from './record.ts';
import * as repository from './repository.ts';

export interface LicenseImportOptions extends LicenseChangesOptions {
  catalog: Catalog;
  keys: KeyKeeper;
  clock: Clock;
  ids: Ids;
  customers: CustomerService;
  licenses: { issueOnce(transaction: Transaction, input: IssueLicense): Promise<IssuedLicense | null> };
}

export type LicenseImport = ReturnType<typeof createLicenseImport>;

export interface ImportSettings {
  /** Also take keys that look like a product's and that no live secret made. */
  acceptForeignKeys: boolean;
}

/** A row with what it is found by. */
interface Candidate {
  row: ImportRow;
  plan: string;
  /** In its canonical form. */
  key: string | null;
  indexes: readonly Uint8Array[];
  /** Under what it is stored, and what it may be stored under already. */
  origin: string;
  origins: readonly string[];
}

interface Known {
  indexes: ReadonlySet<string>;
  origins: ReadonlySet<string>;
}

type Prepared = { candidate: Candidate } | { refusal: Omit<ImportOutcome, 'line'> };
type Outcome = Omit<ImportOutcome, 'line'>;

/**
 * Brings licences in that exist elsewhere. Each row stands for itself: it is imported, unchanged because it is here already, or
 * refused, and a refused one leaves nothing behind. The same rows again, in any order and however often, change nothing.
 */
export function createLicenseImport(options: LicenseImportOptions) {
  const { catalog, keys, clock, customers, licenses, record } = options;
  const machines = createMachines({ ...options, changes: createLicenseChanges(options) });

  function prepare(value: unknown): Prepared {
    try {
      const row = readRow(value, clock.now());
      const { product, plan } = offer(catalog, row.product, planOrOnly(catalog, row.product, row.plan));
      const key = row.key === undefined ? null : canonicalKey(row.key);
      const indexes = key === null ? [] : keys.indexes(key);
      const byKey = indexes.map((keyIndex) => originOf(product.id, { keyIndex }));
      const byReference = row.reference === undefined ? [] : [originOf(product.id, { reference: row.reference })];
      const [origin = ''] = [...byReference, ...byKey];
      return { candidate: { row, plan: plan.id, key, indexes, origin, origins: byReference } };
    } catch (error) {
      return { refusal: refusalOrThrow(error) };
    }
  }

  function canonicalKey(text: string): string {
    const key = keys.canonical(text);
    if (key === '') throw new RowRefusal('invalid_request', 'The key is nothing but white space.', 'key');
    if (key.length > LONGEST_KEY) {
      throw new RowRefusal('invalid_request', `The key has more than ${LONGEST_KEY} characters.`, 'key');
    }
    return key;
  }

  /** What of a batch is here already, asked in two queries: of nearly all of a first import, nothing is. */
  async function knownOf(transaction: Transaction, prepared: readonly Prepared[]): Promise<Known> {
    const candidates = prepared.flatMap((one) => ('candidate' in one ? [one.candidate] : []));
    const indexes = candidates.flatMap((candidate) => candidate.indexes);
    const { connection } = transaction;
    const taken = indexes.length === 0 ? [] : await repository.takenKeyIndexes(connection, indexes);
    const origins = await importRepository.takenOrigins(
      connection,
      candidates.flatMap((candidate) => candidate.origins),
    );
    return { indexes: new Set(taken.map(hexadecimal)), origins };
  }

  async function importRow(
    transaction: Transaction,
    candidate: Candidate,
    known: Known | 'anything',
    settings: ImportSettings,
  ): Promise<Outcome> {
    const existing = await findExisting(transaction, candidate, known);
    if (existing !== null) return compare(transaction, candidate, existing);
    const { row, plan, key } = candidate;
    if (key !== null && !settings.acceptForeignKeys && keys.classify(key) === 'FORGED') {
      throw new RowRefusal(
        'FORGED',
        'The key looks like one of a product here, and no live secret made it. Set the secret that did, or accept foreign keys.',
        'key',
      );
    }
    assertSeats(row, offer(catalog, row.product, plan).plan.license.maxMachines);
    const customer = await ensureCustomer(transaction, row);
    const issued = await licenses.issueOnce(transaction, issueOf(candidate, customer));
    if (issued === null) {
      if (known === 'anything') throw new LatchkeyError('conflict', 'The licence changed at this moment. Try again.');
      // An earlier row of this batch brought it in, or somebody else at this moment.
      return importRow(transaction, candidate, 'anything', settings);
    }
    await complete(transaction, row, issued.license);
    return { outcome: 'imported', id: issued.license.id };
  }

  function issueOf({ row, plan, key, origin }: Candidate, customer: Customer | null): IssueLicense {
    const { expires_at: expiresAt, starts_at: startsAt, status } = row;
    const named = expiresAt === undefined && status === 'expired' ? clock.now() : asDate(expiresAt);
    return {
      product: row.product,
      plan,
      origin,
      keyCustomer: customer?.stripe_customer_id ?? customer?.id ?? 'none',
      keySubscription: 'none',
      customerId: customer?.id ?? null,
      subscriptionId: null,
      expiresAt: named,
      startsAt: startsAt === undefined ? undefined : new Date(startsAt),
      maxMachines: row.max_machines,
      metadata: row.metadata,
      ...(key === null ? {} : { key }),
      recorded: true,
    };
  }

  async function ensureCustomer(transaction: Transaction, row: ImportRow): Promise<Customer | null> {
    const { email, name, customer_external_id: externalId, stripe_customer_id: stripeCustomerId } = row;
    if (email === undefined && externalId === undefined && stripeCustomerId === undefined) return null;
    return customers.ensure(transaction, { stripeCustomerId, externalId, email, name });
  }

  /** What a licence has beside its own row: holds, machines, and its line in the audit log. */
  async function complete(transaction: Transaction, row: ImportRow, license: LicenseRecord): Promise<void> {
    const { status, machines: list = [], reference } = row;
    if (status === 'suspended' || status === 'revoked') {
      await repository.putHold(transaction.connection, license.id, {
        cause: 'admin',
        effect: status === 'suspended' ? 'suspend' : 'revoke',
        effectiveAt: clock.now().getTime(),
        reason: `imported as ${status}`,
      });
    }
    for (const machine of list) {
      if ((await machines.takeSeat(transaction, license, asKept(license.id, machine))) === 'taken') continue;
      throw new RowRefusal('machine_active_elsewhere', 'The machine is active on another licence.', 'machines');
    }
    await record(transaction, {
      action: 'license.imported',
      subjectType: 'license',
      subjectId: license.id,
      detail: {
        product: license.product,
        plan: license.plan,
        expires_at: license.expiresAt === null ? null : new Date(license.expiresAt),
        customer: license.customerId,
        key: row.key === undefined ? 'made' : 'kept',
        machines: list.length,
        ...(status === undefined ? {} : { status }),
        ...(reference === undefined ? {} : { reference }),
      },
    });
  }

  async function findExisting(
    transaction: Transaction,
    candidate: Candidate,
    known: Known | 'anything',
  ): Promise<LicenseRecord | null> {
    const { connection } = transaction;
    const mayBeKnown = (what: 'indexes' | 'origins', values: readonly string[]) =>
      values.length > 0 && (known === 'anything' || values.some((value) => known[what].has(value)));
    const byKey = mayBeKnown('indexes', candidate.indexes.map(hexadecimal))
      ? await repository.findByKeyIndex(connection, candidate.indexes)
      : null;
    if (byKey !== null) return byKey;
    const [origin = ''] = candidate.origins;
    return mayBeKnown('origins', candidate.origins) ? repository.findByOrigin(connection, origin) : null;
  }

  async function compare(transaction: Transaction, candidate: Candidate, license: LicenseRecord): Promise<Outcome> {
    const { connection } = transaction;
    const { row, plan, indexes } = candidate;
    const owners = await importRepository.ownersOf(connection, license.customerId === null ? [] : [license.customerId]);
    const now = clock.now();
    const differs = differingFields(row, plan, {
      license,
      status: statusOf(license, catalog, now),
      owner: owners.get(license.customerId ?? '') ?? null,
      machines:
        row.machines === undefined ? new Set() : await importRepository.fingerprintsEver(connection, license.id),
      now,
    });
    const ofKey = indexes.length === 0 ? license : await repository.findByKeyIndex(connection, indexes);
    if (ofKey?.id !== license.id) differs.unshift('key');
    const [first] = differs;
    if (first === undefined) return { outcome: 'unchanged', id: license.id };
    const found = ofKey?.id === license.id && indexes.length > 0 ? 'key' : 'reference';
    throw new RowRefusal(
      `exists_with_different_${first}`,
      `The licence with this ${found} is here as ${license.id} and differs in: ${differs.join(', ')}.`,
      first,
    );
  }

  return {
    /** What became of each row, in their order. Throws only what is no row's fault; then nothing at all was done. */
    async importRows(
      transaction: Transaction,
      rows: readonly unknown[],
      settings: ImportSettings,
    ): Promise<ImportOutcome[]> {
      const prepared = rows.map(prepare);
      const known = await knownOf(transaction, prepared);
      const outcomes: ImportOutcome[] = [];
      for (const [index, one] of prepared.entries()) {
        const line = lineOf(rows[index], index);
        const outcome =
          'refusal' in one
            ? one.refusal
            : await byItself(transaction, (own) => importRow(own, one.candidate, known, settings));
        outcomes.push({ line, ...outcome });
      }
      return outcomes;
    },
  };
}

/** Runs a row's work so that a refusal undoes what that row did, and nothing else. */
async function byItself(transaction: Transaction, work: (own: Transaction) => Promise<Outcome>): Promise<Outcome> {
  const actions: (() => void)[] = [];
  const own: Transaction = { ...transaction, afterCommit: (action) => void actions.push(action) };
  try {
    const outcome = await importRepository.inSavepoint(transaction.connection, () => work(own));
    for (const action of actions) transaction.afterCommit(action);
    return outcome;
  } catch (error) {
    return refusalOrThrow(error);
  }
}

function refusalOrThrow(error: unknown): Outcome {
  const refusal = refusalOf(error);
  if (refusal === null) throw error;
  return refusal;
}

function assertSeats({ machines = [], max_machines: own }: ImportRow, ofPlan: number): void {
  const most = own ?? ofPlan;
  if (most === -1 || machines.length <= most) return;
  const seats = most === 1 ? 'one seat' : `${most} seats`;
  throw new RowRefusal('too_many_machines', `${machines.length} machines do not fit into ${seats}.`, 'machines');
}

function asDate(text: string | null | undefined): Date | null | undefined {
  return text === undefined || text === null ? text : new Date(text);
}

function hexadecimal(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
