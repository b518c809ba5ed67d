import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StripeEvent, StripeJson } from './stripe-history.ts';

/** Stripe after a history, as far as it is asked about single objects. */
export interface RememberedStripe {
  url: string;
  /** How often it was asked since the last time this was called. */
  takeQuestions(): number;
  close(): Promise<void>;
}

/** Answers every object of a history as it was in the end. */
export async function startRememberedStripe(history: readonly StripeEvent[]): Promise<RememberedStripe> {
  const objects = new Map<string, StripeJson>();
  for (const { data } of history) objects.set(data.object.id, data.object);
  let questions = 0;
  const server = createServer((request, response) => {
    questions += 1;
    const id = request.url?.split('?', 1)[0]?.split('/').at(-1) ?? '';
    const object = objects.get(id);
    response.setHeader('content-type', 'application/json');
    if (object === undefined) response.statusCode = 404;
    response.end(JSON.stringify(object ?? { error: { type: 'invalid_request_error', code: 'resource_missing' } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    takeQuestions() {
      const taken = questions;
      questions = 0;
      return taken;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
