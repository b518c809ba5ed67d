import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestClock, type TestClock } from '../../../test/support/ports.ts';
import { type Answer, openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;
let clock: TestClock;

beforeAll(async () => {
  clock = createTestClock(new Date());
  shop = await openShop({}, { clock });
});

afterAll(() => shop?.close());

interface Licensed {
  id: string;
  key: string;
}

/** A licence with hours. */
async function licensed(hours: number | string | null): Promise<Licensed> {
  const { body } = await shop.vendor('POST', '/v1/licenses', { product: 'redline2', email: 'driver@example.com' });
  const grant = { license_id: body.id, meter: 'hours', quantity: hours, operation_key: 'given' };
  if (hours !== null) expect((await shop.vendor('POST', '/v1/balances/grants', grant)).status).toBe(201);
  return { id: body.id, key: body.key };
}

const post = (path: string, body: object) => shop.call('POST', `/v1/usage-sessions${path}`, null, body);
const get = (path: string) => shop.call('GET', `/v1/usage-sessions${path}`, null);
const start = (license: Licensed, more: object = {}) => post('', { license_key: license.key, ...more });
const pass = (seconds: number) => clock.advance(seconds * 1_000);
/** As `pass`, and what fell due by then is carried out. */
const letPass = (minutes: number) => shop.vendor('POST', '/sandbox/time/advance', { minutes });
const HOUR_MS = 3_600_000;
const problem = ({ status, body }: Answer) => [status, body.code];

async function heartbeat(license: Licensed, id: string) {
  const { status, body } = await post(`/${id}/heartbeat`, { license_key: license.key });
  expect(status).toBe(200);
  return body;
}

async function end(license: Licensed, id: string) {
  const { status, body } = await post(`/${id}/end`, { license_key: license.key });
  expect(status).toBe(200);
  return body;
}

/** What was used of the balance, in seconds, in the order of the entries. */
async function deductions(license: Licensed): Promise<[key: string, seconds: number][]> {
  const { body } = await shop.vendor('GET', `/v1/balances/statement?license_id=${license.id}&meter=hours`);
  const used = body.data.filter(({ kind }: { kind: string }) => kind === 'consume').toReversed();
  return used.map((entry: { operation_key: string; quantity: number }) => [
    entry.operation_key,
    Math.round(entry.quantity * 3_600),
  ]);
}

describe('a licence of hours', () => {
  const validate = async ({ key }: Licensed) => (await shop.call('POST', '/v1/licenses/validate', null, { key })).body;

  it('is not valid at zero hours, and is again as soon as there are any [R1]', async () => {
    const license = await licensed(null);
    expect(await validate(license)).toMatchObject({ valid: false, code: 'NO_CREDIT' });
    const grant = { license_id: license.id, meter: 'hours', quantity: '0.000001', operation_key: 'added' };
    await shop.vendor('POST', '/v1/balances/grants', grant);
    const found = await validate(license);
    expect(found).toMatchObject({ valid: true, code: 'VALID' });
    expect(found.because.at(-1)).toMatchObject({ rule: 'credit', passed: true });
    await shop.vendor('POST', '/v1/balances/deductions', { ...grant, operation_key: 'used' });
    expect(await validate(license)).toMatchObject({ valid: false, code: 'NO_CREDIT' });
  });

  it('is not handed out as a file, which could not know what is left', async () => {
    const { key } = await licensed(1);
    const answer = await shop.call('POST', '/v1/licenses/file', null, { key });
    expect(problem(answer)).toEqual([409, 'offline_files_not_offered']);
  });
});

describe('a usage session', () => {
  it('of 12 minutes deducts exactly 0.2 hours in three entries [R5]', async () => {
    const license = await licensed(10);
    const begun = await start(license);
    expect(begun).toMatchObject({
      status: 201,
      body: {
        status: 'running',
        code: 'RUNNING',
        interval_seconds: 300,
        heartbeat_seconds: 300,
        used: 0,
        remaining: 10,
      },
    });
    const { id } = begun.body;
    pass(5 * 60);
    expect(await heartbeat(license, id)).toMatchObject({ status: 'running', deductions: 1 });
    pass(5 * 60);
    expect(await heartbeat(license, id)).toMatchObject({ status: 'running', deductions: 2 });
    pass(2 * 60);
    const ended = await end(license, id);
    expect(ended).toMatchObject({ status: 'ended', code: 'ENDED', used: 0.2, used_seconds: 720, remaining: 9.8 });
    expect(await deductions(license)).toEqual([
      [`session/${id}/1`, 300],
      [`session/${id}/2`, 300],
      [`session/${id}/3`, 120],
    ]);
    expect(await end(license, id)).toEqual(ended);
  });

  it('is in the series of use, by the hours in which its intervals began, and in what proves them', async () => {
    const license = await licensed(0.25);
    const began = clock.now();
    const { id } = (await start(license)).body;
    pass(12 * 60);
    await heartbeat(license, id);
    pass(13 * 60);
    expect(await end(license, id)).toMatchObject({ code: 'NO_CREDIT', used_seconds: 900 });

    const to = new Date(clock.now().getTime() + HOUR_MS).toISOString();
    const span = { from: began.toISOString(), to };
    const query = new URLSearchParams({ license_id: license.id, meter: 'hours', by: 'hour', ...span });
    const { body } = await shop.vendor('GET', `/v1/usage?${query}`);
    const [series] = body.data;
    expect(series.total).toMatchObject({ events: 3, quantity: 0.25, covered: 0.25, uncovered: 0 });
    const hourOf = (minutes: number) => Math.floor((began.getTime() + minutes * 60_000) / HOUR_MS) * HOUR_MS;
    const expected = new Map<number, number>();
    for (const minutes of [0, 5, 10]) expected.set(hourOf(minutes), (expected.get(hourOf(minutes)) ?? 0) + 300);
    const found = series.slots.filter(({ quantity }: { quantity: number }) => quantity > 0);
    expect(
      found.map(({ start: at, quantity }: { start: string; quantity: number }) => [
        Math.floor(Date.parse(at) / HOUR_MS) * HOUR_MS,
        Math.round(quantity * 3_600),
      ]),
    ).toEqual([...expected]);
    const everybody = await shop.vendor('GET', `/v1/analytics/usage?product=redline2&${new URLSearchParams(span)}`);
    expect(everybody.body.data[0].total.quantity).toBeGreaterThanOrEqual(0.25);
    const proof = await shop.vendor('POST', '/v1/analytics/usage/proof', span);
    expect(proof.body).toMatchObject({ equal: true, discrepancies: [] });
    expect(proof.body.hours).toBeGreaterThan(0);
  });

  it('whose client vanished ends by itself at its last heartbeat, and is charged to there [R5]', async () => {
    const license = await licensed(10);
    const { id } = (await start(license)).body;
    pass(7 * 60);
    const seen = await heartbeat(license, id);
    pass(14 * 60);
    expect((await get(`/${id}?license_key=${license.key}`)).body).toMatchObject({ status: 'running' });
    // Nobody touches it: moving the clock carries out what fell due.
    await letPass(60);
    expect(await deductions(license)).toEqual([
      [`session/${id}/1`, 300],
      [`session/${id}/2`, 120],
    ]);
    const { body } = await get(`?license_key=${license.key}`);
    expect(body.data).toMatchObject([
      { code: 'VANISHED', ended_at: seen.last_seen_at, deductions: 2, used_seconds: 420 },
    ]);
    expect(await heartbeat(license, id)).toMatchObject({ status: 'ended', code: 'VANISHED' });
  });

  it('that vanished is found ended by whoever looks first, before any job has', async () => {
    const license = await licensed(1);
    const { id } = (await start(license)).body;
    pass(60);
    await heartbeat(license, id);
    pass(15 * 60);
    const { body } = await get(`/${id}?license_key=${license.key}`);
    expect(body).toMatchObject({ code: 'VANISHED', used_seconds: 60, deductions: 1 });
  });

  it('ends with NO_CREDIT when the balance is used up, and takes no more than there was', async () => {
    const license = await licensed('0.1');
    const begun = await start(license);
    expect(begun.body).toMatchObject({ heartbeat_seconds: 300, remaining_seconds: 360 });
    const { id } = begun.body;
    pass(5 * 60);
    expect(await heartbeat(license, id)).toMatchObject({ status: 'running', heartbeat_seconds: 60 });
    pass(4 * 60);
    expect(await heartbeat(license, id)).toMatchObject({
      status: 'ended',
      code: 'NO_CREDIT',
      used: 0.1,
      remaining: 0,
      heartbeat_seconds: null,
    });
    expect(await deductions(license)).toEqual([
      [`session/${id}/1`, 300],
      [`session/${id}/2`, 60],
    ]);
    expect(await start(license)).toMatchObject({ status: 402, body: { code: 'insufficient_balance', available: 0 } });
  });

  it('goes on for a client that begins again under its name, and another name begins another', async () => {
    const license = await licensed(1);
    const first = await start(license, { session_id: 'laptop' });
    const again = await start(license, { session_id: 'laptop' });
    expect([first.status, again.status, again.body.id]).toEqual([201, 200, first.body.id]);
    const other = await start(license, { session_id: 'desktop' });
    expect([other.status, other.body.id === first.body.id]).toEqual([201, false]);
    expect(other.body.session_id).toBe('desktop');
    await end(license, first.body.id);
    expect((await start(license, { session_id: 'laptop' })).status).toBe(201);
  });

  it('ends when its licence is suspended, charged to its last heartbeat', async () => {
    const license = await licensed(1);
    const { id } = (await start(license)).body;
    pass(4 * 60);
    const seen = await heartbeat(license, id);
    await shop.vendor('POST', `/v1/licenses/${license.id}/suspend`, { reason: 'a test' });
    pass(60);
    expect(await heartbeat(license, id)).toMatchObject({ code: 'LICENSE_NOT_VALID', ended_at: seen.last_seen_at });
    expect(problem(await start(license))).toEqual([409, 'license_state_conflict']);
  });

  it('is there for who holds its key, and for the vendor; for others there is none', async () => {
    const license = await licensed(1);
    const stranger = await licensed(1);
    const { id } = (await start(license)).body;
    const missing = [404, 'resource_missing'];
    expect(problem(await post(`/${id}/heartbeat`, { license_key: stranger.key }))).toEqual(missing);
    expect(problem(await post(`/${id}/end`, { license_key: 'RL-AAAAAAAA-AAAAAAAA-AAAAAAAA' }))).toEqual(missing);
    expect(problem(await get(`/${id}?license_key=${stranger.key}`))).toEqual(missing);
    expect(problem(await post(`/${id}/heartbeat`, {}))).toEqual([401, 'unauthorized']);
    expect(problem(await get(`/${id}`))).toEqual([401, 'unauthorized']);
    expect((await shop.vendor('GET', `/v1/usage-sessions/${id}`)).body.id).toBe(id);
    expect((await shop.vendor('POST', `/v1/usage-sessions/${id}/end`)).body.status).toBe('ended');
    expect(problem(await shop.vendor('POST', '/v1/usage-sessions/uses_none/end'))).toEqual(missing);
    const vendors = await shop.vendor('POST', '/v1/usage-sessions', { license_id: license.id });
    expect(vendors.status).toBe(201);
    expect(problem(await post('', { license_id: license.id }))).toEqual([401, 'unauthorized']);
  });

  it('is only of a product whose use is timed, and of its meter', async () => {
    const { body } = await shop.vendor('POST', '/v1/licenses', { product: 'infinite-server26' });
    expect(problem(await post('', { license_key: body.key }))).toEqual([400, 'invalid_request']);
    const license = await licensed(1);
    expect(problem(await start(license, { meter: 'calls' }))).toEqual([400, 'invalid_request']);
    expect(problem(await start(license, { session_id: 'no spaces' }))).toEqual([400, 'invalid_request']);
    expect(problem(await start(await licensed(null)))).toEqual([402, 'insufficient_balance']);
  });

  it('is listed with the newest first, page by page', async () => {
    const license = await licensed(1);
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) ids.unshift((await start(license)).body.id);
    const first = (await get(`?license_key=${license.key}&limit=2`)).body;
    const second = (await get(`?license_key=${license.key}&limit=2&after=${first.next}`)).body;
    const shown = [...first.data, ...second.data].map(({ id }: { id: string }) => id);
    expect([shown, second.has_more]).toEqual([ids, false]);
  });
});
