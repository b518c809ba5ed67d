/** What the house needs of the world, as small interfaces. Tests replace the world, never our own code. */

/** Two clocks. `now` is domain time (licences, periods, dunning): real time plus an offset kept in the database. `wall` is never moved. */
export interface Clock {
  now(): Date;
  wall(): Date;
}

export interface Randomness {
  bytes(length: number): Uint8Array;
}

/** New identifiers: `prefix_` followed by 26 characters that sort by the wall clock. */
export interface Ids {
  next(prefix: IdPrefix): string;
}

/** The prefixes in use, one for each kind of thing. */
export type IdPrefix =
  | 'cust'
  | 'subs'
  | 'lic'
  | 'act'
  | 'rea'
  | 'link'
  | 'file'
  | 'chk'
  | 'int'
  | 'inb'
  | 'out'
  | 'rec'
  | 'mov'
  | 'rsv'
  | 'uses'
  | 'use'
  | 'mail'
  | 'aud'
  | 'key'
  | 'req';

/** Called at named places of the main flow, so that a test can end the process there. Does nothing in production. */
export type CrashPoint = (name: CrashPointName) => void;

export type CrashPointName =
  | 'checkout.planned'
  | 'checkout.called'
  | 'webhook.verified'
  | 'webhook.stored'
  | 'inbox.claimed'
  | 'inbox.projected'
  | 'inbox.committed'
  | 'outbox.claimed'
  | 'outbox.delivered'
  | 'outbox.committed'
  | 'subscribe.planned'
  | 'subscribe.called'
  | 'change.planned'
  | 'change.called'
  | 'cancel.planned'
  | 'cancel.called'
  | 'overage.planned'
  | 'overage.called'
  | 'refund.planned'
  | 'refund.called';
