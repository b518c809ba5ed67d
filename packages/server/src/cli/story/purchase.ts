import { at, itemsOf, textAt } from '../json.ts';
import { maskKey } from '../keys.ts';
import { lettersTo, subjectsOf, withinMs } from './mail.ts';
import { type Actor, keyIn, must, needText, newEmail, type Stage, type Ware } from './stage.ts';

const KEY_LENGTH = 271;
const DELIVERY_MS = 2_000;

/** Something a person can buy as a single monthly plan for one machine: what this story needs of a product. */
export function findWare(products: readonly unknown[], wanted: Partial<Ware>): Ware | null {
  for (const product of products) {
    const id = textAt(product, 'id');
    if (id === undefined || (wanted.product !== undefined && wanted.product !== id)) continue;
    const plans = itemsOf(at(product, 'plans'));
    if (wanted.product === undefined && plans.length !== 1) continue;
    const plan = plans.find(
      (candidate) =>
        isMonthlyForOneMachine(candidate) && (wanted.plan ?? textAt(candidate, 'id')) === textAt(candidate, 'id'),
    );
    const planId = textAt(plan, 'id');
    if (planId !== undefined) return { product: id, plan: planId };
  }
  return null;
}

function isMonthlyForOneMachine(plan: unknown): boolean {
  return (
    at(plan, 'price.interval') === 'month' && at(plan, 'price.interval_count') === 1 && at(plan, 'max_machines') === 1
  );
}

/** Checkout, payment, key: everything from the wish to buy to the letter with the key. */
export async function buy(stage: Stage, ware: Ware, role: string): Promise<Actor> {
  const email = newEmail(role);
  await pay(stage, ware, email);
  const key = await receiveKey(stage, email);
  return { email, key, ...(await lookUp(stage, email)) };
}

async function pay({ server, stripe, did, saw }: Stage, { product, plan }: Ware, email: string): Promise<void> {
  did(`POST /v1/checkouts for ${product}, plan ${plan}, as ${email}`);
  const checkout = await server.post('/v1/checkouts', { product, plan, email });
  const session = needText(checkout, 'id', 'a checkout with Stripe’s session id');
  must(session.startsWith('cs_'), 'an id that begins with cs_', session);
  saw(`${session.slice(0, 18)}…, to be paid at ${textAt(checkout, 'url')?.split(/[?#]/)[0] ?? 'no address'}`);
  did('pay on the local Stripe with pm_card_visa');
  const path = `/_sandbox/checkout/sessions/${encodeURIComponent(session)}/complete`;
  const paid = await stripe.post(path, { payment_method: 'pm_card_visa', email });
  must(at(paid, 'status') === 'complete', 'a session with the status complete', paid);
  saw(`complete, ${textAt(paid, 'payment_status')}`);
}

async function receiveKey(stage: Stage, email: string): Promise<string> {
  stage.did('wait for the letter with the key');
  const began = performance.now();
  const letters = await withinMs(
    DELIVERY_MS,
    () => lettersTo(stage, email),
    (found) => found.some((letter) => keyIn(letter) !== undefined),
  );
  const tookMs = Math.round(performance.now() - began);
  const withKey = letters.filter((letter) => keyIn(letter) !== undefined);
  must(withKey.length === 1, `one letter with a key within ${DELIVERY_MS / 1000} s`, subjectsOf(letters));
  const key = keyIn(withKey[0]) ?? '';
  must(key.length === KEY_LENGTH, `a key of ${KEY_LENGTH} characters`, key.length);
  stage.saw(`${subjectsOf(withKey)} after ${tookMs} ms, with the key ${maskKey(key)} (${key.length} characters)`);
  return key;
}

async function lookUp({ server, did, saw }: Stage, email: string): Promise<Omit<Actor, 'email' | 'key'>> {
  did('look up customer, subscription and licence');
  const customers = itemsOf(await server.get('/v1/customers', { email }));
  const subscriptions = itemsOf(await server.get('/v1/subscriptions', { email }));
  const licenses = itemsOf(await server.get('/v1/licenses', { email }));
  const counts = `${customers.length} customer, ${subscriptions.length} subscription, ${licenses.length} licence`;
  must(counts === '1 customer, 1 subscription, 1 licence', 'one of each', counts);
  const actor = {
    licenseId: needText(licenses[0], 'id', 'a licence'),
    subscriptionId: needText(subscriptions[0], 'id', 'a subscription'),
    stripeCustomerId: needText(customers[0], 'stripe_customer_id', 'Stripe’s customer'),
  };
  saw(`${counts}; the subscription is ${textAt(subscriptions[0], 'status')}`);
  return actor;
}
