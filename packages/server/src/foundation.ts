/** Everything that stands before the first module: secrets, logs, the database at its newest version, the clock. */

import type { Config } from './config/config.ts';
import { type FirstRun, openFirstRun } from './config/first-run.ts';
import { checkRootSecrets } from './config/stamp.ts';
import { followClock } from './db/clock-store.ts';
import type { OpenedDatabase } from './db/engine.ts';
import { migrate } from './db/migrate.ts';
import { openDatabase } from './db/open.ts';
import { createLogs, type Logs } from './observability/logs.ts';
import { createMetrics, type Metrics } from './observability/metrics.ts';
import type { CrashPoint, Ids, Randomness } from './ports.ts';
import { createClock, createSystemIds, type DomainClock, systemRandomness } from './security/system-ports.ts';
import { createVault, type Vault } from './security/vault.ts';
import type { Patience } from './stripe/client/index.ts';

/** What a test may put in the world's place. */
export interface World {
  randomness?: Randomness;
  clock?: DomainClock;
  ids?: Ids;
  crashPoint?: CrashPoint;
  logs?: Logs;
  patience?: Patience;
  /** Opens the database, where it is not the configuration's to say. */
  openDatabase?: typeof openDatabase;
}

export interface Foundation {
  config: Config;
  firstRun: FirstRun;
  logs: Logs;
  metrics: Metrics;
  vault: Vault;
  database: OpenedDatabase;
  patience: Patience;
  clock: DomainClock;
  ids: Ids;
  randomness: Randomness;
  crashPoint: CrashPoint;
  adminToken: { token: string; isNew: boolean };
  close(): Promise<void>;
}

/** Opens the foundation. Whatever was opened is closed again when something on the way fails. */
export async function openFoundation(config: Config, world: World = {}, isPretty = false): Promise<Foundation> {
  const randomness = world.randomness ?? systemRandomness;
  const clock = world.clock ?? createClock();
  const firstRun = openFirstRun(config.dataDir, randomness);
  const rootSecrets = config.rootSecrets ?? [firstRun.rootSecret()];
  const vault = createVault(rootSecrets, randomness);
  const logs = world.logs ?? createLogs({ logLevel: config.logLevel, logDir: config.logDir, pretty: isPretty });
  const { databaseUrl, dataDir, databasePoolSize } = config;
  const open = world.openDatabase ?? openDatabase;
  const database = await open({ databaseUrl, dataDir, log: logs.app, poolSize: databasePoolSize });
  try {
    await migrate(database);
    await checkRootSecrets(database, vault, clock.wall());
    const unfollow = await followClock(database, clock);
    return {
      config,
      firstRun,
      logs,
      metrics: createMetrics(),
      vault,
      database,
      clock,
      ids: world.ids ?? createSystemIds(),
      randomness,
      patience: world.patience ?? {},
      crashPoint: world.crashPoint ?? (() => {}),
      adminToken: config.adminToken === null ? firstRun.adminToken() : { token: config.adminToken, isNew: false },
      async close() {
        await unfollow();
        await database.close();
        logs.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}
