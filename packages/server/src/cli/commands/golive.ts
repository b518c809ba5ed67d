import type { Command } from 'commander';
import { EXIT } from '../host.ts';
import { at, itemsOf, textAt } from '../json.ts';
import type { Run } from '../session.ts';

/** Everything that has to be right before real customers pay. */
export function addGoLiveCommand(program: Command, run: Run): void {
  program
    .command('golive')
    .description('check what has to be right before customers pay, and set up Stripe’s webhook endpoint')
    .option('--dry-run', 'change nothing')
    .action((options: { dryRun?: boolean }, command: Command) =>
      run(command, async ({ client, show, style }) => {
        const answer = await client.post('/v1/golive', { dry_run: options.dryRun === true });
        const marks = { ok: style.good('ok'), warn: style.dim('--'), fail: style.bad('no') };
        show(answer, () => {
          const checks = itemsOf(at(answer, 'checks')).map((check) => {
            const mark = marks[(textAt(check, 'status') ?? 'fail') as keyof typeof marks];
            return `${mark}  ${textAt(check, 'name') ?? ''}: ${textAt(check, 'detail') ?? ''}`;
          });
          const secret = textAt(answer, 'endpoint.secret');
          const last = at(answer, 'ready') === true ? style.good('Ready.') : style.bad('Not ready.');
          return [...checks, ...(secret === undefined ? [] : ['', `STRIPE_WEBHOOK_SECRET=${secret}`, '']), last];
        });
        return at(answer, 'ready') === true ? EXIT.done : EXIT.no;
      }),
    );
}
