/** What a program keeps of its licence between two starts. */

import type { EntitlementsAnswer, LicenseDecision } from '../client/wire.ts';

/** Where it is kept: a file, the browser's storage, anything that holds a text. */
export interface LicenseStore {
  read(): Promise<string | null> | string | null;
  write(text: string): Promise<void> | void;
}

/** Kept for as long as the program runs, and no longer. */
export function createMemoryStore(): LicenseStore {
  let text: string | null = null;
  return {
    read: () => text,
    write(next) {
      text = next;
    },
  };
}

export interface KeptLicense {
  key: string | null;
  /** The last answer about this key. */
  answer: KeptAnswer | null;
  /** What the server last said of running without a licence. */
  demo: EntitlementsAnswer | null;
  /** A signed licence file, and when it was fetched. */
  file: { certificate: string; fetchedAt: number } | null;
  /** A signed revocation list. */
  revocations: string | null;
  /** The latest moment that is known to have been. */
  seenAt: number | null;
}

export interface KeptAnswer {
  decision: Pick<LicenseDecision, 'valid' | 'code' | 'detail' | 'license' | 'signature'>;
  /** What the signature answers to. */
  nonce: string | null;
  entitlements: EntitlementsAnswer;
  at: number;
}

export const NOTHING_KEPT: KeptLicense = {
  key: null,
  answer: null,
  demo: null,
  file: null,
  revocations: null,
  seenAt: null,
};

/** What a store holds; nothing, where that cannot be read. */
export async function readKept(store: LicenseStore): Promise<KeptLicense> {
  const text = await store.read();
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    if (typeof value !== 'object' || value === null || !('version' in value) || value.version !== 1)
      return NOTHING_KEPT;
    return { ...NOTHING_KEPT, ...(value as Partial<KeptLicense>) };
  } catch {
    return NOTHING_KEPT;
  }
}

export async function writeKept(store: LicenseStore, kept: KeptLicense): Promise<void> {
  await store.write(JSON.stringify({ version: 1, ...kept }));
}
