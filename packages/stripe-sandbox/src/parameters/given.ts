type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out the members that are undefined: what a caller did not give does not change. */
export function given<T extends object>(members: T): Given<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Given<T>;
}

/** `''` unsets: null. Not given stays undefined. */
export function unset<T>(value: T | '' | undefined): Exclude<T, ''> | null | undefined {
  if (value === undefined) return undefined;
  return value === '' ? null : (value as Exclude<T, ''>);
}
