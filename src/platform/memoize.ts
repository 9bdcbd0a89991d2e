/**
 * The results of a function, kept by its argument, because the same texts come again and again. When there are too many, all
 * of them are forgotten: a look-up takes a sixth of the time that it takes to keep them in the order of their use, as
 * lru-cache.ts does for results that are few and dear.
 */
export interface MemoLimits {
  /** Results that are kept. */
  readonly results: number;
  /** Characters of a text whose result is kept. Default: any number. */
  readonly characters?: number;
}

/** `make`, which is not called for what it has told lately. It must give the same result for the same text. */
export function memoize<V>(
  { results, characters = Infinity }: MemoLimits,
  make: (text: string) => V,
): (text: string) => V {
  const kept = new Map<string, V>();
  return text => {
    const known = kept.get(text);
    if (known !== undefined || kept.has(text)) return known as V;
    const made = make(text);
    if (text.length > characters) return made;
    if (kept.size >= results) kept.clear();
    kept.set(text, made);
    return made;
  };
}
