import { readFileSync } from 'node:fs';
import type { WrittenPolicy } from '../src/catalog/index.ts';
import { VALIDATION_CODES, type ValidationCode } from '../src/license/codes.ts';
import { sha512Hmac } from '../src/license/keys/sha512-hmac.ts';
import type { Coverage, Hold, LicenseState } from '../src/license/state.ts';
import { nodeCryptography } from './node-cryptography.ts';

/** A licence of the table, before or after a case changed it. Instants are in the table's own words: see `instantOf`. */
export interface TableLicense {
  coverage: Coverage;
  expires: string | null;
  starts?: string;
  term_begins_with?: LicenseState['termBeginsWith'];
  plan?: string;
  policy?: WrittenPolicy;
  max_machines?: number;
  /** What `max_machines` was lowered to after these machines were activated. */
  lowered_to?: number;
  machines?: (string | TableMachine)[];
  holds?: { cause: Hold['cause']; effect: Hold['effect']; at: string }[];
  features?: string[];
  /** What is left of the meter that the licence may have to have something of. */
  credit?: number;
}

export interface TableMachine {
  fingerprint: string;
  components?: Record<string, string>;
}

export interface TableCase {
  name: string;
  license: string;
  set?: Partial<TableLicense>;
  ask?: { product?: string; machine?: TableMachine; entitlements?: string[]; released_at?: string };
  at: string;
  expect: ValidationCode;
}

/** A key that no licence is stored under, and how it is made. */
export interface TableKey {
  name: string;
  key:
    | { text: string }
    | { genuine: string; secret?: string; cut?: number; added?: string; capitals?: boolean; changed?: boolean };
  expect: ValidationCode;
}

interface Table {
  licenses: Record<string, TableLicense>;
  cases: TableCase[];
  keys: TableKey[];
}

export const DAY = 86_400_000;
/** Where the table's time begins; its term ends 30 days later. */
export const START = Date.UTC(2026, 10, 1);
const END = START + 30 * DAY;
/** Seats of a licence that says no other number. */
export const TABLE_SEATS = 2;

const path = new URL('../src/license/conformance.json', import.meta.url);
export const table = JSON.parse(readFileSync(path, 'utf8')) as Table;

/** `start+10d`, `end-7d-1ms`: an instant in milliseconds. */
export function instantOf(text: string): number {
  const [, anchor, moves = ''] = /^(start|end)((?:[+-]\d+(?:ms|d))*)$/.exec(text) ?? [];
  if (anchor === undefined) throw new Error(`"${text}" is no instant of the table.`);
  let instant = anchor === 'start' ? START : END;
  for (const [, sign, count, unit] of moves.matchAll(/([+-])(\d+)(ms|d)/g)) {
    instant += (sign === '-' ? -1 : 1) * Number(count) * (unit === 'd' ? DAY : 1);
  }
  return instant;
}

/** The case's licence, changed as the case says. */
export function licenseOf({ license, set, name }: TableCase): TableLicense {
  const base = table.licenses[license];
  if (base === undefined) throw new Error(`"${name}" takes an unknown licence, ${license}.`);
  return { ...base, ...set, policy: { ...base.policy, ...set?.policy } };
}

export function machineOf(machine: string | TableMachine): TableMachine {
  return typeof machine === 'string' ? { fingerprint: machine } : machine;
}

/** VALID, GRACE and EXPIRING are yes. */
export function isYes(code: ValidationCode): boolean {
  return VALIDATION_CODES.indexOf(code) >= VALIDATION_CODES.indexOf('GRACE');
}

/** The plans of the table's product: `plus` has what `base` has, and robots. */
export const TABLE_FEATURES: Readonly<Record<string, readonly string[]>> = {
  base: ['charts', 'export'],
  plus: ['robots', 'charts', 'export'],
};

/** The secrets of the table, by name: `new` and `old` are live. */
export function tableSecret(id: string): string {
  return `the secret ${id} of the conformance table`;
}

/** The text that is presented for a key of the table. */
export function tableKey({ key }: TableKey): string {
  if ('text' in key) return key.text;
  const { genuine, secret = 'new', cut = 0, added = '', capitals = false, changed = false } = key;
  const material = {
    customer: genuine,
    subscription: 'sub',
    plan: 'base',
    issuedAt: START,
    expiresAt: null,
    salt: new Uint8Array(32),
  };
  const bytes = nodeCryptography.utf8(tableSecret(secret));
  const made = sha512Hmac.generate(material, { id: secret, bytes }, nodeCryptography);
  const text = made.slice(0, made.length - cut) + added;
  if (capitals) return text.toUpperCase();
  return changed ? `${text.startsWith('0') ? '1' : '0'}${text.slice(1)}` : text;
}
