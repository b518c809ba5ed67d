import { CommanderError } from 'commander';
import { AnsweredError, UnreachableError } from './client.ts';
import { EXIT, type ExitCode, type Host, UsageError } from './host.ts';
import { textAt } from './json.ts';
import { cellText } from './table.ts';

/** The next thing to try, by the code of the error. */
const NEXT: Readonly<Record<string, string>> = {
  unauthorized:
    'Give --token or ADMIN_TOKEN, or run this where DATA_DIR is: the first start keeps the token in its secrets.json.',
  forbidden: 'latchkey api-key list shows what each API key may do.',
  resource_missing: 'latchkey license list and latchkey subscription list show what there is.',
  product_unknown: 'latchkey catalog show lists the products.',
  plan_unknown: 'latchkey catalog show lists the plans.',
  catalog_invalid: 'latchkey catalog check names every problem with its line.',
  license_state_conflict: 'latchkey license show ID says what withholds the licence.',
  subscription_state_conflict: 'latchkey subscription show ID says how it stands.',
  conflict: 'Run the command again.',
  rate_limited: 'Wait a little, or call with an API key.',
  stripe_rejected: 'latchkey catalog push brings products and prices to Stripe.',
  stripe_not_configured: 'Set STRIPE_SECRET_KEY and restart, or start without it for the sandbox.',
  stripe_unavailable: 'Run the command again; what was begun is finished in the background.',
  internal: 'The server’s log has more under this request id.',
};

/** Says what went wrong and what to do about it, and gives the exit code. */
export function report(host: Host, error: unknown, json: boolean): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.misused;
  if (error instanceof UsageError) {
    host.err(`latchkey: ${error.message}`);
    return EXIT.misused;
  }
  if (error instanceof AnsweredError) {
    if (json) host.out(JSON.stringify(error.body, null, 2));
    else for (const line of answeredLines(error)) host.err(line);
    return EXIT.no;
  }
  if (error instanceof UnreachableError) {
    host.err(`latchkey: ${error.message}`);
    host.err('  next        Start it with npm start, or name another with --url or LATCHKEY_URL.');
    return EXIT.no;
  }
  host.err(`latchkey: ${error instanceof Error ? error.message : String(error)}`);
  return EXIT.no;
}

function answeredLines({ status, body, message }: AnsweredError): string[] {
  const code = textAt(body, 'code');
  const detail = textAt(body, 'detail') ?? textAt(body, 'error.message') ?? textAt(body, 'error') ?? message;
  const lines = [`latchkey: ${cellText(detail)}`, `  code        ${cellText(code ?? `HTTP ${status}`)}`];
  const path = textAt(body, 'path');
  if (path !== undefined) lines.push(`  field       ${cellText(path)}`);
  const requestId = textAt(body, 'request_id');
  if (requestId !== undefined) lines.push(`  request id  ${cellText(requestId)}`);
  const next = code === undefined ? undefined : NEXT[code];
  if (next !== undefined) lines.push(`  next        ${next}`);
  return lines;
}
