import { noSuch } from '../http/api-error.ts';
import type { SubscriptionItem } from '../objects/subscription.ts';
import { object, required, string } from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { PAGE, pageOf } from './lists.ts';
import { operation, pathValue, type Resource } from './resource.ts';

function itemById(work: Work, id: string): SubscriptionItem {
  const owner = work.objects.ownerOf(id);
  const subscription = owner === undefined ? undefined : work.find('subscription', owner);
  const item = subscription?.items.data.find((one) => one.id === id);
  if (item === undefined) throw noSuch('subscription_item', id, 'id', 404);
  return item;
}

const retrieve = operation({
  method: 'GET',
  route: '/v1/subscription_items/{item}',
  params: object({}),
  run: (work, _params, path) => itemById(work, pathValue(path, 'item')),
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

/** Items live inside their subscription; these calls read them there. */
export const subscriptionItems: Resource = {
  object: 'subscription_item',
  operations: [retrieve, list],
  expandable: {},
};
