import { type Catalog, findProduct, LatchkeyError, readPolicy } from '@latchkey/core';
import { z } from 'zod';
import { customersFor, maySee, ownerOf } from '../../../http/authentication.ts';
import { decodeCursor, pageOf, toPage } from '../../../http/paging.ts';
import type { Http, Principal } from '../../../http/types.ts';
import type { Audit } from '../../audit/index.ts';
import { type CustomerService, normalizeEmail } from '../../customers/index.ts';
import type { LicenseReader } from '../reading.ts';
import type { LicenseRecord } from '../record.ts';
import {
  issueBody,
  issuedAnswer,
  licenseAnswer,
  listQuery,
  reasonBody,
  renewBody,
  statisticsAnswer,
  transferBody,
  updateBody,
} from '../schemas.ts';
import type { LicenseService } from '../service.ts';
import { licenseView, statisticsView } from '../views.ts';

export interface VendorRoutes {
  catalog: Catalog;
  audit: Audit;
  customers: CustomerService;
  licenses: LicenseService;
  reader: LicenseReader;
}

const TAGS = ['Licences'];
const READ = { access: { scope: 'licenses:read' } } as const;
const READ_OWN = { access: { scope: 'licenses:read', owner: true } } as const;
const WRITE = { access: { scope: 'licenses:write' } } as const;
const byId = z.object({ id: z.string().min(1).max(100) });
const keyAnswer = z.object({ id: z.string(), object: z.literal('license_key'), key: z.string() });

/** What the vendor's server and administrators do with licences. */
export function vendorLicenseRoutes(http: Http, options: VendorRoutes): void {
  issueRoute(http, options);
  readRoutes(http, options);
  keyRoute(http, options);
  stateRoutes(http, options);
}

function issueRoute(http: Http, { catalog, customers, licenses, reader }: VendorRoutes): void {
  http.post(
    '/v1/licenses',
    {
      config: WRITE,
      schema: {
        tags: TAGS,
        summary: 'Issue a licence',
        description: 'The key is in this answer and is not shown again here; the owner can have it mailed.',
        body: issueBody,
        response: { 201: issuedAnswer },
      },
    },
    async (request, reply) => {
      const { product, plan, email, customer_id, expires_at, max_machines, metadata } = request.body;
      const issued = await request.write(async (transaction) => {
        const customer =
          customer_id === undefined
            ? email === undefined
              ? null
              : await customers.ensure(transaction, { email })
            : await customers.get(customer_id, transaction.connection);
        return licenses.issue(transaction, {
          product,
          plan: plan ?? onlyPlan(catalog, product),
          keyCustomer: customer?.stripe_customer_id ?? customer?.id ?? 'none',
          keySubscription: 'none',
          customerId: customer?.id ?? null,
          subscriptionId: null,
          expiresAt: instantOf(expires_at),
          maxMachines: max_machines,
          overrides: overridesOf(request.body) ?? undefined,
          metadata,
        });
      });
      return reply.code(201).send({ ...licenseView(issued.license, reader), key: issued.key });
    },
  );
}

function instantOf(text: string | null | undefined): Date | null | undefined {
  return text === undefined || text === null ? text : new Date(text);
}

/** What a request says over the plan; null where it says nothing. */
function overridesOf({ policy, features, limits }: Pick<z.infer<typeof updateBody>, 'policy' | 'features' | 'limits'>) {
  if (policy === undefined && features === undefined && limits === undefined) return null;
  return {
    ...(policy === undefined ? {} : { policy: readPolicy(policy) }),
    ...(features === undefined ? {} : { features }),
    ...(limits === undefined ? {} : { limits }),
  };
}

function onlyPlan(catalog: Catalog, productId: string): string {
  const plans = findProduct(catalog, productId)?.plans ?? [];
  const [plan, another] = plans;
  if (plan === undefined)
    throw new LatchkeyError('product_unknown', `There is no product "${productId}".`, { path: 'product' });
  if (another === undefined) return plan.id;
  const names = plans.map(({ id }) => id).join(', ');
  throw new LatchkeyError('invalid_request', `${productId} has several plans; name one of ${names}.`, { path: 'plan' });
}

function readRoutes(http: Http, { reader }: VendorRoutes): void {
  http.get(
    '/v1/licenses',
    {
      config: READ_OWN,
      schema: {
        tags: TAGS,
        summary: 'List licences',
        description: OWN,
        querystring: listQuery,
        response: { 200: pageOf(licenseAnswer) },
      },
    },
    async ({ query, principal }) => {
      const position = decodeCursor(query.after);
      const rows = await reader.list(
        {
          status: query.status,
          product: query.product,
          customerId: customersFor(principal, query.customer),
          email: query.email === undefined ? undefined : normalizeEmail(query.email),
        },
        { limit: query.limit + 1, after: position === null ? null : { createdAt: position.at, id: position.id } },
      );
      return toPage(
        rows,
        query.limit,
        (row) => ({ at: new Date(row.createdAt), id: row.id }),
        (row) => viewFor(principal, row, reader),
      );
    },
  );

  http.get(
    '/v1/licenses/statistics',
    {
      config: READ,
      schema: {
        tags: TAGS,
        summary: 'Totals by status',
        querystring: z.object({ product: z.string().max(100).optional() }),
        response: { 200: statisticsAnswer },
      },
    },
    async ({ query }) => statisticsView(await reader.statistics(query)),
  );

  http.get(
    '/v1/licenses/:id',
    {
      config: READ_OWN,
      schema: {
        tags: TAGS,
        summary: 'Read a licence',
        description: OWN,
        params: byId,
        response: { 200: licenseAnswer },
      },
    },
    async ({ params, principal }) =>
      viewFor(principal, await findVisible(principal, params.id, (id) => reader.find(id)), reader),
  );
}

