import type { Http, HttpReply, HttpRequest } from '../../../http/types.ts';
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
import { activationAnswerView } from '../views.ts';

export interface KeyHolderRoutes {
  licenses: LicenseService;
  reader: LicenseReader;
  resend(email: string, write: HttpRequest['write']): Promise<void>;
}

const TAGS = ['Licence keys'];
/** Answers about unknown keys: what guessing looks like, and the only ones that count against a caller. */
const GUESSES = new Set(['MALFORMED', 'FORGED', 'NOT_FOUND']);
const PREFIX_LENGTH = 8;

/** What whoever holds a key may do with it. */
export function keyHolderRoutes(http: Http, { licenses, reader, resend }: KeyHolderRoutes): void {
  http.post(
    '/v1/licenses/validate',
    {
      config: { access: 'anyone', rateLimit: false, quiet: true, idempotency: false },
      // The answer is made here and nowhere else: checking it against its schema again would double the cost of the hot path.
      serializerCompiler: () => JSON.stringify,
      schema: {
        tags: TAGS,
        summary: 'Validate a licence key',
        description:
          'Always 200 for a well-formed request: `valid` says yes or no, `code` why, `because` which rules were looked at. ' +
          'Codes apply in their documented precedence. Only failed checks of unknown keys are rate-limited.',
        body: validateBody,
        response: { 200: decisionAnswer },
      },
    },
    (request, reply) => {
      const { key, product, machine, entitlements, released_at: releasedAt } = request.body;
      request.assertKeyChecksAllowed(key.slice(0, PREFIX_LENGTH));
      const scope = {
        product,
        machine,
        entitlements,
        ...(releasedAt === undefined ? {} : { releasedAt: Date.parse(releasedAt) }),
      };
      // Answered at once when the licence is in memory: a promise here would cost as much as the validation.
      const known = reader.validateFromMemory(key, scope);
      if (known !== null) sendJson(reply as unknown as HttpReply, known);
      else
        reader
          .validate(key, scope)
          .then((answer) => reply.send(countGuess(request, key, answer)))
          .catch((error) => reply.send(error));
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
      request.assertKeyChecksAllowed(key.slice(0, PREFIX_LENGTH));
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
      request.assertKeyChecksAllowed(key.slice(0, PREFIX_LENGTH));
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

/** Sends what is JSON already. */
function sendJson(reply: HttpReply, json: string): void {
  reply.type('application/json; charset=utf-8').send(json);
}

function answered(request: HttpRequest, key: string, answer: ActivationAnswer) {
  countGuess(request, key, answer.decision);
  return activationAnswerView(answer);
}

function countGuess<T extends Pick<ValidationAnswer, 'code'>>(request: HttpRequest, key: string, answer: T): T {
  if (GUESSES.has(answer.code)) request.countFailure(key.slice(0, PREFIX_LENGTH));
  return answer;
}
