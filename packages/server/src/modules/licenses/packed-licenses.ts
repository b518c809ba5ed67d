import type { Coverage, LicenseState, LiveMachines } from '@latchkey/core';
import type { KeptLicense, LicenseKind } from './kept-license.ts';

/** Bytes of one licence. Whatever of it is read for an answer lies side by side: memory far apart costs more than anything else here. */
const RECORD = 208;
const LONGEST_ID = 32;
const LONGEST_FINGERPRINT = 72;
/** An IPv6 address that ends as IPv4 writes it has 45. */
const LONGEST_ADDRESS = 45;
/** Records are made room for so many at a time. */
const CHUNK = 32_768;
/** How many are looked at for one that nobody asked for lately, before one goes all the same. */
const MOST_LOOKS = 32;
/** Far more than a catalog brings about. */
const MOST_SHARED = 50_000;

/** Where a record's fields are: numbers of 8 bytes, of 4 bytes, bytes. The first 16 bytes are the mark. */
const AT = {
  startsAt: 2,
  expiresAt: 3,
  kind: 8,
  nextByMark: 9,
  nextById: 10,
  /** Compared before the address itself is written again. */
  addressHash: 11,
  asked: 48,
  coverage: 49,
  termBeginsWith: 50,
  idLength: 51,
  fingerprintLength: 52,
  addressLength: 53,
  id: 56,
  fingerprint: 56 + LONGEST_ID,
  address: 56 + LONGEST_ID + LONGEST_FINGERPRINT,
} as const;

const COVERAGES: readonly Coverage[] = ['term', 'renewing', 'past_due', 'ended'];
const BEGINNINGS: readonly LicenseState['termBeginsWith'][] = [null, 'first_validation', 'first_activation'];
const NO_HOLDS: LicenseState['holds'] = [];
const NO_MACHINES: LiveMachines = new Map();
const NONE = -1;

interface Chunk {
  bytes: Buffer;
  integers: Int32Array;
  numbers: Float64Array;
}

/**
 * Very many licences in little memory, outside of the heap, by the mark of their key (of which 128 bits are compared): those with nothing special about them, which are
 * nearly all. Two lists in the records themselves lead from a mark and from an id to its record. When it is full, one goes that was not
 * asked for lately.
 */
export class PackedLicenses {
  readonly #most: number;
  readonly #mask: number;
  readonly #byMark: Int32Array;
  readonly #byId: Int32Array;
  readonly #chunks: Chunk[] = [];
  readonly #kinds = new Numbered<LicenseKind>();
  #free: number[] = [];
  /** Records in use and free ones. */
  #made = 0;
  #hand = 0;

  constructor(most: number) {
    this.#most = most;
    const lists = 2 ** Math.max(4, Math.ceil(Math.log2(most)));
    this.#mask = lists - 1;
    this.#byMark = new Int32Array(lists).fill(NONE);
    this.#byId = new Int32Array(lists).fill(NONE);
  }

  get size(): number {
    return this.#made - this.#free.length;
  }

  /** The licence under this mark, noted as asked for, and from where. */
  get(mark: string, from?: string): KeptLicense | undefined {
    const record = this.#find(mark);
    if (record === NONE) return undefined;
    const { bytes, integers } = this.#chunkOf(record);
    const offset = offsetOf(record);
    if (bytes[offset + AT.asked] === 0) bytes[offset + AT.asked] = 1;
    if (from !== undefined && from.length <= LONGEST_ADDRESS) {
      const hash = hashOf(from);
      const integer = integerOf(record) + AT.addressHash;
      if (integers[integer] !== hash || bytes[offset + AT.addressLength] !== from.length) {
        integers[integer] = hash;
        bytes[offset + AT.addressLength] = bytes.write(from, offset + AT.address, 'latin1');
      }
    }
    return this.#read(record);
  }

  /** The address from which the licence under this mark was asked for last. */
  askedFrom(mark: string): string | null {
    const record = this.#find(mark);
    if (record === NONE) return null;
    const { bytes } = this.#chunkOf(record);
    const offset = offsetOf(record);
    const length = bytes[offset + AT.addressLength] ?? 0;
    return length === 0 ? null : bytes.toString('latin1', offset + AT.address, offset + AT.address + length);
  }