function keyRoute(http: Http, { audit, reader }: VendorRoutes): void {
  http.get(
    '/v1/licenses/:id/key',
    {
      config: { access: 'owner' },
      schema: {
        tags: TAGS,
        summary: 'Show the key of a licence to its owner',
        description: "For the owner's own token, and for administrators. Every look is in the audit log.",
        params: byId,
        response: { 200: keyAnswer },
      },
    },
    async (request) =>
      request.write(async (transaction) => {
        const { connection } = transaction;
        const { id } = await findVisible(request.principal, request.params.id, (one) => reader.find(one, connection));
        const key = await reader.keyOf(id, connection);
        if (key === null) throw new LatchkeyError('resource_missing', `There is no licence ${id}.`);
        await audit.record(transaction, { action: 'license.key_shown', subjectType: 'license', subjectId: id });
        return { id, object: 'license_key' as const, key };
      }),
  );
}

/** The licence, if it is there for whoever calls; else the same answer as for one that does not exist. */
async function findVisible(
  principal: Principal,
  id: string,
  find: (id: string) => Promise<LicenseRecord | null>,
): Promise<LicenseRecord> {
  const license = await find(id);
  if (license !== null && maySee(principal, license.customerId)) return license;
  throw new LatchkeyError('resource_missing', `There is no licence ${id}.`);
}

/** An owner sees everything but the notes that the vendor keeps with a licence. */
function viewFor(principal: Principal, license: LicenseRecord, reader: LicenseReader) {
  const view = licenseView(license, reader);
  return ownerOf(principal) === null ? view : { ...view, metadata: {} };
}

const OWN = "With a customer's token: their own alone, without the vendor's notes (`metadata`).";

function stateRoutes(http: Http, { customers, licenses, reader }: VendorRoutes): void {
  const schema = { tags: TAGS, params: byId, response: { 200: licenseAnswer } };

  http.patch(
    '/v1/licenses/:id',
    {
      config: WRITE,
      schema: {
        ...schema,
        summary: 'Change a licence',
        description:
          'What is left out stays. Each of `policy`, `features` and `limits` replaces what the licence said before; empty, it says ' +
          'what its plan says. Machines over a lowered `max_machines` keep their seats until one is released, and validations say so.',
        body: updateBody,
      },
    },
    async (request) => {
      const { plan, expires_at, max_machines, metadata } = request.body;
      const license = await request.write((tx) =>
        licenses.update(tx, request.params.id, {
          plan,
          expiresAt: instantOf(expires_at),
          maxMachines: max_machines,
          overrides: overridesOf(request.body) ?? undefined,
          metadata,
        }),
      );
      return licenseView(license, reader);
    },
  );

  http.post(
    '/v1/licenses/:id/renew',
    { config: WRITE, schema: { ...schema, summary: 'Extend a licence', body: renewBody.nullish() } },
    async (request) => {
      const until = request.body?.expires_at === undefined ? null : new Date(request.body.expires_at);
      return licenseView(await request.write((tx) => licenses.renew(tx, request.params.id, until)), reader);
    },
  );

  for (const verb of ['suspend', 'revoke'] as const) {
    http.post(
      `/v1/licenses/:id/${verb}`,
      { config: WRITE, schema: { ...schema, summary: SUMMARY[verb], body: reasonBody.nullish() } },
      async (request) => {
        const reason = request.body?.reason ?? null;
        return licenseView(await request.write((tx) => licenses[verb](tx, request.params.id, reason)), reader);
      },
    );
  }

  http.post(
    '/v1/licenses/:id/reinstate',
    { config: WRITE, schema: { ...schema, summary: 'Lift what the vendor imposed' } },
    async (request) => licenseView(await request.write((tx) => licenses.reinstate(tx, request.params.id)), reader),
  );

  http.post(
    '/v1/licenses/:id/transfer',
    { config: WRITE, schema: { ...schema, summary: 'Give a licence to another customer', body: transferBody } },
    async (request) => {
      const { customer_id, email } = request.body;
      const license = await request.write(async (tx) => {
        const customer =
          customer_id === undefined
            ? await customers.ensure(tx, { email })
            : await customers.get(customer_id, tx.connection);
        return licenses.transfer(tx, request.params.id, customer.id);
      });
      return licenseView(license, reader);
    },
  );
}

const SUMMARY = { suspend: 'Withhold a licence', revoke: 'Take a licence back' } as const;
