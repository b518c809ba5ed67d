import type { Command } from 'commander';
import type { Client } from './client.ts';
import { connect, type GlobalOptions } from './connection.ts';
import { EXIT, type ExitCode, type Host } from './host.ts';
import { at, itemsOf, textAt } from './json.ts';
import { maskKeys } from './keys.ts';
import { createStyle, type Style } from './style.ts';
import { type Column, formatRecord, formatTable } from './table.ts';

/** What a command works with: the server, and the ways to show an answer. */
export interface Session {
  host: Host;
  client: Client;
  json: boolean;
  showKey: boolean;
  style: Style;
  /** Shows a thing field by field. */
  showRecord(answer: unknown): ExitCode;
  /** Shows a list, and how to get at the rest of it. */
  showList(answer: unknown, columns: readonly Column[]): ExitCode;
  /** Shows what was decided about a licence key: exit 1 when it was a no. */
  showDecision(answer: unknown): ExitCode;
  /** Shows an answer the way `lines` words it. */
  show(answer: unknown, lines: () => readonly string[]): ExitCode;
}

export type Work = (session: Session) => Promise<ExitCode>;

/** Carries out a command's work; the exit code travels as the promise's result. */
export type Run = (command: Command, work: Work) => Promise<void>;

export function openSession(host: Host, options: GlobalOptions): Session {
  const json = options.json === true;
  const showKey = options.showKey === true;
  const style = createStyle(host.color);
  const show: Session['show'] = (answer, lines) => {
    if (json) host.out(JSON.stringify(answer, null, 2));
    else for (const line of lines()) host.out(line);
    return EXIT.done;
  };
  const shown = (answer: unknown) => (showKey ? answer : maskKeys(answer));
  return {
    host,
    client: connect(host, options),
    json,
    showKey,
    style,
    show: (answer, lines) => show(shown(answer), lines),
    showRecord: (answer) => show(shown(answer), () => formatRecord(shown(answer))),
    showList: (answer, columns) => show(shown(answer), () => listLines(shown(answer), columns, style)),
    showDecision(answer) {
      show(shown(answer), () => decisionLines(answer, style));
      return at(answer, 'valid') === true ? EXIT.done : EXIT.no;
    },
  };
}

function listLines(answer: unknown, columns: readonly Column[], style: Style): string[] {
  const items = itemsOf(answer);
  if (items.length === 0) return ['Nothing to show.'];
  const [titles = '', ...rows] = formatTable(columns, items);
  const next = textAt(answer, 'next');
  return [style.dim(titles), ...rows, ...(next === undefined ? [] : [style.dim(`More: --after ${next}`)])];
}

/** What helps after a no, by its code. */
const NEXT: Readonly<Record<string, string>> = {
  EXPIRED: 'latchkey license renew ID extends it.',
  SUSPENDED: 'latchkey license show ID says which hold suspends it; reinstate lifts the vendor’s own.',
  REVOKED: 'latchkey license show ID says which hold revokes it; reinstate lifts the vendor’s own.',
  MACHINE_NOT_ACTIVATED: 'latchkey license activate KEY --machine FINGERPRINT takes the free seat.',
  MACHINE_MISMATCH: 'latchkey license deactivate KEY --machine FINGERPRINT frees the other machine’s seat.',
  TOO_MANY_MACHINES: 'latchkey license deactivate KEY --machine FINGERPRINT frees a seat.',
  MACHINE_REQUIRED: 'Name the machine with --machine.',
  MALFORMED: 'Check that the key was copied whole.',
};

function decisionLines(answer: unknown, style: Style): string[] {
  const valid = at(answer, 'valid') === true;
  const code = textAt(answer, 'code') ?? '?';
  const because = at(answer, 'because');
  const reasons = (Array.isArray(because) ? because : []).map((reason: unknown) => {
    const passed = at(reason, 'passed') === true;
    return `  ${passed ? style.good('ok') : style.bad('no')}  ${textAt(reason, 'rule') ?? ''}: ${textAt(reason, 'detail') ?? ''}`;
  });
  const lines = [`${valid ? style.good(code) : style.bad(code)}  ${textAt(answer, 'detail') ?? ''}`, ...reasons];
  const license = at(answer, 'license');
  if (license !== undefined && license !== null) lines.push(...formatRecord(license).map((line) => `  ${line}`));
  const next = valid ? undefined : NEXT[code];
  return next === undefined ? lines : [...lines, `  next  ${next.replace('ID', textAt(license, 'id') ?? 'ID')}`];
}
