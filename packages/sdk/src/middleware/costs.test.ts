import { describe, expect, it } from 'vitest';
import { costFinder, routeMatcher } from './costs.ts';

const find = costFinder({
  '/': 7,
  '/signals': 1,
  'get /signals/history/{symbol}': 2,
  'POST /export/:kind': 3,
  '/files/*': 4,
});
const at = (path: string, method = 'GET', route: string | null = null) => find({ method, route, path })?.units ?? null;

describe('what a request costs', () => {
  it.each([
    ['/', 7],
    ['/signals', 1],
    ['/signals/', 1],
    ['/SIGNALS', 1],
    ['/signals/history/ACME', 2],
    ['/signals/history/', null],
    ['/signals/history/a/b', null],
    ['/signalsx', null],
    ['/x/signals', null],
    ['/files/a/b.txt', 4],
    ['/export/csv', null],
  ])('%s is %s by its path', (path, units) => {
    expect(at(path)).toBe(units);
  });

  it('depends on the method where the table says so, and a head is a get', () => {
    expect([at('/export/csv', 'POST'), at('/signals/history/A', 'HEAD'), at('/signals/history/A', 'POST')]).toEqual([
      3,
      2,
      null,
    ]);
  });

  it.each([
    ['/signals/history/:ticker', 2],
    ['/signals/history/:symbol(^[A-Z]+$)', 2],
    ['/signals', 1],
    ['/other', null],
  ])('is found by the router’s pattern %s, whatever its parameters are called', (route, units) => {
    expect(at('/anything', 'GET', route)).toBe(units);
  });

  it.each([{ signals: 1 }, { '/signals': 0 }, { '/signals': -1 }, { '/signals': Number.NaN }, { 'GET POST /x': 1 }])(
    'is not read from %j',
    (table) => {
      expect(() => costFinder(table as Record<string, number>)).toThrow(TypeError);
    },
  );
});

describe('a list of routes', () => {
  const request = (path: string) => ({
    method: 'GET',
    route: null,
    path,
    header: () => undefined,
    query: () => undefined,
    body: undefined,
    source: null,
  });

  it('matches those, and all where there is none', () => {
    const matches = routeMatcher(['/api/status', 'POST /api/upload']);
    expect([matches(request('/api/status')), matches(request('/api/upload'))]).toEqual([true, false]);
    expect(routeMatcher(undefined)(request('/anything'))).toBe(true);
  });
});