  /** Keeps a licence under a mark, in the place of what was there; false, and nothing kept, where there is something special about it. */
  add(mark: string, license: KeptLicense): boolean {
    if (!fits(license) || this.#kinds.numberOf(license.kind) === NONE) return false;
    this.delete(license.id);
    const former = this.#find(mark);
    if (former !== NONE) this.#remove(former, this.#idOf(former));
    const record = this.#room();
    this.#write(record, mark, license);
    const { integers } = this.#chunkOf(record);
    const first = integerOf(record);
    const markList = wordOf(mark, 0) & this.#mask;
    integers[first + AT.nextByMark] = this.#byMark[markList] ?? NONE;
    this.#byMark[markList] = record;
    const idList = hashOf(license.id) & this.#mask;
    integers[first + AT.nextById] = this.#byId[idList] ?? NONE;
    this.#byId[idList] = record;
    return true;
  }

  delete(id: string): void {
    let record = this.#byId[hashOf(id) & this.#mask] ?? NONE;
    while (record !== NONE && this.#idOf(record) !== id) record = this.#integer(record, AT.nextById);
    if (record !== NONE) this.#remove(record, id);
  }

  clear(): void {
    this.#byMark.fill(NONE);
    this.#byId.fill(NONE);
    this.#chunks.length = 0;
    this.#kinds.clear();
    this.#free = [];
    this.#made = 0;
    this.#hand = 0;
  }

  #remove(record: number, id: string): void {
    const mark = this.#integer(record, 0);
    this.#unlink(this.#byMark, mark & this.#mask, record, AT.nextByMark);
    this.#unlink(this.#byId, hashOf(id) & this.#mask, record, AT.nextById);
    const { bytes } = this.#chunkOf(record);
    bytes[offsetOf(record) + AT.idLength] = 0;
    this.#free.push(record);
  }

  #unlink(lists: Int32Array, list: number, record: number, next: number): void {
    const after = this.#integer(record, next);
    let previous = lists[list] ?? NONE;
    if (previous === record) {
      lists[list] = after;
      return;
    }
    while (this.#integer(previous, next) !== record) previous = this.#integer(previous, next);
    this.#chunkOf(previous).integers[integerOf(previous) + next] = after;
  }

  #find(mark: string): number {
    const first = wordOf(mark, 0);
    let record = this.#byMark[first & this.#mask] ?? NONE;
    while (record !== NONE) {
      const { integers } = this.#chunkOf(record);
      const at = integerOf(record);
      if (
        integers[at] === first &&
        integers[at + 1] === wordOf(mark, 4) &&
        integers[at + 2] === wordOf(mark, 8) &&
        integers[at + 3] === wordOf(mark, 12)
      )
        return record;
      record = integers[at + AT.nextByMark] ?? NONE;
    }
    return NONE;
  }

