/** What a spool does with its files: appends in groups, reads from the front, forgets what is done with. */

import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type SpooledEvent, SpoolFullError } from '../usage/spool.ts';
import { FIRST_SEGMENT, linesOf, type Place, type Segment, segmentPath } from './segments.ts';

const PIECE_BYTES = 256 * 1024;

interface Append {
  lines: Buffer;
  events: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** The files of one spool, in the hands of one process. */
export class SpoolFiles {
  waiting = 0;
  /** Events that are being written. */
  appending = 0;
  readonly #folder: string;
  readonly #segments: Segment[];
  readonly #durable: boolean;
  readonly #segmentBytes: number;
  #done: Place = { segment: FIRST_SEGMENT, offset: 0 };
  /** What was read last, and how far it went: that is what may be acknowledged. */
  #read: { position: number; events: number; place: Place } | null = null;
  #position = 0;
  #file: FileHandle | null = null;
  #queue: Append[] = [];
  #writing: Promise<void> | null = null;

  constructor(
    folder: string,
    segments: Segment[],
    { durable, segmentBytes }: { durable: boolean; segmentBytes: number },
  ) {
    this.#folder = folder;
    this.#segments = segments;
    this.#durable = durable;
    this.#segmentBytes = segmentBytes;
  }

  /** Finds out what is done with and how much waits. */
  async begin(): Promise<void> {
    const first = this.#segments[0]?.number ?? FIRST_SEGMENT;
    const done = await readPlace(join(this.#folder, 'done'));
    this.#done = done === null || done.segment < first ? { segment: first, offset: 0 } : done;
    await this.#dropDone();
    let place: Place | null = this.#done;
    while (place !== null) {
      const { count, next } = await this.#walk(place, Number.POSITIVE_INFINITY, () => true);
      this.waiting += count;
      place = next;
    }
  }

  append(events: readonly SpooledEvent[]): Promise<void> {
    const lines = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    this.appending += events.length;
    return new Promise<void>((resolve, reject) => {
      this.#queue.push({ lines, events: events.length, resolve, reject });
      this.#writing ??= this.#write().finally(() => {
        this.#writing = null;
      });
    });
  }

