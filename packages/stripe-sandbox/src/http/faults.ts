export const FAULTS = [500, 429, 'timeout', 'reset'] as const;
export type Fault = (typeof FAULTS)[number];

/** What happens to a request that was chosen to fail; `after` means that it is carried out and only its answer is lost. */
type PlannedFault = { fault: Fault; when: 'after' | 'before' };

/** Failures asked for through the control API. They are not kept in the state file: a restart heals everything. */
export class FaultPlan {
  #left = 0;
  #planned: PlannedFault = { fault: 500, when: 'before' };

  plan(requests: number, planned: PlannedFault): void {
    this.#left = requests;
    this.#planned = planned;
  }

  get left(): number {
    return this.#left;
  }

  /** The fault of the next request, which is used up by asking. */
  take(): PlannedFault | undefined {
    if (this.#left === 0) return undefined;
    this.#left -= 1;
    return this.#planned;
  }
}
