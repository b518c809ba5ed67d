import type { LicenseOverrides } from '@latchkey/core';
import { dayMs } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLicensing, loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts, type TestPorts } from '../../../test/support/ports.ts';
import type { Transaction } from '../../db/database.ts';
import type { MachineInput } from './index.ts';

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
  return test.database.transaction({ actor: { type: 'admin', id: 'ada' } }, work);
}

function issue(overrides: LicenseOverrides = {}, more: { maxMachines?: number; plan?: string } = {}) {
  return write((transaction) =>
    licensing.licenses.issue(transaction, {
      product: 'crypto-orchestrator',
      plan: 'pro',
      keyCustomer: 'cus_1',
      keySubscription: 'sub_1',
      customerId: null,
      subscriptionId: null,
      overrides,
      ...more,
    }),
  );
}

const activate = (key: string, machine: MachineInput) =>
  write((transaction) => licensing.licenses.activate(transaction, { key, machine }));
const validate = (key: string, machine?: MachineInput) => licensing.reader.validate(key, { machine });

const auditOf = async (licenseId: string) =>
  (await licensing.audit.list(test.database.connection, { subjectId: licenseId }, null, 50)).map(
    ({ action, detail }) => ({
      action,
      detail,
    }),
  );

const parts = { board: 'board 1', disk: 'disk 1', network: 'aa:bb:cc' };

describe('a machine that tells its components', () => {
  it('keeps its seat with a new network card and a new fingerprint, and is known by the new one from then on', async () => {
    const { key } = await issue();
    const first = await activate(key, { fingerprint: 'old-id', components: parts });
    expect(first.decision.valid).toBe(true);
    const today = { fingerprint: 'new-id', components: { ...parts, network: 'dd:ee:ff' } };
    expect((await validate(key, today)).code).toBe('VALID');
    const again = await activate(key, today);
    expect(again.decision.valid).toBe(true);
    expect(again.activation).toMatchObject({ id: first.activation?.id, fingerprint: 'new-id' });
    expect(again.license?.machinesUsed).toBe(1);
    expect((await validate(key, { fingerprint: 'new-id' })).code).toBe('VALID');
    expect((await validate(key, { fingerprint: 'old-id' })).code).toBe('MACHINE_MISMATCH');
  });

  it('is refused as a copy when it has the fingerprint of another, though seats are free', async () => {
    const { license, key } = await issue({}, { maxMachines: 5 });
    await activate(key, { fingerprint: 'image', components: parts });
    const copy = { fingerprint: 'image', components: { board: 'x', disk: 'y', network: 'z' } };
    expect((await validate(key, copy)).code).toBe('MACHINE_MISMATCH');
    expect((await activate(key, copy)).decision).toMatchObject({ valid: false, code: 'MACHINE_MISMATCH' });
    expect((await licensing.reader.get(license.id)).machinesUsed).toBe(1);
  });

  it('is stored as digests: nothing of what it told can be read in the database', async () => {
    const { license, key } = await issue();
    await activate(key, { fingerprint: 'private', components: { serial: 'SERIAL-4711' } });
    const rows = await test.database.connection
      .selectFrom('activations')
      .selectAll()
      .where('license_id', '=', license.id)
      .execute();
    expect(Object.keys(rows[0]?.components ?? {})).toEqual(['serial']);
    expect(JSON.stringify(rows)).not.toContain('4711');
  });
});

describe('a fingerprint that may be active once in a plan or product', () => {
  it.each([
    ['license', 'pro', true],
    ['plan', 'pro', false],
    ['plan', 'basic', true],
    ['product', 'basic', false],
  ] as const)('per %s: a second licence of the plan %s accepts it: %s', async (machineUniqueness, plan, accepted) => {
    const machine = { fingerprint: `shared ${machineUniqueness} ${plan}` };
    const policy = { policy: { machineUniqueness } };
    const [one, other] = [await issue(policy), await issue(policy, { plan })];
    expect((await activate(one.key, machine)).decision.valid).toBe(true);
    const { decision } = await activate(other.key, machine);
    expect(decision).toMatchObject(accepted ? { valid: true } : { valid: false, code: 'MACHINE_MISMATCH' });
    expect((await licensing.reader.get(other.license.id)).machinesUsed).toBe(accepted ? 1 : 0);
  });

  it('is free again once the other licence let it go', async () => {
    const machine = { fingerprint: 'wanderer' };
    const policy = { policy: { machineUniqueness: 'product' } } as const;
    const [one, other] = [await issue(policy), await issue(policy)];
    await activate(one.key, machine);
    await write((transaction) =>
      licensing.licenses.deactivate(transaction, { key: one.key, fingerprint: machine.fingerprint }),
    );
    expect((await activate(other.key, machine)).decision.valid).toBe(true);
  });
});

