/** What a gate says of a request, before its handler runs. */

import type { RefusalAnswer } from './refusal.ts';
import type { GatedRequest } from './request.ts';

/** How a request ended. */
export interface Outcome {
  status: number;
  /** The other side went away before it had the whole answer. */
  aborted: boolean;
  durationMs: number;
}

export type Admission =
  /** None of the gate's business. */
  | { kind: 'untracked' }
  | {
      kind: 'admitted';
      /** To be put on the answer. */
      headers: Readonly<Record<string, string>>;
      /** To be called once, when the answer is out. Never rejects. */
      settle(outcome: Outcome): Promise<void>;
    }
  | ({ kind: 'refused' } & RefusalAnswer);

/** Something that requests must pass. */
export interface Gate {
  admit(request: GatedRequest): Promise<Admission>;
}
