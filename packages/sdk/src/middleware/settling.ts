/** What becomes of use that was admitted, once its request was answered: counted, or given back. */

import type { LatchkeyClient } from '../client/client.ts';
import type { UsageOwner } from '../client/wire.ts';
import type { UsageRecorder } from '../usage/recorder.ts';
import type { Outcome } from './admission.ts';

/** Which requests count: those answered below 400, below 500, all, or those for which the function says so. */
export type Charge = 'success' | 'answered' | 'always' | ((outcome: Outcome) => boolean);

/** Use that was admitted. */
export interface AdmittedUse {
  /** The id of the event that it becomes: the same on whichever way it reaches the server. */
  id: string;
  owner: UsageOwner;
  method: string;
  route: string;
  units: number;
  /** null: nothing was reserved, and it is recorded afterwards. */
  reservationId: string | null;
  /** Called when it does not count. */
  giveBack(): void;
}

export interface SettlingOptions {
  client: Pick<LatchkeyClient, 'usage'>;
  recorder: Pick<UsageRecorder, 'record'>;
  meter: string;
  product?: string | undefined;
  charge?: Charge | undefined;
  onProblem?: ((error: unknown) => void) | undefined;
}

export interface Settling {
  /** The function that settles this use, once. */
  begin(use: AdmittedUse): (outcome: Outcome) => Promise<void>;
  close(): Promise<void>;
}

/** Nobody waits for it, so it may take long; but it must not pile up either. */
const SETTLE_TIMEOUT_MS = 15_000;

export function createSettling(options: SettlingOptions): Settling {
  const { client, charge = 'success', onProblem } = options;
  const open = new Set<Promise<void>>();

  const settle = async (use: AdmittedUse, outcome: Outcome): Promise<void> => {
    const event = eventOf(use, outcome, options);
    // An app without a token of its own acts for whoever holds the key.
    const call = { licenseKey: use.owner.license_key, timeoutMs: SETTLE_TIMEOUT_MS };
    try {
      if (!counts(charge, outcome)) {
        use.giveBack();
        if (use.reservationId !== null) await client.usage.release(use.reservationId, call);
      } else if (use.reservationId === null) {
        await options.recorder.record(event);
      } else {
        const { id, quantity, properties } = event;
        const used = { id, quantity, properties };
        await client.usage.finalize(use.reservationId, used, { ...call, retries: 1 }).catch((error: unknown) => {
          // Whether it was counted is not known, or it came too late. Under its own id it counts once, whatever is true.
          onProblem?.(error);
          return options.recorder.record(event);
        });
      }
    } catch (error) {
      // A reservation that could not be released lapses. Use that could not be kept is said here, and nowhere else.
      onProblem?.(error);
    }
  };

  return {
    begin(use) {
      let settled: Promise<void> | null = null;
      return (outcome) => {
        if (settled === null) {
          const work = settle(use, outcome).finally(() => open.delete(work));
          open.add(work);
          settled = work;
        }
        return settled;
      };
    },
    async close() {
      while (open.size > 0) await Promise.allSettled(open);
    },
  };
}

function counts(charge: Charge, outcome: Outcome): boolean {
  switch (charge) {
    case 'always':
      return true;
    case 'answered':
      return outcome.status < 500;
    case 'success':
      return outcome.status < 400;
    default:
      return charge(outcome);
  }
}

function eventOf(use: AdmittedUse, { status, durationMs }: Outcome, { meter, product }: SettlingOptions) {
  return {
    ...use.owner,
    id: use.id,
    meter,
    ...(product === undefined ? {} : { product }),
    quantity: use.units,
    properties: { method: use.method, route: use.route, status, duration_ms: Math.max(0, Math.round(durationMs)) },
    enforce: false,
  };
}
