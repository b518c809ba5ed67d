/** A program's own licence: looked at when it starts, activated, kept, and good for a while without the server. */

import type { LatchkeyClient } from '../client/client.ts';
import { isOutage } from '../client/errors.ts';
import type { ActivationDecision, WireMachine } from '../client/wire.ts';
import { type Asking, askAboutKey, askDemo, fetchForLater, NotGenuineError } from './ask-server.ts';
import type { SigningKey } from './offline.ts';
import { type DemoDefaults, type LicenseStanding, standingOfAnswers, standingOfDemo } from './standing.ts';
import { createMemoryStore, type KeptLicense, type LicenseStore, NOTHING_KEPT, readKept, writeKept } from './store.ts';
import { standWithoutServer } from './without-server.ts';

export interface LicenseOptions {
  client: LatchkeyClient;
  product?: string | undefined;
  /** The key, where the program is given one; else the one that was activated before is taken from the store. */
  key?: string | undefined;
  /** The machine, as `machineIdentity` of `@latchkey/sdk/node` makes it. */
  machine?: WireMachine | undefined;
  /** Where the key and the last answer are kept; in memory unless said. */
  store?: LicenseStore | undefined;
  /** How long the server's last yes is good while it is away; 7 days unless said. 0: not at all. */
  graceDays?: number | undefined;
  /** The vendor's signing keys, built in: then answers must be signed, and signed files are fetched for the time without the server. */
  publicKeys?: readonly SigningKey[] | undefined;
  /** Whether files are fetched; only with public keys, and then unless said otherwise. */
  files?: boolean | undefined;
  /** Takes a seat by itself where the key has one free for this machine. */
  activateAtStart?: boolean | undefined;
  /** What the program may do until it has heard of the server once. */
  demo?: DemoDefaults | undefined;
  /** Told of outages, and of answers that are not genuine. */
  onProblem?: ((error: unknown) => void) | undefined;
  now?: (() => number) | undefined;
}

export interface License {
  /** Where it stands. Before `start`, in demo mode. */
  readonly standing: LicenseStanding;
  /** Looks at the licence when the program starts: no key, demo mode; a key, what it allows. Never throws for an outage. */
  start(): Promise<LicenseStanding>;
  /** Looks again. */
  refresh(): Promise<LicenseStanding>;
  /** Takes a seat with this key, and keeps it when it is accepted. Throws where the server is away. */
  activate(key: string): Promise<ActivationDecision>;
  /** Gives the seat back and forgets the key. Throws where the server is away. */
  deactivate(): Promise<LicenseStanding>;
  has(feature: string): boolean;
  /** A number of the plan's, -1 is unlimited; 0 for one that nobody set. */
  limit(name: string): number;
  /** Whether there may be so many of what a limit counts. */
  allows(name: string, value: number): boolean;
  /** A switch of the program's, and what to say to the user where it is off. */
  flag(name: string): { enabled: boolean; message?: string };
}

const DAY_MS = 24 * 60 * 60 * 1_000;
const DEFAULT_GRACE_DAYS = 7;

/** The licence of this program. Nothing is asked before `start`. */
export function createLicense(options: LicenseOptions): License {
  const { client, product, machine, store = createMemoryStore(), publicKeys = [], demo = {} } = options;
  const asking: Asking = {
    client,
    product,
    machine,
    publicKeys,
    wantsFile: publicKeys.length > 0 && options.files !== false,
  };
  const graceMs = (options.graceDays ?? DEFAULT_GRACE_DAYS) * DAY_MS;
  const now = options.now ?? Date.now;
  let kept: KeptLicense = NOTHING_KEPT;
  let standing = standingOfDemo('NO_LICENSE', 'The licence was not looked at yet.', demo);

  const keep = async (change: Partial<KeptLicense>) => {
    kept = { ...kept, ...change };
    try {
      await writeKept(store, kept);
    } catch (error) {
      // A disk that is full or read-only is no reason to lock somebody out who has paid.
      options.onProblem?.(error);
    }
  };
  const askServer = async (): Promise<LicenseStanding> => {
    const { key } = kept;
    if (key === null) {
      const answer = await askDemo(asking);
      await keep({ demo: answer, seenAt: now() });
      return standingOfAnswers(null, answer, 'server');
    }
    const answer = await ask(key);
    // The server's own time, where it is signed, puts right what a clock that once ran ahead had left behind.
    await keep({ answer, seenAt: answer.nonce === null ? now() : answer.at, ...demoFrom(answer.entitlements) });
    if (answer.decision.valid) await keep(await fetchForLater(kept, asking, now()));
    else await keep({ file: null, revocations: null });
    return standingOfAnswers(answer.decision, answer.entitlements, 'server');
  };
  const ask = async (key: string) => {
    const answer = await askAboutKey(key, asking, now());
    const { activateAtStart } = options;
    if (answer.decision.code !== 'MACHINE_NOT_ACTIVATED' || activateAtStart !== true || machine === undefined)
      return answer;
    await client.licenses.activate({ key, machine, product });
    return askAboutKey(key, asking, now());
  };
  const refresh = async (): Promise<LicenseStanding> => {
    try {
      standing = await askServer();
    } catch (error) {
      if (!isOutage(error) && !(error instanceof NotGenuineError)) throw error;
      options.onProblem?.(error);
      const terms = { product, machine, publicKeys, graceMs, demo };
      const offline = await standWithoutServer(kept, terms, now());
      await keep({ seenAt: offline.seenAt });
      standing = offline.standing;
    }
    return standing;
  };
  const take = async (key: string | null) => {
    if (key !== kept.key) await keep({ key, answer: null, file: null, revocations: null });
  };

  return {
    get standing() {
      return standing;
    },
    async start() {
      kept = await readKept(store);
      if (options.key !== undefined) await take(options.key);
      return refresh();
    },
    refresh,
    async activate(key) {
      if (machine === undefined) throw new TypeError('createLicense was given no machine to activate.');
      const decision = await client.licenses.activate({ key, machine, product });
      if (decision.valid) {
        await take(key);
        await refresh();
      }
      return decision;
    },
    async deactivate() {
      const { key } = kept;
      if (key !== null && machine !== undefined)
        await client.licenses.deactivate({ key, machine: { fingerprint: machine.fingerprint } });
      await take(null);
      return refresh();
    },
    ...looksAt(() => standing),
  };
}

function looksAt(standing: () => LicenseStanding): Pick<License, 'has' | 'limit' | 'allows' | 'flag'> {
  const limit = (name: string) => {
    const { limits } = standing();
    return Object.hasOwn(limits, name) ? (limits[name] ?? 0) : 0;
  };
  return {
    has: (feature) => standing().features.includes(feature),
    limit,
    allows: (name, value) => limit(name) === -1 || value <= limit(name),
    flag(name) {
      const { flags, features } = standing();
      return (Object.hasOwn(flags, name) ? flags[name] : undefined) ?? { enabled: features.includes(name) };
    },
  };
}

/** An answer in demo mode says what demo mode is, for later. */
function demoFrom(entitlements: KeptLicense['demo'] & object): Partial<KeptLicense> {
  return entitlements.demo_mode ? { demo: entitlements } : {};
}
