import { type ConstructorOptions, fromKysely, fromPglite, PgBoss, type SendOptions } from 'pg-boss';
import type { Transaction } from '../db/database.ts';
import type { OpenedDatabase } from '../db/engine.ts';
import type { Log } from '../observability/log.ts';

/** One kind of job. */
export interface JobDefinition<Data extends object = object> {
  name: string;
  /** A cron line in UTC, such as `* * * * *`. One process of all runs each occurrence. */
  schedule?: string;
  /** Attempts after the first; 5 unless said. Then the job goes to the dead letters. */
  retryLimit?: number;
  /** Seconds before the first retry; each further one waits twice as long. 1 unless said. */
  retryDelaySeconds?: number;
  /** How long one attempt may take; 300 unless said. */
  timeoutSeconds?: number;
  handler(data: Data): Promise<void>;
}

/**
 * Jobs on the same database as everything else. They wake workers and keep house; what is to be done, and when it falls due, stands in
 * the domain's own tables, so that losing every job would lose nothing.
 */
export interface Queue {
  /** Makes the tables and queues where they are missing, and begins to work. */
  start(): Promise<void>;
  /** Sends a job: with the transaction when one is given, else at once. */
  send(name: string, data?: object, options?: { transaction?: Transaction }): Promise<void>;
  /** How many jobs have failed for good. */
  deadLetters(): Promise<number>;
  /** Takes no new job and waits for those at work, for eight seconds at most. */
  stop(): Promise<void>;
}

const deadLetterQueue = 'dead-letter';
/** Within the ten seconds that a whole process has for its end. */
const stopTimeoutMs = 8_000;
/** NOTIFY tells of new jobs at once; retries and lost notices are found by asking. */
const pollingSeconds = 5;
const dayS = 24 * 60 * 60;

export interface QueueOptions {
  database: OpenedDatabase;
  jobs: readonly JobDefinition[];
  log: Log;
}

export function createQueue({ database, jobs, log }: QueueOptions): Queue {
  const boss = new PgBoss({
    ...connectionOf(database),
    schema: 'pgboss',
    useListenNotify: true,
    // Its own upkeep; ours is few rows.
    maintenanceIntervalSeconds: 3_600,
    reindex: false,
    monitorVacuum: false,
  });
  boss.on('error', (error: Error) => log.error({ error }, 'the job queue met an error'));
  boss.on('warning', ({ message }: { message: string }) => log.warn({ warning: message }, 'the job queue warns'));
  let isStarted = false;

  const startJob = async (job: JobDefinition): Promise<void> => {
    const { name, schedule, handler, retryLimit = 5, retryDelaySeconds = 1, timeoutSeconds = 300 } = job;
    const options = {
      retryLimit,
      retryDelay: retryDelaySeconds,
      retryBackoff: true,
      expireInSeconds: timeoutSeconds,
      deleteAfterSeconds: dayS,
      deadLetter: deadLetterQueue,
      notify: true,
    };
    await boss.createQueue(name, options);
    // What an earlier version of this program chose for the queue.
    await boss.updateQueue(name, options);
    await boss.work<object>(
      name,
      { pollingIntervalSeconds: pollingSeconds, notifyPollingIntervalSeconds: pollingSeconds },
      async (batch) => {
        for (const { id, data } of batch) {
          try {
            await handler(data ?? {});
          } catch (error) {
            log.warn({ error, job: name, job_id: id }, 'a job failed and will be tried again');
            throw error;
          }
        }
      },
    );
    if (schedule === undefined) await boss.unschedule(name);
    else await boss.schedule(name, schedule, {}, { tz: 'UTC' });
  };

  return {
    async start() {
      database.assertOutsideTransaction('Starting the job queue');
      await boss.start();
      isStarted = true;
      await boss.createQueue(deadLetterQueue, { deleteAfterSeconds: 30 * dayS });
      for (const job of jobs) await startJob(job);
    },
    async send(name, data = {}, { transaction } = {}) {
      const options: SendOptions = {};
      if (transaction === undefined) database.assertOutsideTransaction('Sending a job without the transaction');
      else options.db = fromKysely(transaction.connection);
      await boss.send(name, data, options);
    },
    async deadLetters() {
      return (await boss.findJobs(deadLetterQueue)).length;
    },
    async stop() {
      if (!isStarted) return;
      isStarted = false;
      await boss.stop({ graceful: true, timeout: stopTimeoutMs, close: true });
    },
  };
}

function connectionOf({ handle }: OpenedDatabase): ConstructorOptions {
  if (handle.engine === 'pglite') return { db: fromPglite(handle.pglite), backend: 'pglite' };
  return { connectionString: handle.databaseUrl, application_name: 'latchkey jobs', max: 4 };
}
