import { at, itemsOf, textAt } from '../json.ts';
import { cellText } from '../table.ts';
import { expectLetters, lettersTo, withinMs } from './mail.ts';
import { buy, findWare } from './purchase.ts';
import { type Actor, advance, expectValidation, must, needText, type Stage, type Ware } from './stage.ts';

/** A step of the story by its name, so that a failure can say where it happened. */
export interface Chapter {
  title: string;
  play(stage: Stage, plot: Plot): Promise<void>;
}

/** What the chapters hand on to one another. */
export interface Plot {
  wanted: Partial<Ware>;
  ware: Ware;
  buyer: Actor;
  expiresAt: string;
  lettersRead: number;
}

const HOUR_SECONDS = 3_600;

export const CHAPTERS: readonly Chapter[] = [
  { title: 'The server is healthy', play: health },
  { title: 'The store', play: store },
  { title: 'A customer buys, and has the key by mail', play: purchase },
  { title: 'One key, one machine', play: machines },
  { title: 'A key with one character changed', play: forgery },
  { title: 'A month on: renewed', play: renewal },
  { title: 'The card stops working: grace', play: grace },
  { title: 'Four days on: suspended', play: suspension },
  { title: 'Six more: the third failure, revoked', play: revocation },
  { title: 'A second customer buys and cancels', play: cancellation },
];

async function health({ server, did, saw }: Stage): Promise<void> {
  did('GET /health');
  const answer = await server.get('/health');
  must(at(answer, 'status') === 'healthy', 'status healthy', answer);
  saw(`${textAt(answer, 'service')} ${textAt(answer, 'version') ?? ''} in ${textAt(answer, 'mode')} mode`);
}

async function store({ server, did, saw }: Stage, plot: Plot): Promise<void> {
  did('GET /v1/products');
  const products = itemsOf(await server.get('/v1/products', { limit: '100' }));
  const ware = findWare(products, plot.wanted);
  const names = products.map((product) => textAt(product, 'id')).join(', ');
  must(ware !== null, 'a product with a monthly plan for one machine (or name one with --product and --plan)', names);
  plot.ware = ware;
  saw(`${names}; this story is about ${ware.product}, plan ${ware.plan}`);
}

async function purchase(stage: Stage, plot: Plot): Promise<void> {
  plot.buyer = await buy(stage, plot.ware, 'ada');
  plot.lettersRead = (await lettersTo(stage, plot.buyer.email)).length;
}

async function machines(stage: Stage, { buyer }: Plot): Promise<void> {
  await activate(stage, buyer, 'server_001', 'VALID');
  await expectValidation(stage, buyer, { code: 'VALID', valid: true });
  await activate(stage, buyer, 'server_001', 'VALID');
  await activate(stage, buyer, 'server_002', 'TOO_MANY_MACHINES');
}

async function activate({ server, did, saw }: Stage, { key }: Actor, fingerprint: string, code: string): Promise<void> {
  did(`activate ${fingerprint}`);
  const answer = await server.post('/v1/licenses/activate', { key, machine: { fingerprint } });
  const asExpected = at(answer, 'code') === code && at(answer, 'valid') === (code === 'VALID');
  must(asExpected, `the code ${code}`, answer);
  saw(`${textAt(answer, 'code')} – ${textAt(answer, 'detail')}`);
}

async function forgery({ server, did, saw }: Stage, { buyer }: Plot): Promise<void> {
  const last = buyer.key.at(-1) === '0' ? '1' : '0';
  did('validate the key with its last digit changed');
  const answer = await server.post('/v1/licenses/validate', { key: buyer.key.slice(0, -1) + last });
  must(at(answer, 'code') === 'FORGED' && at(answer, 'valid') === false, 'the code FORGED', answer);
  saw(`${textAt(answer, 'code')} – ${textAt(answer, 'detail')}`);
}

async function renewal(stage: Stage, plot: Plot): Promise<void> {
  const before = await readExpiry(stage, plot.buyer);
  await advance(stage, { days: 32 });
  await expectValidation(stage, plot.buyer, { code: 'VALID', valid: true });
  const after = await readExpiry(stage, plot.buyer);
  const addedDays = (Date.parse(after) - Date.parse(before)) / 86_400_000;
  must(addedDays >= 28 && addedDays <= 31, 'the licence to be extended by one month', `${before} → ${after}`);
  plot.expiresAt = after;
  plot.lettersRead = await expectLetters(stage, plot.buyer, plot.lettersRead, [/renewed/i]);
}

async function readExpiry({ server, did, saw }: Stage, { licenseId }: Actor): Promise<string> {
  did('read the licence');
  const answer = await server.get(`/v1/licenses/${encodeURIComponent(licenseId)}`);
  const expiresAt = needText(answer, 'expires_at', 'an end');
  saw(`${textAt(answer, 'status')}, expires ${cellText(expiresAt)}`);
  return expiresAt;
}

async function grace(stage: Stage, plot: Plot): Promise<void> {
  const { server, stripe, did, saw } = stage;
  did('swap the card for pm_card_chargeCustomerFail');
  const path = `/_sandbox/customers/${encodeURIComponent(plot.buyer.stripeCustomerId)}/payment_method`;
  const card = await stripe.post(path, { payment_method: 'pm_card_chargeCustomerFail' });
  must(textAt(card, 'id') !== undefined, 'a payment method', card);
  saw(`the new card ends in ${textAt(card, 'card.last4') ?? '????'}`);
  const now = needText(await server.get('/sandbox/time'), 'now', 'the time');
  const untilEnd = Math.ceil((Date.parse(plot.expiresAt) - Date.parse(now)) / 1000);
  await advance(stage, { seconds: untilEnd + 2 * HOUR_SECONDS });
  await expectValidation(stage, plot.buyer, { code: 'GRACE', valid: true });
  plot.lettersRead = await expectLetters(stage, plot.buyer, plot.lettersRead, [/payment .*failed/i]);
}

async function suspension(stage: Stage, plot: Plot): Promise<void> {
  await advance(stage, { days: 4 });
  await expectValidation(stage, plot.buyer, { code: 'SUSPENDED', valid: false });
  plot.lettersRead = await expectLetters(stage, plot.buyer, plot.lettersRead, [/suspended/i]);
}

async function revocation(stage: Stage, plot: Plot): Promise<void> {
  await advance(stage, { days: 6 });
  await expectValidation(stage, plot.buyer, { code: 'REVOKED', valid: false });
  plot.lettersRead = await expectLetters(stage, plot.buyer, plot.lettersRead, [/revoked/i]);
}

async function cancellation(stage: Stage, plot: Plot): Promise<void> {
  const { server, did, saw } = stage;
  const second = await buy(stage, plot.ware, 'grace');
  await activate(stage, second, 'server_001', 'VALID');
  did('POST /v1/subscriptions/:id/cancel, at once');
  const path = `/v1/subscriptions/${encodeURIComponent(second.subscriptionId)}/cancel`;
  const canceled = await server.post(path, { at_period_end: false });
  must(at(canceled, 'status') === 'canceled', 'the status canceled', canceled);
  saw(`the subscription is ${textAt(canceled, 'status')}`);
  await expectValidation(stage, second, { code: 'REVOKED', valid: false });
  const known = 1;
  await withinMs(
    2_000,
    () => lettersTo(stage, second.email),
    (letters) => letters.length > known,
  );
  await expectLetters(stage, second, known, [/canceled/i]);
}
