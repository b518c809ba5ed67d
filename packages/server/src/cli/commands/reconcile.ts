import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../host.ts';
import { at, textAt } from '../json.ts';
import { createProgress } from '../progress.ts';
import type { Run, Session } from '../session.ts';
import { type Column, formatTable } from '../table.ts';

const LOOK_EVERY_MS = 300;

const COLUMNS: readonly Column[] = [
  { title: 'type', value: 'type' },
  { title: 'id', value: 'id' },
  { title: 'problem', value: 'problem' },
  { title: 'fields', value: 'fields' },
  { title: 'mended', value: 'fixed' },
];

/** Compares everything with Stripe. */
export function addReconcileCommand(program: Command, run: Run): void {
  program
    .command('reconcile')
    .description('compare everything with Stripe; exit 1 when something differs and was not mended')
    .option('--fix', 'take over what Stripe has, as if its webhooks had come')
    .action((options: { fix?: boolean }, command: Command) =>
      run(command, (session) => reconcile(session, options.fix === true)),
    );
}

async function reconcile(session: Session, fix: boolean): Promise<ExitCode> {
  const { client, host, json, show, style } = session;
  const progress = createProgress(host, { quiet: json });
  let answer = await client.post('/v1/reconciliations', { fix });
  const path = `/v1/reconciliations/${encodeURIComponent(textAt(answer, 'id') ?? '')}`;
  let stage: string | undefined;
  while (textAt(answer, 'status') === 'running') {
    // How much Stripe has is not known before it has been gone through.
    if (textAt(answer, 'stage') !== stage || host.terminal !== undefined) {
      stage = textAt(answer, 'stage');
      progress.update(null, `${stage}: ${count(answer, 'checked')} compared, ${count(answer, 'found')} differ`);
    }
    await pause(LOOK_EVERY_MS);
    answer = await client.get(path);
  }
  progress.end();
  const differences = at(answer, 'differences');
  const rows: unknown[] = Array.isArray(differences) ? differences : [];
  show(answer, () => [
    `${count(answer, 'checked')} objects compared, ${count(answer, 'found')} differ, ${count(answer, 'fixed')} mended.`,
    ...(textAt(answer, 'error') === undefined ? [] : [style.bad(textAt(answer, 'error') ?? '')]),
    ...(rows.length === 0 ? [] : formatTable(COLUMNS, rows)),
    ...(rows.length > 0 && !fix ? [style.dim('latchkey reconcile --fix takes over what Stripe has.')] : []),
  ]);
  const done = textAt(answer, 'status') === 'done' && count(answer, 'found') === count(answer, 'fixed');
  return done ? EXIT.done : EXIT.no;
}

function count(answer: unknown, name: string): number {
  const value = at(answer, name);
  return typeof value === 'number' ? value : 0;
}
