import type { JobDefinition } from './queue.ts';
import type { Worker } from './worker.ts';

/** Something to be done at the side, by name, so that the log can say which failed. */
export interface Chore {
  name: string;
  run(): Promise<unknown>;
}

export interface CatalogueOptions {
  /** Woken every minute, so that rows whose process died are found by another. */
  workers: readonly Pick<Worker, 'wake'>[];
  /** Done every minute: cheap things, such as writing down when API keys were last used. */
  everyMinute?: readonly Chore[];
  /** Done every night: forgetting what has been kept long enough. */
  daily?: readonly Chore[];
  /** Jobs of modules. */
  more?: readonly JobDefinition[];
}

/** The jobs of this program, all of them. */
export function jobCatalogue({ workers, everyMinute = [], daily = [], more = [] }: CatalogueOptions): JobDefinition[] {
  return [
    {
      name: 'sweep',
      schedule: '* * * * *',
      // The next one comes in a minute anyway.
      retryLimit: 0,
      timeoutSeconds: 60,
      async handler() {
        for (const worker of workers) worker.wake();
        await runAll(everyMinute);
      },
    },
    { name: 'housekeeping', schedule: '17 3 * * *', handler: () => runAll(daily) },
    ...more,
  ];
}

/** Runs all of them, whatever becomes of the others, and then says which failed. */
async function runAll(chores: readonly Chore[]): Promise<void> {
  const failed: string[] = [];
  const causes: unknown[] = [];
  for (const { name, run } of chores) {
    try {
      await run();
    } catch (error) {
      failed.push(name);
      causes.push(error);
    }
  }
  if (failed.length > 0) throw new AggregateError(causes, `These failed: ${failed.join(', ')}.`);
}
