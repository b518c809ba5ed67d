/** The dialects: older paths and bodies by which products are spoken to beside `/v1`, one folder each. */

import type { Catalog, Product } from '@latchkey/core';
import type { App } from '../app.ts';
import type { ErrorShape, Http } from '../http/index.ts';
import type { RecognizeSale, SoldElsewhere } from '../modules/payments/index.ts';
import { registerWebhookRoute, type WebhookRoute } from '../stripe/webhook-route.ts';
import { cryptoOrchestrator } from './crypto-orchestrator/index.ts';
import { infiniteServer26 } from './infinite-server26/index.ts';
import { investmentSystem } from './investment-system/index.ts';
import { quantumFalcon } from './quantum-falcon/index.ts';
import { redline2 } from './redline2/index.ts';

/** What a dialect is given: the house, the product that is spoken to, and a way into the one inbox. */
export interface DialectContext extends App {
  product: Product;
  /** A path at which Stripe may deliver, with answers of its own. Of dialects that name the same path, the first mounts it. */
  webhook(route: Omit<WebhookRoute, 'inbox'>): void;
}

/** One dialect. Its routes name, by a type of their own, the little of the house that they need. */
export interface Dialect {
  /** As catalogs name it. */
  readonly name: string;
  /** How it answers errors, and below which paths. */
  readonly errors: ErrorShape;
  routes(http: Http, context: DialectContext): void;
  /** What its callers sell at Stripe themselves, by the metadata that they put there; a text says why nothing can be given for them. */
  sale?(metadata: Readonly<Record<string, string>>, product: Product): SoldElsewhere | string;
}

/** In the order in which they are mounted. */
const DIALECTS: readonly Dialect[] = [infiniteServer26, cryptoOrchestrator, quantumFalcon, redline2, investmentSystem];

/** The dialects that the catalog asks for, each with its product. Throws for one that is unknown, or asked for twice. */
export function dialectsOf(catalog: Catalog): { dialect: Dialect; product: Product }[] {
  const spoken = new Map<string, Product>();
  return catalog.products.flatMap((product) => {
    if (product.dialect === null) return [];
    const dialect = DIALECTS.find(({ name }) => name === product.dialect);
    if (dialect === undefined) {
      const known = DIALECTS.map(({ name }) => name).join(', ');
      throw new Error(`The product ${product.id} asks for the dialect ${product.dialect}; there are ${known}.`);
    }
    const other = spoken.get(dialect.name);
    if (other !== undefined) {
      throw new Error(
        `The dialect ${dialect.name} is asked for by ${other.id} and by ${product.id}; one may speak it.`,
      );
    }
    spoken.set(dialect.name, product);
    return [{ dialect, product }];
  });
}

/** Recognises what was sold at Stripe in the terms of any dialect that the catalog asks for. */
export function salesOf(catalog: Catalog): RecognizeSale {
  const spoken = dialectsOf(catalog);
  return (metadata) => {
    const found = spoken.map(({ dialect, product }) => dialect.sale?.(metadata, product) ?? null);
    const reasons = found.filter((sold) => typeof sold === 'string');
    return found.find((sold) => sold !== null && typeof sold === 'object') ?? reasons[0] ?? null;
  };
}

export function mountDialects(http: Http, app: App): void {
  const webhooks = new Set<string>();
  const webhook: DialectContext['webhook'] = (route) => {
    if (webhooks.has(route.path)) return;
    webhooks.add(route.path);
    registerWebhookRoute(http, { ...route, inbox: app.inbox });
  };
  for (const { dialect, product } of dialectsOf(app.catalog)) {
    dialect.routes(http, { ...app, product, webhook });
  }
}
