import { termEndsAt, validateLicense } from '@latchkey/core';
import { writeInstant } from './instant.ts';
import {
  isLive,
  type KeptLicense,
  machinesOf,
  type OwnText,
  type ReadyAnswer,
  unpack,
  viewOf,
} from './kept-license.ts';
import { turnsPassed } from './turns.ts';

/** What nearly every program asks: is this key good, for this product, on this machine? */
export interface PlainQuestion {
  key: string;
  product: string | undefined;
  fingerprint: string | undefined;
}

const OWN_TEXTS: readonly OwnText[] = ['id', 'expiresAt', 'startsAt', 'end'];

/**
 * What `validateLicense` decides of a licence in memory, with the licence, as JSON. Programs ask the same again and again, and between
 * two turns of a licence's time the answer is the same to the letter. What is more, it is the same for all licences of a kind, but for
 * their own texts. So it is made once, and then these are put into it, which takes a fraction of the time of deciding and writing.
 */
export function readyAnswer(
  license: KeptLicense,
  product: string | undefined,
  fingerprint: string | undefined,
  now: number,
): string {
  if (!isPlain(license, product, fingerprint)) return answerAnew(license, product, fingerprint, now);
  const which = situationOf(license, product, fingerprint, now);
  const { answers } = license.kind;
  const ready = answers.get(which);
  if (ready !== undefined) return fill(ready, license);
  const json = answerAnew(license, product, fingerprint, now);
  const made = cutOut(license, json);
  if (made !== null) answers.set(which, made);
  return json;
}

function answerAnew(
  license: KeptLicense,
  product: string | undefined,
  fingerprint: string | undefined,
  now: number,
): string {
  const machine = fingerprint === undefined ? undefined : { fingerprint };
  const decision = validateLicense(unpack(license), { product, machine }, now);
  return JSON.stringify({ ...decision, license: viewOf(license) });
}

/**
 * Whether the answer is that of the licence's kind: no hold, which has a reason and a time of its own; nothing named that is not the
 * licence's, since whoever holds one key could name any number of products; no more machines than were counted.
 */
function isPlain(license: KeptLicense, product: string | undefined, fingerprint: string | undefined): boolean {
  return (
    license.holds.length === 0 &&
    (product === undefined || product === license.kind.product) &&
    (fingerprint === undefined || isLive(license, fingerprint)) &&
    machinesOf(license) === license.kind.machinesUsed
  );
}

/** All that the answer depends on besides the kind of the licence and its own texts, as one number. */
function situationOf(
  license: KeptLicense,
  product: string | undefined,
  fingerprint: string | undefined,
  now: number,
): number {
  const turns = turnsPassed(license, license.kind.policy, now);
  const terms = COVERAGES[license.coverage] * 3 + BEGINNINGS[license.termBeginsWith ?? 'none'];
  const endless = license.expiresAt === null ? 1 : 0;
  const asked = (product === undefined ? 0 : 2) + (fingerprint === undefined ? 0 : 1);
  return ((terms * 2 + endless) * 4 + asked) * 16 + turns;
}

const COVERAGES = { term: 0, renewing: 1, past_due: 2, ended: 3 } as const;
const BEGINNINGS = { none: 0, first_validation: 1, first_activation: 2 } as const;

/** Cuts a licence's own texts out of its answer; null where two of them are the same by chance, and could be taken for each other. */
function cutOut(license: KeptLicense, json: string): ReadyAnswer | null {
  const { startsAt, expiresAt } = license;
  if (startsAt === expiresAt || startsAt === termEndsAt(license, license.kind.policy)) return null;
  let rest = json;
  for (const own of OWN_TEXTS) {
    const text = ownText(license, own);
    // JSON as it is written here holds no line break.
    if (text !== '') rest = rest.replaceAll(text, `\n${own}\n`);
  }
  const parts = rest.split('\n');
  return {
    pieces: parts.filter((_, index) => index % 2 === 0),
    own: parts.filter((_, index) => index % 2 === 1) as OwnText[],
  };
}

function fill({ pieces, own }: ReadyAnswer, license: KeptLicense): string {
  let expiresAt = '';
  let text = pieces[0] ?? '';
  for (let index = 0; index < own.length; index += 1) {
    const name = own[index];
    if (name === 'id') text += license.id;
    else if (name === 'expiresAt') {
      if (expiresAt === '') expiresAt = ownText(license, name);
      text += expiresAt;
    } else if (name !== undefined) text += ownText(license, name);
    text += pieces[index + 1] ?? '';
  }
  return text;
}

function ownText(license: KeptLicense, own: OwnText): string {
  switch (own) {
    case 'id':
      return license.id;
    case 'expiresAt':
      return instant(license.expiresAt);
    case 'startsAt':
      return instant(license.startsAt);
    case 'end':
      return instant(termEndsAt(license, license.kind.policy));
  }
}

function instant(milliseconds: number | null): string {
  return milliseconds === null ? '' : writeInstant(milliseconds);
}
