import type { UsageCrossing } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import { type CountedEvent, rollUp } from './rollup.ts';
import { createThresholds, type ThresholdsOptions } from './thresholds.ts';

/** What follows from use in the transaction in which it is counted: its hours, and who is told that little or nothing is left. */
export function createUseFollower(options: ThresholdsOptions) {
  const crossed = createThresholds(options);
  return async function recorded(
    transaction: Transaction,
    events: readonly CountedEvent[],
    crossings: readonly UsageCrossing[],
  ): Promise<void> {
    await rollUp(transaction, events);
    await crossed(transaction, crossings);
  };
}
