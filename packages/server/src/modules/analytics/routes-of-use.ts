/** Use by the routes of the vendor's software. */

import type { DurationHistogram, Meter, SlotLength } from '@latchkey/core';
import { figuresOf, type Latencies, latenciesOf, type SlotOfUse, slotsOf, type UseFigures } from './use-figures.ts';
import type { GroupedUse, UseSpan } from './use-repository.ts';

export interface RouteOfUse extends UseFigures {
  /** Null for events that name none. */
  method: string | null;
  route: string | null;
  latency: Latencies | null;
  /** Left out where only the whole was asked for. */
  slots?: SlotOfUse[];
}

/** Routes that one answer names: those that are used most. */
export const MOST_ROUTES = 100;

interface RouteRows {
  totals: readonly GroupedUse[];
  /** Left out: without slots. */
  slots?: readonly GroupedUse[];
  durations: readonly { method: string; route: string; durations: DurationHistogram }[];
}

/** The routes, the one that used most first. */
export function routesOf(rows: RouteRows, meter: Meter, span: UseSpan & { by: SlotLength }): RouteOfUse[] {
  return rows.totals
    .map((total) => {
      const isSame = ({ method, route }: { method: string; route: string }) =>
        method === total.method && route === total.route;
      const durations = rows.durations.find(isSame)?.durations;
      return {
        method: total.method === '' ? null : total.method,
        route: total.route === '' ? null : total.route,
        ...figuresOf(total, meter),
        latency: latenciesOf(durations, total.durationMs),
        ...(rows.slots === undefined ? {} : { slots: slotsOf(rows.slots.filter(isSame), meter, span) }),
      };
    })
    .sort((one, other) => other.quantity - one.quantity || other.events - one.events)
    .slice(0, MOST_ROUTES);
}
