import { type Catalog, findProduct, LatchkeyError } from '@latchkey/core';
import { type Html, type Http, type HttpReply, html, page, registerRawBodyRoute } from '../http/index.ts';
import type { Activation, LicenseRecord, OwnerLinks } from '../modules/licenses/index.ts';
import { pageStyle } from './style.ts';

export interface ReleasePageOptions {
  catalog: Catalog;
  ownerLinks: OwnerLinks;
}

/** Where an owner asks for the link, and where it leads: their machines, each with a button that frees it. */
export function releasePages(http: Http, { catalog, ownerLinks }: ReleasePageOptions): void {
  const config = { access: 'anyone', rateLimit: { name: 'release-pages', limit: 60, windowSeconds: 600 } } as const;

  http.get('/release', { config, schema: { hide: true } }, async (_request, reply) =>
    answer(
      reply,
      200,
      'Free a machine',
      html`<p>Lost, sold or broke a machine? We mail a link to the address that owns the licence; it shows your machines, and you
choose which to free.</p>
<form method="post" action="/release"><label for="email">Your e-mail address</label>
<p><input id="email" name="email" type="email" autocomplete="email" maxlength="254" required></p>
<p><button>Mail me the link</button></p></form>`,
    ),
  );

  registerRawBodyRoute(http, {
    url: '/release',
    config: { access: 'anyone', rateLimit: { name: 'release-links', limit: 10, windowSeconds: 600 } },
    bodyLimit: 2_048,
    async handler(request, reply, body) {
      const email = new URLSearchParams(body.toString('utf8')).get('email') ?? '';
      if (!/^[^\s@]{1,64}@[^\s@]{1,189}$/.test(email)) {
        return answer(reply, 400, 'That is not an e-mail address', html`<p><a href="/release">Try again</a>.</p>`);
      }
      await ownerLinks.request(email, (work) => request.write(work));
      return answer(
        reply,
        202,
        'Look into your mailbox',
        html`<p>If that address owns licences with machines, the link is on its way. It works for an hour.</p>`,
      );
    },
  });

  http.get('/release/:token', { config, schema: { hide: true } }, async (request, reply) => {
    const { token } = request.params as { token: string };
    return orGone(reply, async () => showMachines(reply, token, await ownerLinks.open(token), null));
  });

  registerRawBodyRoute(http, {
    url: '/release/:token/:activation',
    config,
    bodyLimit: 1_024,
    async handler(request, reply) {
      const { token, activation } = request.params as { token: string; activation: string };
      return orGone(reply, async () => {
        const { detail } = await ownerLinks.release(token, activation, (work) => request.write(work));
        return showMachines(reply, token, await ownerLinks.open(token), detail);
      });
    },
  });

  function showMachines(reply: HttpReply, token: string, licenses: readonly LicenseRecord[], said: string | null) {
    const withMachines = licenses.filter(({ activations }) => activations.length > 0);
    return answer(
      reply,
      200,
      'Your machines',
      html`${said === null ? null : html`<p class="panel" role="status">${said}</p>`}
${
  withMachines.length === 0
    ? html`<p>No machine is active on your licences. The next one that is activated takes a free seat.</p>`
    : html`<p>Free a machine and its seat goes to the next that is activated. The freed one stops working.</p>`
}
${withMachines.map((license) => licensePanel(license, token))}`,
    );
  }

  function licensePanel(license: LicenseRecord, token: string): Html {
    const product = findProduct(catalog, license.product)?.name ?? license.product;
    return html`<section class="panel"><h2>${product} <span class="soft">key …${license.keyHint}</span></h2>
${license.activations.map((activation) => machineRow(activation, token))}</section>`;
  }
}

function machineRow({ id, name, fingerprint, createdAt }: Activation, token: string): Html {
  const title = name ?? fingerprint;
  const since = new Date(createdAt).toISOString().slice(0, 10);
  return html`<div class="row"><span><strong>${title}</strong> <span class="soft">since ${since}</span></span>
<form method="post" action="/release/${token}/${id}"><button aria-label="Free ${title}">Free it</button></form></div>`;
}

/** A link that does not work is told on a page, not as an error for programs. */
async function orGone(reply: HttpReply, show: () => Promise<HttpReply>): Promise<HttpReply> {
  try {
    return await show();
  } catch (error) {
    if (!(error instanceof LatchkeyError) || error.code !== 'resource_missing') throw error;
    return answer(
      reply,
      404,
      'This link does not work any more',
      html`<p>Links work for an hour. <a href="/release">Ask for a new one</a>.</p>`,
    );
  }
}

function answer(reply: HttpReply, status: number, title: string, body: Html): HttpReply {
  return page(reply, { status, title, style: pageStyle, body: html`<main><h1>${title}</h1>${body}</main>` });
}
