import type { AnswerSignature } from '@latchkey/core';
import type { Http, HttpRequest } from '../../../http/types.ts';
import type { ActivationAnswer } from '../machines.ts';
import type { LicenseReader, ValidationAnswer } from '../reading.ts';
import {
  activateBody,
  activationAnswer,
  deactivateBody,
  decisionAnswer,
  resendBody,
  validateBody,
} from '../schemas.ts';
import type { LicenseService } from '../service.ts';
import type { SignValidation } from '../signed-answers.ts';
import { activationAnswerView } from '../views.ts';
import { assertNoGuess, countGuess } from './guessing.ts';
import { plainQuestion } from './plain-question.ts';

export interface KeyHolderRoutes {
  licenses: LicenseService;
  reader: LicenseReader;
  resend(email: string, write: HttpRequest['write']): Promise<void>;
  signValidation: SignValidation;
}

const TAGS = ['Licence keys'];

/** What whoever holds a key may do with it. */
export function keyHolderRoutes(http: Http, { licenses, reader, resend, signValidation }: KeyHolderRoutes): void {
  http.post(
    '/v1/licenses/validate',
    {
      config: {
        access: 'anyone',
        rateLimit: false,
        quiet: true,
        idempotency: false,
        shortcut(body, request) {
          const question = plainQuestion(body);
          if (question === null) return null;
          assertNoGuess(request, reader, question.key);
          return reader.validateFromMemory(question, request.ip);
        },
      },
      // The answer is made here and nowhere else: checking it against its schema again would double the cost of the hot path.
      serializerCompiler: () => JSON.stringify,
      schema: {
        tags: TAGS,
        summary: 'Validate a licence key',
        description:
          'Always 200 for a well-formed request: `valid` says yes or no, `code` why, `because` which rules were looked at. ' +
          'Codes apply in their documented precedence. Only failed checks of unknown keys are rate-limited. ' +
          'With a `nonce` the answer is signed: docs/offline.md says how to verify it.',
        body: validateBody,
        response: { 200: decisionAnswer },
      },
    },
    async (request) => {
      const { key, product, machine, entitlements, released_at: releasedAt, nonce } = request.body;
      assertNoGuess(request, reader, key);
      const scope = {
        product,
        machine,
        entitlements,
        ...(releasedAt === undefined ? {} : { releasedAt: Date.parse(releasedAt) }),
      };
      const answer = countGuess(request, key, await reader.validate(key, scope, request.ip));
      return nonce === undefined ? answer : signed(answer, signValidation(answer, { nonce, machine }));
    },
  );

  http.post(
    '/v1/licenses/activate',
    {
      config: { access: 'anyone' },
      schema: {
        tags: TAGS,
        summary: 'Activate a machine',
        description:
          'Takes a seat of the licence for this machine; the same machine again is answered the seat it has.',
        body: activateBody,
        response: { 200: activationAnswer },
      },
    },
    async (request) => {
      const { key, machine, product } = request.body;
      assertNoGuess(request, reader, key);
      const answer = await request.write((transaction) => licenses.activate(transaction, { key, machine, product }));
      return answered(request, key, answer);
    },
  );

  http.post(
    '/v1/licenses/deactivate',
    {
      config: { access: 'anyone' },
      schema: {
        tags: TAGS,
        summary: 'Deactivate a machine',
        description: 'Gives the seat of this machine back, or every seat where no machine is named.',
        body: deactivateBody,
        response: { 200: activationAnswer },
      },
    },
    async (request) => {
      const { key, machine } = request.body;
      assertNoGuess(request, reader, key);
      const fingerprint = machine?.fingerprint ?? null;
      const answer = await request.write((transaction) => licenses.deactivate(transaction, { key, fingerprint }));
      return answered(request, key, answer);
    },
  );

  http.post(
    '/v1/licenses/resend',
    {
      config: { access: 'anyone', rateLimit: { name: 'resend', limit: 10, windowSeconds: 600 } },
      schema: {
        tags: TAGS,
        summary: 'Mail me my keys',
        description: 'Always 202. If the address owns licences, their keys are mailed to it, at most once a minute.',
        body: resendBody,
      },
    },
    async (request, reply) => {
      await resend(request.body.email, (work) => request.write(work));
      return reply.code(202).send({ accepted: true });
    },
  );
}

function signed(answer: ValidationAnswer, { keyId, algorithm, payload, signature }: AnswerSignature) {
  return { ...answer, signature: { key_id: keyId, algorithm, payload, signature } };
}

function answered(request: HttpRequest, key: string, answer: ActivationAnswer) {
  countGuess(request, key, answer.decision);
  return activationAnswerView(answer);
}
