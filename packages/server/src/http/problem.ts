import { type ErrorCode, errorRegistry, type FieldProblem, LatchkeyError } from '@latchkey/core';
import { z } from 'zod';

/** An error as it is answered: problem+json (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  request_id: string;
  path?: string;
  errors?: readonly FieldProblem[];
  [more: string]: unknown;
}

/** The same for the API reference. */
export const problemSchema = z.looseObject({
  type: z.url().describe('The address of the page on this code.'),
  title: z.string(),
  status: z.int(),
  code: z.enum(Object.keys(errorRegistry) as [ErrorCode, ...ErrorCode[]]),
  detail: z.string().describe('What happened this time.'),
  request_id: z.string(),
  path: z.string().optional().describe('The field at fault.'),
  errors: z.array(z.object({ path: z.string(), code: z.string(), message: z.string() })).optional(),
});

/** What Fastify and zod throw, in our words. */
const frameworkCodes: Readonly<Record<string, [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['body_too_large', 'Send less at a time.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'Send the body as application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'The body is not as long as Content-Length says.'],
  FST_ERR_BAD_URL: ['invalid_request', 'The address is not well formed.'],
  FST_ERR_HANDLER_TIMEOUT: ['unavailable', 'The answer took too long. Try again.'],
};

/** Errors of the database connection, which say nothing about the request. */
const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ETIMEDOUT',
  '57P01',
  '57P02',
  '57P03',
  '53300',
]);

/** Whatever was thrown, as one of our errors; what nobody foresaw becomes `internal`, and its words stay in the log. */
export function toLatchkeyError(error: unknown): LatchkeyError {
  if (error instanceof LatchkeyError) return error;
  const facts = typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {};
  if (Array.isArray(facts.validation))
    return fromValidation(facts.validation, String(facts.validationContext ?? 'body'));
  const known = frameworkCodes[String(facts.code)];
  if (known !== undefined) return new LatchkeyError(known[0], known[1], { cause: error });
  if (connectionCodes.has(String(facts.code)) || isPoolTimeout(error)) {
    const options = { retryAfterSeconds: 2, cause: error };
    return new LatchkeyError('unavailable', 'The database cannot be reached at the moment. Try again.', options);
  }
  const status = Number(facts.statusCode);
  if (status >= 400 && status < 500) {
    return new LatchkeyError('invalid_request', error instanceof Error ? error.message : 'The request is not valid.', {
      cause: error,
    });
  }
  return new LatchkeyError('internal', 'Something broke on our side. The log has more under this request id.', {
    cause: error,
  });
}

function isPoolTimeout(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('timeout exceeded when trying to connect');
}

function fromValidation(issues: readonly unknown[], context: string): LatchkeyError {
  const fields = issues.map((issue): FieldProblem => {
    const { instancePath = '', keyword = 'invalid', message = 'is not valid' } = issue as Record<string, unknown>;
    return { path: fieldPath(String(instancePath)), code: String(keyword), message: String(message) };
  });
  const [first] = fields;
  const where = first === undefined || first.path === '' ? `The ${contextNames[context] ?? 'body'}` : first.path;
  const more = fields.length > 1 ? ` (and ${fields.length - 1} more, see errors)` : '';
  return new LatchkeyError('invalid_request', `${where}: ${first?.message ?? 'is not valid'}${more}.`, {
    fields,
    ...(first === undefined || first.path === '' ? {} : { path: first.path }),
  });
}

const contextNames: Readonly<Record<string, string>> = { querystring: 'query', params: 'path', headers: 'header' };

/** `/items/0/id` as `items[0].id`. */
function fieldPath(pointer: string): string {
  let path = '';
  for (const part of pointer.split('/')) {
    if (part === '') continue;
    if (/^\d+$/.test(part)) path += `[${part}]`;
    else path += path === '' ? part : `.${part}`;
  }
  return path;
}

/** The body that answers an error. */
export function toProblem(
  error: LatchkeyError,
  { publicUrl, requestId }: { publicUrl: string; requestId: string },
): Problem {
  return {
    ...error.meta,
    type: `${publicUrl}/docs/errors/${error.code}`,
    title: error.title,
    status: error.status,
    code: error.code,
    detail: error.detail,
    request_id: requestId,
    ...(error.path === undefined ? {} : { path: error.path }),
    ...(error.fields === undefined ? {} : { errors: error.fields }),
  };
}
