import { PARTLY, SYSTEMS } from './rows.ts';
import type { TaggedTest } from './tagged-tests.ts';

const HEAD = `# What is asked for, and the tests that show it

Five documents each describe a system; this page names what they ask for, row by row, and the tests that show it through the public
surface: over HTTP, as a library, or on the command line. The last table is what is wanted beyond them. A row without a test is not
claimed.

Written by \`npx node tools/seed-coverage.ts\` from the titles of the tests, which end in the rows they show; not by hand.
`;

/** The page, from the tests there are. */
export function coveragePage(tests: readonly TaggedTest[]): string {
  const tables = SYSTEMS.map(({ letter, name, rows }) => {
    const lines = rows.map((what, index) => {
      const id = `${letter}${index + 1}`;
      const missing = PARTLY[id] === undefined ? '' : ` (**${PARTLY[id]}**)`;
      return `| ${id} | ${what}${missing} | ${shownBy(tests.filter((test) => test.rows.includes(id)))} |`;
    });
    return [`## ${name}`, '', '| row | what | shown by |', '| --- | --- | --- |', ...lines, ''].join('\n');
  });
  return [HEAD, ...tables].join('\n');
}

function shownBy(tests: readonly TaggedTest[]): string {
  if (tests.length === 0) return '**no test yet**';
  const files = [...new Set(tests.map(({ file }) => file))];
  return files
    .map((file) => {
      const titles = tests.filter((test) => test.file === file).map(({ title }) => cell(title));
      return `[${file}](../${file}): ${[...new Set(titles)].join('; ')}`;
    })
    .join('<br>');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('`', '').trim();
}
