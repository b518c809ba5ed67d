import type Stripe from 'stripe';
import type { FetchedObject } from '../project.ts';

/** How the files of this folder reach Stripe: through the one policy, with every failure an error of ours. */
export interface Calls {
  sdk: Stripe;
  /** One call; `name` is what the log calls it. */
  call<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** One call that answers an object, with the moment as of which it holds. */
  timed<T extends object>(name: string, work: () => Promise<Stripe.Response<T>>): Promise<FetchedObject>;
}

/** The longest a list that is read in one page may be. */
export const PAGE = 100;
