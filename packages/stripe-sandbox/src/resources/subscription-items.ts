import { type ChangeBehavior, carryOutChange } from '../billing/change-subscription.ts';
import { activeDiscounts } from '../billing/discounts.ts';
import { followSubscription } from '../billing/schedule-phases.ts';
import { noSuch } from '../http/api-error.ts';
import type { JsonObject } from '../json.ts';
import type { Subscription, SubscriptionItem } from '../objects/subscription.ts';
import { given } from '../parameters/given.ts';
import { boolean, object, required, string, timestamp } from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { PAGE, pageOf } from './lists.ts';
import { operation, type PathValues, pathValue, type Resource } from './resource.ts';
import { type ChangeParams, planOf } from './subscription-change.ts';
import {
  ITEM_FIELDS,
  ITEM_UNSUPPORTED,
  PRORATION_BEHAVIOR,
  requirePendingParams,
  UPDATE_PAYMENT_BEHAVIOR,
} from './subscription-item-params.ts';

type Found = { item: SubscriptionItem; subscription: Subscription };

function itemAt(work: Work, path: PathValues): Found {
  const id = pathValue(path, 'item');
  const owner = work.objects.ownerOf(id);
  const subscription = owner === undefined ? undefined : work.find('subscription', owner);
  const item = subscription?.items.data.find((one) => one.id === id);
  if (subscription === undefined || item === undefined) throw noSuch('subscription_item', id, 'id', 404);
  return { item, subscription };
}

const HOW_FIELDS = {
  payment_behavior: UPDATE_PAYMENT_BEHAVIOR,
  proration_behavior: PRORATION_BEHAVIOR,
  proration_date: timestamp(),
};

type How = Omit<ChangeParams, 'billing_cycle_anchor' | 'items'> & {
  off_session?: boolean;
  payment_behavior?: ChangeBehavior;
};

function change(work: Work, subscription: Subscription, entry: NonNullable<ChangeParams['items']>[number], how: How) {
  requirePendingParams(subscription, how, ['off_session', 'proration_behavior', 'proration_date']);
  const discounts = activeDiscounts(work, subscription.discounts, work.now);
  const plan = planOf(work, subscription, subscription, { ...how, items: [entry] }, discounts);
  const changed = carryOutChange(work, plan, {
    behavior: how.payment_behavior ?? 'allow_incomplete',
    offSession: how.off_session ?? false,
  });
  followSubscription(work, changed);
  return changed;
}

const create = operation({
  method: 'POST',
  route: '/v1/subscription_items',
  params: object({ ...ITEM_FIELDS, ...HOW_FIELDS, subscription: required(string()) }, ITEM_UNSUPPORTED),
  run(work, params): JsonObject {
    const { subscription: id, payment_behavior, proration_behavior, proration_date, ...entry } = params;
    const subscription = work.require('subscription', id, 'subscription');
    const how = given({ payment_behavior, proration_behavior, proration_date });
    const changed = change(work, subscription, entry, how);
    const known = new Set(subscription.items.data.map((item) => item.id));
    // An item that waits for its payment is shown as it will be.
    const items = changed.pending_update?.subscription_items ?? changed.items.data;
    const added = items.find((item) => !known.has(item.id));
    if (added === undefined) throw new Error('The change added no item');
    return added;
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/subscription_items/{item}',
  params: object({}),
  run: (work, _params, path) => itemAt(work, path).item,
});

const update = operation({
  method: 'POST',
  route: '/v1/subscription_items/{item}',
  params: object({ ...ITEM_FIELDS, ...HOW_FIELDS, off_session: boolean() }, ITEM_UNSUPPORTED),
  run(work, params, path) {
    const { item, subscription } = itemAt(work, path);
    const { payment_behavior, proration_behavior, proration_date, off_session, ...entry } = params;
    const how = given({ payment_behavior, proration_behavior, proration_date, off_session });
    change(work, subscription, { ...entry, id: item.id }, how);
    return itemAt(work, path).item;
  },
});

const remove = operation({
  method: 'DELETE',
  route: '/v1/subscription_items/{item}',
  params: object(HOW_FIELDS, ['clear_usage']),
  run(work, params, path): JsonObject {
    const { item, subscription } = itemAt(work, path);
    change(work, subscription, { id: item.id, deleted: true }, params);
    return { id: item.id, object: 'subscription_item', deleted: true };
  },
});

const list = operation({
  method: 'GET',
  route: '/v1/subscription_items',
  params: object({ ...PAGE, subscription: required(string()) }),
  run(work, params) {
    const subscription = work.require('subscription', params.subscription, 'subscription');
    return pageOf('/v1/subscription_items', subscription.items.data, params);
  },
});

/** Items live inside their subscription; these calls read and change them there. */
export const subscriptionItems: Resource = {
  object: 'subscription_item',
  operations: [create, retrieve, update, remove, list],
  expandable: {},
};
