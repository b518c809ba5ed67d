import { createHash } from 'node:crypto';
import type { Log } from '../../src/observability/log.ts';
import type { Ids, Randomness } from '../../src/ports.ts';
import { createIds } from '../../src/security/identifiers.ts';
import type { DomainClock } from '../../src/security/system-ports.ts';
import { createVault, type Vault } from '../../src/security/vault.ts';

/** A clock that stands still until a test moves it. */
export interface TestClock extends DomainClock {
  /** Moves domain time alone, as the sandbox's time machine does. */
  advance(milliseconds: number): void;
  /** Moves both clocks, as real time does. */
  pass(milliseconds: number): void;
}

/** A log that keeps what it is told. */
export interface CollectingLog extends Log {
  readonly lines: { level: 'debug' | 'info' | 'warn' | 'error'; fields: object; message: string }[];
}

export interface TestPorts {
  clock: TestClock;
  ids: Ids;
  randomness: Randomness;
  vault: Vault;
  log: CollectingLog;
}

export const testRootSecret = 'a root secret for tests, long enough';

/** The world for a test: it starts at `startAt` (2026-01-01 unless said), and the same seed gives the same ids and bytes. */
export function createTestPorts({ startAt = new Date('2026-01-01T00:00:00Z'), seed = 'seed' } = {}): TestPorts {
  const clock = createTestClock(startAt);
  const randomness = createSeededRandomness(seed);
  return {
    clock,
    randomness,
    ids: createIds(() => clock.wall().getTime(), randomness),
    vault: createVault([testRootSecret], randomness),
    log: createCollectingLog(),
  };
}

export function createTestClock(startAt: Date): TestClock {
  let wallMs = startAt.getTime();
  let offsetMs = 0;
  return {
    now: () => new Date(wallMs + offsetMs),
    wall: () => new Date(wallMs),
    get offsetMs() {
      return offsetMs;
    },
    setOffset: (milliseconds) => {
      offsetMs = milliseconds;
    },
    advance: (milliseconds) => {
      offsetMs += milliseconds;
    },
    pass: (milliseconds) => {
      wallMs += milliseconds;
    },
  };
}

/** Bytes that look random and are the same for the same seed. */
export function createSeededRandomness(seed: string): Randomness {
  let count = 0;
  return {
    bytes(length) {
      const parts: Buffer[] = [];
      for (let made = 0; made < length; made += 32) {
        parts.push(createHash('sha256').update(`${seed}/${count}`).digest());
        count += 1;
      }
      return new Uint8Array(Buffer.concat(parts).subarray(0, length));
    },
  };
}

export function createCollectingLog(): CollectingLog {
  const lines: CollectingLog['lines'] = [];
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