  /** A free record: a new one while there may be more, else that of a licence that nobody asked for since the hand came by. */
  #room(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made < this.#most) {
      if (this.#made % CHUNK === 0) this.#chunks.push(createChunk());
      this.#made += 1;
      return this.#made - 1;
    }
    for (let looks = 1; ; looks += 1) {
      const record = this.#hand;
      this.#hand = (record + 1) % this.#made;
      const { bytes } = this.#chunkOf(record);
      const asked = offsetOf(record) + AT.asked;
      if (bytes[asked] === 1 && looks < MOST_LOOKS) {
        bytes[asked] = 0;
        continue;
      }
      this.#remove(record, this.#idOf(record));
      return this.#free.pop() ?? record;
    }
  }

  #write(record: number, mark: string, license: KeptLicense): void {
    const { bytes, integers, numbers } = this.#chunkOf(record);
    const offset = offsetOf(record);
    const integer = integerOf(record);
    const fingerprint = typeof license.machines === 'string' ? license.machines : '';
    for (let word = 0; word < 4; word += 1) integers[integer + word] = wordOf(mark, word * 4);
    numbers[offset / 8 + AT.startsAt] = license.startsAt;
    numbers[offset / 8 + AT.expiresAt] = license.expiresAt ?? Number.NaN;
    integers[integer + AT.kind] = this.#kinds.numberOf(license.kind);
    bytes[offset + AT.asked] = 0;
    bytes[offset + AT.addressLength] = 0;
    bytes[offset + AT.coverage] = COVERAGES.indexOf(license.coverage);
    bytes[offset + AT.termBeginsWith] = BEGINNINGS.indexOf(license.termBeginsWith);
    bytes[offset + AT.idLength] = bytes.write(license.id, offset + AT.id, 'latin1');
    bytes[offset + AT.fingerprintLength] = bytes.write(fingerprint, offset + AT.fingerprint, 'latin1');
  }

  #read(record: number): KeptLicense | undefined {
    const { bytes, integers, numbers } = this.#chunkOf(record);
    const offset = offsetOf(record);
    const integer = integerOf(record);
    const kind = this.#kinds.at(integers[integer + AT.kind] ?? NONE);
    if (kind === undefined) return undefined;
    const expiresAt = numbers[offset / 8 + AT.expiresAt] ?? Number.NaN;
    const fingerprintAt = offset + AT.fingerprint;
    const fingerprintLength = bytes[offset + AT.fingerprintLength] ?? 0;
    return {
      id: this.#idOf(record),
      kind,
      startsAt: numbers[offset / 8 + AT.startsAt] ?? 0,
      expiresAt: Number.isNaN(expiresAt) ? null : expiresAt,
      termBeginsWith: BEGINNINGS[bytes[offset + AT.termBeginsWith] ?? 0] ?? null,
      coverage: COVERAGES[bytes[offset + AT.coverage] ?? 0] ?? 'term',
      holds: NO_HOLDS,
      machines:
        fingerprintLength === 0
          ? NO_MACHINES
          : bytes.toString('latin1', fingerprintAt, fingerprintAt + fingerprintLength),
    };
  }

  #idOf(record: number): string {
    const { bytes } = this.#chunkOf(record);
    const offset = offsetOf(record);
    return bytes.toString('latin1', offset + AT.id, offset + AT.id + (bytes[offset + AT.idLength] ?? 0));
  }

  #integer(record: number, field: number): number {
    return this.#chunkOf(record).integers[integerOf(record) + field] ?? NONE;
  }

  #chunkOf(record: number): Chunk {
    // Every record that a list leads to lies in a chunk.
    return this.#chunks[Math.floor(record / CHUNK)] as Chunk;
  }
}

/** Things that many licences share, by a number that takes four bytes. */
class Numbered<Thing> {
  readonly #numbers = new Map<Thing, number>();
  readonly #things: Thing[] = [];

  /** -1 when there are too many. */
  numberOf(thing: Thing): number {
    const known = this.#numbers.get(thing);
    if (known !== undefined) return known;
    if (this.#things.length >= MOST_SHARED) return NONE;
    this.#numbers.set(thing, this.#things.length);
    return this.#things.push(thing) - 1;
  }

  at(number: number): Thing | undefined {
    return number === NONE ? undefined : this.#things[number];
  }

  clear(): void {
    this.#numbers.clear();
    this.#things.length = 0;
  }
}

function createChunk(): Chunk {
  const memory = new ArrayBuffer(CHUNK * RECORD);
  return { bytes: Buffer.from(memory), integers: new Int32Array(memory), numbers: new Float64Array(memory) };
}

function offsetOf(record: number): number {
  return (record % CHUNK) * RECORD;
}

function integerOf(record: number): number {
  return (record % CHUNK) * (RECORD / 4);
}

/** Four bytes of a mark, one a character. */
function wordOf(mark: string, at: number): number {
  return (
    mark.charCodeAt(at) |
    (mark.charCodeAt(at + 1) << 8) |
    (mark.charCodeAt(at + 2) << 16) |
    (mark.charCodeAt(at + 3) << 24)
  );
}

/** Spreads ids over lists: they are ours, so nobody can choose them to fall together. And tells addresses apart, mostly. */
function hashOf(id: string): number {
  let hash = 0;
  for (let index = 0; index < id.length; index += 1) hash = (Math.imul(hash, 31) + id.charCodeAt(index)) | 0;
  return hash ^ (hash >>> 15);
}

/** Whether there is nothing special about a licence: no holds, one machine at most, terms of its plan alone. */
function fits({ id, kind, holds, machines }: KeptLicense): boolean {
  if (!kind.isShared || holds.length > 0 || !isShort(id, LONGEST_ID)) return false;
  return typeof machines === 'string' ? isShort(machines, LONGEST_FINGERPRINT) : machines.size === 0;
}

function isShort(text: string, longest: number): boolean {
  return text.length > 0 && text.length <= longest && /^[\x20-\x7e]+$/.test(text);
}
