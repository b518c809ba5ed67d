import { type Catalog, LatchkeyError } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { LicenseChangesOptions } from './changes.ts';
import type { BulkOrder } from './import-schemas.ts';
import type { IssuedLicense, IssueLicense } from './issuing.ts';
import type { KeyKeeper } from './keys.ts';
import { offer, planOrOnly } from './offer.ts';
import type { LicenseRecord } from './record.ts';
import * as repository from './repository.ts';

export interface BulkIssueOptions extends Pick<LicenseChangesOptions, 'record'> {
  catalog: Catalog;
  keys: KeyKeeper;
  licenses: { issueOnce(transaction: Transaction, input: IssueLicense): Promise<IssuedLicense | null> };
}

export interface BulkIssue {
  /** Whether they were issued before, for the same reference. */
  repeated: boolean;
  licenses: { id: string; key: string }[];
}

/**
 * Issues many licences at once, all or none. Asked again for the same reference, it answers those it issued; for another order
 * under that reference it is a `license_state_conflict` that names the field.
 */
export function createBulkIssue({ catalog, keys, licenses, record }: BulkIssueOptions) {
  return async function issueMany(transaction: Transaction, order: BulkOrder): Promise<BulkIssue> {
    const planId = planOrOnly(catalog, order.product, order.plan);
    const { product, plan } = offer(catalog, order.product, planId);
    const { connection } = transaction;
    // Whoever asks for the same reference at the same moment waits here, and is answered what the first one issued.
    await repository.lockKeyName(connection, originOf(product.id, order.reference, 0));
    const first = await repository.findByOrigin(connection, originOf(product.id, order.reference, 1));
    if (first !== null) return repeat(transaction, order, plan.id, first);
    const issued: BulkIssue['licenses'] = [];
    for (let number = 1; number <= order.count; number += 1) {
      const one = await licenses.issueOnce(transaction, {
        product: product.id,
        plan: plan.id,
        origin: originOf(product.id, order.reference, number),
        keyCustomer: 'none',
        keySubscription: 'none',
        customerId: null,
        subscriptionId: null,
        expiresAt: asDate(order.expires_at),
        metadata: order.metadata,
      });
      if (one === null) throw differs(order.reference, 'count');
      issued.push({ id: one.license.id, key: one.key });
    }
    return { repeated: false, licenses: issued };
  };

  async function repeat(
    transaction: Transaction,
    order: BulkOrder,
    plan: string,
    first: LicenseRecord,
  ): Promise<BulkIssue> {
    const { connection } = transaction;
    const { reference, count, product } = order;
    if (first.plan !== plan) throw differs(reference, 'plan');
    const issued: BulkIssue['licenses'] = [];
    for (let number = 1; number <= count; number += 1) {
      const license = await repository.findByOrigin(connection, originOf(product, reference, number));
      const sealed = license === null ? null : await repository.readSealedKey(connection, license.id);
      if (license === null || sealed === null) throw differs(reference, 'count');
      issued.push({ id: license.id, key: keys.open(license.id, sealed) });
    }
    const next = await repository.findByOrigin(connection, originOf(product, reference, count + 1));
    if (next !== null) throw differs(reference, 'count');
    await record(transaction, {
      action: 'license.keys_read',
      subjectType: 'license',
      subjectId: first.id,
      detail: { by: 'bulk', reference, count },
    });
    return { repeated: true, licenses: issued };
  }
}

/** The number stands before the reference, which may hold anything. */
function originOf(product: string, reference: string, number: number): string {
  return `bulk:${product}:${number}:${reference}`;
}

function differs(reference: string, path: string): LatchkeyError {
  return new LatchkeyError(
    'license_state_conflict',
    `Under the reference "${reference}" other licences were issued: the ${path} differs. Use a new reference.`,
    { path },
  );
}

function asDate(text: string | null | undefined): Date | null | undefined {
  return text === undefined || text === null ? text : new Date(text);
}
