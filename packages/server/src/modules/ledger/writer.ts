import type { LedgerOperation, LedgerOutcome } from '@latchkey/core';
import { createGroupWriter, type GroupWriter, type GroupWriterOptions } from './group-writer.ts';

export type LedgerWriterOptions = Omit<GroupWriterOptions<LedgerOperation, LedgerOutcome>, 'name' | 'weigh'>;

export type LedgerWriter = GroupWriter<LedgerOperation, LedgerOutcome>;

/** Writes operations of the ledger together. */
export function createLedgerWriter(options: LedgerWriterOptions): LedgerWriter {
  return createGroupWriter({ ...options, name: 'ledger' });
}
