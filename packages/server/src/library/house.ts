import { findOffer, findProduct, type Interval, LatchkeyError, type Product } from '@latchkey/core';
import type { App } from '../app.ts';
import { currentPrice, planOfPrice } from '../catalog/price-repository.ts';
import type { Actor } from '../db/database.ts';
import { openApp } from '../server.ts';
import { verifySignature } from '../stripe/signature.ts';
import { configOf, type LatchkeyOptions } from './options.ts';

export interface Offer {
  product: string;
  plan: string;
}

/** A running Latchkey as the classes of the library use it. */
export interface House
  extends Pick<
    App,
    | 'database'
    | 'customers'
    | 'licenses'
    | 'licenseReader'
    | 'subscriptions'
    | 'newSubscriptions'
    | 'stripe'
    | 'projector'
    | 'inbox'
    | 'settle'
    | 'pushCatalog'
  > {
  log: App['logs']['app'];
  now(): Date;
  /** A fresh idempotency key for one write to Stripe. */
  newKey(): string;
  /** The product and plan that a call without a name for them means. */
  offer(named: { product?: string | undefined; plan?: string | undefined }): Offer;
  productName(product: string): string;
  priceOf(offer: Offer): { amountCents: number; currency: string; interval: Interval | null };
  currentPrice(offer: Offer): Promise<{ stripeProductId: string; stripePriceId: string } | null>;
  offerOfPrice(priceId: string): Promise<Offer | null>;
  isSigned(payload: Uint8Array, signature: string): boolean;
}

/** A Latchkey that runs already, or the options of one to be run for this object. */
export type HouseSource = { readonly house: House } | LatchkeyOptions;

/** On whose behalf the library acts, in the audit log. */
export const libraryActor: Actor = { type: 'library', id: null };

type Opened = { house: House; close(): Promise<void> };

/** Those that were opened for objects built from options, by their options: equal options share one. */
const opened = new Map<string, { users: number; opening: Promise<Opened> }>();
/** The objects that opened one already, so that each counts once. */
const users = new WeakMap<object, string>();

export function houseOf(app: App): House {
  const { catalog, clock, config, database, ids } = app;
  return {
    ...app,
    log: app.logs.app,
    now: () => clock.now(),
    newKey: () => ids.next('int'),
    offer: (named) => offerOf(catalog.products, named),
    productName: (product) => findProduct(catalog, product)?.name ?? product,
    priceOf({ product, plan }) {
      const price = findOffer(catalog, product, plan)?.plan.price;
      if (price == null)
        throw new LatchkeyError('plan_unknown', `The plan ${plan} of ${product} is not for sale.`, { path: 'plan' });
      return price;
    },
    currentPrice: ({ product, plan }) => currentPrice(database.connection, product, plan),
    offerOfPrice: (priceId) => planOfPrice(database.connection, priceId),
    isSigned(rawBody, header) {
      const secrets = [...config.stripe.webhookSecrets, ...app.webhookSecrets];
      return verifySignature({ rawBody, header, secrets, wall: clock.wall() }) === null;
    },
  };
}

/** The source as one object's own, so that each object built from the same options counts as a user of what they open. */
export function ownSource(source: HouseSource): HouseSource {
  return 'house' in source ? source : { ...source };
}

export async function openHouse(source: HouseSource): Promise<House> {
  if ('house' in source) return source.house;
  const name = nameOf(source);
  let shared = opened.get(name);
  if (shared === undefined) {
    shared = { users: 0, opening: open(source) };
    opened.set(name, shared);
    shared.opening.catch(() => opened.delete(name));
  }
  if (!users.has(source)) {
    users.set(source, name);
    shared.users += 1;
  }
  return (await shared.opening).house;
}

/** Closes what was opened for objects built from options, with the last of them; one that was handed in belongs to whoever made it. */
export async function closeHouse(source: HouseSource): Promise<void> {
  if ('house' in source) return;
  const name = users.get(source);
  const shared = name === undefined ? undefined : opened.get(name);
  if (name === undefined || shared === undefined) return;
  users.delete(source);
  shared.users -= 1;
  if (shared.users > 0) return;
  opened.delete(name);
  await (await shared.opening).close();
}

async function open(options: LatchkeyOptions): Promise<Opened> {
  const app = await openApp(configOf(options));
  return { house: houseOf(app), close: () => app.close() };
}

function nameOf(options: LatchkeyOptions): string {
  return JSON.stringify(Object.entries(options).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** The product and plan meant by default. Throws `product_unknown` or `plan_unknown` for names that are not in the catalog. */
function offerOf(
  products: readonly Product[],
  named: { product?: string | undefined; plan?: string | undefined },
): Offer {
  const product = named.product === undefined ? defaultProduct(products) : findProduct({ products }, named.product);
  if (product === null) {
    const detail =
      named.product === undefined
        ? 'The catalog has several products; say which one is meant.'
        : `There is no product "${named.product}" in the catalog.`;
    throw new LatchkeyError('product_unknown', detail, { path: 'product' });
  }
  const plan = named.plan === undefined ? product.plans[0] : product.plans.find(({ id }) => id === named.plan);
  if (plan === undefined) {
    throw new LatchkeyError('plan_unknown', `${product.id} has no plan "${named.plan ?? ''}".`, { path: 'plan' });
  }
  return { product: product.id, plan: plan.id };
}

function defaultProduct(products: readonly Product[]): Product | null {
  const [only, another] = products;
  if (only !== undefined && another === undefined) return only;
  return products.find(({ keyScheme }) => keyScheme.name === 'sha512-hmac') ?? null;
}
