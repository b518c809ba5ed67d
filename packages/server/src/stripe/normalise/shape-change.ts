import { type Fields, isFields } from './fields.ts';

/** One change of Stripe's API, told from the older side. */
export interface ShapeChange {
  /** The version that brought the change. */
  readonly version: string;
  /**
   * By `object` name: what the version before showed, as this one shows it. Looks at the shape and never at a version, and leaves alone
   * what has the new shape already: an account's objects may be rendered in any version, and a fetch in today's.
   */
  readonly newer: Readonly<Record<string, (body: Fields) => Fields>>;
}

/** Applies a change to every object within a value, the inner ones first. */
export function applyChange(value: unknown, change: ShapeChange): unknown {
  if (Array.isArray(value)) return value.map((one) => applyChange(one, change));
  if (!isFields(value)) return value;
  const inner = Object.fromEntries(
    // Metadata is the vendor's: whatever stands there is not one of Stripe's objects.
    Object.entries(value).map(([name, member]) => [name, name === 'metadata' ? member : applyChange(member, change)]),
  );
  const { object } = inner;
  const newer =
    typeof object === 'string' && Object.hasOwn(change.newer, object) && inner.deleted !== true
      ? change.newer[object]
      : undefined;
  return newer === undefined ? inner : newer(inner);
}
