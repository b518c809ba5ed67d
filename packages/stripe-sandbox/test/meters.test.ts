import type Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCustomer, DAY, HOUR, startTestStripe, stripeError, type TestStripe } from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
beforeAll(async () => {
  test = await startTestStripe();
  ({ stripe } = test);
});
afterAll(() => test.close());

function createMeter(name: string, formula: 'count' | 'last' | 'sum' = 'sum'): Promise<Stripe.Billing.Meter> {
  return stripe.billing.meters.create({
    display_name: name,
    event_name: name,
    default_aggregation: { formula },
  });
}

function report(
  name: string,
  customer: string,
  value: string,
  more: Partial<Stripe.Billing.MeterEventCreateParams> = {},
) {
  return stripe.billing.meterEvents.create({
    event_name: name,
    payload: { stripe_customer_id: customer, value },
    ...more,
  });
}

describe('a meter', () => {
  it('is made, read, renamed, listed, put out of use and back, and each is announced', async () => {
    const meter = await createMeter('life');
    expect(meter).toMatchObject({
      status: 'active',
      customer_mapping: { event_payload_key: 'stripe_customer_id', type: 'by_id' },
      value_settings: { event_payload_key: 'value' },
    });
    await stripe.billing.meters.update(meter.id, { display_name: 'Renamed' });
    expect((await stripe.billing.meters.retrieve(meter.id)).display_name).toBe('Renamed');
    expect((await stripe.billing.meters.deactivate(meter.id)).status_transitions.deactivated_at).toBe(await test.now());
    expect((await stripe.billing.meters.list({ status: 'inactive' })).data.map(({ id }) => id)).toContain(meter.id);
    expect((await stripe.billing.meters.reactivate(meter.id)).status).toBe('active');
    const events = await stripe.events.list({ limit: 4 });
    expect(events.data.map(({ type }) => type)).toEqual([
      'billing.meter.reactivated',
      'billing.meter.deactivated',
      'billing.meter.updated',
      'billing.meter.created',
    ]);
  });

  it('shares its event name with no other that is active', async () => {
    const first = await createMeter('shared');
    expect((await stripeError(createMeter('shared'))).param).toBe('event_name');
    await stripe.billing.meters.deactivate(first.id);
    await createMeter('shared');
    expect((await stripeError(stripe.billing.meters.reactivate(first.id))).statusCode).toBe(400);
  });

  it('can be asked for in vain', async () => {
    const missing = await stripeError(stripe.billing.meters.retrieve('mtr_none'));
    expect([missing.statusCode, missing.code]).toEqual([404, 'resource_missing']);
  });
});

describe('a meter event', () => {
  it('counts once: its identifier is refused for a day, and taken again after it', async () => {
    const customer = (await createCustomer(stripe)).id;
    await createMeter('once');
    const event = await report('once', customer, '5', { identifier: 'one' });
    expect(event).toMatchObject({ identifier: 'one', timestamp: await test.now() });
    const again = await stripeError(report('once', customer, '5', { identifier: 'one' }));
    expect([again.statusCode, again.type]).toEqual([400, 'StripeInvalidRequestError']);
    expect(again.message).toBe('An event already exists with identifier one.');
    await test.moveTo((await test.now()) + DAY - 1);
    expect((await stripeError(report('once', customer, '5', { identifier: 'one' }))).statusCode).toBe(400);
    await test.moveTo((await test.now()) + 2);
    await report('once', customer, '5', { identifier: 'one' });
  });

  it('may be 35 days late and five minutes early, and no more', async () => {
    const customer = (await createCustomer(stripe)).id;
    await createMeter('timely');
    const now = await test.now();
    await report('timely', customer, '1', { timestamp: now - 35 * DAY });
    await report('timely', customer, '1', { timestamp: now + 300 });
    const late = await stripeError(report('timely', customer, '1', { timestamp: now - 35 * DAY - 60 }));
    const early = await stripeError(report('timely', customer, '1', { timestamp: now + 360 }));
    expect([late.code, early.code]).toEqual(['timestamp_too_far_in_past', 'timestamp_in_future']);
  });

  it('is refused when nobody would know what to count', async () => {
    const customer = (await createCustomer(stripe)).id;
    const meter = await createMeter('strict');
    const create = (event: Stripe.Billing.MeterEventCreateParams) => stripe.billing.meterEvents.create(event);
    const codes = [
      await stripeError(report('unheard', customer, '1')),
      await stripeError(report('strict', 'cus_none', '1')),
      await stripeError(create({ event_name: 'strict', payload: { value: '1' } })),
      await stripeError(create({ event_name: 'strict', payload: { stripe_customer_id: customer } })),
      await stripeError(report('strict', customer, '1e3')),
      await stripeError(report('strict', customer, 'NaN')),
    ].map(({ code }) => code);
    await stripe.billing.meters.deactivate(meter.id);
    expect([...codes, (await stripeError(report('strict', customer, '1'))).code]).toEqual([
      'no_meter',
      'meter_event_customer_not_found',
      'meter_event_no_customer_defined',
      'meter_event_value_not_found',
      'meter_event_invalid_value',
      'meter_event_invalid_value',
      'archived_meter',
    ]);
  });

  it('can be taken back within a day, once', async () => {
    const customer = (await createCustomer(stripe)).id;
    const meter = await createMeter('taken_back');
    const start = Math.floor((await test.now()) / 60) * 60;
    await report('taken_back', customer, '5', { identifier: 'wrong' });
    await report('taken_back', customer, '2');
    const cancel = () =>
      stripe.billing.meterEventAdjustments.create({
        event_name: 'taken_back',
        type: 'cancel',
        cancel: { identifier: 'wrong' },
      });
    expect(await cancel()).toMatchObject({ status: 'complete', cancel: { identifier: 'wrong' } });
    const { data } = await stripe.billing.meters.listEventSummaries(meter.id, {
      customer,
      start_time: start,
      end_time: start + 120,
    });
    expect(data.map((one) => one.aggregated_value)).toEqual([2]);
    expect((await stripeError(cancel())).statusCode).toBe(400);
    // What was taken back keeps its identifier.
    expect((await stripeError(report('taken_back', customer, '5', { identifier: 'wrong' }))).statusCode).toBe(400);
  });
});

