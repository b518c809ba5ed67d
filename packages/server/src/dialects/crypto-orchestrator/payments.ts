import { LatchkeyError } from '@latchkey/core';
import { maySee, ownerOf } from '../../http/authentication.ts';
import type { Http, HttpRequest, Principal } from '../../http/index.ts';
import { type Customer, normalizeEmail } from '../../modules/customers/index.ts';
import { originOfFree, tierOf } from './from-wire.ts';
import type { House } from './house.ts';
import { customerAnswer, customerBody, pendingAnswer, subscriptionAnswer, subscriptionBody } from './schemas.ts';

const tags = ['CryptoOrchestrator'];

const writerOf =
  (request: HttpRequest) =>
  <T>(work: Parameters<typeof request.write<T>>[0]) =>
    request.write(work);

/** Customers and their subscriptions. */
export function paymentRoutes(http: Http, house: House): void {
  customerRoute(http, house);
  subscriptionRoute(http, house);
}

function customerRoute(http: Http, { customers, customersAtStripe }: House): void {
  http.post(
    '/api/payments/customers',
    {
      config: { access: { scope: 'customers:write' } },
      schema: {
        tags,
        summary: 'Make a customer known, here and at Stripe',
        description: 'The same address again is the same customer.',
        body: customerBody,
        response: { 201: customerAnswer },
      },
    },
    async (request, reply) => {
      const { email, name, user_id: externalId } = request.body;
      const known = { email: normalizeEmail(email), name, externalId };
      const { id } = await request.write((transaction) => customers.ensure(transaction, known));
      const stripeId = await customersAtStripe.ensure(id, writerOf(request));
      const customer = await customers.get(id);
      return reply.code(201).send({ customer_id: stripeId, email: customer.email, name: customer.name });
    },
  );
}

function subscriptionRoute(http: Http, house: House): void {
  const { product, config, newSubscriptions } = house;
  http.post(
    '/api/payments/subscriptions',
    {
      config: { access: { scope: 'subscriptions:write', owner: true } },
      schema: {
        tags,
        summary: 'Subscribe to a tier',
        description:
          '201 with the key once it is paid; the free tier costs nothing and is there at once. 200 with `requires_action` when the ' +
          'customer has to pay, or to answer their bank, in a page: the key comes when it is paid. 402 for a card that is declined.',
        body: subscriptionBody,
        response: { 200: pendingAnswer, 201: subscriptionAnswer },
      },
    },
    async (request, reply) => {
      const { tier, payment_method_id: paymentMethod, customer_id: named } = request.body;
      const { plan, isFree } = tierOf(product, tier);
      const customer = await customerOf(house, request.principal, named);
      if (isFree) {
        const free = await freeLicense(house, request, plan, customer);
        return reply.code(201).send({ subscription_id: null, tier: plan.id, ...free });
      }
      const owns = ownerOf(request.principal) ?? [customer.id];
      const wish = { customerId: customer.id, owns, product: product.id, plan: plan.id };
      const made = await newSubscriptions.subscribe(
        { ...wish, paymentMethod: paymentMethod ?? undefined },
        writerOf(request),
      );
      const { reference: subscription_id, status } = made.subscription;
      const license_key = made.licenseId === null ? null : await shownKey(house, request, made.licenseId);
      const answer = { subscription_id, status, tier: plan.id, license_key };
      if (made.clientSecret === null) return reply.code(201).send(answer);
      return reply.code(200).send({
        ...answer,
        requires_action: true as const,
        client_secret: made.clientSecret,
        publishable_key: config.stripe.publishableKey,
      });
    },
  );
}

/** Whoever the call is about. Somebody else is answered as one who does not exist. */
async function customerOf({ customers }: House, principal: Principal, named: string | undefined): Promise<Customer> {
  if (named !== undefined) {
    const customer = await customers.get(named);
    if (maySee(principal, customer.id)) return customer;
    throw new LatchkeyError('resource_missing', `There is no customer ${named}.`);
  }
  const owner = ownerOf(principal);
  if (owner === null) throw new LatchkeyError('invalid_request', 'Name the customer.', { path: 'customer_id' });
  const own = await customers.several(owner);
  const atStripe = own.find((one) => one.stripe_customer_id !== null && one.deleted_at === null);
  return atStripe ?? customers.get(owner[0] ?? '');
}

/** The licence that costs nothing: the one they have, as it stands now, or a new one. */
async function freeLicense(
  { product, licenses, licenseReader }: House,
  request: HttpRequest,
  plan: Parameters<typeof originOfFree>[1],
  customer: Customer,
): Promise<{ status: string; license_key: string | null }> {
  const origin = originOfFree(product, plan, customer.id);
  return request.write(async (transaction) => {
    const issued = await licenses.issueOnce(transaction, {
      product: product.id,
      plan: plan.id,
      origin,
      keyCustomer: customer.stripe_customer_id ?? customer.id,
      keySubscription: 'none',
      customerId: customer.id,
      subscriptionId: null,
    });
    if (issued !== null) return { status: 'active', license_key: issued.key };
    const license = await licenseReader.findByOrigin(transaction.connection, origin);
    if (license === null) throw new LatchkeyError('conflict', 'The licence was made at this moment. Try again.');
    const license_key = await licenseReader.keyOf(license.id, transaction.connection);
    return { status: licenseReader.status(license), license_key };
  });
}

/** A key for whoever paid for it; the look is in the audit log. */
function shownKey({ audit, licenseReader }: House, request: HttpRequest, id: string): Promise<string | null> {
  return request.write(async (transaction) => {
    await audit.record(transaction, { action: 'license.key_shown', subjectType: 'license', subjectId: id });
    return licenseReader.keyOf(id, transaction.connection);
  });
}
