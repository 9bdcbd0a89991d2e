/**
 * The objects and arrays that are open at one place of a JSON text while it is scanned, and by which keys they are reached.
 * Keys are read from the text only where somebody asks for them.
 */

/** A container of the text: found from the root by following keys. Shared by all numbers in it. */
export interface Container {
  readonly parent: Container | undefined;
  /** Key in the parent; of the root: ''. */
  readonly key: string | number;
}

export class OpenContainers {
  /** How many are open. */
  depth = 0;
  readonly #text: string;
  // One item per depth; index 0 is the outside.
  readonly #arrays: boolean[] = [false];
  readonly #indexes: number[] = [0];
  readonly #keyFrom: number[] = [0];
  readonly #keyTo: number[] = [0];
  /** Decoded once: a text that is no JSON may ask a million times. */
  readonly #keys: (string | undefined)[] = [undefined];
  readonly #known: (Container | undefined)[] = [undefined];

  constructor(text: string) {
    this.#text = text;
  }

  open(isArray: boolean): void {
    const depth = ++this.depth;
    this.#arrays[depth] = isArray;
    this.#indexes[depth] = 0;
    this.#known[depth] = undefined;
  }

  /** Begins a member of the innermost object, whose key stands between two offsets. Returns how many it has now. */
  name(from: number, to: number): number {
    const { depth } = this;
    this.#keyFrom[depth] = from;
    this.#keyTo[depth] = to;
    this.#keys[depth] = undefined;
    return ++this.#indexes[depth]!;
  }

  /** A comma: the next item, if the innermost container is an array. */
  next(): void {
    if (this.#arrays[this.depth]) this.#indexes[this.depth]!++;
  }

  /** The key in the innermost container of what is read now. */
  key(): string | number {
    return this.#keyAt(this.depth);
  }

  /** The innermost container. */
  innermost(): Container {
    return this.#containerAt(this.depth);
  }

  #keyAt(level: number): string | number {
    if (this.#arrays[level]) return this.#indexes[level]!;
    return (this.#keys[level] ??= keyOf(this.#text, this.#keyFrom[level]!, this.#keyTo[level]!));
  }

  #containerAt(level: number): Container {
    const known = this.#known[level];
    if (known) return known;
    const container =
      level <= 1
        ? { parent: undefined, key: '' }
        : { parent: this.#containerAt(level - 1), key: this.#keyAt(level - 1) };
    this.#known[level] = container;
    return container;
  }
}

/** The string literal between two offsets (quotes included), decoded if it is sound. */
function keyOf(text: string, from: number, to: number): string {
  if (to <= from) return '';
  const raw = text.slice(from + 1, to - 1);
  if (!raw.includes('\\')) return raw;
  try {
    return JSON.parse(text.slice(from, to)) as string;
  } catch {
    return raw; // the parse of the whole text will refuse it
  }
}
