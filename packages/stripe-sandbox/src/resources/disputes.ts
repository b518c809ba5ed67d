import { answerDispute, closeDispute } from '../billing/disputes.ts';
import { invalidRequest } from '../http/api-error.ts';
import { EVIDENCE_FILES, EVIDENCE_TEXTS, type EvidenceTexts, isClosed, isInquiry } from '../objects/dispute.ts';
import { boolean, metadata, object, type Schema, string } from '../parameters/schema.ts';
import { filter } from '../store/conditions.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { operation, pathValue, type Resource } from './resource.ts';

/** A text of evidence; an empty one takes back what was staged. */
const TEXT: Schema<string> = {
  decode: (raw, path) => (raw === '' ? '' : string({ maxLength: 20_000 }).decode(raw, path)),
};

const EVIDENCE = object(
  Object.fromEntries(EVIDENCE_TEXTS.map((name) => [name, TEXT])) as {
    [Name in (typeof EVIDENCE_TEXTS)[number]]: Schema<string>;
  },
  [...EVIDENCE_FILES, 'appeal', 'enhanced_evidence'],
);

function toEvidence(given: { [name: string]: string }): Partial<EvidenceTexts> {
  return Object.fromEntries(Object.entries(given).map(([name, text]) => [name, text === '' ? null : text]));
}

const retrieve = operation({
  method: 'GET',
  route: '/v1/disputes/{dispute}',
  params: object({}),
  run: (work, _params, path) => work.require('dispute', pathValue(path, 'dispute'), 'id'),
});

const update = operation({
  method: 'POST',
  route: '/v1/disputes/{dispute}',
  params: object({ evidence: EVIDENCE, metadata: metadata(), submit: boolean() }, ['intended_submission_method']),
  run(work, params, path) {
    const dispute = work.require('dispute', pathValue(path, 'dispute'), 'id');
    const changes = { metadata: mergeMetadata(dispute.metadata, params.metadata) };
    if (params.evidence === undefined && params.submit !== true) {
      return work.update(dispute, changes, 'charge.dispute.updated');
    }
    if (isClosed(dispute)) throw invalidRequest('This dispute is already closed.');
    if (dispute.status === 'under_review' || dispute.status === 'warning_under_review') {
      throw invalidRequest('Evidence was submitted for this dispute already, and can be submitted once.');
    }
    const evidence = toEvidence(params.evidence ?? {});
    return answerDispute(work, dispute, { evidence, submit: params.submit ?? true, changes });
  },
});

const close = operation({
  method: 'POST',
  route: '/v1/disputes/{dispute}/close',
  params: object({}),
  run(work, _params, path) {
    const dispute = work.require('dispute', pathValue(path, 'dispute'), 'id');
    return closeDispute(work, dispute, isInquiry(dispute) ? 'warning_closed' : 'lost');
  },
});

const list = listOperation({
  object: 'dispute',
  route: '/v1/disputes',
  filters: { ...CREATED, charge: string(), payment_intent: string() },
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.charge', params.charge),
    ...filter('$.payment_intent', params.payment_intent),
  ],
});

export const disputes: Resource = {
  object: 'dispute',
  operations: [retrieve, update, close, list],
  expandable: { charge: 'charge', payment_intent: 'payment_intent' },
};
