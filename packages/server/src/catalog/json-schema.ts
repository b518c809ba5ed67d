/** The catalog's JSON Schema, for editors: completion, descriptions, and red lines while one types. */

import { z } from 'zod';
import { productSource } from './source-schema.ts';

/** What any single value may be instead of itself. */
const REFERENCE = {
  type: 'string',
  pattern: '^\\$\\{env:[A-Z][A-Z0-9_]{0,99}(:-[^}]*)?\\}$',
  description: 'Taken from the environment when the catalog is loaded.',
};

/** Draft 7, which editors know best. */
export function catalogJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(productSource, {
    io: 'input',
    target: 'draft-7',
    override: ({ jsonSchema, path }) => {
      const field = path.at(-1);
      const isValue = ['string', 'integer', 'number', 'boolean'].includes(String(jsonSchema.type));
      // The secret is a reference already, names of fields cannot be one, and choices inside anyOf are covered once.
      if (!isValue || field === 'propertyNames' || path.includes('secret') || path.includes('anyOf')) return;
      const { description, ...own } = jsonSchema;
      for (const key of Object.keys(jsonSchema)) delete (jsonSchema as Record<string, unknown>)[key];
      Object.assign(jsonSchema, description === undefined ? {} : { description }, {
        anyOf: [own, { $ref: '#/definitions/environment' }],
      });
    },
  });
  return {
    $schema: schema.$schema,
    title: 'A product in a Latchkey catalog',
    description: 'One YAML document for each product. See docs/catalog.md.',
    ...schema,
    definitions: { environment: REFERENCE },
  };
}

/** The text of docs/catalog.schema.json. */
export function catalogJsonSchemaText(): string {
  return `${JSON.stringify(catalogJsonSchema(), null, 2)}\n`;
}
