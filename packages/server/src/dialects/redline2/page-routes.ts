import { LatchkeyError } from '@latchkey/core';
import {
  type Html,
  type Http,
  type HttpReply,
  type HttpRequest,
  html,
  page,
  registerRawBodyRoute,
} from '../../http/index.ts';
import { type AskedHours, fieldOf, wantsPage } from './from-wire.ts';
import { balanceOf, hoursAccount, hoursMeter, licenseByKey } from './house.ts';
import { pageScript } from './page-script.ts';
import { pageStyle } from './page-style.ts';
import { type PaymentPage, paymentPage } from './page-view.ts';
import {
  assertPayable,
  beginPurchase,
  checkoutOrigin,
  quoteOf,
  type SellingHouse,
  settledPurchase,
} from './purchases.ts';
import { balanceQuery, successAnswer, successQuery } from './schemas.ts';
import { figuresOf, priceText } from './to-wire.ts';

/** Lines of the history that the page shows. */
const HISTORY_LINES = 20;
const FORM_LIMIT = 8_192;
const UNKNOWN_KEY = 'There is no licence under this key. Check that it was copied whole.';

/** What a person typed. */
interface Typed {
  key: string | null;
  asked?: AskedHours;
}

/** The payment page, and where a customer comes back to after paying or not. It works without a script. */
export function pageRoutes(http: Http, house: SellingHouse): void {
  const { product } = house;
  const open = { access: 'anyone' } as const;
  const shown = { tags: [product.name], summary: 'The payment page', querystring: balanceQuery };

  for (const path of ['/payments/', '/payments']) {
    const schema = path === '/payments/' ? shown : { ...shown, hide: true };
    http.get(path, { config: open, schema }, (request, reply) =>
      show(request, reply, { key: request.query.license_key ?? null }, house),
    );
    form(path, (request, reply, fields) => {
      const hours = fieldOf(fields, 'hours');
      return show(request, reply, { key: fieldOf(fields, 'license_key'), asked: { hours } }, house);
    });
  }

  form('/payments/buy', async (request, reply, fields) => {
    const key = fieldOf(fields, 'license_key');
    const asked = { hours: fieldOf(fields, 'hours'), package_id: fieldOf(fields, 'package_id') };
    try {
      assertPayable(house);
      const license = await licenseByKey(request, key ?? '', house);
      const { session } = await beginPurchase(request, { license, asked }, house);
      return reply.redirect(session.url, 303);
    } catch (error) {
      return show(request, reply, { key, asked }, house, refusalOf(error));
    }
  });

  successRoute(http, house);
  http.get('/payments/cancel', { config: open, schema: { hide: true } }, async (_request, reply) =>
    answer(reply, {
      title: 'Nothing was charged',
      body: html`<p>You left the checkout before paying. You can <a href="/payments/">begin again</a> whenever you like.</p>`,
    }),
  );

  function form(
    url: string,
    handle: (request: HttpRequest, reply: HttpReply, fields: URLSearchParams) => Promise<unknown>,
  ) {
    const rateLimit = { name: 'payment-forms', limit: 120, windowSeconds: 60 };
    registerRawBodyRoute(http, {
      url,
      config: { ...open, rateLimit },
      bodyLimit: FORM_LIMIT,
      handler: (request, reply, body) => handle(request, reply, new URLSearchParams(body.toString('utf8'))),
    });
  }
}

function successRoute(http: Http, house: SellingHouse): void {
  http.get(
    '/payments/success',
    {
      config: { access: 'anyone', rateLimit: { name: 'checkout-pages', limit: 120, windowSeconds: 60 } },
      schema: {
        tags: [house.product.name],
        summary: 'What came of a purchase',
        description:
          'A page for browsers, JSON else. The hours are added here where no webhook has added them; once in any case.',
        querystring: successQuery,
        response: { 200: successAnswer, 202: successAnswer },
      },
    },
    async (request, reply) => {
      if (!wantsPage(request.headers.accept)) {
        const settled = await settledPurchase(request.query.session_id, house);
        const isAdded = settled.status === 'added';
        return reply.code(isAdded ? 200 : 202).send({ success: isAdded, ...settled });
      }
      try {
        return successPage(reply, await settledPurchase(request.query.session_id, house));
      } catch (error) {
        const { status, detail } = refusalOf(error);
        const body = html`<p role="alert">${detail}</p><p><a href="/payments/">To your hours</a></p>`;
        return answer(reply, { title: 'This purchase cannot be shown', body, status });
      }
    },
  );
}

