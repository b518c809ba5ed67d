import { invalidRequest } from '../http/api-error.ts';
import { newId, randomText } from '../ids.ts';
import type { WebhookEndpoint } from '../objects/webhook-endpoint.ts';
import { given, unset } from '../parameters/given.ts';
import { array, boolean, emptyable, metadata, object, required, type Schema, string } from '../parameters/schema.ts';
import { API_VERSION } from '../settings.ts';
import { isKnownVersion } from '../versions/versions.ts';
import { listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { only, webUrl } from './parameters.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const EVENT_TYPE: Schema<string> = {
  decode(raw, path) {
    const type = string().decode(raw, path);
    if (type === '*' || /^[a-z0-9_]+(\.[a-z0-9_]+)+$/.test(type)) return type;
    throw invalidRequest(`Invalid ${path}: must be one of Stripe's event types or *`, { param: path });
  },
};

const ENABLED_EVENTS: Schema<string[]> = {
  decode(raw, path) {
    const types = array(EVENT_TYPE).decode(raw, path);
    if (types.length > 0) return types;
    throw invalidRequest(`You must listen to at least one event.`, { code: 'parameter_missing', param: path });
  },
};

const VERSION: Schema<string> = {
  decode(raw, path) {
    const version = string().decode(raw, path);
    if (isKnownVersion(version)) return version;
    throw invalidRequest(`Invalid Stripe API version: ${version}. The newest is ${API_VERSION}.`, { param: path });
  },
};

const create = operation({
  method: 'POST',
  route: '/v1/webhook_endpoints',
  params: object({
    enabled_events: required(ENABLED_EVENTS),
    url: required(webUrl()),
    api_version: VERSION,
    connect: only(boolean(), false),
    description: emptyable(string()),
    metadata: metadata(),
  }),
  run(work, params) {
    const endpoint: WebhookEndpoint = {
      id: newId('we_'),
      object: 'webhook_endpoint',
      api_version: params.api_version ?? null,
      application: null,
      created: work.now,
      description: params.description || null,
      enabled_events: params.enabled_events,
      livemode: false,
      metadata: mergeMetadata({}, params.metadata),
      status: 'enabled',
      url: params.url,
    };
    const secret = `whsec_${randomText(32)}`;
    work.insert(endpoint, null, { secret });
    // Only this answer shows the secret.
    return { ...endpoint, secret };
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/webhook_endpoints/{webhook_endpoint}',
  params: object({}),
  run: (work, _params, path) => work.require('webhook_endpoint', pathValue(path, 'webhook_endpoint'), 'id'),
});

const update = operation({
  method: 'POST',
  route: '/v1/webhook_endpoints/{webhook_endpoint}',
  params: object({
    description: emptyable(string()),
    disabled: boolean(),
    enabled_events: ENABLED_EVENTS,
    metadata: metadata(),
    url: webUrl(),
  }),
  run(work, params, path) {
    const endpoint = work.require('webhook_endpoint', pathValue(path, 'webhook_endpoint'), 'id');
    if (params.disabled === true) work.cancelDeliveries(endpoint.id);
    return work.update(
      endpoint,
      {
        ...given({
          description: unset(params.description),
          enabled_events: params.enabled_events,
          status: params.disabled === undefined ? undefined : params.disabled ? 'disabled' : 'enabled',
          url: params.url,
        }),
        metadata: mergeMetadata(endpoint.metadata, params.metadata),
      } as Partial<WebhookEndpoint>,
      null,
    );
  },
});

const remove = operation({
  method: 'DELETE',
  route: '/v1/webhook_endpoints/{webhook_endpoint}',
  params: object({}),
  run(work, _params, path) {
    const endpoint = work.require('webhook_endpoint', pathValue(path, 'webhook_endpoint'), 'id');
    work.cancelDeliveries(endpoint.id);
    return work.remove(endpoint, null);
  },
});

const list = listOperation({
  object: 'webhook_endpoint',
  route: '/v1/webhook_endpoints',
  filters: {},
  where: () => [],
});

export const webhookEndpoints: Resource = {
  object: 'webhook_endpoint',
  operations: [create, retrieve, update, remove, list],
  expandable: {},
};
