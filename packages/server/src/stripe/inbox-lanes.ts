/** One of the parts into which customers fall: whoever takes the events of one never waits for whoever takes those of another. */
export interface Lane {
  readonly number: number;
  readonly of: number;
}

/** Works on one lane, or on all events alike; answers how many there were to do. */
export type WorkOnLane = (lane: Lane | null) => Promise<number>;

export interface LanesOptions {
  of: number;
  /** Events of one claim: as many mean that there are more. */
  batchSize: number;
}

/**
 * Shares a backlog out among rounds that run at the same time. What follows from an event locks its customer, and the events of a
 * customer come in together: rounds that take whatever is oldest take the same customers, and spend their time waiting for one
 * another. While little waits one round takes everything, for every lane costs a claim.
 */
export function createLanes({ of, batchSize }: LanesOptions): (work: WorkOnLane) => Promise<number> {
  const taken = new Set<number>();
  let isBacklog = false;
  let last = 0;

  async function workOnFreeLanes(work: WorkOnLane): Promise<number> {
    for (let tried = 0; tried < of; tried += 1) {
      last = (last + 1) % of;
      const number = last;
      if (taken.has(number)) continue;
      taken.add(number);
      try {
        const done = await work({ number, of });
        if (done > 0) return done;
      } finally {
        taken.delete(number);
      }
    }
    if (taken.size === 0) isBacklog = false;
    return 0;
  }

  return async (work) => {
    if (isBacklog) return workOnFreeLanes(work);
    const done = await work(null);
    if (done >= batchSize) isBacklog = true;
    return done;
  };
}
