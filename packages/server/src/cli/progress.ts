import type { Host } from './host.ts';

/** How far long work is. */
export interface Progress {
  /** `part` of the whole, from 0 to 1; null while nobody knows the whole. */
  update(part: number | null, text: string): void;
  /** Removes the bar, so that what comes next stands alone. */
  end(): void;
}

const WIDTH = 24;
const REDRAW_MS = 100;
/** Where nothing can be redrawn, a line for each tenth. */
const STEPS = 10;

/** A bar on a terminal; elsewhere a line for each tenth of the way. Nothing where `quiet` is set and there is no terminal. */
export function createProgress(host: Host, { quiet }: { quiet: boolean }): Progress {
  const { terminal } = host;
  return terminal === undefined ? lines(host, quiet) : bar(terminal);
}

function bar(terminal: (text: string) => void): Progress {
  let drawnAt = Number.NEGATIVE_INFINITY;
  return {
    update(part, text) {
      const now = performance.now();
      if (now - drawnAt < REDRAW_MS && part !== 1) return;
      drawnAt = now;
      terminal(`\r\u001b[2K${part === null ? '' : `${drawn(part)} `}${text}`);
    },
    end: () => terminal('\r\u001b[2K'),
  };
}

function drawn(part: number): string {
  const full = Math.round(clamped(part) * WIDTH);
  const percent = String(Math.floor(clamped(part) * 100)).padStart(3);
  return `[${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] ${percent} %`;
}

function clamped(part: number): number {
  return Math.min(1, Math.max(0, part));
}

function lines(host: Host, quiet: boolean): Progress {
  let told = 0;
  return {
    update(part, text) {
      const step = part === null ? told + 1 : Math.floor(clamped(part) * STEPS);
      if (quiet || step <= told) return;
      told = step;
      host.err(part === null ? text : `${String(step * STEPS).padStart(3)} %  ${text}`);
    },
    end: () => {},
  };
}
