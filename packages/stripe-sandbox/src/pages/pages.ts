import type { Clock } from '../clock/clock.ts';
import type { Engine } from '../engine.ts';

export type Page = { status: number; headers: Record<string, string>; body: string };

/** The hosted pages. */
export class Pages {
  readonly engine: Engine;
  readonly clock: Clock;

  constructor(engine: Engine, clock: Clock) {
    this.engine = engine;
    this.clock = clock;
  }

  answer(_method: string, _url: URL, _body: string): Page {
    return { status: 404, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: '<h1>Not found</h1>' };
  }
}
