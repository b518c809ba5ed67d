/** Whether the catalog's files hold together, and are those that the server runs with. */

import { isDeepStrictEqual } from 'node:util';
import type { Catalog } from '@latchkey/core';
import { loadAppCatalog } from './app-catalog.ts';
import { CatalogError, formatProblem } from './catalog/problem.ts';
import type { Config } from './config/config.ts';
import { type Finding, failure, ok, type Question, warning } from './doctor.ts';

const CHECK = 'npx latchkey catalog check';

/** Stands for a secret that the sandbox makes at its start: no catalog holds a secret's value. */
const ANY_SECRET = '0'.repeat(64);

/** `running` is the catalog that the server started with; left out where none runs. */
export function catalogQuestion(config: Config, running?: Catalog): Question {
  return {
    code: 'catalog',
    next: CHECK,
    async ask(): Promise<Finding | readonly Finding[]> {
      try {
        const { catalog, files } = await loadAppCatalog(config, () => ANY_SECRET);
        if (running !== undefined && !isDeepStrictEqual(catalog, running)) {
          const next = 'Restart the server, and then npx latchkey catalog push.';
          return warning('The files say something else than the catalog that the server started with.', next);
        }
        const products = catalog.products.map(({ id }) => id).join(', ');
        return ok(`${files.length === 1 ? 'One file' : `${files.length} files`}, without a problem: ${products}.`);
      } catch (error) {
        if (!(error instanceof CatalogError)) throw error;
        return error.problems.map((problem) => failure(`${formatProblem(problem)} The next start refuses it.`, CHECK));
      }
    },
  };
}
