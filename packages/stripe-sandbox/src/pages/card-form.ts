import { createPaymentMethod } from '../billing/payment-methods.ts';
import { TEST_CARDS, testCardByNumber } from '../billing/test-cards.ts';
import type { PaymentMethod } from '../objects/payment-method.ts';
import type { Work } from '../work.ts';
import { type Html, html } from './html.ts';

/** What was typed into a payment form, as it was typed. */
export type Typed = { email: string; name: string; number: string; expiry: string; cvc: string };

export type FieldErrors = Partial<Record<keyof Typed, string>>;

export function readTyped(form: URLSearchParams): Typed {
  const text = (name: string) => (form.get(name) ?? '').trim().slice(0, 200);
  return { email: text('email'), name: text('name'), number: text('number'), expiry: text('expiry'), cvc: text('cvc') };
}

/** `12/34`, `1234`, `12/2034`. */
function parseExpiry(text: string): { month: number; year: number } | undefined {
  const parts = /^(\d{1,2})\s*\/?\s*(\d{2}|\d{4})$/.exec(text);
  if (parts === null) return undefined;
  const month = Number(parts[1]);
  const year = Number(parts[2]);
  return month < 1 || month > 12 ? undefined : { month, year: year < 100 ? 2000 + year : year };
}

/** What is wrong with the card as typed, judged at the time of the sandbox clock. */
export function cardErrors(typed: Typed, nowMs: number): FieldErrors {
  const errors: FieldErrors = {};
  const digits = typed.number.replace(/[\s-]/g, '');
  if (!/^\d{12,19}$/.test(digits)) errors.number = 'Your card number is incomplete or not a number.';
  else if (testCardByNumber(digits) === undefined) {
    errors.number = 'This is not one of the test cards. Use 4242 4242 4242 4242, or one from the list below.';
  }
  const expiry = parseExpiry(typed.expiry);
  if (expiry === undefined) errors.expiry = 'Give the expiry date as MM/YY.';
  else if (Date.UTC(expiry.year, expiry.month) <= nowMs) errors.expiry = "Your card's expiration date is in the past.";
  if (!/^\d{3,4}$/.test(typed.cvc)) errors.cvc = 'The security code has three or four digits.';
  return errors;
}

/** A fresh payment method of the card that was typed; call it only when {@link cardErrors} found nothing. */
export function typedPaymentMethod(work: Work, typed: Typed, email: string | null): PaymentMethod {
  const card = testCardByNumber(typed.number);
  const expiry = parseExpiry(typed.expiry);
  if (card === undefined || expiry === undefined) throw new Error('The card was not checked');
  return createPaymentMethod(work, card, {
    billing: { email, name: typed.name === '' ? null : typed.name },
    expMonth: expiry.month,
    expYear: expiry.year,
  });
}

function field(name: keyof Typed, label: string, value: string, error: string | undefined, attributes: Html): Html {
  const invalid = error !== undefined && html` aria-invalid="true" aria-describedby="${name}-error"`;
  return html`<div>
<label for="${name}">${label}</label>
<input id="${name}" name="${name}" value="${value}" ${attributes}${invalid}>
${error !== undefined && html`<p id="${name}-error" class="wrong">${error}</p>`}
</div>`;
}

export function emailField(typed: Typed, error: string | undefined): Html {
  return field('email', 'Email', typed.email, error, html`type="email" autocomplete="email" required`);
}

/** Number, expiry, security code and name. */
export function cardFields(typed: Typed, errors: FieldErrors): Html {
  return html`
${field('number', 'Card number', typed.number, errors.number, html`inputmode="numeric" autocomplete="off" list="test-cards" required`)}
<datalist id="test-cards">${TEST_CARDS.map((card) => html`<option value="${spaced(card.number)}">`)}</datalist>
<div class="pair">
${field('expiry', 'Expiry (MM/YY)', typed.expiry, errors.expiry, html`inputmode="numeric" autocomplete="off" required`)}
${field('cvc', 'Security code', typed.cvc, errors.cvc, html`inputmode="numeric" autocomplete="off" required`)}
</div>
${field('name', 'Name on card', typed.name, errors.name, html`autocomplete="off"`)}`;
}

export const PREFILLED: Omit<Typed, 'email' | 'name'> = { number: '4242 4242 4242 4242', expiry: '12/34', cvc: '123' };

function spaced(number: string): string {
  return number.replace(/(\d{4})(?=\d)/g, '$1 ');
}

const LISTED: readonly (readonly [number: string, what: string])[] = [
  ['4242424242424242', 'pays'],
  ['4000000000000002', 'is declined'],
  ['4000000000009995', 'has insufficient funds'],
  ['4000000000000069', 'has expired'],
  ['4000000000000341', 'can be saved, then every charge fails'],
  ['4000002500003155', 'asks for 3-D Secure'],
];

/** The cards worth trying and what they do. */
export function testCardList(): Html {
  return html`<details><summary>Test cards</summary><table>
<thead><tr><th scope="col">Number</th><th scope="col">What it does</th></tr></thead>
<tbody>${LISTED.map(([number, what]) => html`<tr><td><code>${spaced(number)}</code></td><td>${what}</td></tr>`)}</tbody>
</table></details>`;
}
