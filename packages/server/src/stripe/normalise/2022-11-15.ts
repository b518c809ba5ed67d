import { type Fields, hasAny, idOf, isFields, without } from './fields.ts';
import type { ShapeChange } from './shape-change.ts';

/** A payment intent named all its charges, the latest first; now it names the latest. */
function paymentIntent(body: Fields): Fields {
  if (!hasAny(body, ['charges'])) return body;
  const charges = isFields(body.charges) && Array.isArray(body.charges.data) ? body.charges.data : [];
  return { latest_charge: idOf(charges[0]), ...without(body, ['charges']) };
}

export const latestCharge: ShapeChange = { version: '2022-11-15', newer: { payment_intent: paymentIntent } };
