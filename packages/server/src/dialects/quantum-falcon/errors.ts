import type { ErrorShape } from '../../http/index.ts';

const VERIFY = '/api/verify';

/** `{error}` everywhere; a verification that failed says besides that the key was not found valid. */
export const quantumFalconErrors: ErrorShape = {
  prefixes: ['/api/generate', VERIFY, '/webhooks/stripe'],
  answer: (error, path) => ({
    body: { ...(path === VERIFY ? { valid: false } : {}), error: error.detail, code: error.code },
  }),
};
