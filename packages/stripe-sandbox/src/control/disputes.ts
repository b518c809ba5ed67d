import { closeDispute, DISPUTE_OUTCOMES, openDispute } from '../billing/disputes.ts';
import type { Engine } from '../engine.ts';
import { invalidRequest } from '../http/api-error.ts';
import type { JsonObject } from '../json.ts';
import { DISPUTE_REASONS } from '../objects/dispute.ts';
import { BY_THE_CLOCK } from '../work.ts';

/** What cardholders and their banks do, done by a program. */

/** A cardholder disputes a charge. `amount` left out is what is left of the charge; `inquiry` only asks. */
export function disputeByControl(engine: Engine, chargeId: string, body: JsonObject): JsonObject {
  const { amount = null, inquiry = false } = body;
  const reason = DISPUTE_REASONS.find((one) => one === (body.reason ?? 'fraudulent'));
  if (reason === undefined) {
    throw invalidRequest(`reason must be one of ${DISPUTE_REASONS.join(', ')}.`, { param: 'reason' });
  }
  if (amount !== null && !(typeof amount === 'number' && Number.isSafeInteger(amount) && amount > 0)) {
    throw invalidRequest('amount must be a whole number above 0.', { param: 'amount' });
  }
  if (typeof inquiry !== 'boolean') throw invalidRequest('inquiry must be true or false.', { param: 'inquiry' });
  return engine.run(BY_THE_CLOCK, (work) => {
    const charge = work.require('charge', chargeId, 'id');
    const left = charge.amount_captured - charge.amount_refunded;
    return openDispute(work, charge, { reason, amount: amount ?? left, inquiry });
  });
}

/** The bank decides a dispute, whatever was submitted. */
export function closeByControl(engine: Engine, disputeId: string, body: JsonObject): JsonObject {
  const outcome = DISPUTE_OUTCOMES.find((one) => one === body.status);
  if (outcome === undefined) {
    throw invalidRequest(`status must be one of ${DISPUTE_OUTCOMES.join(', ')}.`, { param: 'status' });
  }
  return engine.run(BY_THE_CLOCK, (work) => closeDispute(work, work.require('dispute', disputeId, 'id'), outcome));
}
