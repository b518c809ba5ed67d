import type Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY, startTestStripe, stripeError, type TestStripe } from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
beforeAll(async () => {
  test = await startTestStripe();
  stripe = test.stripe;
});
afterAll(() => test.close());

async function pay(card: string, amount = 2500): Promise<string> {
  const params = { amount, currency: 'usd', payment_method: card, confirm: true };
  const intent = await stripe.paymentIntents.create(params);
  await test.settle();
  return String(intent.latest_charge);
}

async function disputeOf(charge: string): Promise<Stripe.Dispute> {
  const [dispute] = (await stripe.disputes.list({ charge })).data;
  if (dispute === undefined) throw new Error('The charge is not disputed');
  return dispute;
}

/** What was said of a dispute: the events in order, each with the status it shows. */
async function told(dispute: string): Promise<string[]> {
  const events = await stripe.events.list({ type: 'charge.dispute.*', limit: 100 });
  return events.data
    .filter((event) => (event.data.object as Stripe.Dispute).id === dispute)
    .map((event) => `${event.type.slice('charge.dispute.'.length)} ${(event.data.object as Stripe.Dispute).status}`)
    .toReversed();
}

const submit = (dispute: string, text: string) =>
  stripe.disputes.update(dispute, { evidence: { uncategorized_text: text } });

describe('a dispute', () => {
  it('opens a moment after a charge of its test card, takes the money and stands on the charge', async () => {
    const charge = await pay('pm_card_createDispute');
    const dispute = await disputeOf(charge);
    expect(dispute).toMatchObject({
      amount: 2500,
      charge,
      reason: 'fraudulent',
      status: 'needs_response',
      is_charge_refundable: false,
      payment_method_details: { card: { brand: 'visa', case_type: 'chargeback', network_reason_code: '10.4' } },
      evidence_details: { due_by: dispute.created + 9 * DAY, has_evidence: false, submission_count: 0 },
    });
    expect(await told(dispute.id)).toEqual(['created needs_response', 'funds_withdrawn needs_response']);
    expect(await stripe.charges.retrieve(charge)).toMatchObject({ disputed: true, status: 'succeeded' });
    const expanded = await stripe.disputes.retrieve(dispute.id, { expand: ['charge', 'payment_intent'] });
    expect(expanded).toMatchObject({ charge: { id: charge }, payment_intent: { latest_charge: charge } });
    expect((await stripeError(stripe.refunds.create({ charge }))).code).toBe('charge_disputed');
  });

  it.each([
    ['winning_evidence', 'won', ['closed won', 'funds_reinstated won']],
    ['losing_evidence', 'lost', ['closed lost']],
  ])('is decided by %s', async (text, status, events) => {
    const dispute = await disputeOf(await pay('pm_card_createDisputeProductNotReceived'));
    expect(dispute.reason).toBe('product_not_received');
    const staged = await stripe.disputes.update(dispute.id, {
      evidence: { product_description: 'A licence', uncategorized_text: text },
      metadata: { case: '7' },
      submit: false,
    });
    expect(staged).toMatchObject({ status: 'needs_response', metadata: { case: '7' } });
    const submitted = await stripe.disputes.update(dispute.id, { submit: true });
    expect(submitted).toMatchObject({
      status: 'under_review',
      evidence: { product_description: 'A licence' },
      evidence_details: { has_evidence: true, submission_count: 1, submission_method: 'manual' },
    });
    await test.settle();
    expect((await stripe.disputes.retrieve(dispute.id)).status).toBe(status);
    expect((await told(dispute.id)).slice(2)).toEqual(['updated needs_response', 'updated under_review', ...events]);
    expect((await stripeError(submit(dispute.id, text))).statusCode).toBe(400);
  });

  it('waits for the bank when the evidence names no outcome, and takes evidence once', async () => {
    const dispute = await disputeOf(await pay('pm_card_createDispute'));
    await submit(dispute.id, 'It was delivered');
    await test.settle();
    expect((await stripe.disputes.retrieve(dispute.id)).status).toBe('under_review');
    expect((await stripeError(submit(dispute.id, 'winning_evidence'))).statusCode).toBe(400);
    await test.control('POST', `/disputes/${dispute.id}/close`, { status: 'won' });
    expect((await stripe.disputes.retrieve(dispute.id)).status).toBe('won');
  });

  it('can be accepted, once', async () => {
    const dispute = await disputeOf(await pay('pm_card_createDispute'));
    expect((await stripe.disputes.close(dispute.id)).status).toBe('lost');
    expect((await stripeError(stripe.disputes.close(dispute.id))).statusCode).toBe(400);
    expect(await told(dispute.id)).toEqual(['created needs_response', 'funds_withdrawn needs_response', 'closed lost']);
  });

  it('is about any charge and any part of it by the control API, one at a time and never more than was paid', async () => {
    const charge = await pay('pm_card_visa');
    const path = `/charges/${charge}/dispute`;
    await expect(test.control('POST', path, { amount: 2501 })).rejects.toThrow('more than was paid');
    const made = await test.control<Stripe.Dispute>('POST', path, { amount: 1000, reason: 'duplicate' });
    expect(made).toMatchObject({ amount: 1000, reason: 'duplicate', status: 'needs_response' });
    await expect(test.control('POST', path, {})).rejects.toThrow('disputed already');
    await expect(test.control('POST', `/disputes/${made.id}/close`, { status: 'warning_closed' })).rejects.toThrow(
      'Only an inquiry',
    );
    await test.control('POST', `/disputes/${made.id}/close`, { status: 'won' });
    const refunded = await stripe.refunds.create({ charge });
    expect(refunded.amount).toBe(2500);
  });
});

