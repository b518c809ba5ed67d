import { findCycles } from '../test/architecture/cycles.ts';
import { checkImports } from '../test/architecture/rules.ts';
import { readSourceFiles } from '../test/architecture/source-files.ts';

const files = readSourceFiles();
const found = [
  ...checkImports(files).map(({ path, line, message }) => `${path}:${line} ${message}`),
  ...findCycles(files).map((cycle) => `import cycle: ${cycle.join(' → ')}`),
];
for (const line of found) process.stdout.write(`${line}\n`);
process.exitCode = found.length === 0 ? 0 : 1;
