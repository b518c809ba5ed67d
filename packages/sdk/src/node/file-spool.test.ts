import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UsageEvent } from '../client/wire.ts';
import { type Spool, SpoolFullError } from '../usage/spool.ts';
import { createFileSpool } from './file-spool.ts';
import { FolderInUseError } from './process-lock.ts';

let directory: string;
let spool: Spool | null = null;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-spool-'));
});

afterEach(async () => {
  await spool?.close();
  spool = null;
  rmSync(directory, { recursive: true, force: true });
});

async function opened(more: { limit?: number; segmentBytes?: number } = {}): Promise<Spool> {
  spool = await createFileSpool({ directory, ...more });
  return spool;
}

/** The program ends without a word, and another begins. */
async function restarted(more: { limit?: number; segmentBytes?: number } = {}): Promise<Spool> {
  await spool?.close();
  return opened(more);
}

const event = (number: number): UsageEvent => ({
  id: `evt_${number}`,
  license_key: 'RL-1',
  meter: 'calls',
  quantity: 1,
  properties: { route: '/signals/“ü”' },
});
const events = (from: number, count: number) => Array.from({ length: count }, (_, index) => event(from + index));
const idsOf = (all: readonly UsageEvent[]) => all.map(({ id }) => id);
const segments = () => readdirSync(directory).filter((name) => name.endsWith('.jsonl') && name !== 'refused.jsonl');

describe('a spool on disk', () => {
  it('gives back what was kept, in order and to the letter, to the program after it', async () => {
    await (await opened()).append(events(1, 3));
    const again = await restarted();
    expect(again.waiting).toBe(3);
    expect((await again.read(10)).events).toEqual(events(1, 3));
  });

  it('forgets what was acknowledged, and only that', async () => {
    const first = await opened();
    await first.append(events(1, 5));
    const { position } = await first.read(3);
    await first.append(events(6, 1));
    await first.acknowledge(position);
    expect(first.waiting).toBe(3);
    const again = await restarted();
    expect(idsOf((await again.read(10)).events)).toEqual(['evt_4', 'evt_5', 'evt_6']);
  });

  it('reads the same again until it is acknowledged', async () => {
    const one = await opened();
    await one.append(events(1, 2));
    await one.read(2);
    expect(idsOf((await one.read(2)).events)).toEqual(['evt_1', 'evt_2']);
  });

  it('keeps what many callers hand in at once, each whole', async () => {
    const one = await opened({ segmentBytes: 2_000 });
    await Promise.all(events(1, 300).map((each) => one.append([each])));
    const again = await restarted();
    expect(new Set(idsOf((await again.read(1_000)).events))).toEqual(new Set(idsOf(events(1, 300))));
  });

  it('deletes files that are done with', async () => {
    const one = await opened({ segmentBytes: 500 });
    for (let number = 1; number <= 20; number += 1) await one.append([event(number)]);
    expect(segments().length).toBeGreaterThan(3);
    await one.acknowledge((await one.read(20)).position);
    expect(segments()).toHaveLength(1);
  });

  it('takes what was written by halves when the power went for what it is: never kept', async () => {
    await (await opened()).append(events(1, 2));
    await spool?.close();
    const [name = ''] = segments();
    appendFileSync(join(directory, name), '{"id":"evt_3","lic');
    const again = await opened();
    expect(again.waiting).toBe(2);
    await again.append([event(4)]);
    expect(idsOf((await again.read(10)).events)).toEqual(['evt_1', 'evt_2', 'evt_4']);
  });

  it('sets a line aside that no longer is an event, and goes on behind it', async () => {
    await (await opened()).append(events(1, 2));
    await spool?.close();
    const [name = ''] = segments();
    const path = join(directory, name);
    writeFileSync(path, readFileSync(path, 'utf8').replace('{"id":"evt_1"', '\0\0\0\0'));
    const again = await opened();
    const { events: read, position } = await again.read(10);
    expect(idsOf(read)).toEqual(['evt_2']);
    await again.acknowledge(position);
    expect(again.waiting).toBe(0);
    expect(readFileSync(join(directory, 'refused.jsonl'), 'utf8')).toContain('damaged');
  });

  it('that lost its note of what is done sends again rather than not at all', async () => {
    const one = await opened();
    await one.append(events(1, 2));
    await one.acknowledge((await one.read(2)).position);
    await one.close();
    writeFileSync(join(directory, 'done'), '{"segm');
    expect(idsOf((await (await opened()).read(9)).events)).toEqual(['evt_1', 'evt_2']);
  });

  it('takes no more than its limit, and says so', async () => {
    const one = await opened({ limit: 3 });
    await one.append(events(1, 2));
    await expect(one.append(events(3, 2))).rejects.toBeInstanceOf(SpoolFullError);
    await one.append(events(3, 1));
    expect(one.waiting).toBe(3);
    const together = await Promise.allSettled([one.append([event(4)]), one.append([event(5)])]);
    expect(together.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('is readable by its owner alone, since licence keys are in it', async () => {
    const one = await opened();
    await one.append(events(1, 1));
    await one.acknowledge((await one.read(1)).position);
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o077).toBe(0);
  });

  it('is whole after any history of appending, reading, acknowledging and restarting', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ kind: fc.constant('restart' as const), count: fc.constant(0) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const folder = mkdtempSync(join(directory, 'run-'));
        const open = () => createFileSpool({ directory: folder, segmentBytes: 400, durability: 'system' });
        let one = await open();
        const expected: string[] = [];
        let made = 0;
        for (const { kind, count } of steps) {
          if (kind === 'append') {
            const added = events(made + 1, count);
            made += count;
            expected.push(...idsOf(added));
            await one.append(added);
          } else if (kind === 'take') {
            const { events: read, position } = await one.read(count);
            expect(idsOf(read)).toEqual(expected.slice(0, count));
            await one.acknowledge(position);
            expected.splice(0, count);
          } else {
            await one.close();
            one = await open();
          }
          expect(one.waiting).toBe(expected.length);
        }
        expect(idsOf((await one.read(1_000)).events)).toEqual(expected);
        await one.close();
      }),
      { numRuns: 60 },
    );
  });
});

