import type { Command } from 'commander';
import { AnsweredError, createClient, UnreachableError } from '../client.ts';
import { adminToken, type GlobalOptions, serverUrl } from '../connection.ts';
import type { ExitCode, Host } from '../host.ts';
import { at, textAt } from '../json.ts';
import type { Run, Session } from '../session.ts';
import { startOwnServer } from '../story/own-server.ts';
import { playStory } from '../story/play.ts';

interface StoryOptions extends GlobalOptions {
  product?: string;
  plan?: string;
  stripeUrl?: string;
}

const CALL_MS = 15_000;

/** The main job from end to end, against a running sandbox or one of its own. */
export function addStoryCommand(program: Command, run: Run): void {
  program
    .command('story')
    .description('play the whole life of a customer against a sandbox (its clock is moved), step by step')
    .option('--product <id>', 'otherwise the first with a single monthly plan for one machine')
    .option('--plan <id>')
    .option('--stripe-url <address>', 'the local Stripe, where the server does not say')
    .action((_options: unknown, command: Command) =>
      run(command, async (session) => {
        const options = command.optsWithGlobals<StoryOptions>();
        const running = await findRunning(session.host, options);
        return running === null ? withOwnServer(session, options) : playStory(session, running, options);
      }),
    );
}

/** The sandbox that runs at the address; null when nothing does and the address was nobody's wish. */
async function findRunning(host: Host, options: StoryOptions) {
  const url = serverUrl(host, options);
  const server = createClient({ url, token: adminToken(host, options), timeoutMs: CALL_MS });
  try {
    const health = await server.get('/health');
    await requireSandbox(server);
    const stripeUrl = options.stripeUrl ?? textAt(health, 'stripe_url') ?? textAt(health, 'sandbox.stripe_url');
    const stripe = createClient({
      url: stripeUrl ?? besides(url, host.environment.SANDBOX_PORT),
      token: adminToken(host, options),
      timeoutMs: CALL_MS,
    });
    return { server, stripe };
  } catch (error) {
    const isNamed = options.url !== undefined || (host.environment.LATCHKEY_URL ?? '') !== '';
    if (error instanceof UnreachableError && !isNamed) return null;
    throw error;
  }
}

async function requireSandbox(server: { get(path: string): Promise<unknown> }): Promise<void> {
  try {
    await server.get('/sandbox/time');
  } catch (error) {
    if (!(error instanceof AnsweredError) || error.status !== 404) throw error;
    const mode = at(error.body, 'code');
    throw new Error(
      `The story moves the clock and pays with test cards, so it needs a server in sandbox mode (${mode}).`,
    );
  }
}

function besides(url: string, sandboxPort: string | undefined): string {
  const address = new URL(url);
  address.port = sandboxPort || String(Number(address.port || '80') + 1);
  return address.origin;
}

async function withOwnServer(session: Session, options: StoryOptions): Promise<ExitCode> {
  const { host, json } = session;
  if (!json) host.out('No server runs here: starting one with a temporary data folder, for this story alone.');
  const own = await startOwnServer(host);
  const forget = host.onInterrupt(own.stop);
  try {
    const { token } = own;
    const server = createClient({ url: own.url, token, timeoutMs: CALL_MS });
    const stripe = createClient({ url: own.stripeUrl, token, timeoutMs: CALL_MS });
    return await playStory(session, { server, stripe }, options);
  } finally {
    forget();
    await own.stop();
  }
}
