/** PostgreSQL's object identifier of the type bigint. */
export const bigIntegerTypeId = 20;

/** Reads a bigint as a number, and refuses one that a number cannot hold exactly: a silently rounded amount is worse than an error. */
export function parseBigInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`A bigint beyond 2^53 came out of the database: ${text}.`);
  return value;
}
