import { findProduct, LatchkeyError, type Plan, type Product } from '@latchkey/core';
import type { App } from '../app.ts';
import type { Actor } from '../db/database.ts';
import type { Log } from '../observability/log.ts';
import type { LatchkeyOptions } from './options.ts';

/** What the classes of the library work in: a running Latchkey. */
export interface House extends Pick<App, 'database' | 'customers' | 'licenses' | 'licenseReader' | 'subscriptions'> {
  log: Log;
  now(): Date;
  /** The product and plan that a call without a name for them means. */
  offer(named: { product?: string | undefined; plan?: string | undefined }): { product: string; plan: string };
}

/** A Latchkey that runs already, or the options of one to be run for this object. */
export type HouseSource = { readonly house: House } | LatchkeyOptions;

/** On whose behalf the library acts, in the audit log. */
export const libraryActor: Actor = { type: 'library', id: null };

type Opened = { house: House; close(): Promise<void> };

/** Opens a Latchkey without listening. Set by `latchkey.ts`, which knows how. */
let open: ((options: LatchkeyOptions) => Promise<Opened>) | null = null;

/** Those that were opened for objects built from options, by their options: equal options share one. */
const opened = new Map<string, Promise<Opened>>();

export function openHousesWith(opener: (options: LatchkeyOptions) => Promise<Opened>): void {
  open = opener;
}

export async function openHouse(source: HouseSource): Promise<House> {
  if ('house' in source) return source.house;
  const name = nameOf(source);
  let house = opened.get(name);
  if (house === undefined) {
    if (open === null) throw new Error('Import the library from its index.');
    house = open(source);
    opened.set(name, house);
    house.catch(() => opened.delete(name));
  }
  return (await house).house;
}

/** Closes what was opened for an object built from options; one that was handed in belongs to whoever made it. */
export async function closeHouse(source: HouseSource): Promise<void> {
  if ('house' in source) return;
  const name = nameOf(source);
  const house = opened.get(name);
  opened.delete(name);
  await (await house)?.close();
}

function nameOf(options: LatchkeyOptions): string {
  return JSON.stringify(Object.entries(options).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** The product and plan meant by default. Throws `product_unknown` or `plan_unknown` for names that are not in the catalog. */
export function offerOf(
  products: readonly Product[],
  named: { product?: string | undefined; plan?: string | undefined },
): { product: string; plan: string } {
  const product = named.product === undefined ? defaultProduct(products) : findProduct({ products }, named.product);
  if (product === null) {
    throw new LatchkeyError('product_unknown', `There is no product "${named.product ?? ''}" in the catalog.`, {
      path: 'product',
    });
  }
  const plan: Plan | undefined =
    named.plan === undefined ? product.plans[0] : product.plans.find(({ id }) => id === named.plan);
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
