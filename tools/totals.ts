/** How the tests ended, counted by test. */
export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Reads the totals from vitest's JSON report. A run that failed without a failed test (a file that does not load, an error
 * outside of any test, no report at all) counts as one failure, so that the counts never look better than the run.
 */
export function readTotals(report: string | undefined, runPassed: boolean): Totals {
  const read = report === undefined ? undefined : (JSON.parse(report) as Record<string, unknown>);
  const count = (name: string) => (typeof read?.[name] === 'number' ? read[name] : 0);
  const failed = count('numFailedTests');
  return {
    passed: count('numPassedTests'),
    failed: failed === 0 && !runPassed ? 1 : failed,
    skipped: count('numPendingTests') + count('numTodoTests'),
  };
}

/** `12 passed, 0 failed, 3 skipped`; the last part only when something was skipped. */
export function totalsLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
