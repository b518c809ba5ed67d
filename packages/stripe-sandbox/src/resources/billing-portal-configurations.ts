import { NO_FEATURES, newConfiguration, portalProducts } from '../billing/portal.ts';
import { invalidRequest } from '../http/api-error.ts';
import type { PortalConfiguration } from '../objects/portal.ts';
import { given, unset } from '../parameters/given.ts';
import { boolean, emptyable, type Infer, metadata, object, required, string } from '../parameters/schema.ts';
import { filter } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { FEATURES, featuresOf, productsOf, requireEnabled, requireProducts } from './billing-portal-params.ts';
import { listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { switchedOff, webUrl } from './parameters.ts';
import { operation, type PathValues, pathValue, type Resource } from './resource.ts';

/** What customers may do on the portal (https://docs.stripe.com/api/customer_portal/configurations). */

const FIELDS = {
  business_profile: object({
    headline: emptyable(string({ maxLength: 60 })),
    privacy_policy_url: emptyable(webUrl()),
    terms_of_service_url: emptyable(webUrl()),
  }),
  default_return_url: emptyable(webUrl()),
  login_page: switchedOff(),
  metadata: metadata(),
  name: emptyable(string()),
};

function membersOf(current: PortalConfiguration, params: Infer<typeof FIELDS>): Partial<PortalConfiguration> {
  const profile = params.business_profile;
  return {
    business_profile: {
      ...current.business_profile,
      ...given({
        headline: unset(profile?.headline),
        privacy_policy_url: unset(profile?.privacy_policy_url),
        terms_of_service_url: unset(profile?.terms_of_service_url),
      }),
    },
    metadata: mergeMetadata(current.metadata, params.metadata),
    ...given({ default_return_url: unset(params.default_return_url), name: unset(params.name) }),
  };
}

const create = operation({
  method: 'POST',
  route: '/v1/billing_portal/configurations',
  params: object({ ...FIELDS, features: required(FEATURES) }),
  run(work, params) {
    requireEnabled(params.features);
    const features = featuresOf(NO_FEATURES, params.features);
    const products = productsOf(work, params.features) ?? [];
    requireProducts(features, products);
    const blank = newConfiguration(work, { features });
    const made = { ...blank, ...membersOf(blank, params) };
    return work.insert(made, 'billing_portal.configuration.created', { products });
  },
});

function configurationAt(work: Work, path: PathValues): PortalConfiguration {
  return work.require('billing_portal.configuration', pathValue(path, 'configuration'), 'id');
}

const retrieve = operation({
  method: 'GET',
  route: '/v1/billing_portal/configurations/{configuration}',
  params: object({}),
  run: (work, _params, path) => configurationAt(work, path),
});

const update = operation({
  method: 'POST',
  route: '/v1/billing_portal/configurations/{configuration}',
  params: object({ ...FIELDS, active: boolean(), features: FEATURES }),
  run(work, params, path) {
    const configuration = configurationAt(work, path);
    if (configuration.is_default && params.active === false) {
      throw invalidRequest('The default configuration cannot be deactivated.', { param: 'active' });
    }
    const features = featuresOf(configuration.features, params.features);
    const products = productsOf(work, params.features) ?? portalProducts(work, configuration.id);
    requireProducts(features, products);
    work.setHidden(configuration.id, { products });
    const changes = { ...membersOf(configuration, params), ...given({ active: params.active }), features };
    return work.update(configuration, { ...changes, updated: work.now }, 'billing_portal.configuration.updated');
  },
});

const list = listOperation({
  object: 'billing_portal.configuration',
  route: '/v1/billing_portal/configurations',
  filters: { active: boolean(), is_default: boolean() },
  where: (params) => [...filter('$.active', params.active), ...filter('$.is_default', params.is_default)],
});

export const billingPortalConfigurations: Resource = {
  object: 'billing_portal.configuration',
  operations: [create, retrieve, update, list],
  expandable: {
    'features.subscription_update.products': (work, owner) => portalProducts(work, String(owner.id)),
  },
};
