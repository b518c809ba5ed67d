import { formatMeterQuantity, LatchkeyError, type LedgerOutcome, type Meter } from '@latchkey/core';

/** Steps as the number that is answered. */
export function quantityOf(steps: number, meter: Meter): number {
  return Number(formatMeterQuantity(steps, meter));
}

/** The outcome where the operation was done, now or before. Everything else is thrown as the error it is to a caller. */
export function assertDone(outcome: LedgerOutcome, meter: Meter): LedgerOutcome {
  const { code, available, requested, because } = outcome;
  const detail = because.at(-1)?.detail ?? code;
  switch (code) {
    case 'done':
    case 'exists':
      return outcome;
    case 'exists_with_different_amount':
    case 'exists_as_another_operation':
      throw new LatchkeyError('operation_key_reused', detail, { path: 'operation_key', meta: { reason: code } });
    case 'insufficient':
      throw new LatchkeyError('insufficient_balance', detail, {
        path: 'quantity',
        meta: { available: quantityOf(available, meter), requested: quantityOf(requested, meter), because },
      });
    case 'invalid_amount':
    case 'too_large':
    case 'exceeds_reservation':
    case 'exceeds_use':
      throw new LatchkeyError('quantity_invalid', detail, { path: 'quantity', meta: { reason: code } });
    case 'lot_missing':
    case 'use_missing':
      throw new LatchkeyError('resource_missing', detail, { path: code === 'use_missing' ? 'reverses' : 'lot' });
    case 'reservation_missing':
      throw new LatchkeyError('resource_missing', detail);
    case 'reservation_closed':
      throw new LatchkeyError('reservation_closed', detail);
  }
}
