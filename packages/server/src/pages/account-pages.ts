import { type Html, type Http, type HttpReply, html, page, registerRawBodyRoute } from '../http/index.ts';
import type { Accounts } from '../modules/accounts/index.ts';
import { pageStyle } from './style.ts';

export interface AccountPagesOptions {
  accounts: Pick<Accounts, 'resetPassword'>;
}

/** Where the links of letters about an account lead when whoever asked for them named no page of their own. */
export function accountPages(http: Http, { accounts }: AccountPagesOptions): void {
  const config = { access: 'anyone', rateLimit: { name: 'account-pages', limit: 60, windowSeconds: 600 } } as const;

  http.get('/account', { config, schema: { hide: true } }, async (request, reply) => {
    const { error } = request.query as { error?: unknown };
    if (error !== undefined) return gone(reply);
    return answer(reply, 200, 'That worked', html`<p>Go back to where you came from; you can close this page.</p>`);
  });

  http.get('/account/password', { config, schema: { hide: true } }, async (request, reply) => {
    const { token } = request.query as { token?: unknown };
    return typeof token === 'string' ? answer(reply, 200, TITLE, passwordForm(token, null)) : gone(reply);
  });

  registerRawBodyRoute(http, {
    url: '/account/password',
    config,
    bodyLimit: 2_048,
    async handler(_request, reply, body) {
      const fields = new URLSearchParams(body.toString('utf8'));
      const token = fields.get('token') ?? '';
      const outcome = await accounts.resetPassword(token, fields.get('password') ?? '');
      if (outcome === 'done') {
        return answer(reply, 200, 'Your password is changed', html`<p>Sign in with it wherever you came from.</p>`);
      }
      return outcome === 'unsuitable' ? answer(reply, 400, TITLE, passwordForm(token, UNSUITABLE)) : gone(reply);
    },
  });
}

const TITLE = 'Choose a password';
const UNSUITABLE = 'A password has 10 to 128 characters.';

function passwordForm(token: string, said: string | null): Html {
  return html`${said === null ? null : html`<p class="panel" role="alert">${said}</p>`}
<form method="post" action="/account/password"><input type="hidden" name="token" value="${token}">
<label for="password">Your new password</label>
<p><input id="password" name="password" type="password" autocomplete="new-password" minlength="10" maxlength="128" required></p>
<p><button>Save it</button></p></form>`;
}

function gone(reply: HttpReply): HttpReply {
  return answer(
    reply,
    404,
    'This link does not work any more',
    html`<p>It was used, or its time is over. Ask for a new one where you asked for this one.</p>`,
  );
}

function answer(reply: HttpReply, status: number, title: string, body: Html): HttpReply {
  return page(reply, { status, title, style: pageStyle, body: html`<main><h1>${title}</h1>${body}</main>` });
}
