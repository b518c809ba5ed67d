import type { Log } from '../../observability/log.ts';

/** Something that should not last, with what is to be known of it. */
export interface Concern {
  part: string;
  because: string;
}

export interface MonitorOptions {
  log: Log;
  /** What the clock brought: grace that ended, notices that fell due. Answers how many subscriptions were looked at. */
  follow(): Promise<number>;
  /** Letters about licences without a subscription. */
  tellOfEnds(): Promise<number>;
  /** Takes over from Stripe what is about to renew, in case its webhook was lost. */
  refresh(): Promise<number>;
  /** What is not well at the moment. */
  concerns(): Promise<readonly Concern[]>;
}

/** The hourly look at everything that nobody asked about. Each part is looked at, whatever becomes of the others. */
export function createMonitor({ log, follow, tellOfEnds, refresh, concerns }: MonitorOptions): () => Promise<void> {
  return async () => {
    const done: Record<string, number> = {};
    const failed: string[] = [];
    const causes: unknown[] = [];
    for (const [name, part] of Object.entries({ looked: follow, told: tellOfEnds, renewed: refresh })) {
      try {
        done[name] = await part();
      } catch (error) {
        failed.push(name);
        causes.push(error);
      }
    }
    const found = await concerns();
    for (const concern of found) log.warn({ ...concern }, 'the monitor found something to look at');
    log.info({ ...done, concerns: found.length }, 'the monitor looked at what the clock brought');
    if (failed.length > 0) throw new AggregateError(causes, `These looks failed: ${failed.join(', ')}.`);
  };
}
