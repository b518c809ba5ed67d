import { type Decision, refuseUnknownKey } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import { type KeyKeeper, LONGEST_KEY } from './keys.ts';
import type { LicenseRecord } from './record.ts';
import * as repository from './repository.ts';

/** The licence behind a key that was presented, or why there is none. */
export async function findByKey(
  transaction: Transaction,
  keys: KeyKeeper,
  text: string,
): Promise<{ license: LicenseRecord } | { refusal: Decision }> {
  if (text.length > LONGEST_KEY) return { refusal: refuseUnknownKey('MALFORMED') };
  const key = keys.canonical(text);
  const license = await repository.findByKeyIndex(transaction.connection, keys.indexes(key));
  return license === null ? { refusal: refuseUnknownKey(keys.classify(key)) } : { license };
}
