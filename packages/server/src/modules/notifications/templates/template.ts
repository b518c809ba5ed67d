/** What every template has: the facts it is given, and the letter it makes of them. */

import type { Plan, Product } from '@latchkey/core';
import { z } from 'zod';
import type { SealedLink } from '../../accounts/index.ts';
import type { Block, Letter } from '../letter.ts';

/** A licence as a letter may show it. It exists while a letter is rendered and is stored nowhere. */
export interface LicenseForMail {
  id: string;
  key: string;
  product: string;
  plan: string;
  /** Null: never. */
  expiresAt: Date | null;
  /** Whether a subscription extends it by itself. */
  renews: boolean;
  /** -1: unlimited. */
  maxMachines: number;
  /** Whether it can be used now. */
  usable: boolean;
}

/** What a template may look up while it is written. */
export interface LetterContext {
  publicUrl: string;
  product(id: string): Pick<Product, 'name' | 'vendor'>;
  plan(productId: string, planId: string): Pick<Plan, 'name'> | null;
  /** Null when there is no such licence any more. */
  license(id: string): Promise<LicenseForMail | null>;
  /** The address behind a link to an owner. Whoever has it acts as the owner: it is made for the letter and kept nowhere. */
  ownerLink(linkId: string): string;
  /** A link that the outbox kept sealed. Whoever has it acts as the owner. */
  openLink(link: SealedLink): string;
  /** Who signs what is about no product: the vendor, where all products are of one, else the sender of the mail. */
  house: Letter['sender'];
}

export interface Template<Schema extends z.ZodType> {
  /** What the outbox keeps for it: ids, dates and amounts, never a key. */
  data: Schema;
  /** The letter of what the outbox kept; null when there is nothing left to say. Throws a ZodError for data that do not fit. */
  write(data: unknown, context: LetterContext): Promise<Letter | null>;
}

/** A template from its data's schema and from what it makes of them. */
export function template<Schema extends z.ZodType>(
  data: Schema,
  compose: (facts: z.output<Schema>, context: LetterContext) => Promise<Letter | null> | Letter,
): Template<Schema> {
  return { data, write: async (stored, context) => compose(data.parse(stored), context) };
}

/** An instant, in ISO 8601 with time zone, as it is stored; a Date as it is used. */
export const instant = z.iso.datetime().transform((text) => new Date(text));

/** What all letters about a subscription know. */
export const offer = { product: z.string(), plan: z.string() };

export const amount = { amountCents: z.int(), currency: z.string().regex(/^[a-z]{3}$/) };

/** A page where the customer can pay or change the card. */
export const webAddress = z.url({ protocol: /^https?$/ });

/** The sender of letters about a product, and the product's name. */
export function about(context: LetterContext, product: string): { name: string; sender: Letter['sender'] } {
  const { name, vendor } = context.product(product);
  return { name, sender: vendor };
}

/** Where to turn when something looks wrong. */
export function mistakeNote({ supportEmail }: Letter['sender']): Block {
  const how = supportEmail === null ? 'answer this letter' : `write to ${supportEmail}`;
  return { kind: 'note', text: `If you think this is a mistake, ${how}.` };
}
