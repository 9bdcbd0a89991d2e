/** A few results kept by key, the least recently used forgotten first. */

export interface LruCache<V> {
  /** The value kept under the key, else a new one. */
  get(key: string, make: () => V): V;
}

export function createLruCache<V>(limit: number): LruCache<V> {
  const kept = new Map<string, V>();
  return {
    get(key, make) {
      const value = kept.has(key) ? (kept.get(key) as V) : make();
      kept.delete(key);
      kept.set(key, value);
      if (kept.size > limit) kept.delete(kept.keys().next().value!);
      return value;
    },
  };
}
