import type { ErrorShape } from '../../http/index.ts';

/** `{error, code}`; the code is that of `/v1`, and so is the status. */
export const errors: ErrorShape = {
  prefixes: ['/billing', '/pricing', '/webhooks/stripe'],
  answer: ({ detail, code }) => ({ body: { error: detail, code } }),
};
