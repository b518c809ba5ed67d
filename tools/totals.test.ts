import { describe, expect, it } from 'vitest';
import { readTotals, totalsLine } from './totals.ts';

const report = (counts: object) => JSON.stringify({ numPassedTests: 7, numFailedTests: 0, ...counts });

describe('the totals of a test run', () => {
  it('are those of the report', () => {
    const totals = readTotals(report({ numFailedTests: 2, numPendingTests: 3, numTodoTests: 1 }), false);
    expect(totals).toEqual({ passed: 7, failed: 2, skipped: 4 });
    expect(totalsLine(totals)).toBe('7 passed, 2 failed, 4 skipped');
  });

  it('show a failure when the run failed although no test did', () => {
    expect(totalsLine(readTotals(report({}), false))).toBe('7 passed, 1 failed');
    expect(totalsLine(readTotals(undefined, false))).toBe('0 passed, 1 failed');
  });

  it('leave skipped out when nothing was', () => {
    expect(totalsLine(readTotals(report({}), true))).toBe('7 passed, 0 failed');
  });
});
