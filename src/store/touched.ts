/** What was touched of a state since it was there last, as far as it is little: then going back costs no more than that (Snapshots, store.ts). */
import { encodeId } from './codec.js';
import type { Touching } from './store.js';

/** Resources and versions: to put these back takes a tenth of a second. */
const MAX_TOUCHED = 400;

export class Touched {
  readonly #ids = new Set<string>();
  readonly #versions: (readonly [id: string, version: number])[] = [];
  #messages = false;
  #deeds = false;
  #bytes = false;
  #erased = false;
  #much = false;
  readonly #unknown: boolean;

  /** `unknown`: anything may have been. */
  constructor(known?: 'unknown') {
    this.#unknown = known === 'unknown';
  }

  add(by: Touching): void {
    if (by === 'bytes') {
      this.#bytes = true;
      return;
    }
    const { changes, deeds = [], alsoAbout = [], messages = [], acknowledges = [] } = by;
    if (deeds.length > 0) this.#deeds = true;
    if (messages.length > 0 || acknowledges.length > 0) this.#messages = true;
    // Which versions it takes away nobody has noted, nor which bytes.
    if (changes.some(({ erases }) => erases)) this.#erased = true;
    if (this.#much || this.#unknown) return;
    for (const { type, id } of alsoAbout) this.#ids.add(encodeId(type, id));
    for (const { type, id, replaces } of changes) {
      const name = encodeId(type, id);
      this.#ids.add(name);
      if (replaces) this.#versions.push([name, replaces.version]);
    }
    if (this.#ids.size + this.#versions.length <= MAX_TOUCHED) return;
    this.#much = true;
    this.#ids.clear();
    this.#versions.length = 0;
  }

  /** Resources (encodeId) that may be others, in any version, or there alone; undefined: nobody knows which of many. */
  get resources(): readonly string[] | undefined {
    return this.#much || this.#unknown ? undefined : [...this.#ids];
  }

  /** Versions that are there and were not, or the reverse; undefined: nobody knows. */
  get versions(): readonly (readonly [id: string, version: number])[] | undefined {
    return this.#much || this.#unknown || this.#erased ? undefined : this.#versions;
  }

  get messages(): boolean {
    return this.#messages || this.#unknown;
  }

  get deeds(): boolean {
    return this.#deeds || this.#unknown;
  }

  /** Bytes kept apart. */
  get bytes(): boolean {
    return this.#bytes || this.#erased || this.#unknown;
  }

  /** Whether anything may have been touched. */
  get unknown(): boolean {
    return this.#unknown;
  }
}
