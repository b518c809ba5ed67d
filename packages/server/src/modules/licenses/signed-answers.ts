import { type AnswerSignature, type Cryptography, signAnswer } from '@latchkey/core';
import type { Clock } from '../../ports.ts';
import type { Signing } from '../signing/index.ts';
import type { ValidationAnswer } from './reading.ts';

/** What a program sent to know that the answer is to its question, and ours. */
export interface SignedQuestion {
  nonce: string;
  machine?: { fingerprint: string } | undefined;
}

/** Signs what was answered to a question. */
export type SignValidation = (answer: ValidationAnswer, question: SignedQuestion) => AnswerSignature;

export function createSignedAnswers({
  signing,
  clock,
  cryptography,
}: {
  signing: Pick<Signing, 'current'>;
  clock: Clock;
  cryptography: Cryptography;
}): SignValidation {
  return ({ valid, code, license }, { nonce, machine }) => {
    const named =
      license === undefined
        ? null
        : {
            id: license.id,
            product: license.product,
            plan: license.plan,
            expiresAt: license.expires_at === null ? null : Date.parse(license.expires_at),
          };
    const at = clock.now().getTime();
    const answer = { valid, code, license: named, machine: machine?.fingerprint ?? null, nonce, at };
    return signAnswer(answer, signing.current(), cryptography);
  };
}
