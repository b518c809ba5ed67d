import type { BetterAuthOptions } from 'better-auth';
import type { Connection } from '../../db/database.ts';
import type { Log } from '../../observability/log.ts';
import { redactText } from '../../observability/redaction.ts';
import type { Vault } from '../../security/vault.ts';
import type { SendLetter } from './letters.ts';

export interface SignInOptions {
  connection: Connection;
  vault: Vault;
  log: Log;
  /** The address customers see, without a slash at its end. */
  publicUrl: string;
  allowedOrigins: readonly string[];
  send: SendLetter;
  /** Work that an answer does not wait for, so that its time tells nothing of whether an address is known. */
  inBackground(work: Promise<unknown>): void;
  created(user: { id: string }): Promise<void>;
  verified(user: { id: string }): Promise<void>;
  passwordReset(user: { id: string }): Promise<void>;
}

/** Where better-auth is mounted. */
export const BASE_PATH = '/auth';

const VERIFY_MINUTES = 24 * 60;
const RESET_MINUTES = 60;
const SIGN_IN_MINUTES = 15;
const SESSION_SECONDS = 7 * 24 * 60 * 60;

/** The secrets that sign cookies and the links that verify an address, by the root secrets, the newest first. */
export function signingSecrets(vault: Pick<Vault, 'indexes'>): string[] {
  return vault.indexes('accounts', 'better-auth').map((bytes) => Buffer.from(bytes).toString('base64url'));
}

/**
 * better-auth as we use it: passwords and mailed links, bearer tokens, and no session before an address is verified. It is loaded when
 * somebody first signs in, since it takes half a second to load.
 */
export async function createSignIn(options: SignInOptions): Promise<{ handler(request: Request): Promise<Response> }> {
  const [{ betterAuth }, { bearer }, { magicLink }, { createStorage, naming }] = await Promise.all([
    import('better-auth/minimal'),
    import('better-auth/plugins/bearer'),
    import('better-auth/plugins/magic-link'),
    import('./storage.ts'),
  ]);
  const { connection, vault, publicUrl, send } = options;
  const secrets = signingSecrets(vault);
  const sendSignInLink = ({ email, url }: { email: string; url: string }) =>
    send('sign-in-link', { to: email, url: withPage(url, publicUrl), minutes: SIGN_IN_MINUTES });

  let api: { signInMagicLink(asked: { body: { email: string }; headers: Headers }): Promise<unknown> } | null = null;

  const settings = {
    appName: 'Latchkey',
    baseURL: `${publicUrl}${BASE_PATH}`,
    basePath: BASE_PATH,
    secrets: secrets.map((value, index) => ({ version: secrets.length - index, value })),
    database: createStorage(connection, vault),
    trustedOrigins: [new URL(publicUrl).origin, ...options.allowedOrigins],
    user: naming.user,
    session: { ...naming.session, expiresIn: SESSION_SECONDS },
    account: naming.account,
    verification: { ...naming.verification, storeIdentifier: 'hashed' },
    emailAndPassword: {
      enabled: true,
      minPasswordLength: 10,
      maxPasswordLength: 128,
      requireEmailVerification: true,
      autoSignIn: false,
      revokeSessionsOnPasswordReset: true,
      resetPasswordTokenExpiresIn: RESET_MINUTES * 60,
      sendResetPassword({ user, url, token }) {
        const leadsNowhere = new URL(url).searchParams.get('callbackURL') === '';
        const link = leadsNowhere ? `${publicUrl}/account/password?token=${token}` : url;
        return send('reset-password', { to: user.email, url: link, minutes: RESET_MINUTES });
      },
      onPasswordReset: ({ user }) => options.passwordReset(user),
      // The answer is that of a new account. Whoever reads the letters gets in, and a password that was chosen by somebody who never did
      // is gone with that.
      async onExistingUserSignUp({ user }) {
        await api?.signInMagicLink({ body: { email: user.email }, headers: new Headers() });
      },
    },
    emailVerification: {
      sendOnSignUp: true,
      sendOnSignIn: true,
      autoSignInAfterVerification: false,
      expiresIn: VERIFY_MINUTES * 60,
      sendVerificationEmail: ({ user, url }) =>
        send('verify-email', { to: user.email, url: withPage(url, publicUrl), minutes: VERIFY_MINUTES }),
      afterEmailVerification: (user) => options.verified(user),
    },
    databaseHooks: { user: { create: { after: (user) => options.created(user) } } },
    plugins: [
      bearer(),
      magicLink({ expiresIn: SIGN_IN_MINUTES * 60, storeToken: 'hashed', sendMagicLink: sendSignInLink }),
    ],
    // Ours are at the route: by address, by account, and by letter.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    experimental: { instrumentation: { enabled: false } },
    logger: {
      level: 'warn',
      disableColors: true,
      log: (level, message) => note(options.log, level, message),
    },
    onAPIError: { errorURL: `${publicUrl}/account`, onError: rethrow },
    advanced: {
      cookiePrefix: 'latchkey',
      useSecureCookies: publicUrl.startsWith('https:'),
      defaultCookieAttributes: { sameSite: 'lax', httpOnly: true },
      // Said, because better-auth lets a test environment switch them off.
      disableCSRFCheck: false,
      disableOriginCheck: false,
      ipAddress: { disableIpTracking: true },
      database: { validateSchema: false },
      backgroundTasks: { handler: options.inBackground },
    },
  } satisfies BetterAuthOptions;
  const auth = betterAuth(settings);
  api = auth.api;
  return auth;
}

/** The link, leading to a page of ours where whoever asked for it named none. */
function withPage(url: string, publicUrl: string): string {
  const link = new URL(url);
  if (link.searchParams.get('callbackURL') === '/') link.searchParams.set('callbackURL', `${publicUrl}/account`);
  return link.href;
}

// Else the router would print what nobody foresaw, rows and all, and answer an empty 500. What it foresaw it answers itself.
function rethrow(error: unknown): void {
  if (error instanceof Error && error.name === 'APIError') return;
  throw new Error(`An account’s request failed: ${error instanceof Error ? error.message : 'for no reason given'}`);
}

// The words alone: what comes with them may hold rows. Its warnings are of guesses and misspellings, which the request's line tells.
function note(log: Log, level: string, message: string): void {
  const words = redactText(message).replace(/[?&]token=[^&\s]+/g, '?token=…');
  if (level === 'error') log.warn({ by: 'better-auth' }, words);
  else log.debug({ by: 'better-auth' }, words);
}
