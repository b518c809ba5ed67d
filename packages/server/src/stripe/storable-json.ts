/**
 * JSON that PostgreSQL can hold. Its jsonb refuses NUL and half surrogates, which anybody may have typed into a field at Stripe. An event
 * or an answer must not be lost for that, so there they become the replacement character; every other text is answered as it is.
 */
export function storableJson(text: string): string {
  return /\\u0000|\\ud[89a-f]/i.test(text) ? JSON.stringify(replaced(JSON.parse(text))) : text;
}

function replaced(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed().replaceAll('\0', '\ufffd');
  if (Array.isArray(value)) return value.map(replaced);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [replaced(name), replaced(member)]));
}
