/** Signed checkpoints of the streams that this process writes (note.ts): of each thousand of deeds the last one is kept. */
import type { LedgerNotes, StreamHead } from '../../store/seals.js';
import type { LedgerKey } from './keys.js';
import { checkpointName, checkpointsOf, lastNote, textNote } from './kept-notes.js';
import { checkpointText, signNote, streamOrigin } from './note.js';

export class Checkpoints {
  readonly #notes: LedgerNotes;
  readonly #ledger: string;
  readonly #key: () => LedgerKey;
  /** Sizes that were signed. */
  readonly #signed = new Map<string, number>();

  /** `ledger`: its name. `key`: the one that signs now. */
  constructor(notes: LedgerNotes, ledger: string, key: () => LedgerKey) {
    this.#notes = notes;
    this.#ledger = ledger;
    this.#key = key;
  }

  /** Signs those that have grown since. */
  async sign(heads: readonly StreamHead[]): Promise<void> {
    const grown = heads.filter(({ stream, size }) => size > (this.#signed.get(stream) ?? 0));
    if (grown.length === 0) return;
    await this.#notes.keep(
      grown.map(({ stream, size, root }) => {
        const text = checkpointText({ origin: streamOrigin(this.#ledger, stream), size, root, extensions: [] });
        return textNote(checkpointName(stream, size), signNote(text, this.#ledger, this.#key().secret));
      }),
    );
    for (const { stream, size } of grown) this.#signed.set(stream, size);
  }

  /** The newest one of a stream. */
  last(stream: string): Promise<string | undefined> {
    return lastNote(this.#notes, checkpointsOf(stream));
  }

  /** Without any named: all. */
  forget(streams: Iterable<string> = this.#signed.keys()): void {
    for (const stream of streams) this.#signed.delete(stream);
  }
}
