import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { asAdmin, createTestHttp } from '../../test/support/http.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import { expireIdempotencyKeys } from './idempotency.ts';
import type { Http } from './types.ts';

const ports = createTestPorts();
let test: TestDatabase;
let http: Http;
let done = 0;
let behave: 'well' | 'failing' | 'failing after its commit' | 'waiting' | 'ending after its commit' = 'well';
let inHandler = () => {};
let proceed = () => {};
beforeAll(async () => {
  test = await createTestDatabase();
  http = await createTestHttp({ database: test.database, ports });
  http.post('/v1/things', { config: { access: 'anyone' } }, async (request, reply) => {
    if (behave === 'failing') throw new Error('broke before the write');
    if (behave === 'waiting') {
      await new Promise<void>((resolve) => {
        proceed = resolve;
        inHandler();
      });
    }
    const key = `thing-${done + 1}`;
    await request.write(async ({ connection }) => {
      await connection.insertInto('settings').values({ key, value: '1', updated_at: ports.clock.wall() }).execute();
    });
    done += 1;
    if (behave === 'ending after its commit') await new Promise<void>(() => inHandler());
    if (behave === 'failing after its commit') throw new Error('broke after the write');
    return reply
      .code(201)
      .header('location', `/v1/things/${done}`)
      .send({ number: done, key: 'AB-SECRET-KEY-12345678' });
  });
  http.post('/v1/refused', { config: { access: 'anyone' } }, async (_request, reply) => {
    done += 1;
    return reply.code(422).send({ no: done });
  });
  await http.ready();
});
beforeEach(async () => {
  behave = 'well';
  done = 0;
  await test.database.connection.deleteFrom('idempotency_keys').execute();
  await test.database.connection.deleteFrom('settings').execute();
});
afterAll(async () => {
  await http.close();
  await test.close();
});

const post = (
  key: string,
  payload: object = { name: 'a' },
  more: { url?: string; headers?: object; remoteAddress?: string } = {},
) =>
  http.inject({
    method: 'POST',
    url: '/v1/things',
    payload,
    ...more,
    headers: { ...asAdmin, 'idempotency-key': key, ...more.headers },
  });
const rows = () => test.database.connection.selectFrom('idempotency_keys').selectAll().execute();

describe('the same key', () => {
  it('with the same body gets the same answer, byte for byte, and the thing is done once', async () => {
    const first = await post('k1');
    const second = await post('k1');
    expect(done).toBe(1);
    expect([second.statusCode, second.body]).toEqual([first.statusCode, first.body]);
    expect(second.headers.location).toBe('/v1/things/1');
    expect(second.headers['content-type']).toBe(first.headers['content-type']);
    expect([first.headers['idempotency-replayed'], second.headers['idempotency-replayed']]).toEqual([
      undefined,
      'true',
    ]);
  });

  it('quoted, as the draft writes it, is the same as bare', async () => {
    await post('k1');
    expect((await post('"k1"')).headers['idempotency-replayed']).toBe('true');
  });

  it('with another body or another address is refused', async () => {
    await post('k1');
    const other = await post('k1', { name: 'b' });
    expect([other.statusCode, other.json().code]).toEqual([422, 'idempotency_key_reused']);
    expect((await post('k1', { name: 'a' }, { url: '/v1/refused' })).json().code).toBe('idempotency_key_reused');
    expect(done).toBe(1);
  });

  it('of somebody else is another key', async () => {
    await post('k1');
    const stranger = { headers: { authorization: '' }, remoteAddress: '10.0.0.1' };
    const answers = [await post('k1', {}, stranger), await post('k1', {}, { ...stranger, remoteAddress: '10.0.0.2' })];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([201, 201]);
    expect(done).toBe(3);
  });

  it('is refused while the first request is in flight, and answers it afterwards', async () => {
    behave = 'waiting';
    const entered = new Promise<void>((resolve) => {
      inHandler = resolve;
    });
    const first = post('k1');
    await entered;
    const second = await post('k1');
    expect([second.statusCode, second.json().code, second.headers['retry-after']]).toEqual([
      409,
      'idempotency_key_in_use',
      '1',
    ]);
    proceed();
    expect((await post('k1')).body).toBe((await first).body);
    expect(done).toBe(1);
  });

  it('sent ten times at once does the thing once', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => post('k1')));
    expect(done).toBe(1);
    const statuses = new Set(answers.map(({ statusCode }) => statusCode));
    expect([...statuses].every((status) => status === 201 || status === 409)).toBe(true);
  });
});

describe('an answer', () => {
  it('that says no is kept as well', async () => {
    const [first, second] = [
      await post('k1', {}, { url: '/v1/refused' }),
      await post('k1', {}, { url: '/v1/refused' }),
    ];
    expect([second.statusCode, second.body]).toEqual([422, first.body]);
    expect(done).toBe(1);
  });

  it('is kept encrypted, since it may hold a license key', async () => {
    await post('k1');
    const [row] = await rows();
    expect(Buffer.from(row?.answer_ciphertext ?? []).toString('latin1')).not.toMatch(/SECRET|number/);
    expect(row?.answer_secret_id).toBe(ports.vault.secretId);
  });

  it('is forgotten after a day', async () => {
    await post('k1');
    ports.clock.pass(24 * 3_600_000 + 1);
    expect(await expireIdempotencyKeys(test.database, ports.clock.wall())).toBe(1);
    await post('k1');
    expect(done).toBe(2);
  });
});

describe('a request that failed', () => {
  it('before it did anything may be repeated', async () => {
    behave = 'failing';
    expect((await post('k1')).statusCode).toBe(500);
    behave = 'well';
    expect((await post('k1')).statusCode).toBe(201);
    expect(done).toBe(1);
  });

  it('after its commit is not done again', async () => {
    behave = 'failing after its commit';
    const first = await post('k1');
    behave = 'well';
    const second = await post('k1');
    expect([second.statusCode, second.json().request_id]).toEqual([500, first.json().request_id]);
    expect(done).toBe(1);
  });

  it('because its process ended: done again if nothing was committed, and only after the lease', async () => {
    behave = 'waiting';
    const entered = new Promise<void>((resolve) => {
      inHandler = resolve;
    });
    void post('k1');
    await entered;
    behave = 'well';
    ports.clock.pass(59_000);
    expect((await post('k1')).statusCode).toBe(409);
    ports.clock.pass(2_000);
    expect((await post('k1')).statusCode).toBe(201);
  });

  it('because its process ended after its commit: told, and not done again', async () => {
    behave = 'ending after its commit';
    const entered = new Promise<void>((resolve) => {
      inHandler = resolve;
    });
    void post('k1');
    await entered;
    behave = 'well';
    expect((await post('k1')).json().code).toBe('idempotency_key_in_use');
    ports.clock.pass(61_000);
    const answer = await post('k1');
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'conflict']);
    expect(answer.json().detail).toContain('was carried out');
    expect(done).toBe(1);
  });
});

it.each(['', 'x'.repeat(256), 'with\u00e9accent'])('a key such as "%s" is refused', async (key) => {
  const answer = await post(key);
  expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_request']);
});

it('a request without a key is not remembered', async () => {
  await http.inject({ method: 'POST', url: '/v1/things', headers: asAdmin, payload: {} });
  expect(await rows()).toEqual([]);
});
