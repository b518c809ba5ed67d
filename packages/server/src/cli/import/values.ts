import { at } from '../json.ts';
import type { Field } from './fields.ts';

/** A row as an import takes it. What cannot be understood is passed on as it is: the server refuses it and names the field. */
export type RowBody = Record<string, unknown>;

/** Puts a field's value, as it stands in a file, into a row. Nothing stands for nothing said. */
export function putField(row: RowBody, field: Field, value: unknown): void {
  if (value === undefined || value === '' || (value === null && field !== 'expires_at')) return;
  if (field.startsWith('metadata.')) putMetadata(row, { [field.slice('metadata.'.length)]: value });
  else if (field === 'metadata') putMetadata(row, objectOf(value));
  else if (field === 'stripe_customer_id') putCustomer(row, String(value).trim());
  else if (field === 'activations') putActivations(row, value);
  else {
    const read = readValue(field, value);
    if (read !== undefined && read !== '') row[field] = read;
  }
}

function readValue(field: Field, value: unknown): unknown {
  switch (field) {
    case 'starts_at':
    case 'expires_at':
      return instantOf(value);
    case 'max_machines':
      return countOf(value);
    case 'machines':
      return machinesOf(value);
    case 'status':
      return typeof value === 'string' ? value.trim().toLowerCase() : value;
    case 'key':
      return typeof value === 'string' ? grouped(value.trim()) : value;
    default:
      return textOf(value);
  }
}

function textOf(value: unknown): unknown {
  if (typeof value === 'string') return value.trim();
  return typeof value === 'number' ? String(value) : value;
}

/** Ids that begin with cus_ are Stripe's, others the vendor's own. */
function putCustomer(row: RowBody, id: string): void {
  if (id.startsWith('cus_')) row.stripe_customer_id = id;
  else if (id !== '') row.customer_external_id ??= id;
}

/** A count of machines names none of them. */
function putActivations(row: RowBody, value: unknown): void {
  if (typeof value === 'number' || (typeof value === 'string' && /^\s*\d+\s*$/.test(value))) return;
  const machines = machinesOf(value);
  if (machines !== undefined) row.machines ??= machines;
}

function putMetadata(row: RowBody, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    row.metadata = value;
    return;
  }
  const texts = Object.entries(value).flatMap(([name, item]) =>
    item === null || item === ''
      ? []
      : [[name, typeof item === 'number' || typeof item === 'boolean' ? String(item) : item]],
  );
  const before = typeof row.metadata === 'object' ? row.metadata : {};
  if (texts.length > 0) row.metadata = { ...before, ...Object.fromEntries(texts) };
}

/** A cell holds objects as JSON. */
function objectOf(value: unknown): unknown {
  return typeof value === 'string' ? (parsed(value) ?? value) : value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Beyond this a number counts milliseconds, not seconds: as seconds it would be in the year 5138. */
const MILLISECONDS_FROM = 1e11;

/**
 * An instant as the server takes it. A day alone is its first moment; a time without a zone is UTC; a number is seconds or
 * milliseconds since 1970. `never` is for ever.
 */
function instantOf(value: unknown): unknown {
  if (value === null) return null;
  if (typeof value === 'number') return fromEpoch(value);
  if (typeof value !== 'string') return value;
  const text = value.trim();
  if (text.toLowerCase() === 'never') return null;
  if (/^\d{9,14}$/.test(text)) return fromEpoch(Number(text));
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return `${text}T00:00:00Z`;
  const parts = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/i.exec(text);
  if (parts === null) return text;
  const [, day = '', time = '', zone = 'Z'] = parts;
  return `${day}T${time.length === 5 ? `${time}:00` : time}${zoneOf(zone)}`;
}

function zoneOf(zone: string): string {
  if (/^(z|utc)$/i.test(zone)) return 'Z';
  return zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
}

function fromEpoch(value: number): unknown {
  const instant = new Date(value < MILLISECONDS_FROM ? value * 1000 : value);
  return Number.isNaN(instant.getTime()) ? String(value) : instant.toISOString();
}

function countOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  if (text.toLowerCase() === 'unlimited') return -1;
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

/** Machines as a list of them, as JSON, as fingerprints separated by semicolons, or by name. */
function machinesOf(value: unknown): unknown {
  if (typeof value === 'number') return [machineOf(String(value))];
  if (typeof value === 'string') {
    const list = /^\s*[[{]/.test(value) ? parsed(value) : undefined;
    return machinesOf(list ?? value.split(';').filter((one) => one.trim() !== ''));
  }
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(machineOf);
  if (typeof value === 'object' && value !== null) return machinesOf(Object.keys(value));
  return value;
}

function machineOf(value: unknown): unknown {
  if (typeof value === 'string') return { fingerprint: value.trim() };
  const fingerprint = ['fingerprint', 'server_id', 'machine_id', 'id'].map((name) => at(value, name)).find(isText);
  const name = [at(value, 'name'), at(value, 'hostname')].find(isText);
  return fingerprint === undefined ? value : { fingerprint, ...(name === undefined ? {} : { name }) };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** A key of 256 hexadecimal digits that was stored without the dashes it is shown with. */
function grouped(key: string): string {
  return /^[0-9a-f]{256}$/.test(key) ? (key.match(/.{16}/g) ?? []).join('-') : key;
}
