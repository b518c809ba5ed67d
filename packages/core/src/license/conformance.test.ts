import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import {
  DAY,
  instantOf,
  isYes,
  licenseOf,
  machineOf,
  TABLE_FEATURES,
  TABLE_SEATS,
  type TableCase,
  table,
  tableKey,
  tableSecret,
} from '../../test/conformance.ts';
import { plainTerms, snapshotOf } from '../../test/license-snapshot.ts';
import { nodeCryptography } from '../../test/node-cryptography.ts';
import { DEFAULT_LICENSE_POLICY, readPolicy } from '../catalog/index.ts';
import { POLICY_FIELDS } from '../catalog/policy-fields.ts';
import { VALIDATION_CODES } from './codes.ts';
import { classifyUnknownKey } from './keys/scheme.ts';
import { sha512Hmac } from './keys/sha512-hmac.ts';
import { type LicenseSnapshot, type ValidationScope, validateLicense } from './validate.ts';

/** The licence of a case as core takes it. Components stand for themselves: digests hide them and change no answer. */
function snapshotFor(one: TableCase): LicenseSnapshot {
  const license = licenseOf(one);
  const policy = { ...DEFAULT_LICENSE_POLICY, ...readPolicy(license.policy ?? {}) };
  const machines = (license.machines ?? []).map(machineOf);
  return snapshotOf({
    product: 'conformance',
    plan: license.plan ?? 'base',
    startsAt: instantOf(license.starts ?? 'start'),
    expiresAt: license.expires === null ? null : instantOf(license.expires),
    termBeginsWith: license.term_begins_with ?? null,
    coverage: license.coverage,
    holds: (license.holds ?? []).map(({ at, ...hold }) => ({ ...hold, effectiveAt: instantOf(at), reason: null })),
    maxMachines: license.lowered_to ?? license.max_machines ?? TABLE_SEATS,
    machines: new Map(machines.map(({ fingerprint, components }) => [fingerprint, components ?? null])),
    machineMatching: policy.machineMatching,
    requireProduct: policy.requireProduct,
    requireMachine: policy.requireMachine,
    requireCredit: policy.requireCredit,
    entitlements: new Set([...(TABLE_FEATURES[license.plan ?? 'base'] ?? []), ...(license.features ?? [])]),
    policy: {
      ...plainTerms,
      termGraceMs: policy.graceDays * DAY,
      expiryStrategy: policy.expiryStrategy,
      expiringWithinMs: Math.max(0, ...policy.expiringNoticeDays) * DAY,
    },
  });
}

function scopeOf(one: TableCase): ValidationScope {
  const { released_at: releasedAt, ...rest } = one.ask ?? {};
  return {
    ...rest,
    credit: licenseOf(one).credit ?? 0,
    ...(releasedAt === undefined ? {} : { releasedAt: instantOf(releasedAt) }),
  };
}

const live = ['new', 'old'].map((id) => ({ id, bytes: nodeCryptography.utf8(tableSecret(id)) }));

describe('the conformance table', () => {
  it('is what its schema says: no field is misspelt, and so left out of a case without anybody noticing', () => {
    const schema = JSON.parse(readFileSync(new URL('./conformance.schema.json', import.meta.url), 'utf8'));
    const isTable = new Ajv({ allErrors: true }).compile(schema);
    isTable(table);
    expect(isTable.errors).toBeNull();
    expect(Object.keys(schema.definitions.policy.properties).filter((name) => !(name in POLICY_FIELDS))).toEqual([]);
    expect(schema.definitions.code.enum).toEqual([...VALIDATION_CODES]);
    isTable({ ...table, cases: [...table.cases, { ...table.cases[0], set: { machine: ['one'] } }] });
    expect(isTable.errors).toMatchObject([{ params: { additionalProperty: 'machine' } }]);
  });

  it('has at least 120 cases, each with a name of its own, and every code that a validation answers today', () => {
    const names = [...table.cases, ...table.keys].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(table.cases.length).toBeGreaterThanOrEqual(120);
    const answered = new Set([...table.cases, ...table.keys].map(({ expect: code }) => code));
    // These belong to leases and to what is counted, of which the table knows nothing.
    const elsewhere = ['LEASE_EXPIRED', 'LIMIT_REACHED'];
    expect(VALIDATION_CODES.filter((code) => !answered.has(code))).toEqual(elsewhere);
  });

  it.each(table.cases)('$name: $expect', (one) => {
    const decision = validateLicense(snapshotFor(one), scopeOf(one), instantOf(one.at));
    expect(decision).toMatchObject({ code: one.expect, valid: isYes(one.expect) });
    const last = decision.because.at(-1);
    expect(last).toMatchObject(decision.valid ? { passed: true } : { passed: false, detail: decision.detail });
    expect(last?.detail).toMatch(/^[A-Z\d].+\.$/);
  });

  it.each(table.keys)('$name: $expect', (one) => {
    expect(classifyUnknownKey(tableKey(one), [{ scheme: sha512Hmac, secrets: live }], nodeCryptography)).toBe(
      one.expect,
    );
  });
});

describe('the page about validation', () => {
  it('explains every code, in the order of their precedence', () => {
    const page = readFileSync(new URL('../../../../docs/validation.md', import.meta.url), 'utf8');
    const explained = [...page.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, code]) => code);
    expect(explained).toEqual([...VALIDATION_CODES]);
  });
});
