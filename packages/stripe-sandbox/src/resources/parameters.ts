import { invalidRequest } from '../http/api-error.ts';
import type { Address, PaymentShipping, Shipping } from '../objects/parts.ts';
import { array, boolean, emptyable, type Infer, object, required, type Schema, string } from '../parameters/schema.ts';

/** Parameters that several calls take, and how they become members of objects. */

const ADDRESS_FIELDS = {
  city: emptyable(string()),
  country: emptyable(string()),
  line1: emptyable(string()),
  line2: emptyable(string()),
  postal_code: emptyable(string()),
  state: emptyable(string()),
};

export const ADDRESS = object(ADDRESS_FIELDS);

export const SHIPPING = object({ address: required(ADDRESS), name: required(string()), phone: emptyable(string()) });

/** Where the goods go, of a payment: with the carrier that takes them there. */
export const PAYMENT_SHIPPING = object({
  ...SHIPPING.fields,
  carrier: emptyable(string()),
  tracking_number: emptyable(string()),
});

/** Cards are all there is. */
export const ALLOWED_TYPES = array(only(string(), 'card'), { max: 1 });

/** `{enabled: false}`: a feature that is not there yet may be switched off. */
export function switchedOff(...unsupported: string[]) {
  return object({ enabled: required(only(boolean(), false)) }, unsupported);
}

/** Tax counted by Stripe: for an account without registrations there is none, and no other can be liable. */
export const AUTOMATIC_TAX = object({ enabled: required(boolean()) }, ['liability']);

/** `''` unsets: what was given as an empty string becomes null. */
export function orNull(value: string): string | null {
  return value === '' ? null : value;
}

export function toAddress(given: Infer<typeof ADDRESS_FIELDS>): Address {
  return {
    city: orNull(given.city ?? ''),
    country: orNull(given.country ?? ''),
    line1: orNull(given.line1 ?? ''),
    line2: orNull(given.line2 ?? ''),
    postal_code: orNull(given.postal_code ?? ''),
    state: orNull(given.state ?? ''),
  };
}

export function toShipping(given: ReturnType<typeof SHIPPING.decode>): Shipping {
  return { address: toAddress(given.address), name: given.name, phone: orNull(given.phone ?? '') };
}

const CURRENCIES = new Set(
  (
    'usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny ' +
    'cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl hrk htg huf idr ils inr isk ' +
    'jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn ' +
    'nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std ' +
    'szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw'
  ).split(' '),
);

/** A three-letter currency, answered in lower case whatever it was given in. */
export function currency(): Schema<string> {
  return {
    decode(raw, path) {
      const code = string().decode(raw, path).toLowerCase();
      if (CURRENCIES.has(code)) return code;
      throw invalidRequest(`Invalid currency: ${code}. It must be one of Stripe's supported currencies.`, {
        param: path,
      });
    },
  };
}

/** An absolute http(s) address. */
export function webUrl(): Schema<string> {
  return {
    decode(raw, path) {
      const text = string().decode(raw, path);
      if (/^https?:\/\/[^\s/]+/i.test(text) && URL.canParse(text)) return text;
      throw invalidRequest('Not a valid URL', { code: 'url_invalid', param: path });
    },
  };
}

/** Accepts only `value`: for parameters of Stripe's whose other values the sandbox does not carry out. */
export function only<T extends string | boolean | number>(schema: Schema<T>, value: T): Schema<T> {
  return {
    decode(raw, path) {
      const decoded = schema.decode(raw, path);
      if (decoded === value) return decoded;
      throw invalidRequest(`Unsupported value for ${path}: the local Stripe does only '${value}'.`, {
        code: 'sandbox_unsupported',
        param: path,
      });
    },
  };
}

/** Refuses `value` by name: the one of Stripe's values that the sandbox does not carry out. */
export function allBut<T extends string, V extends T>(schema: Schema<T>, value: V): Schema<Exclude<T, V>> {
  return {
    decode(raw, path) {
      const decoded = schema.decode(raw, path);
      if (decoded !== value) return decoded as Exclude<T, V>;
      throw invalidRequest(`Unsupported value for ${path}: the local Stripe does not do '${value}' yet.`, {
        code: 'sandbox_unsupported',
        param: path,
      });
    },
  };
}

/** Where a payment's goods go, as the payment shows it. */
export function toPaymentShipping(given: ReturnType<typeof PAYMENT_SHIPPING.decode>): PaymentShipping {
  return {
    ...toShipping(given),
    carrier: orNull(given.carrier ?? ''),
    tracking_number: orNull(given.tracking_number ?? ''),
  };
}
