import { formatMoney, money } from '@latchkey/core';
import { z } from 'zod';
import { formatDay, formatInstant } from '../instants.ts';
import type { Block } from '../letter.ts';
import { about, amount, instant, offer, template, webAddress } from './template.ts';

const data = z.object({
  ...offer,
  ...amount,
  /** Which attempt on this invoice failed, from 1. */
  attempt: z.int().min(1),
  /** After how many failures the licence is revoked; null: never. */
  failuresBeforeRevocation: z.int().nullable(),
  /** Until when the licence can be used; null: it already cannot, or nothing is taken. */
  graceUntil: instant.nullable(),
  /** When the card is tried again; null: it is not. */
  nextAttemptAt: instant.nullable(),
  /** Where to pay or change the card. */
  payUrl: webAddress.nullable(),
});

/** A payment failed: what to do, and until when. */
export const paymentFailed = template(data, (facts, context) => {
  const { name, sender } = about(context, facts.product);
  const price = formatMoney(money(facts.amountCents, facts.currency));
  const { graceUntil } = facts;
  const by = graceUntil === null ? '' : ` – please act by ${formatDay(graceUntil)}`;
  const consequence =
    graceUntil === null
      ? 'As soon as it is paid, everything works again.'
      : `Until ${formatInstant(graceUntil)} everything works as before. After that the licence is suspended.`;
  return {
    subject: `The payment for ${name} failed${by}`,
    preview:
      graceUntil === null ? `${price} could not be charged.` : `You can use it until ${formatInstant(graceUntil)}.`,
    heading: `The payment for ${name} failed`,
    blocks: [
      { kind: 'text', text: `We could not charge ${price} for ${name}. ${consequence}` },
      { kind: 'facts', facts: timetable(facts) },
      { kind: 'steps', steps: steps(facts) },
      ...payButton(facts.payUrl),
      { kind: 'text', text: 'Once it is paid everything is as it was, with the same key.' },
    ],
    sender,
  };
});

function timetable(facts: z.infer<typeof data>): [string, string][] {
  const { attempt, failuresBeforeRevocation, graceUntil, nextAttemptAt } = facts;
  const count = failuresBeforeRevocation === null ? String(attempt) : `${attempt} of ${failuresBeforeRevocation}`;
  const rows: [string, string][] = [['Failed attempts', count]];
  if (graceUntil !== null) rows.push(['Usable until', formatInstant(graceUntil)]);
  rows.push(['Next attempt', nextAttemptAt === null ? 'none' : formatInstant(nextAttemptAt)]);
  return rows;
}

function steps({ failuresBeforeRevocation, nextAttemptAt, payUrl }: z.infer<typeof data>): string[] {
  const where = payUrl === null ? 'Update your card' : 'Open the page below and update your card';
  const list = [`${where}, or make sure that the account behind it is covered.`];
  if (nextAttemptAt !== null) list.push(`We try again on ${formatInstant(nextAttemptAt)}. You can also pay at once.`);
  if (failuresBeforeRevocation !== null) {
    list.push(`After failure number ${failuresBeforeRevocation} the licence is revoked.`);
  }
  return list;
}

/** The way to pay, where there is one. */
export function payButton(url: string | null): Block[] {
  return url === null ? [] : [{ kind: 'button', label: 'Update the card and pay', url }];
}
