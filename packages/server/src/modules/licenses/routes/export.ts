import { Readable } from 'node:stream';
import { assertAccess } from '../../../http/authentication.ts';
import type { Http } from '../../../http/types.ts';
import type { LicenseExchange } from '../import-export.ts';
import { exportQuery } from '../import-schemas.ts';

const TYPES = { csv: 'text/csv; charset=utf-8; header=present', jsonl: 'application/x-ndjson' } as const;

/** All licences in one answer that is sent while it is read. */
export function exportRoutes(http: Http, { licenseExport, record }: LicenseExchange): void {
  http.get(
    '/v1/licenses/export',
    {
      config: { access: { scope: 'licenses:read' } },
      schema: {
        tags: ['Import and export'],
        summary: 'Export licences',
        description:
          'Every licence, newest first, as CSV or JSON lines that an import takes as they are. `keys=true` adds the keys in clear: ' +
          'for admins only, and written to the audit log.',
        querystring: exportQuery,
      },
    },
    async (request, reply) => {
      const { product, status, format, keys } = request.query;
      const withKeys = keys === 'true';
      if (withKeys) {
        assertAccess('admin', request.principal);
        await request.write((tx) =>
          record(tx, {
            action: 'license.keys_exported',
            subjectType: 'license',
            subjectId: 'all',
            detail: {
              format,
              ...(product === undefined ? {} : { product }),
              ...(status === undefined ? {} : { status }),
            },
          }),
        );
      }
      return reply
        .type(TYPES[format])
        .header('content-disposition', `attachment; filename="licenses.${format}"`)
        .send(Readable.from(licenseExport.text({ product, status, format, withKeys })));
    },
  );
}
