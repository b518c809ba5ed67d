/** The files that a spool is made of: numbered, only ever appended to, deleted when all in them is done with. */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A place in the files of a spool: everything before it is done with. */
export interface Place {
  segment: number;
  offset: number;
}

export interface Segment {
  number: number;
  path: string;
  /** How much of it is there. Behind the last line end there may be what was being written when a program died. */
  bytes: number;
}

export const FIRST_SEGMENT = 1;

export function segmentPath(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(12, '0')}.jsonl`);
}

/** The segments of a folder, the oldest first. */
export async function listSegments(folder: string): Promise<Segment[]> {
  const numbers = (await readdir(folder))
    .map((name) => /^(\d{12})\.jsonl$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((left, right) => left - right);
  return Promise.all(
    numbers.map(async (number) => {
      const path = segmentPath(folder, number);
      return { number, path, bytes: (await stat(path)).size };
    }),
  );
}

/**
 * Lines of a piece of a file: the text of each, and the offset behind it. What has no line end is no line: it was being written, or was
 * when the power went, and was never said to be kept.
 */
export function* linesOf(piece: Buffer, offset: number): Generator<{ text: string; end: number }> {
  let start = 0;
  for (let at = piece.indexOf(0x0a); at >= 0; at = piece.indexOf(0x0a, start)) {
    yield { text: piece.toString('utf8', start, at), end: offset + at + 1 };
    start = at + 1;
  }
}
