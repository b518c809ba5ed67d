import type { LatchkeyError } from '@latchkey/core';
import type { ErrorShape } from '../../http/index.ts';

/** The document shows no body of an error: it is `{error, code}`, with the codes of the one registry. */
export const errors: ErrorShape = {
  prefixes: ['/api/payments', '/api/licensing'],
  answer: ({ detail, code }: LatchkeyError) => ({ body: { error: detail, code } }),
};
