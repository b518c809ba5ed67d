import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSourceFiles } from '../../test/architecture/source-files.ts';
import { coveragePage } from './page.ts';
import { LATER, OPEN, PARTLY, ROW_IDS } from './rows.ts';
import { taggedTests } from './tagged-tests.ts';

const tests = taggedTests(readSourceFiles());
const shown = new Set(tests.flatMap(({ rows }) => rows));

describe('what is asked for', () => {
  it('is on the page as the tests say: "npx node tools/seed-coverage.ts" writes it', () => {
    const page = readFileSync(new URL('../../docs/seed-coverage.md', import.meta.url), 'utf8');
    expect(page).toBe(coveragePage(tests));
  });

  it('is shown by a test, row by row, but for what is known to be open or comes later', () => {
    expect(ROW_IDS.filter((id) => !shown.has(id))).toEqual(ROW_IDS.filter((id) => [...OPEN, ...LATER].includes(id)));
  });

  it('is named as it is: no title claims a row that there is not, and no row lacks something of which nothing is shown', () => {
    expect([...shown].filter((id) => !ROW_IDS.includes(id))).toEqual([]);
    expect(Object.keys(PARTLY).filter((id) => !shown.has(id))).toEqual([]);
  });
});
