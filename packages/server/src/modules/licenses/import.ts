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

  /** What of some candidates is here already: of nearly all of a first import, nothing is. */
  async function findKnown(transaction: Transaction, candidates: readonly Candidate[]): Promise<Known> {
    if (candidates.length === 0) return createKnown([]);
    const sought = {
      indexes: candidates.flatMap(({ indexes }) => indexes),
      origins: candidates.flatMap(({ origins }) => origins),
    };
    return createKnown(await importRepository.findKnown(transaction.connection, catalog, sought, clock.now()));
  }

  async function importRow(transaction: Transaction, candidate: Candidate, settings: ImportSettings): Promise<Outcome> {
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
      // An earlier row of this batch brought it in, or somebody else at this moment.
      const outcome = compare(candidate, await findKnown(transaction, [candidate]));
      if (outcome !== null) return outcome;
      throw new LatchkeyError('conflict', 'The licence changed at this moment. Try again.');
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

  /** What a row is beside a licence that is here already: unchanged, or refused; null where there is none. */
  function compare({ row, plan, indexes, origins }: Candidate, known: Known): Outcome | null {
    const ofKey = known.byKey(indexes);
    const license = ofKey ?? known.byOrigin(origins);
    if (license === null) return null;
    const differs = differingFields(row, plan, license, clock.now());
    if (ofKey === null && indexes.length > 0) differs.unshift('key');
    const [first] = differs;
    if (first === undefined) return { outcome: 'unchanged', id: license.id };
    throw new RowRefusal(
      `exists_with_different_${first}`,
      `The licence with this ${ofKey === null ? 'reference' : 'key'} is here as ${license.id} and differs in: ${differs.join(', ')}.`,
      first,
    );
  }

  async function outcomeOf(
    transaction: Transaction,
    candidate: Candidate,
    known: Known,
    settings: ImportSettings,
  ): Promise<Outcome> {
    try {
      return compare(candidate, known) ?? (await byItself(transaction, (own) => importRow(own, candidate, settings)));
    } catch (error) {
      return refusalOrThrow(error);
    }
  }

  return {
    /** What became of each row, in their order. Throws only what is no row's fault; then nothing at all was done. */
    async importRows(
      transaction: Transaction,
      rows: readonly unknown[],
      settings: ImportSettings,
    ): Promise<ImportOutcome[]> {
      const prepared = rows.map(prepare);
      // One batch at a time: two that hold the same rows in another order would wait for each other.
      await repository.lockKeyName(transaction.connection, 'import');
      const known = await findKnown(
        transaction,
        prepared.flatMap((one) => ('candidate' in one ? [one.candidate] : [])),
      );
      const outcomes: ImportOutcome[] = [];
      for (const [index, one] of prepared.entries()) {
        const outcome = 'refusal' in one ? one.refusal : await outcomeOf(transaction, one.candidate, known, settings);
        outcomes.push({ line: lineOf(rows[index], index), ...outcome });
      }
      return outcomes;
    },
  };
}

interface Known {
  byKey(indexes: readonly Uint8Array[]): importRepository.KnownLicense | null;
  byOrigin(origins: readonly string[]): importRepository.KnownLicense | null;
}

function createKnown(licenses: readonly importRepository.KnownLicense[]): Known {
  const byKey = new Map(licenses.map((license) => [license.keyIndex, license]));
  const byOrigin = new Map(licenses.map((license) => [license.origin, license]));
  const first = (map: typeof byKey, names: readonly string[]) => {
    const name = names.find((one) => map.has(one));
    return name === undefined ? null : (map.get(name) ?? null);
  };
  return {
    byKey: (indexes) => first(byKey, indexes.map(importRepository.hexadecimal)),
    byOrigin: (origins) => first(byOrigin, origins),
  };
}

/** Runs a row's work so that, if it is refused, what that row did is undone, and nothing else. */
async function byItself<T>(transaction: Transaction, work: (own: Transaction) => Promise<T>): Promise<T> {
  const actions: (() => void)[] = [];
  const own: Transaction = { ...transaction, afterCommit: (action) => void actions.push(action) };
  const result = await importRepository.inSavepoint(transaction.connection, () => work(own));
  for (const action of actions) transaction.afterCommit(action);
  return result;
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
