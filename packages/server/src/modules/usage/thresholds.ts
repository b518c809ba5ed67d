/** What follows when much, or all, of what a plan includes is used. */

import { type Catalog, findProduct, type Meter, type UsageCrossing } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import type { Audit } from '../audit/index.ts';
import { parseAccountId, quantityOf } from '../ledger/index.ts';
import type { Notifications } from '../notifications/index.ts';
import { type AccountContact, contactsOf } from './thresholds-repository.ts';

export interface ThresholdsOptions {
  catalog: Catalog;
  clock: Pick<Clock, 'now'>;
  audit: Pick<Audit, 'record'>;
  notifications: Pick<Notifications, 'notify'>;
  /** Where the vendor hears of hard limits that were reached; null: nowhere. */
  alertEmail: string | null;
}

/** At all that is included. */
const ALL = 100;

/**
 * Tells of thresholds that were crossed, in the transaction of the use that crossed them: the customer is written to, the audit log has
 * it, and where a hard limit was reached the vendor hears of it. Each once for an account, its period and the threshold. Of a period
 * that is over when late use crosses it, nobody is written to: nothing is to be done about it any more.
 */
export function createThresholds({ catalog, clock, audit, notifications, alertEmail }: ThresholdsOptions) {
  return async function crossed(transaction: Transaction, crossings: readonly UsageCrossing[]): Promise<void> {
    if (crossings.length === 0) return;
    const contacts = await contactsOf(
      transaction.connection,
      crossings.map(({ window }) => window.account),
    );
    for (const crossing of crossings) {
      const contact = contacts.find(({ account }) => account === crossing.window.account);
      await tell(transaction, crossing, contact ?? null);
    }
  };

  async function tell(
    transaction: Transaction,
    { window, percent }: UsageCrossing,
    contact: AccountContact | null,
  ): Promise<void> {
    const { owner, product, meter: meterId } = parseAccountId(window.account);
    const meter = findProduct(catalog, product)?.meters.find(({ id }) => id === meterId);
    if (meter === undefined) return;
    const [subjectType, subjectId] =
      'licenseId' in owner ? ['license', owner.licenseId] : ['customer', owner.customerId];
    const { plan, limit, startsAt, endsAt } = window;
    const use = usedOf(window, meter);
    const period = { starts_at: new Date(startsAt).toISOString(), ends_at: new Date(endsAt).toISOString() };
    await audit.record(transaction, {
      action: 'usage.threshold_reached',
      subjectType,
      subjectId,
      detail: { product, meter: meterId, percent, plan, limit, ...use, ...period },
    });
    if (endsAt <= clock.now().getTime()) return;
    const { name, unit } = meter;
    const data = { product, meter: name, unit, percent, ...use, limit, endsAt: period.ends_at };
    const effectKey = `usage:${window.account}:${period.starts_at}:${percent}`;
    const email = contact?.email ?? null;
    if (email !== null)
      await notifications.notify(transaction, { template: 'usage-threshold', to: email, data, effectKey });
    if (percent !== ALL || limit !== 'hard' || alertEmail === null) return;
    await notifications.notify(transaction, {
      template: 'usage-limit-alert',
      to: alertEmail,
      data: { ...data, plan, customer: email ?? contact?.customer ?? null, owner: subjectId },
      effectKey: `alert:${effectKey}`,
    });
  }
}

function usedOf({ recorded, included }: UsageCrossing['window'], meter: Meter): { used: number; included: number } {
  return { used: quantityOf(recorded, meter), included: quantityOf(included, meter) };
}
