/** Which lots an amount comes from. */

import type { Draft } from './draft.ts';
import type { LedgerAccount, Lot, LotPart, LotSource } from './types.ts';

/** Priority first, then what expires sooner, then what is older. */
export function compareLots(one: Lot, other: Lot): number {
  return one.priority - other.priority || compareEnds(one.expiresAt, other.expiresAt) || one.number - other.number;
}

/** What can be used without the lots of one source. */
export function availableBeside({ lots }: Pick<LedgerAccount, 'lots'>, source: LotSource): number {
  let available = 0;
  for (const lot of lots.values()) if (lot.source !== source) available += lot.remaining;
  return available;
}

/** The parts of an amount in the order in which lots are used. The caller knows that so much is available. */
export function burn({ lots }: Pick<Draft, 'lots'>, amount: number, beside?: LotSource): LotPart[] {
  const isUsed = ({ remaining, source }: Lot) => remaining > 0 && source !== beside;
  const parts: LotPart[] = [];
  let left = amount;
  for (const lot of [...lots.values()].filter(isUsed).sort(compareLots)) {
    if (left === 0) break;
    const taken = Math.min(left, lot.remaining);
    parts.push({ lot: lot.id, amount: taken });
    left -= taken;
  }
  if (left > 0) throw new RangeError(`the lots hold ${left} less than the balance says`);
  return parts;
}

/** The first `amount` of the parts, and the rest of them. */
export function splitParts(parts: readonly LotPart[], amount: number): { first: LotPart[]; rest: LotPart[] } {
  const first: LotPart[] = [];
  const rest: LotPart[] = [];
  let left = amount;
  for (const part of parts) {
    const taken = Math.min(left, part.amount);
    if (taken > 0) first.push({ lot: part.lot, amount: taken });
    if (part.amount > taken) rest.push({ lot: part.lot, amount: part.amount - taken });
    left -= taken;
  }
  return { first, rest };
}

function compareEnds(one: number | null, other: number | null): number {
  if (one === null || other === null) return one === other ? 0 : one === null ? 1 : -1;
  return one - other;
}
