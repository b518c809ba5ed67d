import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { problemSchema } from './problem.ts';
import { scopes } from './scopes.ts';
import type { Access, Http } from './types.ts';

export interface OpenApiOptions {
  publicUrl: () => string;
  version: string;
}

const description = `Turns a Stripe payment into unlocked software.

Times are ISO 8601 in UTC. Lists are \`{data, has_more, next}\` and take \`limit\` and \`after\`. Errors are problem+json (RFC 9457) with a
\`code\`, each of which has a page at \`/docs/errors/<code>\`. Mutating calls take an \`Idempotency-Key\`.`;

/** Collects what the routes declare. Awaited before the first route is registered, or that one would be missing. */
export async function addOpenApi(http: Http, { publicUrl, version }: OpenApiOptions): Promise<void> {
  await http.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Latchkey', version, description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description:
              `The admin token, an API key with the scope of the call (${scopes.join(', ')}), or, where the call is open to ` +
              "owners, a customer's token: a session's or one that the vendor signed.",
          },
        },
      },
    },
    transform: (input) => {
      const { schema, url } = jsonSchemaTransform(input as Parameters<typeof jsonSchemaTransform>[0]);
      const access = input.route.config?.access;
      // Routes without a schema are pages and internals; the reference is of what is described.
      const described = schema ?? { hide: true };
      return { schema: access === undefined ? described : { ...securityOf(access), ...described }, url };
    },
    transformObject: (input) =>
      describeErrors(jsonSchemaTransformObject(input as Parameters<typeof jsonSchemaTransformObject>[0])),
  });
  // Written once: routes do not change any more once the first request can come.
  let text: string | null = null;
  const config = { access: 'anyone', quiet: true } as const;
  http.get('/openapi.json', { config, schema: { hide: true } }, async (_request, reply) => {
    text ??= JSON.stringify({ ...http.swagger(), servers: [{ url: publicUrl() }] });
    return reply.type('application/json').send(text);
  });
}

function securityOf(access: Access): { security: Record<string, string[]>[] } {
  if (access === 'anyone') return { security: [] };
  if (typeof access === 'string') return { security: [{ bearer: [access] }] };
  return { security: [{ bearer: access.owner === true ? [access.scope, 'owner'] : [access.scope] }] };
}

type OpenApiDocument = ReturnType<typeof jsonSchemaTransformObject>;

/** Every call may answer an error, and all errors look alike. */
function describeErrors(document: OpenApiDocument): OpenApiDocument {
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  for (const operations of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(operations ?? {})) {
      if (typeof operation !== 'object' || operation === null || !('responses' in operation)) continue;
      const responses = operation.responses as Record<string, unknown>;
      responses.default ??= { description: 'What went wrong.', content };
    }
  }
  const { components } = document as { components?: { schemas?: Record<string, unknown> } };
  const { $schema: _, ...problem } = z.toJSONSchema(problemSchema);
  const schemas = { ...components?.schemas, Problem: problem };
  return { ...document, components: { ...components, schemas } } as OpenApiDocument;
}
