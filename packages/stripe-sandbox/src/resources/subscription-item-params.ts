import { newItem } from '../billing/subscription-start.ts';
import { periodOf } from '../billing/subscription-tasks.ts';
import { invalidRequest, noSuch } from '../http/api-error.ts';
import { type Price, planOf } from '../objects/price.ts';
import { isMetered, type Subscription, type SubscriptionItem } from '../objects/subscription.ts';
import { array, boolean, type Infer, integer, metadata, object, oneOf, string } from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { mergeMetadata } from './metadata.ts';
import { inlinePrice, SUBSCRIPTION_PRICE_DATA } from './price-data.ts';

/** The parameters by which the items of a subscription change, and the items they make. */

/** What all items have, wherever they are given. */
export const ITEM_FIELDS = {
  price: string(),
  price_data: SUBSCRIPTION_PRICE_DATA,
  quantity: integer({ min: 0, max: 999_999_999 }),
  metadata: metadata(),
};

const { price_data: _inline, ...PREVIEWED_ITEM_FIELDS } = ITEM_FIELDS;

export const ITEM_UNSUPPORTED = ['billing_thresholds', 'current_trial', 'discounts', 'plan', 'tax_rates'];

const CHANGED_ITEM_FIELDS = { ...ITEM_FIELDS, deleted: boolean(), id: string() };

export const CHANGED_ITEMS = array(object(CHANGED_ITEM_FIELDS, [...ITEM_UNSUPPORTED, 'clear_usage']), { max: 20 });

/** Of a preview, which must not make prices in passing. */
export const PREVIEWED_ITEMS = array(
  object({ ...PREVIEWED_ITEM_FIELDS, deleted: boolean(), id: string() }, [
    ...ITEM_UNSUPPORTED,
    'clear_usage',
    'price_data',
  ]),
  { max: 20 },
);

export const PRORATION_BEHAVIOR = oneOf(['always_invoice', 'create_prorations', 'none']);

export const PAYMENT_BEHAVIOR = oneOf(['allow_incomplete', 'default_incomplete', 'error_if_incomplete']);

/** Of a change, which may also wait for its payment. */
export const UPDATE_PAYMENT_BEHAVIOR = oneOf([
  'allow_incomplete',
  'default_incomplete',
  'error_if_incomplete',
  'pending_if_incomplete',
]);

/**
 * Refuses what a change that waits for its payment cannot be about
 * (https://docs.stripe.com/billing/subscriptions/pending-updates-reference).
 */
export function requirePendingParams(
  subscription: Subscription,
  params: { payment_behavior?: string },
  allowed: readonly string[],
): void {
  if (params.payment_behavior !== 'pending_if_incomplete') return;
  const other = Object.keys(params).find((name) => name !== 'payment_behavior' && !allowed.includes(name));
  if (other !== undefined) {
    throw invalidRequest(`\`${other}\` cannot be passed when \`payment_behavior\` is \`pending_if_incomplete\`.`, {
      param: other,
    });
  }
  if (subscription.collection_method !== 'send_invoice') return;
  throw invalidRequest('Pending updates need a collection method of `charge_automatically`.', {
    param: 'payment_behavior',
  });
}

type ItemParams = Infer<typeof ITEM_FIELDS>;
export type ChangedItem = Infer<typeof CHANGED_ITEM_FIELDS>;

/** The price an item is to have; undefined when none is given. */
export function priceOf(work: Work, params: ItemParams, path: string): Price | undefined {
  const name = (member: string) => (path === '' ? member : `${path}[${member}]`);
  if (params.price !== undefined && params.price_data !== undefined) {
    throw invalidRequest(`You must specify exactly one of these parameters: ${name('price')}, ${name('price_data')}.`, {
      param: name('price'),
    });
  }
  if (params.price_data !== undefined) return inlinePrice(work, params.price_data, name('price_data'));
  if (params.price === undefined) return undefined;
  const price = work.require('price', params.price, name('price'));
  if (price.active) return price;
  throw invalidRequest('The price specified is inactive. This field only accepts active prices.', {
    param: name('price'),
  });
}

/** How many of a price there are to be: none of a metered one, of which no number may be given. */
export function quantityFor(price: Price, given: number | undefined, path: string, before = 1): number {
  if (!isMetered({ price })) return given ?? before;
  if (given === undefined) return 0;
  throw invalidRequest('You cannot set the quantity for metered prices: report usage to their meter.', {
    param: path === '' ? 'quantity' : `${path}[quantity]`,
  });
}

function changedItem(work: Work, item: SubscriptionItem, params: ChangedItem, path: string): SubscriptionItem {
  const same = params.price === item.price.id;
  const price = same ? item.price : (priceOf(work, params, path) ?? item.price);
  if (price.recurring === null) {
    throw invalidRequest(`The price ${price.id} is set to \`type=one_time\`, but a recurring price is needed here.`, {
      param: `${path}[price]`,
    });
  }
  const quantity = quantityFor(price, params.quantity, path, item.quantity);
  const { quantity: _before, ...rest } = item;
  return {
    ...rest,
    metadata: mergeMetadata(item.metadata, params.metadata),
    plan: planOf(price, price.recurring),
    price,
    ...(isMetered({ price }) ? {} : { quantity }),
  };
}

function addedItem(work: Work, subscription: Subscription, params: ChangedItem, path: string): SubscriptionItem {
  const price = priceOf(work, params, path);
  if (price === undefined) {
    throw invalidRequest(`Missing required param: ${path}[price].`, {
      code: 'parameter_missing',
      param: `${path}[price]`,
    });
  }
  const quantity = quantityFor(price, params.quantity, path);
  const sold = { price, quantity, metadata: mergeMetadata({}, params.metadata) };
  return newItem(work, subscription.id, sold, periodOf(subscription));
}

function requireDistinct(items: readonly SubscriptionItem[]): void {
  const prices = items.map((item) => item.price.id);
  const twice = prices.find((price, index) => prices.indexOf(price) !== index);
  if (twice === undefined) return;
  throw invalidRequest(
    `Cannot add multiple subscription items with the same price: ${twice}. Update the quantity of the item instead.`,
    { param: 'items' },
  );
}

/**
 * The items of a subscription after a change: an entry with an `id` changes or removes that item, one without adds another;
 * items that are not named stay.
 */
export function changedItems(
  work: Work,
  subscription: Subscription,
  params: readonly ChangedItem[],
): SubscriptionItem[] {
  const items: (SubscriptionItem | null)[] = [...subscription.items.data];
  for (const [index, entry] of params.entries()) {
    const path = `items[${index}]`;
    if (entry.id === undefined) {
      items.push(addedItem(work, subscription, entry, path));
      continue;
    }
    const place = items.findIndex((item) => item?.id === entry.id);
    const item = items[place];
    if (item === undefined || item === null) throw noSuch('subscription_item', entry.id, `${path}[id]`);
    items[place] = entry.deleted === true ? null : changedItem(work, item, entry, path);
  }
  const kept = items.filter((item) => item !== null);
  if (kept.length === 0) {
    throw invalidRequest('A subscription must have at least one item. Cancel it instead of removing the last one.', {
      param: 'items',
    });
  }
  requireDistinct(kept);
  return kept;
}