function successPage(reply: HttpReply, settled: Awaited<ReturnType<typeof settledPurchase>>): HttpReply {
  if (settled.status === 'pending') {
    const body = html`<p role="status" data-reload>We have not heard of your payment yet. This page looks again by itself.</p>
<p><a href="">Look again</a></p>`;
    return answer(reply, { title: 'Your payment is on its way', body });
  }
  const body = html`<p>Thank you. They are on the licence <code>${settled.license_key}</code> and can be used at once.</p>
<dl class="figures"><div><dt>Added</dt><dd>${settled.hours_added} h</dd></div><div><dt>Left</dt><dd>${settled.hours_remaining} h</dd></div></dl>
<p><a href="/payments/">To your hours</a></p>`;
  return answer(reply, { title: `${settled.hours_added} hours were added`, body });
}

function answer(reply: HttpReply, { title, body, status = 200 }: { title: string; body: Html; status?: number }) {
  return page(reply, {
    title,
    status,
    style: pageStyle,
    script: pageScript,
    body: html`<main><h1>${title}</h1><section>${body}</section></main>`,
  });
}

/** The payment page for what was typed. */
async function show(
  request: HttpRequest,
  reply: HttpReply,
  { key, asked = {} }: Typed,
  house: SellingHouse,
  refused: Refusal | null = null,
): Promise<HttpReply> {
  const { product } = house;
  const found = key === null ? null : await licenseShown(request, key, house).catch(refusalOf);
  const keyError = found !== null && 'detail' in found ? found : null;
  const origin = checkoutOrigin(house);
  const { hours } = asked;
  const body = paymentPage({
    product,
    meter: hoursMeter(product),
    canPay: origin !== null,
    key,
    keyError: keyError === null ? null : keyError.status === 404 ? UNKNOWN_KEY : keyError.detail,
    license: found === null || 'detail' in found ? null : found,
    hours: hours == null ? null : String(hours),
    price: hours == null ? null : priceOf(asked, house),
    // What is wrong with the key is said beside it.
    problem: keyError === null ? (refused?.detail ?? null) : null,
  });
  return page(reply, {
    title: `${product.name}: hours`,
    status: refused?.status ?? keyError?.status ?? 200,
    style: pageStyle,
    script: pageScript,
    ...(origin === null ? {} : { formOrigins: [origin] }),
    body,
  });
}

async function licenseShown(
  request: HttpRequest,
  key: string,
  house: SellingHouse,
): Promise<NonNullable<PaymentPage['license']>> {
  const { product, ledger } = house;
  const license = await licenseByKey(request, key, house);
  const history = await ledger.statement(hoursAccount(license, house), { limit: HISTORY_LINES });
  return {
    figures: figuresOf(await balanceOf(license, house), hoursMeter(product)),
    history: history.slice(0, HISTORY_LINES),
    isLonger: history.length > HISTORY_LINES,
  };
}

function priceOf(asked: AskedHours, house: SellingHouse): string {
  try {
    const { price } = quoteOf(asked, house);
    return priceText(price.amountCents, price.currency);
  } catch (error) {
    return refusalOf(error).detail;
  }
}

interface Refusal {
  status: number;
  detail: string;
}

/** What is said of an error that a person can do something about; anything else is thrown on. */
function refusalOf(error: unknown): Refusal {
  if (!(error instanceof LatchkeyError)) throw error;
  return { status: error.status, detail: error.detail };
}
