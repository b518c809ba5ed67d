import type { LicenseStatus } from '@latchkey/core';
import type { Database } from '../../db/database.ts';
import { formatCsv } from '../../http/csv.ts';
import { referenceOf } from './import-facts.ts';
import { type LicenseOwner, ownersOf, sealedKeysOf } from './import-repository.ts';
import type { KeyKeeper } from './keys.ts';
import type { LicenseReader } from './reading.ts';
import type { LicenseRecord } from './record.ts';

export interface LicenseExportOptions {
  database: Pick<Database, 'connection'>;
  keys: Pick<KeyKeeper, 'open'>;
  reader: Pick<LicenseReader, 'list' | 'status'>;
}

export interface ExportRequest {
  product?: string | undefined;
  status?: LicenseStatus | undefined;
  format: 'csv' | 'jsonl';
  /** With the keys in clear. */
  withKeys: boolean;
}

export type LicenseExport = ReturnType<typeof createLicenseExport>;

/** A licence by the names that an import takes it by. */
interface ExportedLicense {
  id: string;
  key?: string;
  key_hint: string;
  product: string;
  plan: string;
  status: LicenseStatus;
  reference: string | null;
  email: string | null;
  name: string | null;
  customer_external_id: string | null;
  stripe_customer_id: string | null;
  starts_at: string;
  /** null: never. Left out where the first use begins the term. */
  expires_at?: string | null;
  max_machines: number;
  machines: { fingerprint: string; name?: string }[];
  metadata: Record<string, string>;
  created_at: string;
}

/** Licences held in memory at a time. */
const PAGE = 500;

/** Every licence as lines of text, newest first. Memory holds one page, however many there are; what is issued meanwhile is not in it. */
export function createLicenseExport({ database, keys, reader }: LicenseExportOptions) {
  async function* pages({ product, status, withKeys }: ExportRequest): AsyncGenerator<ExportedLicense[]> {
    let after: { createdAt: Date; id: string } | null = null;
    for (;;) {
      const page: LicenseRecord[] = await reader.list({ product, status }, { limit: PAGE, after });
      const last = page.at(-1);
      if (last === undefined) return;
      yield await completed(page, withKeys);
      after = { createdAt: new Date(last.createdAt), id: last.id };
    }
  }

  async function completed(page: readonly LicenseRecord[], withKeys: boolean): Promise<ExportedLicense[]> {
    const { connection } = database;
    const owners = await ownersOf(connection, [...new Set(page.flatMap(({ customerId }) => customerId ?? []))]);
    const ids = page.map(({ id }) => id);
    const sealed = withKeys ? await sealedKeysOf(connection, ids) : null;
    return page.map((license) => {
      const ofLicense = sealed?.get(license.id);
      return exported(license, {
        status: reader.status(license),
        owner: owners.get(license.customerId ?? '') ?? null,
        key: ofLicense === undefined ? null : keys.open(license.id, ofLicense),
      });
    });
  }

  return {
    /** The export in pieces of text, each a page of licences; a CSV begins with its titles. */
    async *text(request: ExportRequest): AsyncGenerator<string> {
      const columns = COLUMNS.filter((column) => column !== 'key' || request.withKeys);
      const isCsv = request.format === 'csv';
      if (isCsv) yield formatCsv(columns);
      for await (const page of pages(request)) {
        const lines = page.map((license) =>
          isCsv ? formatCsv(columns.map((column) => cell(license, column))) : `${JSON.stringify(license)}\n`,
        );
        yield lines.join('');
      }
    },
  };
}

const COLUMNS = [
  'id',
  'key',
  'key_hint',
  'product',
  'plan',
  'status',
  'reference',
  'email',
  'name',
  'customer_external_id',
  'stripe_customer_id',
  'starts_at',
  'expires_at',
  'max_machines',
  'machines',
  'metadata',
  'created_at',
] as const satisfies readonly (keyof ExportedLicense)[];

function exported(
  license: LicenseRecord,
  { status, owner, key }: { status: LicenseStatus; owner: LicenseOwner | null; key: string | null },
): ExportedLicense {
  return {
    id: license.id,
    ...(key === null ? {} : { key }),
    key_hint: license.keyHint,
    product: license.product,
    plan: license.plan,
    status,
    reference: referenceOf(license),
    email: owner?.email ?? null,
    name: owner?.name ?? null,
    customer_external_id: owner?.external_id ?? null,
    stripe_customer_id: owner?.stripe_customer_id ?? null,
    starts_at: iso(license.startsAt),
    ...(license.termBeginsWith === null
      ? { expires_at: license.expiresAt === null ? null : iso(license.expiresAt) }
      : {}),
    max_machines: license.maxMachines,
    machines: license.activations.map(({ fingerprint, name }) => ({ fingerprint, ...(name === null ? {} : { name }) })),
    metadata: license.metadata,
    created_at: iso(license.createdAt),
  };
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** What an import reads back as the same: lists and metadata as JSON, nothing where there is nothing. */
function cell(license: ExportedLicense, column: keyof ExportedLicense): string {
  const value = license[column];
  if (value === undefined) return '';
  if (value === null) return column === 'expires_at' ? NEVER : '';
  if (typeof value !== 'object') return String(value);
  return Object.keys(value).length === 0 ? '' : JSON.stringify(value);
}

/** An empty cell would say that nobody named an end. */
const NEVER = 'never';
