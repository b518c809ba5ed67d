import { type Catalog, findProduct, formatMeterQuantity, LatchkeyError, secondMs } from '@latchkey/core';
import { z } from 'zod';
import type { Database } from '../db/database.ts';
import { type Html, type Http, type HttpReply, html, page } from '../http/index.ts';
import type { LicenseReader, LicenseRecord, LicenseService } from '../modules/licenses/index.ts';
import type { Checkout, CheckoutService, CreditPurchase, CreditPurchases } from '../modules/payments/index.ts';
import { pageStyle } from './style.ts';

export interface SuccessPageOptions {
  catalog: Catalog;
  checkouts: CheckoutService;
  licenses: LicenseService;
  licenseReader: LicenseReader;
  credits: Pick<CreditPurchases, 'settle'>;
  database: Database;
  publicUrl: () => string;
  /** Asks Stripe what became of a checkout that no webhook has told of yet. May reject when Stripe is away. */
  askStripe(sessionId: string): Promise<void>;
}

/** How long the page waits for the webhook before it asks Stripe itself, and how often it looks meanwhile. */
const WAIT_MS = 2 * secondMs;
const LOOK_EVERY_MS = 100;

const copyScript = `
for (const button of document.querySelectorAll('[data-copy]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = 'Copied';
  });
}
const form = document.getElementById('resend');
if (form) form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const status = document.getElementById('resend-status');
  const email = new FormData(form).get('email');
  const answer = await fetch('/v1/licenses/resend', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email }),
  }).catch(() => null);
  status.textContent = answer && answer.ok
    ? 'If that address owns licences, their keys are on the way.'
    : 'That did not work. Check the address, wait a moment and try again.';
});
const wait = document.querySelector('[data-reload]');
if (wait) setTimeout(() => location.reload(), 2000);
`;

/** Where a customer comes back to after paying, and after not paying. */
export function successPages(http: Http, options: SuccessPageOptions): void {
  const config = { access: 'anyone', rateLimit: { name: 'checkout-pages', limit: 120, windowSeconds: 60 } } as const;

  http.get(
    '/checkout/success',
    { config, schema: { hide: true, querystring: z.object({ session_id: z.string().max(255).optional() }) } },
    async ({ query }, reply) => {
      const checkout = query.session_id?.startsWith('cs_') ? await options.checkouts.find(query.session_id) : null;
      if (checkout === null) return answer(reply, 404, 'We do not know this checkout', unknownCheckout());
      const bought = await options.credits.settle(checkout.stripe_session_id ?? '');
      const added = bought === null ? null : await creditAnswer(reply, bought, options);
      if (added !== null) return added;
      const license = await licenseOf(checkout, options);
      if (license === null) return answer(reply, 200, 'Your payment is on its way', waiting());
      const key = await options.database.transaction({ actor: { type: 'anyone', id: null } }, (transaction) =>
        options.licenses.revealOnce(transaction, license.id),
      );
      const product = findProduct(options.catalog, license.product)?.name ?? license.product;
      return key === null
        ? answer(reply, 200, `Your ${product} licence`, shownBefore(product, license))
        : answer(
            reply,
            200,
            `Your ${product} licence key`,
            firstSight({ product, license, key, address: options.publicUrl() }),
          );
    },
  );

  http.get('/checkout/cancel', { config, schema: { hide: true } }, async (_request, reply) =>
    answer(
      reply,
      200,
      'Nothing was charged',
      html`<p>You left the checkout before paying. You can <a href="/">start again</a> whenever you like.</p>`,
    ),
  );

  http.get('/keys', { config, schema: { hide: true } }, async (_request, reply) =>
    answer(
      reply,
      200,
      'Send me my licence keys',
      html`<p>Lost a key? We mail it to the address it was bought with.</p>${resendForm()}`,
    ),
  );
}

/** What was bought in advance; null where a licence came with it, whose key is to be shown. */
async function creditAnswer(
  reply: HttpReply,
  { checkout, credit, status, account, available }: CreditPurchase,
  options: SuccessPageOptions,
): Promise<HttpReply | null> {
  if (status !== 'added' || account === null) return answer(reply, 200, 'Your payment is on its way', waiting());
  if ((await find(checkout.stripe_session_id ?? '', options)) !== null) return null;
  const product = findProduct(options.catalog, checkout.product)?.name ?? checkout.product;
  const units = (steps: number) => `${formatMeterQuantity(steps, account.meter)} ${account.meter.unit}s`;
  return answer(
    reply,
    200,
    `${units(credit.quantity)} were added`,
    html`<p>Thank you. They were added to your ${product} licence, whose key stays the same.</p>
<dl><dt>Added</dt><dd>${units(credit.quantity)}</dd><dt>Available now</dt><dd>${units(available)}</dd></dl>`,
  );
}

