/** A JSON value. `undefined` members are allowed because `JSON.stringify` leaves them out. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [member: string]: Json | undefined };

/** Stripe's envelope for a list of objects. */
export type List<T> = { object: 'list'; data: T[]; has_more: boolean; url: string };

/** A whole list in one page, as Stripe embeds it in its owner (`subscription.items`, `invoice.lines`). */
export function embeddedList<T>(url: string, data: T[]): List<T> {
  return { object: 'list', data, has_more: false, url };
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is List<Json> {
  return isObject(value) && value.object === 'list' && Array.isArray(value.data);
}
