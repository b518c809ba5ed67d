import { z } from 'zod';
import type { Http } from '../../http/types.ts';
import { type Admin, type Admins, PASSWORD_LENGTHS } from './admins.ts';

const tags = ['Operations'];
const config = { access: 'admin' } as const;
const { min, max } = PASSWORD_LENGTHS;

const adminAnswer = z.object({
  object: z.literal('admin'),
  id: z.string(),
  email: z.string(),
  name: z.string(),
  since: z.string(),
});
const body = z.object({
  email: z.email().max(254),
  name: z.string().max(255).optional(),
  password: z.string().min(min).max(max).optional().describe('Left out: one is made up and answered, once.'),
});
const params = z.object({ id: z.string().max(100) });

/** `/v1/admins`: who of the vendor's people signs in to the dashboard. */
export function adminRoutes(http: Http, { admins }: { admins: Admins }): void {
  http.post(
    '/v1/admins',
    {
      // The answer may hold a password, which must not be kept to be answered again.
      config: { ...config, idempotency: false },
      schema: {
        tags,
        summary: 'Make somebody an admin who signs in',
        description:
          'They sign in at `/auth/sign-in/email`; the bearer token of that session may do everything. An account that the address ' +
          'has already becomes theirs, with this password and without its sessions.',
        body,
        response: { 201: adminAnswer.extend({ password: z.string().nullable() }) },
      },
    },
    async (request, reply) => {
      const { madeUp, ...prepared } = await admins.prepare(request.body);
      const admin = await request.write((transaction) => admins.create(transaction, prepared));
      reply.header('cache-control', 'no-store');
      return reply.code(201).send({ ...present(admin), password: madeUp });
    },
  );
  http.get(
    '/v1/admins',
    { config, schema: { tags, summary: 'List admins', response: { 200: z.object({ data: z.array(adminAnswer) }) } } },
    async () => ({ data: (await admins.list()).map(present) }),
  );
  http.delete(
    '/v1/admins/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Make an admin an ordinary account again, and sign it out everywhere',
        params,
        response: { 200: z.object({ id: z.string(), removed: z.literal(true) }) },
      },
    },
    async (request) => {
      const { id } = request.params;
      await request.write((transaction) => admins.remove(transaction, id));
      return { id, removed: true as const };
    },
  );
}

function present({ id, email, name, since }: Admin): z.infer<typeof adminAnswer> {
  return { object: 'admin', id, email, name, since: since.toISOString() };
}
