import { defaultConfiguration, sessionEnd } from '../billing/portal.ts';
import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { PortalConfiguration, PortalFlow, PortalSession } from '../objects/portal.ts';
import { isEnded, type Subscription } from '../objects/subscription.ts';
import { array, type Infer, integer, object, oneOf, required, string } from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { offeredPrices } from './billing-portal-changes.ts';
import { webUrl } from './parameters.ts';
import { operation, type Resource } from './resource.ts';

/** Ways into the portal (https://docs.stripe.com/api/customer_portal/sessions). */

const LOCALES = (
  'auto bg cs da de el en en-AU en-CA en-GB en-IE en-IN en-NZ en-SG es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms ' +
  'mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW'
).split(' ');

const OF_SUBSCRIPTION = { subscription: required(string()) };

const FLOW_FIELDS = {
  after_completion: object({
    hosted_confirmation: object({ custom_message: string({ maxLength: 500 }) }),
    redirect: object({ return_url: required(webUrl()) }),
    type: required(oneOf(['hosted_confirmation', 'portal_homepage', 'redirect'])),
  }),
  subscription_cancel: object(OF_SUBSCRIPTION, ['retention']),
  subscription_update: object(OF_SUBSCRIPTION),
  subscription_update_confirm: object(
    {
      ...OF_SUBSCRIPTION,
      items: required(
        array(object({ id: required(string()), price: string(), quantity: integer({ min: 1 }) }), { max: 1 }),
      ),
    },
    ['discounts'],
  ),
  type: required(
    oneOf([
      'customer_update',
      'payment_method_update',
      'subscription_cancel',
      'subscription_update',
      'subscription_update_confirm',
    ]),
  ),
};

type FlowParams = Infer<typeof FLOW_FIELDS>;

function missing(param: string): Error {
  return invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
}

function afterCompletion(params: FlowParams): PortalFlow['after_completion'] {
  const { type = 'portal_homepage', redirect, hosted_confirmation: confirmation } = params.after_completion ?? {};
  if (type === 'redirect' && redirect === undefined) throw missing('flow_data[after_completion][redirect]');
  return {
    hosted_confirmation:
      type === 'hosted_confirmation' ? { custom_message: confirmation?.custom_message ?? null } : null,
    redirect: type === 'redirect' ? (redirect ?? null) : null,
    type,
  };
}

/** A subscription of the customer's that still runs. */
function subscriptionOf(work: Work, customer: string, id: string, param: string): Subscription {
  const subscription = work.require('subscription', id, param);
  if (subscription.customer === customer && !isEnded(subscription)) return subscription;
  throw invalidRequest(`The subscription ${id} is not a running subscription of the customer ${customer}.`, { param });
}

function confirmed(
  work: Work,
  configuration: PortalConfiguration,
  subscription: Subscription,
  params: NonNullable<FlowParams['subscription_update_confirm']>,
): NonNullable<PortalFlow['subscription_update_confirm']> {
  const path = 'flow_data[subscription_update_confirm][items]';
  const [item] = params.items;
  if (item === undefined) throw missing(path);
  const current = subscription.items.data.find((one) => one.id === item.id);
  if (current === undefined) work.require('subscription', `${item.id} of ${subscription.id}`, `${path}[0][id]`);
  const price = offeredPrices(work, configuration, subscription).find((one) => one.id === item.price);
  if (price === undefined) {
    throw invalidRequest('The price is not one that the configuration lets this subscription change to.', {
      param: `${path}[0][price]`,
    });
  }
  return {
    discounts: null,
    items: [{ ...item, price: price.id }],
    subscription: subscription.id,
  };
}

const FEATURE_OF_FLOW = {
  customer_update: 'customer_update',
  payment_method_update: 'payment_method_update',
  subscription_cancel: 'subscription_cancel',
  subscription_update: 'subscription_update',
  subscription_update_confirm: 'subscription_update',
} as const;

function flowOf(work: Work, configuration: PortalConfiguration, customer: string, params: FlowParams): PortalFlow {
  const { type } = params;
  if (!configuration.features[FEATURE_OF_FLOW[type]].enabled) {
    throw invalidRequest(`The feature that the flow \`${type}\` needs is not enabled in the configuration.`, {
      param: 'flow_data[type]',
    });
  }
  const flow: PortalFlow = {
    after_completion: afterCompletion(params),
    customer_update: type === 'customer_update' ? {} : null,
    subscription_cancel: null,
    subscription_pause: null,
    subscription_update: null,
    subscription_update_confirm: null,
    type,
  };
  if (type === 'customer_update' || type === 'payment_method_update') return flow;
  const about = params[type];
  if (about === undefined) throw missing(`flow_data[${type}]`);
  const subscription = subscriptionOf(work, customer, about.subscription, `flow_data[${type}][subscription]`);
  const { id } = subscription;
  if (type === 'subscription_cancel') return { ...flow, subscription_cancel: { retention: null, subscription: id } };
  if (type === 'subscription_update') return { ...flow, subscription_update: { subscription: id } };
  const confirm = params.subscription_update_confirm;
  if (confirm === undefined) throw missing(`flow_data[${type}]`);
  return { ...flow, subscription_update_confirm: confirmed(work, configuration, subscription, confirm) };
}

function configurationFor(work: Work, id: string | undefined): PortalConfiguration {
  if (id === undefined) return defaultConfiguration(work);
  const configuration = work.require('billing_portal.configuration', id, 'configuration');
  if (configuration.active) return configuration;
  throw invalidRequest(`The configuration ${id} is not active.`, { param: 'configuration' });
}

const create = operation({
  method: 'POST',
  route: '/v1/billing_portal/sessions',
  params: object(
    {
      configuration: string(),
      customer: required(string()),
      flow_data: object(FLOW_FIELDS, ['subscription_pause']),
      locale: oneOf(LOCALES),
      return_url: webUrl(),
    },
    ['after_expiration', 'customer_account', 'on_behalf_of'],
  ),
  run(work, params) {
    const customer = work.require('customer', params.customer, 'customer').id;
    const configuration = configurationFor(work, params.configuration);
    const flow = params.flow_data === undefined ? null : flowOf(work, configuration, customer, params.flow_data);
    const id = newId('bps_');
    const session: PortalSession = {
      id,
      object: 'billing_portal.session',
      configuration: configuration.id,
      created: work.now,
      customer,
      customer_account: null,
      flow,
      livemode: false,
      locale: params.locale ?? null,
      on_behalf_of: null,
      return_url: params.return_url ?? configuration.default_return_url,
      url: `${work.settings.publicUrl}/p/session/${id}${flow === null ? '' : '/flow'}`,
    };
    return work.insert(session, 'billing_portal.session.created', sessionEnd(work));
  },
});

export const billingPortalSessions: Resource = {
  object: 'billing_portal.session',
  operations: [create],
  expandable: { configuration: 'billing_portal.configuration' },
};
