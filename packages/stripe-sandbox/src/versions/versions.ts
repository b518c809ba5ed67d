import { isObject, type Json, type JsonObject } from '../json.ts';
import type { Event } from '../objects/event.ts';
import type { ObjectStore } from '../store/objects.ts';
import { basil } from './2025-03-31-basil.ts';
import type { VersionChange } from './change.ts';

/** Newest first: an answer for an old version passes through every change made since. */
const CHANGES: readonly VersionChange[] = [basil];

/** Versions are dates, since 2024 with a release name after them: `2023-10-16`, `2026-10-28.endive`. */
export function isKnownVersion(version: string): boolean {
  return /^20\d\d-\d\d-\d\d(\.[a-z]{3,20})?$/.test(version);
}

function dateOf(version: string): string {
  return version.slice(0, 10);
}

function changeAll(value: Json | undefined, change: VersionChange, objects: ObjectStore): Json | undefined {
  if (Array.isArray(value)) return value.map((one) => changeAll(one, change, objects) ?? null);
  // An event keeps the shape of the version it was made in, whoever reads it.
  if (!isObject(value) || value.object === 'event') return value;
  const inner: JsonObject = {};
  for (const [name, member] of Object.entries(value)) inner[name] = changeAll(member, change, objects);
  const name = value.object;
  const older = typeof name === 'string' && Object.hasOwn(change.older, name) ? change.older[name] : undefined;
  return older === undefined || value.deleted === true ? inner : older(inner, objects);
}

/** The body as callers of `version` know it; every object in it, however deep, is turned back. */
export function renderAs(version: string, body: JsonObject, objects: ObjectStore): JsonObject {
  let rendered = body;
  for (const change of CHANGES) {
    if (dateOf(version) >= dateOf(change.version)) break;
    rendered = changeAll(rendered, change, objects) as JsonObject;
  }
  return rendered;
}

/** The event as an endpoint of this version receives it. */
export function renderEvent(event: Event, version: string, objects: ObjectStore): Event {
  return {
    ...event,
    api_version: version,
    data: { ...event.data, object: renderAs(version, event.data.object, objects) },
  };
}
