import { formatMeterQuantity, type Meter, type Product, type Transfer } from '@latchkey/core';
import { type Html, html } from '../../http/index.ts';
import { type Figures, packagesView, priceText } from './to-wire.ts';

/** What the payment page shows. */
export interface PaymentPage {
  product: Product;
  meter: Meter;
  /** Whether anybody can pay. */
  canPay: boolean;
  /** As it was typed. */
  key: string | null;
  /** What is wrong with the key. */
  keyError: string | null;
  license: { figures: Figures; history: readonly Transfer[]; isLonger: boolean } | null;
  /** As they were typed. */
  hours: string | null;
  /** The price of the hours that were typed, or why there is none. */
  price: string | null;
  /** What went wrong with a purchase. */
  problem: string | null;
}

export function paymentPage(shown: PaymentPage): Html {
  const { product, canPay, problem } = shown;
  return html`<main><h1>${product.name}: hours</h1>
${canPay ? null : html`<p class="notice" role="status">Payments are not set up on this server: hours cannot be bought at the moment. Your balance and your history are shown all the same.</p>`}
${problem === null ? null : html`<p class="notice" role="alert">${problem}</p>`}
${licenseSection(shown)}
${packagesSection(shown)}
${customSection(shown)}
${historySection(shown)}
</main>`;
}

function licenseSection({ key, keyError, license }: PaymentPage): Html {
  const invalid = keyError === null ? null : html` aria-invalid="true" aria-describedby="key-error"`;
  return html`<section aria-labelledby="license"><h2 id="license">Your licence</h2>
<form method="post" action="/payments/" class="field"><div><label for="key">Licence key</label>
<input id="key" name="license_key" required autocomplete="off" autocapitalize="characters" spellcheck="false" value="${key}"${invalid}></div>
<button>Show my hours</button></form>
${keyError === null ? null : html`<p id="key-error" class="error" role="alert">${keyError}</p>`}
${license === null ? null : figuresList(license.figures)}</section>`;
}

function figuresList(figures: Figures): Html {
  return html`<dl class="figures"><div><dt>Left</dt><dd>${figures.hours_remaining} h</dd></div>
<div><dt>Used</dt><dd>${figures.used_hours} h</dd></div>
<div><dt>Purchased</dt><dd>${figures.purchased_hours} h</dd></div></dl>`;
}

function hidden(key: string | null): Html {
  return html`<input type="hidden" name="license_key" value="${key}">`;
}

function packagesSection({ product, meter, canPay, license, key }: PaymentPage): Html | null {
  const { packages } = packagesView(product, meter.id);
  if (packages.length === 0) return null;
  const buy = (id: string, name: string): Html | null =>
    canPay && license !== null
      ? html`<form method="post" action="/payments/buy">${hidden(key)}<button name="package_id" value="${id}" aria-label="Buy ${name}">Buy</button></form>`
      : null;
  return html`<section aria-labelledby="packages"><h2 id="packages">Packages</h2>
${canPay && license === null ? html`<p class="soft">Enter your licence key above to buy.</p>` : null}
<ul class="packs">${packages.map(
    ({ id, name, price_cents, currency }) =>
      html`<li><span><strong>${name}</strong> <span class="soft">${priceText(price_cents, currency)}</span></span>${buy(id, name)}</li>`,
  )}</ul></section>`;
}

function customSection({ product, meter, canPay, license, key, hours, price }: PaymentPage): Html | null {
  const { custom_hours: bounds } = packagesView(product, meter.id);
  if (bounds === null) return null;
  const { minimum, maximum } = bounds;
  const canBuy = canPay && license !== null;
  return html`<section aria-labelledby="custom"><h2 id="custom">Hours of your choice</h2>
<form method="post" action="/payments/buy" class="field">${hidden(key)}<div><label for="hours">Hours, ${minimum} to ${maximum}</label>
<input id="hours" name="hours" type="number" inputmode="decimal" required step="any" min="${minimum}" max="${maximum}" value="${hours}" aria-describedby="price"></div>
${canBuy ? html`<button>Buy these hours</button>` : null}
<button id="show-price" class="quiet" formaction="/payments/">Show the price</button></form>
<output id="price" for="hours">${price}</output></section>`;
}

function historySection({ meter, license }: PaymentPage): Html | null {
  if (license === null) return null;
  const { history, isLonger } = license;
  if (history.length === 0) {
    return html`<section aria-labelledby="history"><h2 id="history">Usage history</h2><p class="soft">Nothing was bought or used yet.</p></section>`;
  }
  return html`<section aria-labelledby="history"><h2 id="history">Usage history</h2>
<div class="scroll"><table role="table">
<caption>${isLonger ? `The last ${history.length} entries` : 'All entries'}, the newest first. Times are UTC.</caption>
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">When</th><th scope="col" role="columnheader">What</th><th scope="col" role="columnheader" class="number">Hours</th><th scope="col" role="columnheader" class="number">Left</th></tr></thead>
<tbody role="rowgroup">${history.map((entry) => historyRow(entry, meter))}</tbody></table></div></section>`;
}

const MOMENT = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
});

function historyRow(entry: Transfer, meter: Meter): Html {
  const { at, amount, availableAfter } = entry;
  return html`<tr role="row"><td role="cell"><time datetime="${new Date(at).toISOString()}">${MOMENT.format(at)}</time></td><td role="cell">${whatHappened(entry)}</td>
<td role="cell" class="number">${sign(entry)}${formatMeterQuantity(amount, meter)}</td><td role="cell" class="number">${formatMeterQuantity(availableAfter, meter)}</td></tr>`;
}

function sign({ from, to, amount }: Transfer): string {
  if (amount === 0) return '';
  if (to === 'available') return '+';
  return from === 'available' ? '−' : '';
}

/** An entry of the ledger in the customer's words. */
export function whatHappened({ kind, key }: Pick<Transfer, 'kind' | 'key'>): string {
  switch (kind) {
    case 'grant':
      return key.startsWith('checkout/') ? 'Bought' : 'Added';
    case 'consume':
      return key.startsWith('session/') ? 'Used in a session' : 'Used';
    case 'post':
      return 'Used';
    case 'reserve':
      return 'Held back';
    case 'release':
    case 'void':
    case 'reservation_expired':
      return 'No longer held back';
    case 'lot_expired':
      return 'Expired';
    case 'clawback':
      return 'Taken back with its payment';
    case 'correction':
      return 'Corrected';
    case 'reversal':
      return 'Use undone';
  }
}
