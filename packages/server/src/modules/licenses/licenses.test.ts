import { createHmac } from 'node:crypto';
import { dayMs, type HoldCause, type LicenseOverrides } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLicensing, loadExampleCatalog, TEST_MASTER_SECRET } from '../../../test/support/licensing.ts';
import { createTestPorts, type TestPorts } from '../../../test/support/ports.ts';
import type { Transaction } from '../../db/database.ts';

let test: TestDatabase;
let ports: TestPorts;
let licensing: ReturnType<typeof createLicensing>;
let stopFollowing: () => Promise<void>;

beforeAll(async () => {
  test = await createTestDatabase();
  ports = createTestPorts();
  licensing = createLicensing(test.database, ports, await loadExampleCatalog());
  stopFollowing = await licensing.snapshots.follow(test.database);
});

afterAll(async () => {
  await stopFollowing?.();
  await test?.close();
});

function write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
  return test.database.transaction({ actor: { type: 'system', id: 'test' } }, work);
}

function issue(more: { origin?: string; expiresAt?: Date | null; overrides?: LicenseOverrides } = {}) {
  return write((transaction) =>
    licensing.licenses.issue(transaction, {
      product: 'infinite-server26',
      plan: 'license',
      keyCustomer: 'cus_1',
      keySubscription: 'sub_1',
      customerId: null,
      subscriptionId: null,
      ...more,
    }),
  );
}

const activate = (key: string, fingerprint: string) =>
  write((transaction) => licensing.licenses.activate(transaction, { key, machine: { fingerprint } }));

const code = async (key: string, machine?: string) =>
  (await licensing.reader.validate(key, machine === undefined ? {} : { machine: { fingerprint: machine } })).code;

describe('issuing', () => {
  it('makes a key of 271 characters whose second half is the HMAC of the first under the master secret', async () => {
    const { key } = await issue();
    expect(key).toMatch(/^[0-9a-f]{16}(-[0-9a-f]{16}){15}$/);
    expect(key).toHaveLength(271);
    const digits = key.replaceAll('-', '');
    const hmac = createHmac('sha512', TEST_MASTER_SECRET).update(digits.slice(0, 128)).digest('hex');
    expect(digits.slice(128)).toBe(hmac);
  });

  it('runs for 30 days where no subscription sets the end', async () => {
    const { license } = await issue();
    expect(license.expiresAt).toBe(ports.clock.now().getTime() + 30 * dayMs);
  });

  it('issues one licence for an origin, however often it is asked', async () => {
    await issue({ origin: 'subscription:sub_once' });
    await expect(issue({ origin: 'subscription:sub_once' })).rejects.toMatchObject({ code: 'license_state_conflict' });
  });

  it('keeps the key readable for its owner and in clear nowhere', async () => {
    const { license, key } = await issue();
    expect(await licensing.reader.keyOf(license.id)).toBe(key);
    const rows = await test.database.connection.selectFrom('licenses').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(key);
    expect(Buffer.concat(rows.map((row) => Buffer.from(row.key_ciphertext))).toString('latin1')).not.toContain(key);
  });

  it('refuses a plan or product that is not in the catalog, naming the field', async () => {
    const wrong = (product: string, plan: string) =>
      write((transaction) =>
        licensing.licenses.issue(transaction, {
          product,
          plan,
          keyCustomer: 'c',
          keySubscription: 's',
          customerId: null,
          subscriptionId: null,
        }),
      );
    await expect(wrong('nothing', 'license')).rejects.toMatchObject({ code: 'product_unknown', path: 'product' });
    await expect(wrong('infinite-server26', 'gold')).rejects.toMatchObject({ code: 'plan_unknown', path: 'plan' });
  });
});