/** The licence that the checkout brought: as soon as the webhook has done its work, or else by asking Stripe ourselves. */
async function licenseOf(checkout: Checkout, options: SuccessPageOptions): Promise<LicenseRecord | null> {
  const sessionId = checkout.stripe_session_id ?? '';
  const until = Date.now() + WAIT_MS;
  for (;;) {
    const license = await find(sessionId, options);
    if (license !== null) return license;
    if (Date.now() >= until) break;
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, LOOK_EVERY_MS);
    await promise;
  }
  await options.askStripe(sessionId).catch(orLater);
  return find(sessionId, options);
}

/** Whoever just paid must not be shown an error because Stripe is slow to say so: the page looks again. */
function orLater(error: unknown): void {
  if (!(error instanceof LatchkeyError)) throw error;
}

async function find(sessionId: string, options: SuccessPageOptions): Promise<LicenseRecord | null> {
  const { connection } = options.database;
  const subscription = (await options.checkouts.find(sessionId))?.stripe_subscription_id ?? null;
  const origin = subscription === null ? `checkout:${sessionId}` : `subscription:${subscription}`;
  return options.licenseReader.findByOrigin(connection, origin);
}

function answer(reply: HttpReply, status: number, title: string, body: Html): HttpReply {
  return page(reply, {
    status,
    title,
    style: pageStyle,
    script: copyScript,
    body: html`<main><h1>${title}</h1>${body}</main>`,
  });
}

interface FirstSight {
  product: string;
  license: LicenseRecord;
  key: string;
  address: string;
}

function firstSight({ product, license, key, address }: FirstSight): Html {
  return html`<p>Thank you. This key unlocks ${product}. It is shown here this once, and on its way to you by mail.</p>
<pre class="key" id="key">${key}</pre>
<p><button type="button" data-copy="key" hidden>Copy the key</button></p>
${facts(license)}
<h2>What to do next</h2>
<ol>
<li>Keep the key somewhere safe; whoever has it can use your licence.</li>
<li>Enter it in ${product}, which activates it for that machine. By hand it is one call:</li>
</ol>
<pre>${activationCall(address)}</pre>`;
}

function activationCall(address: string): string {
  return [
    `curl -X POST ${address}/v1/licenses/activate \\`,
    "  -H 'content-type: application/json' \\",
    `  -d '{"key": "<your key>", "machine": {"fingerprint": "server_001"}}'`,
  ].join('\n');
}

function shownBefore(product: string, license: LicenseRecord): Html {
  return html`<p>The key of this ${product} licence was shown before, and it was mailed to you. It ends in
<code>…${license.keyHint}</code>.</p>
${facts(license)}
<h2>Lost it?</h2>
${resendForm()}`;
}

function facts(license: LicenseRecord): Html {
  const until = license.expiresAt === null ? 'does not end' : dayText(new Date(license.expiresAt));
  const machines = license.maxMachines === -1 ? 'unlimited' : String(license.maxMachines);
  return html`<dl><dt>Paid until</dt><dd>${until}${license.coverage === 'renewing' ? ', renews by itself' : ''}</dd>
<dt>Machines</dt><dd>${machines}</dd></dl>`;
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });

function dayText(instant: Date): string {
  return `${DAY.format(instant)} (UTC)`;
}

function resendForm(): Html {
  return html`<form id="resend"><label for="email">Your e-mail address</label>
<p><input id="email" name="email" type="email" autocomplete="email" required></p>
<p><button>Send my keys</button></p><p id="resend-status" role="status"></p></form>`;
}

function waiting(): Html {
  return html`<p role="status" data-reload>We have not heard of your payment yet. This page looks again by itself; the key also
comes by mail.</p>`;
}

function unknownCheckout(): Html {
  return html`<p>The address is incomplete, or belongs to another shop. If you paid, your key is in your mailbox; you can
<a href="/keys">have it sent again</a>.</p>`;
}
