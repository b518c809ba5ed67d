const SHARDS = 256;

/**
 * A Map of a million entries and more. One Map of that size stands still for a fifth of a second each time it has to grow or to forget
 * what was deleted; each of these is small. The keys must differ in their last two characters.
 */
export class ShardedMap<Value> {
  readonly #shards = Array.from({ length: SHARDS }, () => new Map<string, Value>());
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): Value | undefined {
    return this.#shardOf(key).get(key);
  }

  set(key: string, value: Value): void {
    const shard = this.#shardOf(key);
    const before = shard.size;
    shard.set(key, value);
    this.#size += shard.size - before;
  }

  delete(key: string): void {
    if (this.#shardOf(key).delete(key)) this.#size -= 1;
  }

  clear(): void {
    for (const shard of this.#shards) shard.clear();
    this.#size = 0;
  }

  /** Every entry, the older ones of a shard first; what is put in or taken out on the way may be met or not. */
  *entries(): IterableIterator<[string, Value]> {
    for (const shard of this.#shards) yield* shard.entries();
  }

  #shardOf(key: string): Map<string, Value> {
    const last = key.length - 1;
    const index = (key.charCodeAt(last) + key.charCodeAt(last - 1) * 37) & (SHARDS - 1);
    // The index is below the number of shards.
    return this.#shards[index] as Map<string, Value>;
  }
}
