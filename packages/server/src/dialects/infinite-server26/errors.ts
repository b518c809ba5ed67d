import type { ErrorShape } from '../../http/index.ts';

/** Beside the two texts that the document shows, an error of the webhook's path is `{error, code}`. */
export const errors: ErrorShape = {
  prefixes: ['/webhook'],
  answer: ({ detail, code }) => ({ body: { error: detail, code } }),
};
