import { formatAmount } from '../billing/amounts.ts';
import { answerAuthentication } from '../billing/collection.ts';
import type { Authentication } from '../billing/payments.ts';
import { answerSetupAuthentication } from '../billing/setup.ts';
import type { Engine } from '../engine.ts';
import type { PaymentIntent } from '../objects/payment-intent.ts';
import type { SetupIntent } from '../objects/setup-intent.ts';
import { equals } from '../store/conditions.ts';
import { BY_THE_CLOCK, type Work } from '../work.ts';
import { html } from './html.ts';
import { notFound, notice, type Page, page, redirect } from './layout.ts';

type Intent = PaymentIntent | SetupIntent;

/** The intent a client secret belongs to, while it waits for its customer. */
function waitingIntent(work: Work, secret: string): Intent | undefined {
  const name = secret.startsWith('seti_') ? 'setup_intent' : 'payment_intent';
  const [intent] = work.select(name, [equals('$.client_secret', secret)]);
  return intent?.status === 'requires_action' ? intent : undefined;
}

function question(intent: Intent): string {
  if (intent.object === 'setup_intent') return 'Saving this card needs 3-D Secure.';
  return `A payment of ${formatAmount(intent.amount, intent.currency)} needs 3-D Secure.`;
}

/** `GET /authenticate/{client_secret}`: where `next_action` sends a customer whose bank asks for 3-D Secure. */
export function showAuthentication(engine: Engine, secret: string): Page {
  return engine.run(BY_THE_CLOCK, (work) => {
    const intent = waitingIntent(work, secret);
    if (intent === undefined) return notFound();
    return page(
      200,
      'Authenticate',
      html`<form method="post">
<h1>Your bank asks you to confirm</h1>
<p>${question(intent)}</p>
<button name="outcome" value="success">Complete authentication</button>
<button name="outcome" value="fail" class="second">Fail authentication</button>
</form>`,
    );
  });
}

function answered(work: Work, intent: Intent, authentication: Authentication): Intent {
  return intent.object === 'setup_intent'
    ? answerSetupAuthentication(work, intent, authentication)
    : answerAuthentication(work, intent, authentication);
}

/** `POST /authenticate/{client_secret}` */
export function submitAuthentication(engine: Engine, secret: string, form: URLSearchParams): Page {
  return engine.run(BY_THE_CLOCK, (work) => {
    const intent = waitingIntent(work, secret);
    if (intent === undefined) return notFound();
    const action = intent.next_action;
    const back = action?.type === 'redirect_to_url' ? action.redirect_to_url.return_url : null;
    const after = answered(work, intent, form.get('outcome') === 'success' ? 'success' : 'fail');
    if (back !== null) {
      const url = new URL(back);
      url.searchParams.set(after.object, after.id);
      url.searchParams.set(`${after.object}_client_secret`, after.client_secret);
      url.searchParams.set('redirect_status', after.status === 'succeeded' ? 'succeeded' : 'failed');
      return redirect(url.href);
    }
    const what = after.object === 'setup_intent' ? 'Card' : 'Payment';
    return after.status === 'succeeded'
      ? notice(200, `${what} confirmed`, 'You can close this page.')
      : notice(
          200,
          `${what} not confirmed`,
          `The ${what.toLowerCase()} was not authenticated. You can close this page.`,
        );
  });
}
