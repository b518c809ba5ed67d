import type { Command } from 'commander';
import { UsageError } from '../host.ts';
import { textAt } from '../json.ts';
import type { Run } from '../session.ts';

const UNITS = { d: 'days', h: 'hours', m: 'minutes', s: 'seconds' } as const;

/** Years of billing take longer than an ordinary call. */
const ADVANCE_TIMEOUT_MS = 600_000;

/** The sandbox's clock, which takes the local Stripe's along. */
export function addTimeCommands(program: Command, run: Run): void {
  const time = program.command('time').description('the clock of the sandbox');
  time
    .command('now')
    .description('what time it is there')
    .action((_options: unknown, command: Command) =>
      run(command, async ({ client, show }) => {
        const answer = await client.get('/sandbox/time');
        return show(answer, () => [textAt(answer, 'now') ?? 'The server did not say.']);
      }),
    );
  time
    .command('advance <span...>')
    .description('move it on, through everything that falls due: 32d, "2h 30m"')
    .action((spans: string[], _options: unknown, command: Command) =>
      run(command, async ({ client, show }) => {
        const answer = await client.post('/sandbox/time/advance', parseSpans(spans), { timeoutMs: ADVANCE_TIMEOUT_MS });
        return show(answer, () => [`It is now ${textAt(answer, 'now') ?? 'later'}; all that fell due has been done.`]);
      }),
    );
}

/** `['32d', '2h 30m']` as the call's body. */
export function parseSpans(spans: readonly string[]): Record<string, number> {
  const body: Record<string, number> = {};
  for (const span of spans.join(' ').split(/\s+/).filter(Boolean)) {
    const [, count, letter] = /^(\d{1,6})([dhms])$/.exec(span) ?? [];
    if (count === undefined || letter === undefined) {
      throw new UsageError(`"${span}" is no span of time. Write 32d, 2h, 30m or 10s.`);
    }
    const unit = UNITS[letter as keyof typeof UNITS];
    body[unit] = (body[unit] ?? 0) + Number(count);
  }
  return body;
}
