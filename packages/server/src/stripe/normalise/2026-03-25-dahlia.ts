import type { Fields } from './fields.ts';
import type { ShapeChange } from './shape-change.ts';

/** Where Checkout is shown got other names. */
const uiModes: Readonly<Record<string, string>> = {
  hosted: 'hosted_page',
  embedded: 'embedded_page',
  custom: 'elements',
};

function checkoutSession(body: Fields): Fields {
  const renamed = typeof body.ui_mode === 'string' ? uiModes[body.ui_mode] : undefined;
  return renamed === undefined ? body : { ...body, ui_mode: renamed };
}

/** Lines can count fractions. */
function invoiceLine(body: Fields): Fields {
  const { quantity } = body;
  if (quantity === undefined || Object.hasOwn(body, 'quantity_decimal')) return body;
  return { ...body, quantity_decimal: typeof quantity === 'number' ? String(quantity) : null };
}

export const dahlia: ShapeChange = {
  version: '2026-03-25.dahlia',
  newer: { 'checkout.session': checkoutSession, line_item: invoiceLine },
};
