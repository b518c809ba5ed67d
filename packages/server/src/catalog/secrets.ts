/** The values behind a catalog's secret references: kept out of every object that may be logged or answered. */

import { createHash } from 'node:crypto';
import type { KeySecret, SecretReference } from '@latchkey/core';

/** Shorter than this a secret can be guessed; refused where money is real. */
const LEAST_LENGTH = 16;
const HEX32 = /^[0-9a-fA-F]{64}$/;

export interface CatalogSecrets {
  /** The texts behind a reference, the one to use for new keys first, then those that are being replaced. */
  texts(reference: SecretReference): readonly string[];
  /** The same as bytes, each with an id that stays the same for the same secret and says nothing of it. */
  keys(reference: SecretReference): readonly KeySecret[];
}

export interface SecretFault {
  reference: SecretReference;
  /** Whether the variable is not set at all. */
  missing: boolean;
  message: string;
  remedy: string;
}

export interface SecretSources {
  environment: Readonly<Record<string, string | undefined>>;
  /**
   * Gives the secret that was made for this installation where the environment has none: 32 bytes in hexadecimal, which fit
   * every scheme. Absent where money is real.
   */
  secretFor?: (variable: string) => string | Promise<string>;
}

/** Finds the value of every reference, and says what is missing or unusable. */
export async function collectSecrets(
  references: readonly SecretReference[],
  sources: SecretSources,
): Promise<{ secrets: CatalogSecrets; faults: SecretFault[] }> {
  const values = new Map<string, readonly string[]>();
  const faults: SecretFault[] = [];
  for (const reference of references) {
    const { variable } = reference;
    if (values.has(variable)) continue;
    const written = sources.environment[variable]?.trim() || (await sources.secretFor?.(variable));
    const texts = (written ?? '')
      .split(',')
      .map((text) => text.trim())
      .filter((text) => text !== '');
    values.set(variable, texts);
    const fault = faultOf(reference, texts, sources.secretFor === undefined);
    if (fault !== null) faults.push(fault);
  }
  const texts = (reference: SecretReference) => values.get(reference.variable) ?? [];
  const keys = (reference: SecretReference) => texts(reference).map((text) => keySecret(text, reference.encoding));
  return { secrets: { texts, keys }, faults };
}

function faultOf(reference: SecretReference, texts: readonly string[], strict: boolean): SecretFault | null {
  const { variable, encoding } = reference;
  if (texts.length === 0) {
    const remedy = encoding === 'hex32' ? 'openssl rand -hex 32' : 'openssl rand -base64 48';
    const message = `needs the environment variable ${variable}, which is not set`;
    return { reference, missing: true, message, remedy: `Set ${variable}, for example to what "${remedy}" prints.` };
  }
  if (encoding === 'hex32' && !texts.every((text) => HEX32.test(text))) {
    const message = `needs 32 bytes in hexadecimal in ${variable}, which holds something else`;
    return { reference, missing: false, message, remedy: 'Make one with "openssl rand -hex 32".' };
  }
  if (strict && texts.some((text) => Buffer.byteLength(text) < LEAST_LENGTH)) {
    const message = `needs at least ${LEAST_LENGTH} bytes in ${variable}, which is shorter`;
    return { reference, missing: false, message, remedy: 'Make one with "openssl rand -base64 48".' };
  }
  return null;
}

function keySecret(text: string, encoding: SecretReference['encoding']): KeySecret {
  const bytes = Buffer.from(text, encoding === 'hex32' ? 'hex' : 'utf8');
  const id = createHash('sha512').update('latchkey key secret\n').update(bytes).digest('hex').slice(0, 12);
  return { id, bytes };
}
