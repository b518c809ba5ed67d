import { ApiError, invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { Charge } from '../objects/charge.ts';
import {
  type Dispute,
  type DisputeReason,
  EVIDENCE_FILES,
  EVIDENCE_TEXTS,
  type EvidenceTexts,
  isClosed,
  isInquiry,
} from '../objects/dispute.ts';
import type { PaymentMethod } from '../objects/payment-method.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { testCardOf } from './payment-methods.ts';

/** Opens the dispute that a test card brings; decides one whose evidence names the outcome; ends one nobody answered. */
const OPEN_TASK = 'dispute.open';
const DECIDE_TASK = 'dispute.decide';
const DUE_TASK = 'dispute.due';

const ANSWER_SECONDS = 9 * 86_400;

/** How the card networks number a cardholder's reason; Visa's codes, for every brand. */
const NETWORK_REASON_CODES: Readonly<Record<DisputeReason, string>> = {
  credit_not_processed: '13.7',
  duplicate: '12.6',
  fraudulent: '10.4',
  general: '13.3',
  product_not_received: '13.1',
  product_unacceptable: '13.3',
  subscription_canceled: '13.2',
  unrecognized: '10.4',
};

/** How a dispute ends: decided by the bank, or an inquiry that comes to nothing. */
export type DisputeOutcome = 'lost' | 'warning_closed' | 'won';
export const DISPUTE_OUTCOMES = ['won', 'lost', 'warning_closed'] as const satisfies readonly DisputeOutcome[];

/** Plans the dispute of a charge, if the card it was paid with brings one. It opens a moment after the payment. */
export function planDispute(work: Work, charge: Charge, paymentMethod: PaymentMethod): void {
  if (testCardOf(work, paymentMethod).dispute !== null) work.tasks.schedule(OPEN_TASK, charge.id, work.now);
}

/** The cardholder disputes a charge with their bank: the money is taken back at once, unless it only inquires. */
export function openDispute(
  work: Work,
  charge: Charge,
  how: { reason: DisputeReason; amount: number; inquiry: boolean },
): Dispute {
  checkDisputable(work, charge, how.amount);
  const { brand, network } = charge.payment_method_details.card;
  const customer = charge.customer === null ? undefined : work.find('customer', charge.customer);
  const dispute: Dispute = {
    id: newId('du_'),
    object: 'dispute',
    amount: how.amount,
    balance_transactions: [],
    charge: charge.id,
    created: work.now,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: newEvidence({ customer_email_address: customer?.email ?? null, customer_name: customer?.name ?? null }),
    evidence_details: {
      due_by: work.now + ANSWER_SECONDS,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted',
    },
    intended_submission_method: null,
    is_charge_refundable: how.inquiry,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    payment_method_details: {
      card: {
        brand,
        case_type: how.inquiry ? 'inquiry' : 'chargeback',
        network,
        network_reason_code: NETWORK_REASON_CODES[how.reason],
      },
      type: 'card',
    },
    reason: how.reason,
    status: how.inquiry ? 'warning_needs_response' : 'needs_response',
  };
  work.update(charge, { disputed: true }, null);
  work.insert(dispute, 'charge.dispute.created');
  if (!how.inquiry) work.emit('charge.dispute.funds_withdrawn', dispute);
  work.tasks.schedule(DUE_TASK, dispute.id, work.now + ANSWER_SECONDS);
  return dispute;
}

function checkDisputable(work: Work, charge: Charge, amount: number): void {
  if (!charge.captured) throw invalidRequest(`Charge ${charge.id} was not successful and cannot be disputed.`);
  if (amount > charge.amount_captured) {
    throw invalidRequest('A dispute cannot be about more than was paid.', { param: 'amount' });
  }
  const open = disputesOf(work, charge).find((one) => !isClosed(one));
  if (open !== undefined) throw invalidRequest(`Charge ${charge.id} is disputed already: ${open.id}.`);
}

function newEvidence(known: Partial<EvidenceTexts>): Dispute['evidence'] {
  const nothing = Object.fromEntries([...EVIDENCE_TEXTS, ...EVIDENCE_FILES].map((name) => [name, null]));
  return { ...(nothing as Omit<Dispute['evidence'], 'enhanced_evidence'>), ...known, enhanced_evidence: {} };
}

/** The disputes of a charge, oldest first. */
function disputesOf(work: Work, charge: Charge): Dispute[] {
  return work.select('dispute', [equals('$.charge', charge.id)]);
}

/** Whether the bank has the money of this charge, or may yet take it. What only is inquired about can be given back. */
export function isChargedBack(work: Work, charge: Charge): boolean {
  return charge.disputed && disputesOf(work, charge).some((dispute) => !dispute.is_charge_refundable);
}

/** Stages evidence, or submits it to the bank. As in Stripe's test mode a text that names an outcome brings it about. */
export function answerDispute(
  work: Work,
  dispute: Dispute,
  answer: { evidence: Partial<EvidenceTexts>; submit: boolean; changes: Partial<Dispute> },
): Dispute {
  const details = dispute.evidence_details;
  const evidence = { ...dispute.evidence, ...answer.evidence };
  const staged: Partial<Dispute> = {
    ...answer.changes,
    evidence,
    evidence_details: { ...details, has_evidence: details.has_evidence || Object.keys(answer.evidence).length > 0 },
  };
  if (!answer.submit) return work.update(dispute, staged, 'charge.dispute.updated');
  const submitted = work.update(
    dispute,
    {
      ...staged,
      evidence_details: {
        ...details,
        has_evidence: true,
        submission_count: details.submission_count + 1,
        submission_method: 'manual',
      },
      status: isInquiry(dispute) ? 'warning_under_review' : 'under_review',
    },
    'charge.dispute.updated',
  );
  work.tasks.cancel(DUE_TASK, dispute.id);
  work.tasks.schedule(DECIDE_TASK, dispute.id, work.now);
  return submitted;
}

/** The bank decides, or the inquiry ends. Money that was taken comes back with a dispute that is won. */
export function closeDispute(work: Work, dispute: Dispute, outcome: DisputeOutcome): Dispute {
  if (isClosed(dispute)) {
    throw new ApiError(400, 'invalid_request_error', `This dispute is already closed: it is ${dispute.status}.`, {});
  }
  if (isInquiry(dispute) !== (outcome === 'warning_closed')) {
    throw invalidRequest(
      isInquiry(dispute)
        ? 'An inquiry is neither won nor lost: it ends as warning_closed, or is escalated first.'
        : 'Only an inquiry ends as warning_closed.',
      { param: 'status' },
    );
  }
  work.tasks.cancel(DUE_TASK, dispute.id);
  const closed = work.update(
    dispute,
    { is_charge_refundable: outcome !== 'lost', status: outcome },
    'charge.dispute.closed',
  );
  if (outcome === 'won') work.emit('charge.dispute.funds_reinstated', closed);
  return closed;
}

/** The inquiry becomes a dispute, and the money is taken. */
function escalateInquiry(work: Work, dispute: Dispute): void {
  const { payment_method_details: details } = dispute;
  const changes: Partial<Dispute> = {
    is_charge_refundable: false,
    payment_method_details: { ...details, card: { ...details.card, case_type: 'chargeback' } },
    status: 'needs_response',
  };
  const escalated = work.update(dispute, changes, 'charge.dispute.updated');
  work.emit('charge.dispute.funds_withdrawn', escalated);
  work.tasks.schedule(DUE_TASK, dispute.id, work.now + ANSWER_SECONDS);
}

function openPlanned(work: Work, chargeId: string): void {
  const charge = work.get('charge', chargeId);
  const { dispute } = testCardOf(work, work.get('payment_method', charge.payment_method));
  // Given back before the cardholder got that far: there is nothing left to dispute.
  const amount = charge.amount_captured - charge.amount_refunded;
  if (dispute === null || amount === 0) return;
  openDispute(work, charge, { ...dispute, amount });
}

function decide(work: Work, id: string): void {
  const dispute = work.get('dispute', id);
  if (isClosed(dispute)) return;
  switch (dispute.evidence.uncategorized_text) {
    case 'winning_evidence':
      closeDispute(work, dispute, isInquiry(dispute) ? 'warning_closed' : 'won');
      return;
    case 'losing_evidence':
      closeDispute(work, dispute, isInquiry(dispute) ? 'warning_closed' : 'lost');
      return;
    case 'escalate_inquiry_evidence':
      if (isInquiry(dispute)) escalateInquiry(work, dispute);
  }
}

function runOut(work: Work, id: string): void {
  const dispute = work.get('dispute', id);
  if (!isClosed(dispute)) closeDispute(work, dispute, isInquiry(dispute) ? 'warning_closed' : 'lost');
}

export const DISPUTE_TASKS = { [OPEN_TASK]: openPlanned, [DECIDE_TASK]: decide, [DUE_TASK]: runOut };
