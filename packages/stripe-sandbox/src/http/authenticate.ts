import { ApiError } from './api-error.ts';

function keyOf(header: string): string {
  const [scheme = '', value = ''] = header.trim().split(/\s+/, 2);
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return '';
  const [user = ''] = Buffer.from(value, 'base64').toString('utf8').split(':', 1);
  return user;
}

/** Any test-mode secret or restricted key opens the one account; everything else is a 401. */
export function authenticate(header: string | undefined): void {
  if (header === undefined || header === '') {
    throw new ApiError(
      401,
      'invalid_request_error',
      'You did not provide an API key. Provide it in the Authorization header as "Bearer sk_test_…", or as the user name of HTTP Basic.',
    );
  }
  const key = keyOf(header);
  if (/^(sk|rk)_test_\w{1,255}$/.test(key)) return;
  if (/^(sk|rk)_live_/.test(key)) {
    throw new ApiError(
      401,
      'invalid_request_error',
      'A live key was used. The local Stripe takes test keys only: sk_test_…',
      {
        code: 'testmode_charges_only',
      },
    );
  }
  throw new ApiError(401, 'invalid_request_error', `Invalid API Key provided: ${key.slice(0, 8)}***`);
}