describe('validating', () => {
  it('tells a key never issued from a forged and from a malformed one', async () => {
    const { key } = await issue();
    const hash = 'ab'.repeat(64);
    const genuine = hash + createHmac('sha512', TEST_MASTER_SECRET).update(hash).digest('hex');
    const neverIssued = genuine.match(/.{16}/g)?.join('-') ?? '';
    const flipped = (key.startsWith('0') ? '1' : '0') + key.slice(1);
    expect(await code(key)).toBe('VALID');
    expect(await code(neverIssued)).toBe('NOT_FOUND');
    expect(await code(flipped)).toBe('FORGED');
    expect(await code('not a key')).toBe('MALFORMED');
    expect(await code('x'.repeat(5_000))).toBe('MALFORMED');
  });

  it('accepts a key that a mail program broke over several lines', async () => {
    const { key } = await issue();
    expect(await code(` ${key.slice(0, 80)}\r\n  ${key.slice(80)}\n`)).toBe('VALID');
  });

  it('sees a revocation in the very next validation of a licence it had in memory', async () => {
    const { license, key } = await issue();
    expect(await code(key)).toBe('VALID');
    await write((transaction) => licensing.licenses.revoke(transaction, license.id, 'stolen'));
    expect(await code(key)).toBe('REVOKED');
    await write((transaction) => licensing.licenses.reinstate(transaction, license.id));
    expect(await code(key)).toBe('VALID');
  });

  it('expires by itself, to the millisecond', async () => {
    const { key } = await issue({ expiresAt: new Date(ports.clock.now().getTime() + 1_000) });
    expect(await code(key)).toBe('EXPIRING');
    ports.clock.advance(999);
    expect(await code(key)).toBe('EXPIRING');
    ports.clock.advance(1);
    expect(await code(key)).toBe('EXPIRED');
  });
});

describe('machines', () => {
  it('binds a licence of one machine to the first that activates, and to another once it was released', async () => {
    const { key } = await issue();
    expect((await activate(key, 'server_001')).decision.code).toBe('VALID');
    const again = await activate(key, 'server_001');
    expect(again.license?.machinesUsed).toBe(1);
    expect((await activate(key, 'server_002')).decision).toMatchObject({ valid: false, code: 'TOO_MANY_MACHINES' });
    expect(await code(key, 'server_001')).toBe('VALID');
    expect(await code(key, 'server_002')).toBe('MACHINE_MISMATCH');
    const released = await write((transaction) =>
      licensing.licenses.deactivate(transaction, { key, fingerprint: 'server_001' }),
    );
    expect(released.decision.valid).toBe(true);
    expect(await code(key, 'server_002')).toBe('MACHINE_NOT_ACTIVATED');
    expect((await activate(key, 'server_002')).decision.valid).toBe(true);
  });

  it('never takes a seat of a licence that is withheld', async () => {
    const { license, key } = await issue();
    await write((transaction) => licensing.licenses.suspend(transaction, license.id, null));
    expect((await activate(key, 'server_001')).decision.code).toBe('SUSPENDED');
    expect((await licensing.reader.get(license.id)).machinesUsed).toBe(0);
  });

  it('writes every attempt to the audit log, refused ones with their reason', async () => {
    const { license, key } = await issue();
    await activate(key, 'one');
    await activate(key, 'two');
    const entries = await licensing.audit.list(test.database.connection, { subjectId: license.id }, null, 10);
    expect(entries.map((entry) => entry.action)).toEqual([
      'license.activation_refused',
      'license.activated',
      'license.issued',
    ]);
    expect(JSON.stringify(entries)).not.toContain(key);
  });
});

describe('renewing', () => {
  it('adds the term to the end, and counts from now once the end has passed', async () => {
    const { license } = await issue();
    const renewed = await write((transaction) => licensing.licenses.renew(transaction, license.id));
    expect(renewed.expiresAt).toBe((license.expiresAt ?? 0) + 30 * dayMs);
    ports.clock.advance(100 * dayMs);
    const late = await write((transaction) => licensing.licenses.renew(transaction, license.id));
    expect(late.expiresAt).toBe(ports.clock.now().getTime() + 30 * dayMs);
  });

  it('is not needed where the vendor says when it ends', async () => {
    const { license } = await issue();
    const expiresAt = new Date(license.startsAt + 5 * dayMs);
    const moved = await write((transaction) => licensing.licenses.update(transaction, license.id, { expiresAt }));
    expect(moved.expiresAt).toBe(expiresAt.getTime());
  });

  it('does not renew what was revoked', async () => {
    const { license } = await issue();
    await write((transaction) => licensing.licenses.revoke(transaction, license.id, null));
    await expect(write((transaction) => licensing.licenses.renew(transaction, license.id))).rejects.toMatchObject({
      code: 'license_state_conflict',
    });
  });
});