describe('a machine too many, where the plan lets it ask', () => {
  const asking = { policy: { whenMachinesFull: 'request' } } as const;

  async function refused() {
    const issued = await issue(asking);
    const old = await activate(issued.key, { fingerprint: 'old' });
    const { decision, reactivationRequestId } = await activate(issued.key, { fingerprint: 'new', name: 'desk' });
    expect(decision).toMatchObject({ valid: false, code: 'TOO_MANY_MACHINES' });
    if (reactivationRequestId === null) throw new Error('no request was made');
    return { ...issued, old, requestId: reactivationRequestId };
  }

  it('asks once, however often it tries', async () => {
    const { key, requestId } = await refused();
    expect((await activate(key, { fingerprint: 'new' })).reactivationRequestId).toBe(requestId);
  });

  it('has its seat as soon as the vendor approves, and the old machine is out and cannot come back', async () => {
    const { key, requestId, license } = await refused();
    const approved = await write((transaction) => licensing.licenses.reactivations.approve(transaction, requestId));
    expect(approved).toMatchObject({ released: ['old'], request: { status: 'approved', decidedBy: 'ada' } });
    expect((await activate(key, { fingerprint: 'old' })).decision.code).toBe('TOO_MANY_MACHINES');
    expect((await validate(key, { fingerprint: 'new' })).code).toBe('VALID');
    expect((await activate(key, { fingerprint: 'new' })).decision.valid).toBe(true);
    expect((await licensing.reader.get(license.id)).machinesUsed).toBe(1);
  });

  it('stays out when the vendor denies, and may ask again', async () => {
    const { key, requestId } = await refused();
    await write((transaction) => licensing.licenses.reactivations.deny(transaction, requestId, 'not yours'));
    expect((await validate(key, { fingerprint: 'old' })).code).toBe('VALID');
    expect((await activate(key, { fingerprint: 'new' })).reactivationRequestId).not.toBe(requestId);
  });

  it('is decided once', async () => {
    const { requestId } = await refused();
    await write((transaction) => licensing.licenses.reactivations.deny(transaction, requestId, null));
    await expect(
      write((transaction) => licensing.licenses.reactivations.approve(transaction, requestId)),
    ).rejects.toMatchObject({ code: 'license_state_conflict' });
  });

  it('takes the place of the machine the vendor names', async () => {
    const { key, license } = await issue(asking, { maxMachines: 2 });
    await activate(key, { fingerprint: 'first' });
    const second = await activate(key, { fingerprint: 'second' });
    const { reactivationRequestId } = await activate(key, { fingerprint: 'third' });
    const release = second.activation?.id;
    await write((transaction) =>
      licensing.licenses.reactivations.approve(transaction, reactivationRequestId ?? '', { release }),
    );
    const { activations } = await licensing.reader.get(license.id);
    expect(activations.map(({ fingerprint }) => fingerprint)).toEqual(['first', 'third']);
  });

  it('is not written down where the plan does not let it ask', async () => {
    const { key } = await issue({ policy: { whenMachinesFull: 'refuse' } });
    await activate(key, { fingerprint: 'old' });
    expect((await activate(key, { fingerprint: 'new' })).reactivationRequestId).toBeNull();
  });
});

