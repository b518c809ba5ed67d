import { z } from 'zod';
import { MOST_NOTES } from './at-stripe.ts';
import type { Customer } from './service.ts';

export const customerAnswer = z.object({
  id: z.string(),
  object: z.literal('customer'),
  email: z.string().nullable(),
  name: z.string().nullable(),
  external_id: z.string().nullable().describe("The vendor's own id."),
  stripe_customer_id: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
  created_at: z.string(),
});

// Stripe's own limits, so that what is kept here can be kept there.
const noteName = z
  .string()
  .min(1)
  .max(40)
  .regex(/^(?!latchkey_)/, 'Names that begin with latchkey_ are taken.')
  .regex(/^[^[\]]*$/, 'Names have no brackets.');
const note = z.string().max(500);
const countNotes = (notes: object) => Object.keys(notes).length <= MOST_NOTES;
const tooMany = `At most ${MOST_NOTES} notes.`;

const email = z.email().max(254);
const name = z.string().trim().min(1).max(255);
const externalId = z.string().min(1).max(255);

export const createBody = z.object({
  email,
  name: name.optional(),
  external_id: externalId.optional(),
  metadata: z.record(noteName, note.min(1)).refine(countNotes, tooMany).optional(),
  at_stripe: z
    .boolean()
    .default(false)
    .describe('Make them known to Stripe at once. Else that is done when Stripe is first needed.'),
});

export const updateBody = z.object({
  email: email.optional(),
  name: name.nullable().optional(),
  external_id: externalId.optional().describe('Can be given once.'),
  metadata: z
    .record(noteName, note.nullable())
    .refine(countNotes, tooMany)
    .optional()
    .describe('Merged into what is there; null or an empty text takes a note away.'),
});

export function customerView(customer: Customer): z.infer<typeof customerAnswer> {
  return {
    id: customer.id,
    object: 'customer',
    email: customer.email,
    name: customer.name,
    external_id: customer.external_id,
    stripe_customer_id: customer.stripe_customer_id,
    metadata: customer.metadata,
    created_at: customer.created_at.toISOString(),
  };
}
