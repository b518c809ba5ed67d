import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';

export type Received = { body: string; signature: string; receivedAt: number };

/** A vendor's webhook endpoint: keeps what arrives, answers what it is told to. */
export class Receiver {
  readonly received: Received[] = [];
  /** Decides the status of each answer; 200 until told otherwise. `hang` never answers. */
  answer: (event: Stripe.Event, nth: number) => number | 'hang' = () => 200;
  readonly #waiting: (() => void)[] = [];
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const signature = String(request.headers['stripe-signature']);
      this.received.push({ body, signature, receivedAt: Date.now() });
      for (const wake of this.#waiting.splice(0)) wake();
      const status = this.answer(JSON.parse(body) as Stripe.Event, this.received.length);
      if (status === 'hang') return;
      response.writeHead(status, status >= 300 && status < 400 ? { Location: '/elsewhere' } : {}).end();
    });
  });

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', () => resolve()));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/webhook`;
  }

  /** What arrived, each checked against the signing secret by the SDK. */
  events(secret: string): Stripe.Event[] {
    const stripe = new Stripe('sk_test_receiver');
    return this.received.map(({ body, signature }) => stripe.webhooks.constructEvent(body, signature, secret));
  }

  /** Resolves once so many have arrived. */
  async arrived(count: number): Promise<void> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  types(): string[] {
    return this.received.map(({ body }) => (JSON.parse(body) as { type: string }).type);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
