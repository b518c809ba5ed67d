import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Away, answers, breaks, hangs, startAway } from '../../test/support/away.ts';
import { createClient } from '../client/client.ts';
import { createFileSpool } from '../node/file-spool.ts';
import { createUsageRecorder, type UsageRecorder } from './recorder.ts';
import { createMemorySpool, type RefusedEvent, SpoolFullError } from './spool.ts';

let folder: string;
let away: Away | null = null;
let recorder: UsageRecorder | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-recorder-'));
});

afterEach(async () => {
  await recorder?.close({ withinMs: 50 });
  await away?.close();
  recorder = null;
  away = null;
  rmSync(folder, { recursive: true, force: true });
});

const use = (quantity: number) => ({ license_key: 'RL-1', meter: 'calls', quantity });
const all = { accepted: 1, duplicates: 0, rejected: [] };
const clientAt = (url: string) => createClient({ url, retries: 0, timeoutMs: 200 });

describe('a recorder', () => {
  it('makes an id once, and says that what it counts has happened', async () => {
    recorder = createUsageRecorder({ client: clientAt('http://127.0.0.1:9') });
    const one = await recorder.record(use(1));
    const two = await recorder.record(use(1));
    expect(one).toMatchObject({ enforce: false, at: expect.stringMatching(/Z$/), quantity: 1 });
    expect(one.id).not.toBe(two.id);
    expect(one.id < two.id || one.at === two.at).toBe(true);
  });

  it.each([
    ['breaks', breaks],
    ['hangs', hangs],
    ['is overloaded', answers(503, { code: 'overloaded', detail: 'Later.' })],
    ['refuses the app’s own credentials', answers(401, { code: 'unauthorized', detail: 'No.' })],
  ])('keeps everything while the server %s', async (_how, trouble) => {
    away = await startAway(() => trouble);
    const problems: unknown[] = [];
    const spool = await createFileSpool({ directory: folder });
    recorder = createUsageRecorder({ client: clientAt(away.url), spool, onOutage: (error) => problems.push(error) });
    await recorder.record(use(1));
    await recorder.record(use(2));
    expect(await recorder.flush()).toBe(false);
    expect(recorder.waiting).toBe(2);
    expect(problems).not.toHaveLength(0);
  });

  it('tries again by itself, and sends what waits in order', async () => {
    away = await startAway((number) => (number === 1 ? breaks : answers(200, all)));
    recorder = createUsageRecorder({ client: clientAt(away.url), delayMs: 5 });
    await recorder.record(use(1));
    await vi.waitFor(() => expect(recorder?.waiting).toBe(0), { timeout: 10_000 });
    expect(away.requests.length).toBeGreaterThanOrEqual(2);
  });

  it('leaves the time of what has just happened to the server, and says it of what had to wait', async () => {
    const bodies: { quantity: number; at?: string }[] = [];
    away = await startAway(() => (request, response) => {
      request.setEncoding('utf8').on('data', (text) => bodies.push(...JSON.parse(text)));
      request.on('end', () => answers(200, all)(request, response));
    });
    const spool = createMemorySpool();
    const recorded_at = new Date(Date.now() - 60_000).toISOString();
    await spool.append([{ ...use(1), id: 'evt_1', recorded_at }]);
    recorder = createUsageRecorder({ client: clientAt(away.url), spool, delayMs: 60_000 });
    await recorder.record(use(2));
    await recorder.record({ ...use(3), at: '2026-01-01T00:00:00.000Z' });
    expect(await recorder.flush()).toBe(true);
    expect(bodies.map(({ quantity, at }) => [quantity, at])).toEqual([
      [1, recorded_at],
      [2, undefined],
      [3, '2026-01-01T00:00:00.000Z'],
    ]);
    expect(bodies[0]).not.toHaveProperty('recorded_at');
  });

  it('gathers what comes together into one call', async () => {
    away = await startAway(() => answers(200, all));
    recorder = createUsageRecorder({ client: clientAt(away.url), delayMs: 60_000, batchSize: 50 });
    for (let count = 0; count < 49; count += 1) await recorder.record(use(1));
    expect(away.requests).toHaveLength(0);
    await recorder.record(use(1));
    await vi.waitFor(() => expect(recorder?.waiting).toBe(0));
    expect(away.requests).toHaveLength(1);
  });

  it('sends fewer at a time while the server finds it too much, so that what waits gets smaller', async () => {
    const taken: number[] = [];
    away = await startAway(() => (request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      request.on('end', () => {
        const { length } = JSON.parse(text);
        const isTooMuch = length > 2;
        if (!isTooMuch) taken.push(length);
        answers(isTooMuch ? 429 : 200, isTooMuch ? { code: 'rate_limited' } : all)(request, response);
      });
    });
    recorder = createUsageRecorder({ client: clientAt(away.url), delayMs: 60_000, batchSize: 8 });
    for (let count = 0; count < 7; count += 1) await recorder.record(use(1));
    await vi.waitFor(async () => expect(await recorder?.flush()).toBe(true), { timeout: 20_000 });
    expect(taken.reduce((sum, count) => sum + count, 0)).toBe(7);
  });

  it('does not let one event that cannot be sent hold up the others, and keeps it aside', async () => {
    away = await startAway((number) =>
      // All of them, the first half, its first, its second; then the other half.
      number === 1 || number === 2 || number === 4
        ? answers(413, { code: 'body_too_large', detail: 'Too large.' })
        : answers(200, { accepted: 1, duplicates: 0, rejected: [] }),
    );
    const refused: RefusedEvent[] = [];
    const spool = await createFileSpool({ directory: folder });
    const onRefused = (some: readonly RefusedEvent[]) => refused.push(...some);
    recorder = createUsageRecorder({ client: clientAt(away.url), spool, onRefused, delayMs: 60_000 });
    for (const quantity of [1, 2, 3, 4]) await recorder.record(use(quantity));
    expect(await recorder.flush()).toBe(true);
    expect(refused.map(({ event, rejection }) => [event.quantity, rejection.code])).toEqual([[2, 'body_too_large']]);
    expect(readFileSync(join(folder, 'refused.jsonl'), 'utf8')).toContain('"quantity":2');
  });

  it('keeps aside what the server refuses of a batch, by its place', async () => {
    const rejected = [{ id: null, index: 1, code: 'meter_unknown', detail: 'No such meter.' }];
    away = await startAway(() => answers(200, { accepted: 1, duplicates: 0, rejected }));
    const refused: RefusedEvent[] = [];
    const onRefused = (some: readonly RefusedEvent[]) => refused.push(...some);
    recorder = createUsageRecorder({ client: clientAt(away.url), onRefused, delayMs: 60_000 });
    await recorder.record(use(1));
    await recorder.record(use(2));
    expect(await recorder.flush()).toBe(true);
    expect(refused).toMatchObject([{ event: { quantity: 2 }, rejection: { code: 'meter_unknown' } }]);
  });

  it('sends again, behind the others, what the server did not look at for now', async () => {
    const sent: number[][] = [];
    const refused: RefusedEvent[] = [];
    const rejected = [
      { id: 'evt', index: 0, code: 'rate_limited', detail: 'Try again in 60 s.' },
      { id: 'evt', index: 1, code: 'resource_missing', detail: 'There is no licence under this key.' },
    ];
    away = await startAway((number) => (request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      request.on('end', () => {
        sent.push(JSON.parse(text).map(({ quantity }: { quantity: number }) => quantity));
        answers(200, number === 1 ? { accepted: 0, duplicates: 0, rejected } : all)(request, response);
      });
    });
    const spool = createMemorySpool();
    await spool.append([1, 2, 3].map((quantity) => ({ ...use(quantity), id: 'evt' })));
    const onRefused = (some: readonly RefusedEvent[]) => refused.push(...some);
    recorder = createUsageRecorder({ client: clientAt(away.url), spool, batchSize: 2, delayMs: 60_000, onRefused });
    expect(await recorder.flush()).toBe(false);
    expect(recorder.waiting).toBe(2);
    expect(await recorder.flush()).toBe(true);
    expect(sent).toEqual([
      [1, 2],
      [3, 1],
    ]);
    expect(refused.map(({ event, rejection }) => [event.quantity, rejection.code])).toEqual([[2, 'resource_missing']]);
  });

  it('says when it can keep no more', async () => {
    const full: SpoolFullError[] = [];
    const options = { client: clientAt('http://127.0.0.1:9'), spool: createMemorySpool({ limit: 2 }) };
    recorder = createUsageRecorder({ ...options, delayMs: 60_000, onFull: (error) => full.push(error) });
    await recorder.record(use(1));
    await recorder.record(use(1));
    await expect(recorder.record(use(1))).rejects.toBeInstanceOf(SpoolFullError);
    expect(full).toHaveLength(1);
    expect(recorder.waiting).toBe(2);
  });

  it('closes in time though the server hangs, and leaves what it has to the next', async () => {
    away = await startAway(() => hangs);
    const client = createClient({ url: away.url, retries: 0, timeoutMs: 60_000 });
    const first = createUsageRecorder({ client, spool: await createFileSpool({ directory: folder }), delayMs: 60_000 });
    const { id } = await first.record(use(1));
    await first.close({ withinMs: 20 });
    const spool = await createFileSpool({ directory: folder });
    expect((await spool.read(10)).events.map((event) => event.id)).toEqual([id]);
    await spool.close();
  });

  it.each([0, 1.5, 1_001])('is not made with batches of %s', (batchSize) => {
    expect(() => createUsageRecorder({ client: clientAt('http://127.0.0.1:9'), batchSize })).toThrow(RangeError);
  });
});
