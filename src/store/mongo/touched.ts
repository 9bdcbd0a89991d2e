/** What was touched since a state was restored, as far as it is little: then going back costs no more than that. */
import { encodeId } from '../codec.js';
import type { Touching } from '../store.js';
import { versionId } from './rows.js';

/** Documents of resources and versions: these take a tenth of a second. */
const MAX_TOUCHED = 400;

export class Touched {
  readonly #ids = new Set<string>();
  readonly #versionIds = new Set<string>();
  #messages = false;
  #bytes = false;
  #much: boolean;

  /** `much`: nobody knows. */
  constructor(much: boolean) {
    this.#much = much;
  }

  add(by: Touching): void {
    if (by === 'bytes') {
      this.#bytes = true;
      return;
    }
    const { changes, messages = [], acknowledges = [] } = by;
    if (messages.length > 0 || acknowledges.length > 0) this.#messages = true;
    if (this.#much) return;
    for (const { type, id, replaces, erases } of changes) {
      const _id = encodeId(type, id);
      this.#ids.add(_id);
      if (replaces) this.#versionIds.add(versionId(_id, replaces.version));
      // Which versions it takes away nobody has noted.
      if (erases) this.#much = true;
    }
    if (this.#ids.size + this.#versionIds.size <= MAX_TOUCHED) return;
    this.#much = true;
    this.#ids.clear();
    this.#versionIds.clear();
  }

  /** Undefined: much was. Else the names of the documents that may have changed, by collection; `all`: any of them. */
  get few(): ReadonlyMap<string, readonly string[] | 'all'> | undefined {
    if (this.#much) return undefined;
    const ids = [...this.#ids];
    return new Map<string, readonly string[] | 'all'>([
      ...(ids.length > 0
        ? ([
            ['resource', ids],
            ['word', ids],
          ] as const)
        : []),
      ...(this.#versionIds.size > 0 ? ([['version', [...this.#versionIds]]] as const) : []),
      ...(this.#messages ? ([['outbox', 'all']] as const) : []),
      ...(this.#bytes
        ? ([
            ['blob', 'all'],
            ['chunk', 'all'],
          ] as const)
        : []),
    ]);
  }
}
