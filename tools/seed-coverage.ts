/** Writes docs/seed-coverage.md. */

import { writeFileSync } from 'node:fs';
import { readSourceFiles } from '../test/architecture/source-files.ts';
import { coveragePage } from './seed-coverage/page.ts';
import { taggedTests } from './seed-coverage/tagged-tests.ts';

writeFileSync(new URL('../docs/seed-coverage.md', import.meta.url), coveragePage(taggedTests(readSourceFiles())));
