/** What must never be read in a log, wherever it comes from. */

/** Fields that hold secrets, at the top of a line or one or two levels down. */
const secretFields = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'key',
  'license_key',
  'licenseKey',
  'client_secret',
  'clientSecret',
  'stripe-signature',
  'x-license-key',
];

const quoted = (field: string) => (/^\w+$/.test(field) ? `.${field}` : `["${field}"]`);

/** For pino's `redact`. */
export const redactedPaths: string[] = secretFields.flatMap((field) => [
  quoted(field).replace(/^\./, ''),
  `*${quoted(field)}`,
  `*.*${quoted(field)}`,
]);

export const censored = '[redacted]';

/**
 * Secrets inside other text, such as an error's message: groups of hexadecimal digits joined by dashes, keys of two capital letters and
 * groups, Stripe's and our own tokens, bearer credentials, the password of an address.
 */
const secretPatterns: readonly [RegExp, string][] = [
  [/\b[0-9a-f]{16}(?:-[0-9a-f]{16}){3,}\b/gi, censored],
  [/\b[A-Z]{2}-(?:[A-Z0-9]{2,}-)*[A-Z0-9]{8,}(?:-[A-Z0-9]+)*\b/g, censored],
  [/\b(?:(?:sk|rk)_(?:test|live)|whsec|lka|lk)_[A-Za-z0-9+/=_]{8,}/g, censored],
  [/\bBearer [A-Za-z0-9._~+/=-]{8,}/g, `Bearer ${censored}`],
  [/(\w:\/\/[^\s:/@"]+:)[^\s/@"]+@/g, `$1${censored}@`],
];

/** The text without the secrets in it. */
export function redactText(text: string): string {
  let result = text;
  for (const [pattern, replacement] of secretPatterns) result = result.replace(pattern, replacement);
  return result;
}
