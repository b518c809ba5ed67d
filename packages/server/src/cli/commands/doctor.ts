import type { Command } from 'commander';
import { UnreachableError } from '../client.ts';
import { EXIT } from '../host.ts';
import { at, itemsOf, textAt } from '../json.ts';
import type { Run, Session } from '../session.ts';
import type { Style } from '../style.ts';
import { cellText } from '../table.ts';

/** What is wrong with an installation, and what to do about it. */
export function addDoctorCommand(program: Command, run: Run): void {
  program
    .command('doctor')
    .description('look for what is wrong with this installation; exit 1 when something is')
    .addHelpText('after', '\nEach code has a section in docs/troubleshooting.md. Nothing is changed.')
    .action((_options: unknown, command: Command) =>
      run(command, async (session) => {
        const answer = await examined(session);
        session.show(answer, () => reportLines(answer, session.style));
        return textAt(answer, 'status') === 'failure' ? EXIT.no : EXIT.done;
      }),
    );
}

async function examined({ client, host }: Session): Promise<unknown> {
  try {
    return await client.get('/v1/doctor');
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    // Most of the house is behind it, which commands that find their server need not read.
    const { examineOffline } = await import('../../doctor-offline.ts');
    return { object: 'doctor', ...(await examineOffline(host.environment, error.message)) };
  }
}

function reportLines(answer: unknown, style: Style): string[] {
  const checks = itemsOf(at(answer, 'checks'));
  const width = Math.max(0, ...checks.map((check) => (textAt(check, 'code') ?? '').length));
  const lines = checks.flatMap((check) => {
    const status = textAt(check, 'status');
    const mark = status === 'ok' ? style.good('ok') : status === 'warning' ? style.dim('--') : style.bad('no');
    const next = textAt(check, 'next');
    const said = `${mark}  ${(textAt(check, 'code') ?? '').padEnd(width)}  ${cellText(textAt(check, 'detail'))}`;
    return next === undefined ? [said] : [said, `${' '.repeat(width + 6)}next: ${cellText(next)}`];
  });
  return [...lines, lastLine(checks, style)];
}

function lastLine(checks: readonly unknown[], style: Style): string {
  const count = (status: string) => checks.filter((check) => textAt(check, 'status') === status).length;
  const [failures, warnings] = [count('failure'), count('warning')];
  const told = `${checks.length} checks, ${failures} failed, ${warnings} to know of.`;
  return failures > 0 ? style.bad(told) : style.good(told);
}