describe('an inquiry', () => {
  it('takes no money, and ends without a decision', async () => {
    const charge = await pay('pm_card_createDisputeInquiry');
    const dispute = await disputeOf(charge);
    expect(dispute).toMatchObject({ status: 'warning_needs_response', is_charge_refundable: true });
    expect((await submit(dispute.id, 'winning_evidence')).status).toBe('warning_under_review');
    await test.settle();
    expect(await told(dispute.id)).toEqual([
      'created warning_needs_response',
      'updated warning_under_review',
      'closed warning_closed',
    ]);
    expect((await stripe.refunds.create({ charge })).status).toBe('succeeded');
  });

  it('becomes a dispute when it is escalated', async () => {
    const dispute = await disputeOf(await pay('pm_card_createDisputeInquiry'));
    await submit(dispute.id, 'escalate_inquiry_evidence');
    await test.settle();
    expect(await stripe.disputes.retrieve(dispute.id)).toMatchObject({
      status: 'needs_response',
      is_charge_refundable: false,
      payment_method_details: { card: { case_type: 'chargeback' } },
    });
    expect((await told(dispute.id)).at(-1)).toBe('funds_withdrawn needs_response');
  });
});

describe('as time goes by', () => {
  it('a dispute that nobody answers is lost, and an inquiry comes to nothing', async () => {
    const dispute = await disputeOf(await pay('pm_card_createDispute'));
    const inquiry = await disputeOf(await pay('pm_card_createDisputeInquiry'));
    await test.moveTo((await test.now()) + 9 * DAY + 1);
    expect((await stripe.disputes.retrieve(dispute.id)).status).toBe('lost');
    expect((await stripe.disputes.retrieve(inquiry.id)).status).toBe('warning_closed');
  });

  it('a refund to pm_card_pendingRefund arrives later, and one to pm_card_refundFail comes back', async () => {
    const [late, returned] = [await pay('pm_card_pendingRefund'), await pay('pm_card_refundFail')];
    const pending = await stripe.refunds.create({ charge: late });
    const failing = await stripe.refunds.create({ charge: returned, amount: 500 });
    expect(pending).toMatchObject({ status: 'pending', pending_reason: 'processing' });
    expect(failing.status).toBe('succeeded');
    expect((await stripe.charges.retrieve(returned)).amount_refunded).toBe(500);
    await test.moveTo((await test.now()) + 3600);
    expect((await stripe.refunds.retrieve(pending.id)).status).toBe('succeeded');
    expect(await stripe.refunds.retrieve(failing.id)).toMatchObject({
      status: 'failed',
      failure_reason: 'expired_or_canceled_card',
    });
    expect(await stripe.charges.retrieve(returned)).toMatchObject({ amount_refunded: 0, refunded: false });
    const events = await stripe.events.list({ limit: 5 });
    const types = events.data.map((event) => event.type).filter((type) => type.includes('refund'));
    expect(types.toReversed()).toEqual([
      'refund.updated',
      'charge.refund.updated',
      'refund.updated',
      'charge.refund.updated',
      'refund.failed',
    ]);
  });
});
