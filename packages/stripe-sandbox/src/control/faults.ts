import { invalidRequest } from '../http/api-error.ts';
import { FAULT_CODES, FAULTS, type FaultCode, type FaultMatch, type PlannedFault } from '../http/faults.ts';
import { isObject, type JsonObject } from '../json.ts';

function bad(message: string, param: string): Error {
  return invalidRequest(message, { param });
}

function codeOf(body: JsonObject, fault: PlannedFault['fault']): FaultCode | null {
  if (body.code === undefined) return null;
  const code = FAULT_CODES.find((one) => one === body.code);
  if (code === undefined) throw bad(`code must be one of ${FAULT_CODES.join(', ')}.`, 'code');
  if (fault !== 429 && fault !== 409) throw bad('Only 429 and 409 have a code.', 'code');
  return code;
}

function matchOf(match: JsonObject[string]): FaultMatch {
  if (match === undefined) return {};
  if (!isObject(match)) throw bad('match must be an object with `method`, `path` or both.', 'match');
  const { method, path, ...others } = match;
  if (Object.keys(others).length > 0) throw bad('match knows only `method` and `path`.', 'match');
  if (method !== undefined && !['GET', 'POST', 'DELETE'].includes(String(method))) {
    throw bad('match.method must be GET, POST or DELETE.', 'match.method');
  }
  if (path !== undefined && (typeof path !== 'string' || !path.startsWith('/v'))) {
    throw bad('match.path must be the beginning of a path, e.g. /v1/subscriptions.', 'match.path');
  }
  return { ...(method === undefined ? {} : { method: String(method) }), ...(path === undefined ? {} : { path }) };
}

/** What `POST /_sandbox/fail` asks for. */
export function plannedFault(body: JsonObject): PlannedFault {
  const fault = body.status === undefined ? 500 : FAULTS.find((one) => one === body.status);
  if (fault === undefined) throw bad('status must be 500, 429, 409, "timeout" or "reset".', 'status');
  const { when = 'before' } = body;
  if (when !== 'before' && when !== 'after') {
    throw bad('when must be "before" or "after" the request is carried out.', 'when');
  }
  return { fault, code: codeOf(body, fault), when, match: matchOf(body.match) };
}
