/** Shows as much of a licence key as tells it from another, and no more. */
export function maskKey(key: string): string {
  return key.length < 16 ? '…' : `${key.slice(0, 4)}…${key.slice(-4)}`;
}

/** A copy of an answer in which every field named `key` or `license_key` is masked. */
export function maskKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskKeys);
  if (typeof value !== 'object' || value === null) return value;
  const masked: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    masked[name] = isKeyField(name) && typeof item === 'string' ? maskKey(item) : maskKeys(item);
  }
  return masked;
}

function isKeyField(name: string): boolean {
  return name === 'key' || name === 'license_key';
}