describe('a program that is killed', () => {
  it('has lost nothing that it was told to be kept', async () => {
    const program = fileURLToPath(new URL('../../test/support/recording-program.ts', import.meta.url));
    const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('close', resolve));
    let told = '';
    for await (const piece of child.stdout.setEncoding('utf8')) {
      told += piece;
      if (told.split('\n').length > 30) child.kill('SIGKILL');
    }
    await ended;
    const kept = new Set(idsOf((await (await opened()).read(100_000)).events));
    const promised = told.split('\n').slice(0, -1);
    expect(promised.length).toBeGreaterThanOrEqual(30);
    expect(promised.filter((id) => !kept.has(id))).toEqual([]);
  });
});

describe('the folder of a spool', () => {
  it('is left alone by a spool that was closed', async () => {
    const closed = await opened();
    await closed.close();
    const other = await createFileSpool({ directory });
    await closed.close();
    await expect(closed.append([event(1)])).rejects.toThrow(/closed/);
    await expect(createFileSpool({ directory })).rejects.toBeInstanceOf(FolderInUseError);
    await other.close();
  });

  it('belongs to one process at a time', async () => {
    await opened();
    await expect(createFileSpool({ directory })).rejects.toBeInstanceOf(FolderInUseError);
    await spool?.close();
    await opened();
  });

  it('is refused while another process that is alive has it', async () => {
    writeFileSync(join(directory, 'lock'), JSON.stringify({ pid: process.ppid, began: null }));
    await expect(createFileSpool({ directory })).rejects.toThrow(/is used by process/);
  });

  it.each([
    ['of a process that is gone', JSON.stringify({ pid: 2 ** 22 + 1, began: '1' })],
    ['of one whose number another has now', JSON.stringify({ pid: process.ppid, began: '1' })],
    ['of one that had our number, as in a container', JSON.stringify({ pid: process.pid, began: '1' })],
    ['that was written by halves', '{"pi'],
  ])('is taken over from a lock %s', async (_of, content) => {
    writeFileSync(join(directory, 'lock'), content);
    await opened();
    expect(JSON.parse(readFileSync(join(directory, 'lock'), 'utf8'))).toMatchObject({ pid: process.pid });
  });
});
