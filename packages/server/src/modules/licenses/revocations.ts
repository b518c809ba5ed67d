import { createHash } from 'node:crypto';
import {
  type Cryptography,
  dayMs,
  decidingHold,
  type Hold,
  hourMs,
  type RevocationList,
  secondMs,
  type Withheld,
  writeRevocationList,
} from '@latchkey/core';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import type { Signing } from '../signing/index.ts';
import { FILE_END_TOLERANCE_MS } from './files.ts';
import { selectWithheld } from './files-repository.ts';

/** How long a list may be relied upon, as it says itself. */
const LIST_LIFE_MS = 7 * dayMs;
/** A list that still says the truth is given again for so long, so that those who ask often are told that nothing changed. */
const SAME_LIST_MS = hourMs;
/** How long the database is not asked again. */
const FRESH_MS = 2 * secondMs;
/** Above this the oldest are left out, and the list says that it is not complete. */
const MOST_HOLDS = 50_000;

export interface SignedRevocations {
  certificate: string;
  keyId: string;
  issuedAt: number;
  expiresAt: number;
  /** How many licences it names. */
  licenses: number;
  complete: boolean;
  etag: string;
}

export interface RevocationsOptions {
  database: Database;
  signing: Pick<Signing, 'current' | 'publicKeys'>;
  clock: Clock;
  cryptography: Cryptography;
}

export type Revocations = ReturnType<typeof createRevocations>;

interface Kept {
  says: string;
  signed: SignedRevocations;
}

/** The signed list of licences that were withheld since a file was issued, and of signing keys that were taken back. */
export function createRevocations({ database, signing, clock, cryptography }: RevocationsOptions) {
  let kept: Kept | null = null;
  let looking: { since: number; answer: Promise<SignedRevocations> } | null = null;

  async function look(): Promise<SignedRevocations> {
    const now = clock.now();
    const issuedAt = now.getTime();
    const { licenses, complete } = await withheldAt(database, now);
    const revoked = signing.publicKeys().filter(({ status }) => status === 'revoked');
    const signingKeys = new Set(revoked.map(({ id }) => id));
    const signer = signing.current();
    const says = JSON.stringify([signer.id, complete, [...licenses], [...signingKeys]]);
    if (kept !== null && kept.says === says && issuedAt - kept.signed.issuedAt < SAME_LIST_MS) return kept.signed;
    const list: RevocationList = { issuedAt, expiresAt: issuedAt + LIST_LIFE_MS, complete, licenses, signingKeys };
    const certificate = writeRevocationList(list, signer, cryptography);
    const etag = `"${createHash('sha256').update(certificate).digest('hex').slice(0, 32)}"`;
    const { expiresAt } = list;
    const signed = { certificate, keyId: signer.id, issuedAt, expiresAt, licenses: licenses.size, complete, etag };
    kept = { says, signed };
    return signed;
  }

  return {
    /** The list as it is now, or was two seconds ago. All who ask meanwhile share one look at the database. */
    current(): Promise<SignedRevocations> {
      const since = clock.now().getTime();
      if (looking !== null && since - looking.since < FRESH_MS && since >= looking.since) return looking.answer;
      const mine = { since, answer: look() };
      looking = mine;
      mine.answer.catch(() => {
        // A failed look is nobody's answer but those who shared it.
        if (looking === mine) looking = null;
      });
      return mine.answer;
    },
  };
}

async function withheldAt(
  database: Database,
  now: Date,
): Promise<{ licenses: Map<string, Withheld>; complete: boolean }> {
  const endedBefore = new Date(now.getTime() - FILE_END_TOLERANCE_MS);
  const rows = await selectWithheld(database.connection, { now, endedBefore, limit: MOST_HOLDS + 1 });
  const holds = new Map<string, Hold[]>();
  for (const { licenseId, ...hold } of rows.slice(0, MOST_HOLDS)) {
    const known = holds.get(licenseId) ?? [];
    known.push({ ...hold, reason: null });
    holds.set(licenseId, known);
  }
  const licenses = new Map<string, Withheld>();
  for (const [id, each] of holds) {
    const deciding = decidingHold(each, now.getTime());
    if (deciding !== null) licenses.set(id, { effect: deciding.effect, since: deciding.effectiveAt });
  }
  return { licenses, complete: rows.length <= MOST_HOLDS };
}
