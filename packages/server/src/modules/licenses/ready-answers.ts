import { termEndsAt, validateLicense } from '@latchkey/core';
import { writeInstant } from './instant.ts';
import { isLive, type KeptLicense, type OwnText, type ReadyAnswer, unpack, viewOf } from './kept-license.ts';
import { turnsPassed } from './turns.ts';

/** What nearly every program asks: is this key good, for this product, on this machine? */
export interface PlainQuestion {
  key: string;
  product: string | undefined;
  fingerprint: string | undefined;
}

const OWN_TEXTS: readonly OwnText[] = ['id', 'expiresAt', 'startsAt', 'end'];

/** More shapes than answers have; where they are not enough, answers are made anew each time. */
const MOST_SHAPES = 5_000;

/**
 * Programs ask the same again and again, and between two turns of a licence's time the answer is the same to the letter. So its shape is
 * kept, and the licence's own texts are put into it: that takes a tenth of the time of deciding and writing it anew.
 */
export function createReadyAnswers() {
  const shapes = new Map<string, ReadyAnswer>();

  function shapeOf(
    license: KeptLicense,
    json: string,
    question: Omit<ReadyAnswer, 'pieces' | 'own'>,
  ): ReadyAnswer | null {
    let shape = json;
    for (const own of OWN_TEXTS) {
      const text = ownText(license, own);
      // JSON as it is written here holds no line break.
      if (text !== '') shape = shape.replaceAll(text, `\n${own}\n`);
    }
    const { product, namesMachine, turns } = question;
    const name = `${turns} ${namesMachine} ${product ?? ''} ${shape}`;
    const known = shapes.get(name);
    if (known !== undefined || shapes.size >= MOST_SHAPES) return known ?? null;
    const parts = shape.split('\n');
    const made: ReadyAnswer = {
      ...question,
      pieces: parts.filter((_, index) => index % 2 === 0),
      own: parts.filter((_, index) => index % 2 === 1) as OwnText[],
    };
    shapes.set(name, made);
    return made;
  }

  return {
    /** What `validateLicense` decides, with the licence, as JSON. */
    answer(license: KeptLicense, product: string | undefined, fingerprint: string | undefined, now: number): string {
      const turns = turnsPassed(license, license.kind.policy, now);
      // A stranger's product or machine would stand in a shape of its own: whoever holds one key could make any number of them.
      const isPlain =
        (product === undefined || product === license.kind.product) &&
        (fingerprint === undefined || isLive(license, fingerprint));
      const last = license.answer;
      const namesMachine = fingerprint !== undefined;
      if (
        isPlain &&
        last !== null &&
        last.turns === turns &&
        last.product === product &&
        last.namesMachine === namesMachine
      )
        return fill(last, license);
      const machine = fingerprint === undefined ? undefined : { fingerprint };
      const decision = validateLicense(unpack(license), { product, machine }, now);
      const json = JSON.stringify({ ...decision, license: viewOf(license) });
      // Holds have reasons and times of their own, which would make a shape for one licence.
      if (isPlain && license.holds.length === 0)
        license.answer = shapeOf(license, json, { product, namesMachine, turns });
      return json;
    },
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
