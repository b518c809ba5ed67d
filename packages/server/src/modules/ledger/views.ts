import { compareLots, type LedgerOutcome, type Meter, type Transfer } from '@latchkey/core';
import type { z } from 'zod';
import type { AccountReference } from './account-reference.ts';
import type { MeteredAccount } from './meters.ts';
import { quantityOf } from './outcomes.ts';
import type { balancesAnswer, changeAnswer, statementAnswer } from './schemas.ts';
import type { AccountBalance } from './service.ts';

/** What a meter that is gone from the catalog is counted in: its steps. */
const FORGOTTEN: Meter = {
  id: '',
  name: '',
  unit: '',
  kind: 'quantity',
  scale: 0,
  aggregation: 'sum',
  endpointCosts: [],
};

function ownerView({ owner, product, meter }: AccountReference, unit: string | null) {
  const license = 'licenseId' in owner ? owner.licenseId : null;
  const customer = 'customerId' in owner ? owner.customerId : null;
  return { product, meter, unit, license_id: license, customer_id: customer };
}

export function balanceView(one: AccountBalance): z.infer<typeof balancesAnswer>['data'][number] {
  const meter = one.meter ?? FORGOTTEN;
  const { balance, lots } = one.account;
  const of = (steps: number) => quantityOf(steps, meter);
  return {
    object: 'balance',
    ...ownerView(one.reference, one.meter?.unit ?? null),
    available: of(balance.available),
    reserved: of(balance.reserved),
    granted: of(balance.granted),
    used: of(balance.used),
    expired: of(balance.expired),
    returned: of(balance.returned),
    lots: [...lots.values()]
      .filter(({ remaining, reserved }) => remaining + reserved > 0)
      .sort(compareLots)
      .map((lot) => ({
        id: lot.id,
        source: lot.source,
        quantity: of(lot.amount),
        available: of(lot.remaining),
        reserved: of(lot.reserved),
        priority: lot.priority,
        expires_at: lot.expiresAt === null ? null : new Date(lot.expiresAt).toISOString(),
      })),
  };
}

export function changeView(
  { reference, meter }: MeteredAccount,
  operationKey: string,
  { code, amount, available, because }: LedgerOutcome,
): z.infer<typeof changeAnswer> {
  return {
    object: 'balance_operation',
    operation_key: operationKey,
    ...ownerView(reference, meter.unit),
    code,
    quantity: quantityOf(amount, meter),
    available: quantityOf(available, meter),
    because: [...because],
  };
}

export function entryView(transfer: Transfer, meter: Meter): z.infer<typeof statementAnswer>['data'][number] {
  const { number, key, kind, from, to, amount, availableAfter, at, reason, subject, parts } = transfer;
  const quantity = quantityOf(amount, meter);
  return {
    object: 'balance_entry',
    number,
    operation_key: key,
    kind,
    quantity,
    change: to === 'available' ? quantity : from === 'available' && quantity !== 0 ? -quantity : 0,
    available: quantityOf(availableAfter, meter),
    from,
    to,
    at: new Date(at).toISOString(),
    reason,
    subject,
    lots: parts.map((part) => ({ id: part.lot, quantity: quantityOf(part.amount, meter) })),
  };
}
