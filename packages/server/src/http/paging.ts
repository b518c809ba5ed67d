import { LatchkeyError } from '@latchkey/core';
import { z } from 'zod';

/** The query of every list. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('How many to answer, 1 to 100.'),
  after: z.string().max(500).optional().describe('`next` of the page before.'),
});

/** The answer of every list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    data: z.array(item),
    has_more: z.boolean(),
    next: z.string().nullable().describe('`after` of the next page; null on the last.'),
  });
}

/** Where a page ended, for lists by time and id. */
export interface Position {
  at: Date;
  id: string;
}

export function encodeCursor({ at, id }: Position): string {
  return Buffer.from(`${at.toISOString()} ${id}`).toString('base64url');
}

/** The position behind `after`; null when there is none. Throws `invalid_request`. */
export function decodeCursor(after: string | undefined): Position | null {
  if (after === undefined) return null;
  const [time = '', id = '', ...rest] = Buffer.from(after, 'base64url').toString('utf8').split(' ');
  const at = new Date(time);
  if (Number.isNaN(at.getTime()) || !/^[\w-]+$/.test(id) || rest.length > 0) {
    throw new LatchkeyError('invalid_request', 'after is not what an earlier page answered as next.', {
      path: 'after',
    });
  }
  return { at, id };
}

/** Makes the page of up to `limit + 1` rows: the one too many only says that there are more. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  position: (row: Row) => Position,
  present: (row: Row) => Item,
): { data: Item[]; has_more: boolean; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit;
  return {
    data: shown.map(present),
    has_more: hasMore,
    next: hasMore && last !== undefined ? encodeCursor(position(last)) : null,
  };
}
