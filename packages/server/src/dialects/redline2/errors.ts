import type { ErrorShape } from '../../http/index.ts';

/** `{error, code}`; with too few hours, what is left of them. */
export const redline2Errors: ErrorShape = {
  prefixes: ['/api/licenses', '/payments'],
  answer: ({ code, detail, meta }) => ({
    body:
      code === 'insufficient_balance'
        ? { error: detail, code: 'INSUFFICIENT_HOURS', hours_remaining: meta?.available }
        : { error: detail, code },
  }),
};
