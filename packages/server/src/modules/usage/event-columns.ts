/** Events as columns: arrays as PostgreSQL reads them, which are made and read much faster than a document a row. */

import type { UsageEvent } from '@latchkey/core';

/** A column's values as one text, of which one alone stands for all; null where none of them is anything. */
type Column = string | null;

export interface EventColumns {
  readonly accounts: string;
  readonly account: Column;
  readonly ids: Column;
  readonly happened: Column;
  readonly quantities: Column;
  readonly covereds: Column;
  readonly overages: Column;
  readonly uncovereds: Column;
  readonly lapseds: Column;
  readonly rates: Column;
  readonly operations: Column;
  readonly reverseds: Column;
  readonly methods: Column;
  readonly routes: Column;
  readonly durations: Column;
  readonly statuses: Column;
  readonly details: Column;
}

/** The columns of events, of which each names its account by its place, from 1 on, among the accounts. */
export function columnsOf(events: readonly UsageEvent[]): EventColumns {
  const places = new Map<string, number>();
  for (const { account } of events) if (!places.has(account)) places.set(account, places.size + 1);
  const numbers = (of: (event: UsageEvent) => number | null) => column(events, (event) => numberOf(of(event)));
  const texts = (of: (event: UsageEvent) => string | null) => column(events, (event) => textOf(of(event)));
  return {
    accounts: `{${[...places.keys()].map(quoted).join(',')}}`,
    account: numbers(({ account }) => places.get(account) ?? null),
    ids: texts(({ id }) => id),
    happened: numbers(({ at }) => at),
    quantities: numbers(({ quantity }) => quantity),
    covereds: numbers(({ covered }) => covered),
    overages: numbers(({ overage }) => overage),
    uncovereds: numbers(({ uncovered }) => uncovered),
    lapseds: numbers(({ lapsed }) => (lapsed === 0 ? null : lapsed)),
    rates: texts(({ rate }) => rate),
    operations: texts(({ operation }) => operation),
    reverseds: texts(({ reverses }) => reverses),
    methods: texts(({ details }) => details.method),
    routes: texts(({ details }) => details.route),
    durations: numbers(({ details }) => details.durationMs),
    statuses: numbers(({ details }) => details.status),
    details: texts(({ details: { properties } }) => (properties === null ? null : JSON.stringify(properties))),
  };
}

const NULL = 'NULL';

/** Where all are alike, one stands for all. */
function column(events: readonly UsageEvent[], of: (event: UsageEvent) => string): Column {
  const [first] = events;
  if (first === undefined) return null;
  const value = of(first);
  if (events.every((event) => of(event) === value)) return value === NULL ? null : `{${value}}`;
  let text = value;
  for (let index = 1; index < events.length; index += 1) {
    const event = events[index];
    if (event !== undefined) text += `,${of(event)}`;
  }
  return `{${text}}`;
}

function numberOf(value: number | null): string {
  return value === null ? NULL : String(value);
}

function textOf(value: string | null): string {
  return value === null ? NULL : quoted(value);
}

const SPECIAL = /["\\]/;

/** A text as an element of an array. */
function quoted(text: string): string {
  return SPECIAL.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : `"${text}"`;
}