describe('every attempt', () => {
  it('is in the audit log with its reason, refused ones too', async () => {
    const { license, key } = await issue();
    await activate(key, { fingerprint: 'a' });
    await activate(key, { fingerprint: 'b' });
    await write((transaction) => licensing.licenses.deactivate(transaction, { key, fingerprint: 'c' }));
    expect(await auditOf(license.id)).toMatchObject([
      { action: 'license.deactivation_refused', detail: { fingerprint: 'c' } },
      {
        action: 'license.activation_refused',
        detail: { fingerprint: 'b', code: 'TOO_MANY_MACHINES', reason: expect.stringContaining('another') },
      },
      { action: 'license.activated', detail: { fingerprint: 'a' } },
      { action: 'license.issued' },
    ]);
  });

  it('with a key nobody has is there as well, without the key', async () => {
    const before = (await auditOf('unknown')).length;
    await activate('CO-00000000-00000000-00000000-00000000', { fingerprint: 'thief' });
    const after = await auditOf('unknown');
    expect(after).toHaveLength(before + 1);
    expect(after[0]).toMatchObject({
      action: 'license.activation_refused',
      detail: { code: 'FORGED', key_hint: '0000' },
    });
    expect(JSON.stringify(after[0])).not.toContain('CO-0000');
  });
});

describe('a term that begins with the first use', () => {
  const waiting = (termBasis: 'first_validation' | 'first_activation') =>
    issue({ policy: { termDays: 10, termBasis } });

  it('runs from the first validation, however late, and once', async () => {
    const { license, key } = await waiting('first_validation');
    expect(license.expiresAt).toBeNull();
    ports.clock.advance(100 * dayMs);
    const begun = ports.clock.now().getTime();
    const ends = new Date(begun + 10 * dayMs).toISOString();
    expect(await validate(key)).toMatchObject({ valid: true, license: { expires_at: ends } });
    ports.clock.advance(5 * dayMs);
    expect(await validate(key)).toMatchObject({ valid: true, license: { expires_at: ends } });
    ports.clock.advance(5 * dayMs);
    expect((await validate(key)).code).toBe('EXPIRED');
  });

  it('is begun by one of many first validations at the same time', async () => {
    const { license, key } = await waiting('first_validation');
    const answers = await Promise.all(Array.from({ length: 8 }, () => validate(key)));
    expect(new Set(answers.map((answer) => answer.license?.expires_at)).size).toBe(1);
    const begun = (await auditOf(license.id)).filter(({ action }) => action === 'license.term_begun');
    expect(begun).toHaveLength(1);
  });

  it('is not begun by a validation that is refused', async () => {
    const { license, key } = await waiting('first_validation');
    await licensing.reader.validate(key, { product: 'another' });
    expect((await licensing.reader.get(license.id)).expiresAt).toBeNull();
  });

  it('runs from the first activation, and a validation does not begin it', async () => {
    const { license, key } = await waiting('first_activation');
    await validate(key);
    expect((await licensing.reader.get(license.id)).expiresAt).toBeNull();
    await activate(key, { fingerprint: 'first' });
    expect((await licensing.reader.get(license.id)).expiresAt).toBe(ports.clock.now().getTime() + 10 * dayMs);
  });
});

describe('a licence that the vendor changes', () => {
  it('says TOO_MANY_MACHINES under a lowered limit until one is released', async () => {
    const { license, key } = await issue({}, { maxMachines: 2 });
    await activate(key, { fingerprint: 'a' });
    await activate(key, { fingerprint: 'b' });
    await write((transaction) => licensing.licenses.update(transaction, license.id, { maxMachines: 1 }));
    expect((await validate(key, { fingerprint: 'a' })).code).toBe('TOO_MANY_MACHINES');
    await write((transaction) => licensing.licenses.deactivate(transaction, { key, fingerprint: 'b' }));
    expect((await validate(key, { fingerprint: 'a' })).code).toBe('VALID');
  });

  it('has features and limits of its own beside its plan’s', async () => {
    const { license, key } = await issue();
    const ask = () => licensing.reader.validate(key, { entitlements: ['api_access', 'beta'] });
    expect((await ask()).code).toBe('ENTITLEMENT_MISSING');
    const overrides = { features: ['beta'], limits: { max_bots: 7 } };
    const after = await write((transaction) => licensing.licenses.update(transaction, license.id, { overrides }));
    expect((await ask()).code).toBe('VALID');
    expect(licensing.reader.granted(after)).toMatchObject({ limits: { max_bots: 7 } });
  });

  it('keeps what it said before of what is not named', async () => {
    const { license } = await issue({ features: ['beta'] });
    const overrides = { policy: { graceDays: 3 } };
    const after = await write((transaction) => licensing.licenses.update(transaction, license.id, { overrides }));
    expect(after.overrides).toEqual({ features: ['beta'], policy: { graceDays: 3 } });
  });
});
