import { LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import { isFinal, mirroredTypeOf } from './mirrored-types.ts';
import { normaliseObject } from './normalise/index.ts';
import type { Observation } from './project.ts';
import type { StripeObject } from './shapes.ts';
import { storableJson } from './storable-json.ts';

/** A delivered event that is safe to store. What it is about is looked at when it is worked on. */
export interface DeliveredEvent {
  eventId: string;
  type: string;
  apiVersion: string | null;
  created: Date;
  /** The payload as delivered, as JSON that PostgreSQL can hold. */
  payload: string;
}

const eventSchema = z.object({
  object: z.literal('event'),
  id: z.string().regex(/^[\w.-]{1,255}$/),
  type: z.string().regex(/^[\w.]{1,255}$/),
  api_version: z.string().max(100).nullish(),
  created: z.int().min(0).max(253_402_300_799),
  data: z.object({ object: z.looseObject({}) }),
});

/** Reads the body of a delivery whose signature is right. Throws `invalid_request` when it is no event, saying what it is instead. */
export function readDelivery(rawBody: Uint8Array): DeliveredEvent {
  const text = decode(rawBody);
  const payload = parse(text);
  if (typeof payload === 'object' && payload !== null && isThin(payload)) {
    throw new LatchkeyError(
      'invalid_request',
      'This is a thin event. Set the endpoint in Stripe to the payload style "snapshot".',
    );
  }
  const checked = eventSchema.safeParse(payload);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new LatchkeyError(
      'invalid_request',
      `This is not an event of Stripe's: ${issue?.path.join('.')}: ${issue?.message}.`,
    );
  }
  const { id, type, api_version, created } = checked.data;
  return {
    eventId: id,
    type,
    apiVersion: api_version ?? null,
    created: new Date(created * 1_000),
    payload: storableJson(text),
  };
}

/** What a stored event says of which object; a text says why there is nothing to take from it. */
export function observe(type: string, created: Date, payload: unknown): Observation | string {
  const { object } = (payload as { data: { object: StripeObject } }).data;
  const mirrored = mirroredTypeOf(object.object);
  if (mirrored === null) return `Events of the type ${type} are not used here.`;
  // A preview of an invoice that does not exist yet.
  if (type === 'invoice.upcoming' || typeof object.id !== 'string' || object.id === '') {
    return `Events of the type ${type} are about nothing that exists yet.`;
  }
  const today = normaliseObject(object);
  const deleted = type.endsWith('.deleted') || isFinal(mirrored, today);
  return { type: mirrored, id: today.id, object: today, asOf: created, deleted };
}

function decode(rawBody: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(rawBody);
  } catch {
    throw new LatchkeyError('invalid_request', 'The body is not UTF-8.');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new LatchkeyError('invalid_request', 'The body is not JSON.');
  }
}

function isThin(payload: object): boolean {
  return 'object' in payload && payload.object === 'v2.core.event';
}
