/** The sandbox's mailbox over HTTP: `GET /sandbox/mail` for programs, `/sandbox/mailbox` for people. Not mounted with real Stripe. */

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Database } from '../../db/database.ts';
import type { Http } from '../../http/index.ts';
import type { SandboxMailbox } from './store.ts';

/**
 * The page's own policy. Letters are shown in a frame that runs nothing and has no origin but takes over this policy, and a
 * letter's styles are on its elements: hence inline styles, and nothing else inline.
 */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; " +
  "base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

const ASSETS = [
  { path: '/sandbox/mailbox', file: 'page.html', type: 'text/html; charset=utf-8' },
  { path: '/sandbox/mailbox.js', file: 'page.js', type: 'text/javascript; charset=utf-8' },
  { path: '/sandbox/mailbox.css', file: 'page.css', type: 'text/css; charset=utf-8' },
];

const letterSchema = z.object({
  id: z.string(),
  to: z.string(),
  subject: z.string(),
  text: z.string(),
  html: z.string(),
  at: z.string().describe('In domain time.'),
});

export function registerMailboxRoutes(http: Http, options: { mailbox: SandboxMailbox; database: Database }): void {
  const { mailbox, database } = options;
  http.get(
    '/sandbox/mail',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'Read the letters that would have been sent',
        description: 'Newest first, at most 500. Sandbox only.',
        tags: ['Sandbox'],
        querystring: z.object({ to: z.string().max(320).optional().describe('Only those to this address.') }),
        response: { 200: z.array(letterSchema) },
      },
    },
    async ({ query: { to } }, reply) => {
      reply.header('cache-control', 'no-store');
      const letters = await mailbox.list(database.connection, to === undefined ? {} : { to });
      return letters.map((letter) => ({ ...letter, at: letter.at.toISOString() }));
    },
  );

  for (const { path, file, type } of ASSETS) {
    const content = readFileSync(new URL(file, import.meta.url));
    const config = { access: 'anyone', contentSecurityPolicy: CONTENT_SECURITY_POLICY } as const;
    http.get(path, { config, schema: { hide: true } }, async (_, reply) =>
      reply.header('cache-control', 'no-cache').type(type).send(content),
    );
  }
}
