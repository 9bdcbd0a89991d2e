/** What was touched of a state since it was restored, as far as it is little: then going back costs no more than that. */
import { encodeId } from '../codec.js';
import type { Touching } from '../store.js';
import { versionId } from './rows.js';
import type { Content } from './schema.js';

/** Documents of resources and versions: these take a tenth of a second. */
const MAX_TOUCHED = 400;

/** Names of documents that may have changed; `all`: any of few; undefined: nobody knows which of many. */
export type Touches = readonly string[] | 'all' | undefined;

export class Touched {
  readonly #ids = new Set<string>();
  readonly #versionIds = new Set<string>();
  #messages = false;
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
    const { changes, messages = [], acknowledges = [] } = by;
    if (messages.length > 0 || acknowledges.length > 0) this.#messages = true;
    if (this.#much || this.#unknown) return;
    for (const { type, id, replaces, erases } of changes) {
      const _id = encodeId(type, id);
      this.#ids.add(_id);
      if (replaces) this.#versionIds.add(versionId(_id, replaces.version));
      // Which versions it takes away nobody has noted.
      if (erases) this.#erased = true;
    }
    if (this.#ids.size + this.#versionIds.size <= MAX_TOUCHED) return;
    this.#much = true;
    this.#ids.clear();
    this.#versionIds.clear();
  }

  /** In one collection. */
  in(name: Content): Touches {
    if (this.#unknown) return undefined;
    switch (name) {
      case 'resource':
      case 'word':
        return this.#much ? undefined : [...this.#ids];
      case 'version':
        return this.#much || this.#erased ? undefined : [...this.#versionIds];
      case 'outbox':
        return this.#messages ? 'all' : [];
      case 'blob':
      case 'chunk':
        return this.#bytes ? 'all' : [];
    }
  }
}
