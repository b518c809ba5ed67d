/** Where the catalog is, and how it is read: by the server that starts, and by whoever looks whether it would. */

import { fileURLToPath } from 'node:url';
import { type LoadedCatalog, loadCatalog } from './catalog/load.ts';
import type { Config } from './config/config.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const EXAMPLE_CATALOGS = 'examples/*/catalog.yaml';

/** Loads what CATALOG names, or the examples. `secretFor` gives what the environment does not, in the sandbox. Throws a `CatalogError`. */
export function loadAppCatalog(config: Config, secretFor: (variable: string) => string): Promise<LoadedCatalog> {
  return loadCatalog({
    location: config.catalogPath ?? EXAMPLE_CATALOGS,
    directory: config.catalogPath === null ? ROOT : process.cwd(),
    environment: config.environment,
    ...(config.mode === 'sandbox' ? { secretFor } : {}),
  });
}
