/** JSON whose shape is not known yet. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The id behind a reference, expanded or not; null when it refers to nothing. */
export function idOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return isFields(value) && typeof value.id === 'string' ? value.id : null;
}

export function hasAny(body: Fields, names: readonly string[]): boolean {
  return names.some((name) => Object.hasOwn(body, name));
}

export function without(body: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

/** What a member was, or what it is to be where the older shape had none. */
export function orElse(body: Fields, name: string, otherwise: () => unknown): unknown {
  return Object.hasOwn(body, name) ? body[name] : otherwise();
}