  /** Writes what has queued up, together, until nothing has. */
  async #write(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      const events = batch.reduce((sum, one) => sum + one.events, 0);
      try {
        await this.#writeOut(Buffer.concat(batch.map(({ lines }) => lines)));
        this.waiting += events;
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(asFull(error));
      } finally {
        this.appending -= events;
      }
    }
  }

  async #writeOut(bytes: Buffer): Promise<void> {
    const { segment, file } = await this.#current();
    try {
      await file.appendFile(bytes);
      if (this.#durable) await file.datasync();
      segment.bytes += bytes.length;
    } catch (error) {
      // Half of it may be there: away with it, and with the file, which is begun anew.
      this.#file = null;
      await file.truncate(segment.bytes).catch(() => {});
      await file.close().catch(() => {});
      throw error;
    }
  }

  /** The segment to write to; a new one where the last is full, or its end is not known to be whole. */
  async #current(): Promise<{ segment: Segment; file: FileHandle }> {
    const last = this.#segments.at(-1);
    if (this.#file !== null && last !== undefined && last.bytes < this.#segmentBytes) {
      return { segment: last, file: this.#file };
    }
    await this.#file?.close();
    this.#file = null;
    // A number is never given twice: what is done with is told by it.
    const number = Math.max((last?.number ?? 0) + 1, this.#done.segment + (this.#done.offset === 0 ? 0 : 1));
    const segment = { number, path: segmentPath(this.#folder, number), bytes: 0 };
    const file = await open(segment.path, 'a', 0o600);
    if (this.#durable) await syncFolder(this.#folder);
    this.#file = file;
    this.#segments.push(segment);
    return { segment, file };
  }

  async read(most: number): Promise<{ events: SpooledEvent[]; position: number }> {
    const events: SpooledEvent[] = [];
    const damaged: string[] = [];
    let place: Place = this.#done;
    let next: Place | null = place;
    let lines = 0;
    while (next !== null && events.length < most) {
      const walked = await this.#walk(next, most - events.length, (text) => {
        const event = readEvent(text);
        if (event === null) damaged.push(text);
        else events.push(event);
        return event !== null;
      });
      lines += walked.lines;
      place = walked.end;
      next = walked.next;
    }
    if (damaged.length > 0) await this.setAside(damaged.map((text) => ({ text, code: 'damaged' })));
    this.#position += 1;
    this.#read = { position: this.#position, events: lines, place };
    return { events, position: this.#position };
  }

  /** Goes through lines of one segment until `take` has taken so many. */
  async #walk(from: Place, most: number, take: (text: string) => boolean): Promise<Walk> {
    const segment = this.#segments.find(({ number }) => number >= from.segment);
    if (segment === undefined) return { count: 0, lines: 0, end: from, next: null };
    let offset = segment.number === from.segment ? from.offset : 0;
    let [count, lines] = [0, 0];
    const file = await open(segment.path, 'r');
    try {
      // Not beyond what is known to be whole: the rest is being written.
      while (count < most && offset < segment.bytes) {
        const piece = await readPiece(file, offset, segment.bytes);
        let end = offset;
        for (const line of linesOf(piece, offset)) {
          if (count >= most) break;
          lines += 1;
          if (take(line.text)) count += 1;
          end = line.end;
        }
        if (end === offset) break;
        offset = end;
      }
    } finally {
      await file.close();
    }
    const following = this.#segments.find(({ number }) => number > segment.number);
    const end = { segment: segment.number, offset };
    return { count, lines, end, next: following === undefined ? null : { segment: following.number, offset: 0 } };
  }

  async acknowledge(position: number): Promise<void> {
    const read = this.#read;
    if (read === null || read.position !== position)
      throw new RangeError('Only what was read last can be acknowledged.');
    this.#read = null;
    this.#done = read.place;
    this.waiting -= read.events;
    // Lost in a power cut, it only means that events are sent again, and they count once.
    await replaceFile(join(this.#folder, 'done'), JSON.stringify(read.place));
    await this.#dropDone();
  }

  /** Deletes segments that are done with, but for the one that is written to. */
  async #dropDone(): Promise<void> {
    for (;;) {
      const [first, second] = this.#segments;
      if (first === undefined || second === undefined) return;
      const { segment, offset } = this.#done;
      if (first.number > segment || (first.number === segment && offset < first.bytes)) return;
      this.#segments.shift();
      await rm(first.path, { force: true });
    }
  }

  async setAside(entries: readonly object[]): Promise<void> {
    const at = new Date().toISOString();
    const lines = entries.map((entry) => `${JSON.stringify({ at, ...entry })}\n`).join('');
    await writeFile(join(this.#folder, 'refused.jsonl'), lines, { flag: 'a', mode: 0o600, flush: this.#durable });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file?.close();
    this.#file = null;
  }
}

interface Walk {
  /** Lines that were taken, and all that were gone through. */
  count: number;
  lines: number;
  end: Place;
  next: Place | null;
}

/** From an offset up to the end, and at least one whole line where there is one. */
async function readPiece(file: FileHandle, offset: number, end: number): Promise<Buffer> {
  for (let size = PIECE_BYTES; ; size *= 2) {
    const length = Math.min(size, end - offset);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    const piece = buffer.subarray(0, bytesRead);
    if (piece.includes(0x0a) || bytesRead < size) return piece;
  }
}

function readEvent(text: string): SpooledEvent | null {
  try {
    const value = JSON.parse(text) as Partial<SpooledEvent> | null;
    return typeof value?.id === 'string' && typeof value.meter === 'string' ? (value as SpooledEvent) : null;
  } catch {
    return null;
  }
}

async function readPlace(path: string): Promise<Place | null> {
  try {
    const { segment, offset } = JSON.parse(await readFile(path, 'utf8')) as Partial<Place>;
    return typeof segment === 'number' && typeof offset === 'number' ? { segment, offset } : null;
  } catch {
    // None yet, or written by halves: then everything that is there is sent again.
    return null;
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** A file's name is kept by its folder. Systems that cannot sync a folder keep it without. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // Not on this system.
  }
}

function asFull(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'ENOSPC' || code === 'EDQUOT' ? new SpoolFullError(0, 'The disk has no room.') : error;
}
