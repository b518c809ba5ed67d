import { type Catalog, formatMoney, isPaid, money, type Plan, type Product } from '@latchkey/core';
import type { Mode } from '../config/config.ts';
import type { Transaction } from '../db/database.ts';
import { type Html, type Http, html, page, registerRawBodyRoute } from '../http/index.ts';
import { pageStyle } from './style.ts';

type Write = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;

export interface FrontPageOptions {
  catalog: Catalog;
  mode: Mode;
  version: string;
  /** Whether a product can be sold. */
  canDeliver(product: Product): boolean;
  /** Where customers pay; null where no Stripe is configured. */
  checkoutOrigin: string | null;
  /** Makes a checkout for a plan and answers where to pay. */
  startCheckout(product: string, plan: string, write: Write): Promise<string>;
}

/** `GET /`: what is running and where to go; and the way from there to a checkout. */
export function frontPage(http: Http, options: FrontPageOptions): void {
  const { catalog, mode, version, checkoutOrigin, startCheckout } = options;

  http.get('/', { config: { access: 'anyone' }, schema: { hide: true } }, async (_request, reply) =>
    page(reply, {
      title: 'Latchkey',
      style: pageStyle,
      // A form that leads to another origin needs leave to do so.
      ...(checkoutOrigin === null ? {} : { formOrigins: [checkoutOrigin] }),
      body: html`<main>
<p class="soft">Latchkey ${version} · ${mode === 'sandbox' ? 'sandbox: no real money moves' : 'real payments'}</p>
<h1>A payment goes in, unlocked software comes out.</h1>
<p>This server sells what its catalog lists, turns each payment into a licence key, and answers your software when it asks
whether a key is good.</p>
<h2>For sale</h2>
${catalog.products.map((product) => productPanel(product, checkoutOrigin !== null && options.canDeliver(product)))}
<h2>Where to go</h2>
<ul>
<li><a href="/keys">Lost a key? Have it sent again</a></li>
<li><a href="/release">Lost a machine? Free its seat</a></li>
<li><a href="/docs">API reference</a> (<a href="/openapi.json">OpenAPI</a>)</li>
<li><a href="/v1/products">What is sold, as JSON</a></li>
<li><a href="/health">Health</a> and <a href="/health/ready">readiness</a></li>
${mode === 'sandbox' ? sandboxLinks(checkoutOrigin) : null}
</ul>
</main>`,
    }),
  );

  registerRawBodyRoute(http, {
    url: '/buy/:product/:plan',
    config: { access: 'anyone', rateLimit: { name: 'checkouts', limit: 60, windowSeconds: 60 } },
    bodyLimit: 1_024,
    async handler(request, reply) {
      const { product, plan } = request.params as { product: string; plan: string };
      return reply.redirect(await startCheckout(product, plan, (work) => request.write(work)), 303);
    },
  });
}

function productPanel(product: Product, canBuy: boolean): Html {
  return html`<section class="panel"><h3>${product.name}</h3>
${product.description === null ? null : html`<p>${product.description}</p>`}
${product.plans.map((plan) => planRow(product, plan, canBuy))}</section>`;
}

function planRow(product: Product, plan: Plan, canBuy: boolean): Html {
  const button =
    canBuy && isPaid(plan)
      ? html`<form method="post" action="/buy/${product.id}/${plan.id}"><button aria-label="Buy ${product.name}, ${plan.name}">Buy</button></form>`
      : null;
  return html`<div class="row"><span><strong>${plan.name}</strong> <span class="soft">${priceText(plan)}</span></span>${button}</div>`;
}

function priceText(plan: Plan): string {
  const { price } = plan;
  if (price === null) return 'issued by the vendor';
  if (price.amountCents === 0) return isPaid(plan) ? 'by use' : 'free';
  const amount = formatMoney(money(price.amountCents, price.currency));
  if (price.interval === null) return `${amount} once`;
  return price.intervalCount === 1
    ? `${amount} a ${price.interval}`
    : `${amount} every ${price.intervalCount} ${price.interval}s`;
}

function sandboxLinks(checkoutOrigin: string | null): Html {
  return html`<li><a href="/sandbox/mailbox">The mailbox</a>, where every letter lands (asks for the admin token)</li>
${checkoutOrigin === null ? null : html`<li><a href="${checkoutOrigin}">The local Stripe</a></li>`}`;
}
