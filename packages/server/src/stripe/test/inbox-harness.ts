import { createHmac } from 'node:crypto';
import type { TestPorts } from '../../../test/support/ports.ts';
import type { Database } from '../../db/database.ts';
import { createAudit } from '../../modules/audit/index.ts';
import type { CrashPoint } from '../../ports.ts';
import { createInbox, type Inbox } from '../inbox.ts';
import { readState } from '../mirror.ts';
import { createProjector, type EventProjector, type FetchStripeObject } from '../project.ts';
import type { ProjectionHandlers } from '../projection-handlers.ts';
import type { MirroredType } from '../shapes.ts';

export const webhookSecret = 'whsec_of_the_tests';

/** The `Stripe-Signature` header, made with nothing of ours. */
export function sign(body: string | Uint8Array, at: Date, secret = webhookSecret): string {
  const timestamp = Math.floor(at.getTime() / 1_000);
  return `t=${timestamp},v1=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`;
}

export interface InboxHarness {
  inbox: Inbox;
  projector: EventProjector;
  /** Delivers an event, signed; what it leads to is not awaited. */
  deliver(event: object): Promise<'stored' | 'duplicate'>;
  /** What the mirror has of an object. */
  mirrored(type: MirroredType, id: string): ReturnType<typeof readState>;
}

export interface InboxHarnessOptions {
  database: Database;
  ports: TestPorts;
  fetch: FetchStripeObject;
  handlers?: ProjectionHandlers;
  crashPoint?: CrashPoint;
  concurrency?: number;
  secrets?: readonly string[];
}

/** The inbox with the projection behind it, over a test's database and a Stripe of its own. */
export function createInboxHarness({
  database,
  ports,
  fetch,
  handlers = {},
  secrets = [webhookSecret],
  ...options
}: InboxHarnessOptions): InboxHarness {
  const { clock, ids, log } = ports;
  const projector = createProjector({ database, clock, fetch, handlers, log });
  const audit = createAudit({ ids, clock });
  const webhookSecrets = () => secrets;
  const inbox = createInbox({ database, clock, ids, projector, audit, log, webhookSecrets, ...options });
  return {
    inbox,
    projector,
    deliver(event) {
      const body = JSON.stringify(event);
      return inbox.receive(Buffer.from(body), sign(body, clock.wall()), '/webhook/stripe');
    },
    mirrored: (type, id) => readState(database.connection, { type, id }),
  };
}