describe('a meter event of the newer API', () => {
  it('counts as any other, at its time as text, and its identifier is taken for both', async () => {
    const customer = (await createCustomer(stripe)).id;
    const meter = await createMeter('newer');
    const start = Math.floor((await test.now()) / HOUR) * HOUR - HOUR;
    const timestamp = new Date((start + 90) * 1000).toISOString();
    const payload = { stripe_customer_id: customer, value: '4' };
    const event = { event_name: 'newer', payload, identifier: 'text', timestamp };
    expect(await stripe.v2.billing.meterEvents.create(event)).toMatchObject({
      object: 'v2.billing.meter_event',
      timestamp,
    });
    expect((await stripeError(stripe.v2.billing.meterEvents.create(event))).code).toBe('duplicate_meter_event');
    expect((await stripeError(report('newer', customer, '4', { identifier: 'text' }))).statusCode).toBe(400);
    await report('newer', customer, '3', { timestamp: start + 100 });
    const sums = async () => {
      const window = { customer, start_time: start, end_time: start + HOUR };
      return (await stripe.billing.meters.listEventSummaries(meter.id, window)).data.map((one) => one.aggregated_value);
    };
    expect(await sums()).toEqual([7]);
    await stripe.v2.billing.meterEventAdjustments.create({
      event_name: 'newer',
      type: 'cancel',
      cancel: { identifier: 'text' },
    });
    expect(await sums()).toEqual([3]);
  });

  it('is refused with a time that is none', async () => {
    const customer = (await createCustomer(stripe)).id;
    await createMeter('newer_strict');
    const payload = { stripe_customer_id: customer, value: '4' };
    const refused = await stripeError(
      stripe.v2.billing.meterEvents.create({ event_name: 'newer_strict', payload, timestamp: '1760000000' }),
    );
    expect([refused.statusCode, refused.param]).toEqual([400, 'timestamp']);
  });

  it('is counted at the time of the clock its customer lives by', async () => {
    const frozen = (await test.now()) - 300 * DAY;
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: frozen });
    const customer = (await stripe.customers.create({ test_clock: clock.id })).id;
    await createMeter('newer_clock');
    const payload = { stripe_customer_id: customer, value: '4' };
    const event = await stripe.v2.billing.meterEvents.create({ event_name: 'newer_clock', payload });
    expect(Date.parse(event.timestamp)).toBe(frozen * 1000);
  });
});

describe('event summaries', () => {
  it.each([
    ['sum', [1.5, 5.75]],
    ['count', [1, 2]],
    ['last', [1.5, 0.75]],
  ] as const)('aggregate by %s, hour by hour, the latest first', async (formula, [late, early]) => {
    const customer = (await createCustomer(stripe)).id;
    const other = (await createCustomer(stripe)).id;
    const meter = await createMeter(`by_${formula}`, formula);
    const start = Math.floor((await test.now()) / HOUR) * HOUR - 5 * HOUR;
    // Reported out of order: the time that counts is the event's.
    await report(meter.event_name, customer, '1.5', { timestamp: start + HOUR });
    await report(meter.event_name, customer, '0.75', { timestamp: start + 60 });
    await report(meter.event_name, customer, '5', { timestamp: start });
    await report(meter.event_name, customer, '9', { timestamp: start + 2 * HOUR });
    await report(meter.event_name, other, '100', { timestamp: start });
    const { data } = await stripe.billing.meters.listEventSummaries(meter.id, {
      customer,
      start_time: start,
      end_time: start + 2 * HOUR,
      value_grouping_window: 'hour',
    });
    expect(data.map((one) => [one.start_time, one.end_time, one.aggregated_value])).toEqual([
      [start + HOUR, start + 2 * HOUR, late],
      [start, start + HOUR, early],
    ]);
  });

  it('begin and end with their windows', async () => {
    const customer = (await createCustomer(stripe)).id;
    const meter = await createMeter('aligned');
    const ask = (start_time: number, value_grouping_window?: 'day' | 'hour') =>
      stripe.billing.meters.listEventSummaries(meter.id, {
        customer,
        start_time,
        end_time: 10 * DAY,
        ...(value_grouping_window === undefined ? {} : { value_grouping_window }),
      });
    expect((await stripeError(ask(DAY + 1))).param).toBe('start_time');
    expect((await stripeError(ask(DAY + 60, 'hour'))).param).toBe('start_time');
    expect((await stripeError(ask(DAY + HOUR, 'day'))).param).toBe('start_time');
    expect((await ask(DAY, 'day')).data).toEqual([]);
  });
});