describe('holds', () => {
  it('lifting what one cause took gives back nothing that another took', async () => {
    const { license, key } = await issue();
    const cover = (payment: { effect: 'suspend' | 'revoke'; effectiveAt: number; reason: string } | null) =>
      write((transaction) =>
        licensing.licenses.cover(transaction, license.id, {
          coverage: 'renewing',
          expiresAt: null,
          payment,
          cancel: null,
          fallBackTo: null,
        }),
      );
    await cover({ effect: 'revoke', effectiveAt: ports.clock.now().getTime(), reason: 'unpaid' });
    await write((transaction) => licensing.licenses.suspend(transaction, license.id, 'abuse'));
    expect(await code(key)).toBe('REVOKED');
    await cover(null);
    expect(await code(key)).toBe('SUSPENDED');
    await write((transaction) => licensing.licenses.reinstate(transaction, license.id));
    expect(await code(key)).toBe('VALID');
  });

  it('covering a licence twice with the same changes nothing', async () => {
    const { license } = await issue();
    const coverage = {
      coverage: 'past_due' as const,
      expiresAt: null,
      payment: { effect: 'suspend' as const, effectiveAt: ports.clock.now().getTime() + dayMs, reason: 'unpaid' },
      cancel: null,
      fallBackTo: null,
    };
    const once = await write((transaction) => licensing.licenses.cover(transaction, license.id, coverage));
    const twice = await write((transaction) => licensing.licenses.cover(transaction, license.id, coverage));
    expect(twice).toEqual(once);
  });
});

describe('lists and statistics', () => {
  it('the database and core agree on the status of every licence', async () => {
    const causes: HoldCause[] = ['payment', 'cancel', 'refund', 'dispute', 'admin'];
    const now = ports.clock.now().getTime();
    let seed = 1;
    const pick = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const offsets = [-40 * dayMs, -3 * dayMs, -1, 0, 1, 3 * dayMs, 40 * dayMs];
    for (let count = 0; count < 120; count += 1) {
      const expiresAt = pick(6) === 0 ? null : new Date(now + (offsets[pick(offsets.length)] ?? 0));
      const expiryStrategy = (['restrict', 'revoke', 'maintain', 'allow'] as const)[pick(4)] ?? 'restrict';
      const policy = pick(2) === 0 ? {} : { expiryStrategy, graceDays: pick(3) * 2 };
      const { license } = await issue({ expiresAt, overrides: { policy } });
      const coverage = (['term', 'renewing', 'past_due', 'ended'] as const)[pick(4)] ?? 'term';
      await test.database.connection
        .updateTable('licenses')
        .set({ coverage, starts_at: new Date(now + (offsets[pick(offsets.length)] ?? 0)) })
        .where('id', '=', license.id)
        .execute();
      for (const cause of causes) {
        if (pick(4) !== 0) continue;
        await test.database.connection
          .insertInto('license_holds')
          .values({
            license_id: license.id,
            cause,
            effect: pick(2) === 0 ? 'suspend' : 'revoke',
            reason: null,
            effective_at: new Date(now + (offsets[pick(offsets.length)] ?? 0)),
          })
          .execute();
      }
    }
    const all = await listAll();
    expect(all.length).toBeGreaterThan(120);
    const expected = new Map<string, number>();
    for (const license of all) {
      const status = licensing.reader.status(license);
      expected.set(status, (expected.get(status) ?? 0) + 1);
    }
    for (const [status, count] of expected) {
      expect(await listAll(status as Parameters<typeof licensing.reader.list>[0]['status']), status).toHaveLength(
        count,
      );
    }
    const statistics = await licensing.reader.statistics();
    expect(statistics.total).toBe(all.length);
    expect(statistics.revoked).toBe(expected.get('revoked') ?? 0);
    expect(statistics.expired).toBe(expected.get('expired') ?? 0);
    expect(statistics.active).toBe((expected.get('active') ?? 0) + (expected.get('grace') ?? 0));
    expect(expected.size).toBeGreaterThan(4);
  });

  async function listAll(status?: Parameters<typeof licensing.reader.list>[0]['status']) {
    const found = [];
    let after: { createdAt: Date; id: string } | null = null;
    for (;;) {
      const page = await licensing.reader.list({ status }, { limit: 50, after });
      found.push(...page);
      const last = page.at(-1);
      if (last === undefined || page.length < 50) return found;
      after = { createdAt: new Date(last.createdAt), id: last.id };
    }
  }
});
