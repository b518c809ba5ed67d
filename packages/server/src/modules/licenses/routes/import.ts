import type { z } from 'zod';
import type { Http } from '../../../http/types.ts';
import type { LicenseExchange } from '../import-export.ts';
import { bulkAnswer, bulkBody, type ImportOutcome, importAnswer, importBody, MOST_ROWS } from '../import-schemas.ts';

const TAGS = ['Import and export'];
const WRITE = { access: { scope: 'licenses:write' } } as const;
/** 500 rows with long keys and metadata, where one request is otherwise a megabyte. */
const BODY_LIMIT = 8 * 1_024 * 1_024;

/** Licences that exist elsewhere, and many new ones at once. */
export function importRoutes(http: Http, { licenseImport, bulkIssue }: LicenseExchange): void {
  http.post(
    '/v1/licenses/import',
    {
      config: WRITE,
      bodyLimit: BODY_LIMIT,
      schema: {
        tags: TAGS,
        summary: 'Import licences with the keys they have',
        description:
          `Up to ${MOST_ROWS} rows a call. Each is imported, unchanged (it is here already and says the same) or refused with a code ` +
          'and the field; a refused row never keeps another from being imported. Sending rows again is safe.',
        body: importBody,
        response: { 200: importAnswer },
      },
    },
    async (request) => {
      const { rows, dry_run: isDryRun, accept_foreign_keys: acceptForeignKeys } = request.body;
      if (!isDryRun) {
        const settings = { acceptForeignKeys };
        return answerOf(await request.write((tx) => licenseImport.importRows(tx, rows, settings)), isDryRun);
      }
      // The same work, and then everything is taken back: what it says cannot differ from what an import does.
      const tried = await request
        .write(async (tx) => {
          throw new Taken(await licenseImport.importRows(tx, rows, { acceptForeignKeys }));
        })
        .catch((error: unknown) => {
          if (error instanceof Taken) return error.outcomes;
          throw error;
        });
      return answerOf(tried.map(withoutNewId), isDryRun);
    },
  );

  http.post(
    '/v1/licenses/bulk',
    {
      config: WRITE,
      schema: {
        tags: TAGS,
        summary: 'Issue many licences at once',
        description:
          'All or none. For the same `reference` the same licences are answered again, so that an answer that was lost can be asked for.',
        body: bulkBody,
        response: { 201: bulkAnswer },
      },
    },
    async (request, reply) => {
      const { repeated, licenses } = await request.write((tx) => bulkIssue(tx, request.body));
      return reply.code(201).send({ reference: request.body.reference, repeated, data: licenses });
    },
  );
}

/** Carries what a dry run found out of the transaction that it ends. */
class Taken extends Error {
  override readonly name = 'Taken';
  readonly outcomes: readonly ImportOutcome[];

  constructor(outcomes: readonly ImportOutcome[]) {
    super('a dry run was taken back');
    this.outcomes = outcomes;
  }
}

function withoutNewId(outcome: ImportOutcome): ImportOutcome {
  if (outcome.outcome !== 'imported') return outcome;
  const { id: _, ...rest } = outcome;
  return rest;
}

function answerOf(rows: readonly ImportOutcome[], isDryRun: boolean): z.infer<typeof importAnswer> {
  const count = (outcome: ImportOutcome['outcome']) => rows.filter((row) => row.outcome === outcome).length;
  return {
    imported: count('imported'),
    unchanged: count('unchanged'),
    refused: count('refused'),
    dry_run: isDryRun,
    rows: [...rows],
  };
}
