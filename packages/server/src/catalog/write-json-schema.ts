/** Run by hand after the catalog's fields have changed: `node packages/server/src/catalog/write-json-schema.ts`. */

import { writeFile } from 'node:fs/promises';
import { catalogJsonSchemaText } from './json-schema.ts';

await writeFile(new URL('../../../../docs/catalog.schema.json', import.meta.url), catalogJsonSchemaText());
