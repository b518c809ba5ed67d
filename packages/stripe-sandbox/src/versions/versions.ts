import type { JsonObject } from '../json.ts';
import type { Event } from '../objects/event.ts';
import type { ObjectStore } from '../store/objects.ts';

/** Placeholder until transforms are added below. */
export function isKnownVersion(version: string): boolean {
  return /^20\d\d-\d\d-\d\d(\.[a-z]+)?$/.test(version);
}

export function renderAs(_version: string, body: JsonObject, _objects: ObjectStore): JsonObject {
  return body;
}

/** The event as an endpoint of this version receives it. */
export function renderEvent(event: Event, version: string, objects: ObjectStore): Event {
  return {
    ...event,
    api_version: version,
    data: { ...event.data, object: renderAs(version, event.data.object, objects) },
  };
}
