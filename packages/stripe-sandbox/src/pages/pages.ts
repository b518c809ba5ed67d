import type { Engine } from '../engine.ts';
import { Router } from '../http/router.ts';
import type { PathValues } from '../resources/resource.ts';
import { API_VERSION } from '../settings.ts';
import { showAuthentication, submitAuthentication } from './authenticate-page.ts';
import { showCheckout, submitCheckout } from './checkout-page.ts';
import { html } from './html.ts';
import { showInvoice, submitInvoice } from './invoice-page.ts';
import { notFound, type Page, page } from './layout.ts';
import { portalRoutes } from './portal-routes.ts';
import { showReceipt } from './receipt-page.ts';

type Handler = (path: PathValues, form: URLSearchParams, pathname: string) => Page;

function home(url: string): Page {
  const { hostname, port } = new URL(url);
  return page(
    200,
    'Home',
    html`<section>
<h1>Local test Stripe</h1>
<p>This address answers Stripe’s API (version ${API_VERSION}) for programs under test: any <code>sk_test_…</code> key works.</p>
<h2>Point the SDK at it</h2>
<p><code>new Stripe('sk_test_local', { protocol: 'http', host: '${hostname}', port: ${port} })</code></p>
<h2>Control it</h2>
<p>The clock, webhook faults and test purchases are under <code>/_sandbox</code>, with the admin token.</p>
</section>`,
  );
}

/** What people see: the hosted Checkout, the portal, invoices, the bank's question, and a page that says what this is. */
export class Pages {
  readonly #router = new Router<Handler>();

  constructor(engine: Engine, publicUrl: string) {
    const routes: [string, string, Handler][] = [
      ['GET', '/', () => home(publicUrl)],
      ['GET', '/c/pay/{session}', (path) => showCheckout(engine, path.session ?? '')],
      ['POST', '/c/pay/{session}', (path, form) => submitCheckout(engine, path.session ?? '', form)],
      ['GET', '/authenticate/{secret}', (path) => showAuthentication(engine, path.secret ?? '')],
      ['POST', '/authenticate/{secret}', (path, form) => submitAuthentication(engine, path.secret ?? '', form)],
      ['GET', '/i/{invoice}/{secret}', (path, _form, at) => showInvoice(engine, path.invoice ?? '', at)],
      // Where `invoice_pdf` leads: the same page, which prints well enough.
      [
        'GET',
        '/i/{invoice}/{secret}/pdf',
        (path, _form, at) => showInvoice(engine, path.invoice ?? '', at.slice(0, -4)),
      ],
      ['GET', '/receipts/{charge}', (path) => showReceipt(engine, path.charge ?? '')],
      ['POST', '/i/{invoice}/{secret}', (path, form, at) => submitInvoice(engine, path.invoice ?? '', at, form)],
      ...portalRoutes(engine),
    ];
    for (const [method, pattern, handler] of routes) this.#router.add(method, pattern, handler);
  }

  answer(method: string, pathname: string, body: string): Page {
    const match = this.#router.match(method === 'HEAD' ? 'GET' : method, pathname);
    return match === undefined ? notFound() : match.target(match.path, new URLSearchParams(body), pathname);
  }
}
