import { LatchkeyError } from '@latchkey/core';
import { type Http, type HttpReply, registerRawBodyRoute } from '../http/index.ts';
import type { Inbox } from './inbox.ts';

/** What a webhook path answers; the status is the same everywhere. */
export interface WebhookAnswers {
  contentType: string;
  /** 200: the event is stored, or was already. */
  stored: string;
  /** 400: not signed by Stripe, or too long ago. */
  invalidSignature: string;
  /** 400: signed, but no event. */
  invalidPayload: string;
}

export interface WebhookRoute {
  path: string;
  inbox: Pick<Inbox, 'receive'>;
  answers: WebhookAnswers;
  /** Headers that may carry the signature, the first that is there counts; `Stripe-Signature` unless said. In lower case. */
  signatureHeaders?: readonly string[];
  summary?: string;
}

/**
 * A path at which Stripe may deliver. Whatever the path, the delivery is verified on its raw bytes and stored in the one inbox before it
 * is answered; what becomes of it is seen in the inbox and never in the answer. Other errors (a body beyond 512 KiB, a database that is
 * away) are answered as everywhere, and Stripe delivers again.
 */
export function registerWebhookRoute(http: Http, route: WebhookRoute): void {
  const { path, inbox, answers, signatureHeaders = ['stripe-signature'], summary } = route;
  const answer = (reply: HttpReply, status: number, body: string) =>
    reply.code(status).type(answers.contentType).serializer(String).send(body);
  registerRawBodyRoute(http, {
    url: path,
    config: { access: 'anyone', rateLimit: false, idempotency: false, quiet: true },
    ...(summary === undefined ? {} : { summary }),
    async handler(request, reply, body) {
      const header = signatureHeaders.map((name) => request.headers[name]).find((value) => value !== undefined);
      try {
        await inbox.receive(body, Array.isArray(header) ? header.join(',') : header, path);
      } catch (error) {
        const code = error instanceof LatchkeyError ? error.code : null;
        if (code === 'invalid_signature') return answer(reply, 400, answers.invalidSignature);
        if (code === 'invalid_request') return answer(reply, 400, answers.invalidPayload);
        throw error;
      }
      return answer(reply, 200, answers.stored);
    },
  });
}

/** The house's own path, `POST /webhook/stripe`: 200 `Success`, 400 `Invalid signature`, as text. */
export function registerStripeWebhook(http: Http, inbox: Pick<Inbox, 'receive'>): void {
  registerWebhookRoute(http, {
    path: '/webhook/stripe',
    inbox,
    answers: {
      contentType: 'text/plain; charset=utf-8',
      stored: 'Success',
      invalidSignature: 'Invalid signature',
      invalidPayload: 'Invalid payload',
    },
    summary: 'Stripe delivers events here',
  });
}
