/**
 * Which streams of the ledger are under way, and which came to no end: those of a process that died. What is noted of a stream:
 *
 * - `stream/open/ID`: whose it is, and whether it has ended in good order. It is looked at, and anchored.
 * - `stream/final/ID`: nothing comes any more, and what there is is bound by another stream or an anchor. Of those of long ago the last id
 *   alone is noted, `stream/settled`.
 *
 * Processes on one database tell each other that they live by a number that grows (`process/ID`). Nobody compares clocks: who sees the same
 * number for a minute takes the process for dead. If it was only stopped, its stream goes on, which is no fault.
 */
import { isObject, type Json } from '../../fhir/resource.js';
import { timeOfId } from '../../platform/ids.js';
import { headOfRow, type StreamHead } from '../../store/seals.js';
import type { Store } from '../../store/store.js';
import { lastNote, notesUnder, textNote, textOfNote } from './kept-notes.js';

const UNDER_WAY = 'stream/open/';
const SETTLED = 'stream/final/';
const SETTLED_UP_TO = 'stream/settled';
const ALIVE = 'process/';
/** ms without a sign of life. */
const SILENCE = 60_000;
const LONG = 7 * 24 * 3_600_000;

export interface StreamUnderWay {
  readonly stream: string;
  /** Undefined: nobody has noted it. */
  readonly process?: string;
  readonly ended: boolean;
}

export class LedgerStreams {
  readonly #deeds: Store['deeds'];
  readonly #shared: boolean;
  readonly #process: string;
  readonly #now: () => number;
  readonly #own = new Set<string>();
  readonly #lives = new Map<string, { readonly sign: string; readonly since: number }>();
  #beats = 0;

  /** `process`: an id of this process and life. `now`: ms of a clock that is never set. */
  constructor({ deeds, shared }: Pick<Store, 'deeds' | 'shared'>, process: string, now: () => number) {
    this.#deeds = deeds;
    this.#shared = shared;
    this.#process = process;
    this.#now = now;
  }

  /** All but those that are final. */
  async underWay(): Promise<readonly StreamUnderWay[]> {
    const noted = new Map<string, StreamUnderWay>();
    for await (const note of notesUnder(this.#deeds.notes, UNDER_WAY)) {
      const stream = note.name.slice(UNDER_WAY.length);
      const said = JSON.parse(textOfNote(note)) as Json;
      const { process, ended } = isObject(said) ? said : {};
      noted.set(stream, { stream, ...(typeof process === 'string' ? { process } : {}), ended: ended === true });
    }
    const final = new Set<string>();
    for await (const { name } of notesUnder(this.#deeds.notes, SETTLED)) final.add(name.slice(SETTLED.length));
    const all = [...(await this.#deeds.streams(await this.#settledUpTo()))];
    // One of which it was noted that it is under way is, whatever its id.
    for (const stream of noted.keys()) if (!all.includes(stream)) all.push(stream);
    return all.flatMap(stream => (final.has(stream) ? [] : [noted.get(stream) ?? { stream, ended: false }]));
  }

  /** Up to this id all streams are final; undefined: nobody knows. */
  #settledUpTo(): Promise<string | undefined> {
    return lastNote(this.#deeds.notes, SETTLED_UP_TO);
  }

  /**
   * Forgets of the streams that were final long ago all but the id of the last one before the first that is not, so that nobody has to look
   * at all that there ever were. Ids tell the time, but for clocks that were set back: hence long. `now`: ms since 1970.
   */
  async tidy(now: number): Promise<void> {
    const { notes } = this.#deeds;
    const settled = await this.#settledUpTo();
    const final = new Set<string>();
    for await (const { name } of notesUnder(notes, SETTLED)) final.add(name.slice(SETTLED.length));
    let last = settled;
    for (const stream of await this.#deeds.streams(settled)) {
      if (!final.has(stream) || (timeOfId(stream) ?? now) > now - LONG) break;
      last = stream;
    }
    if (last === undefined || last === settled) return;
    await notes.keep([textNote(SETTLED_UP_TO, last)]);
    const upTo = last;
    await notes.drop([...final].filter(stream => stream <= upTo).map(stream => SETTLED + stream));
  }

  /** Where a stream stands; undefined: it has no row. */
  async headOf(stream: string): Promise<StreamHead | undefined> {
    const [row] = await this.#deeds.sealed({ stream, upTo: Number.MAX_SAFE_INTEGER, limit: 1 });
    return row && headOfRow(row);
  }

  /** Of this process. */
  get own(): readonly string[] {
    return [...this.#own];
  }

  /** Those of this process are gone: what is stored was exchanged. */
  forgetOwn(): void {
    this.#own.clear();
  }

  async noteOwn(stream: string): Promise<void> {
    if (this.#own.has(stream)) return;
    this.#own.add(stream);
    await this.#deeds.notes.keep([textNote(UNDER_WAY + stream, JSON.stringify({ process: this.#process }))]);
  }

  async noteEnded(streams: readonly string[]): Promise<void> {
    const value = JSON.stringify({ process: this.#process, ended: true });
    await this.#deeds.notes.keep(streams.map(stream => textNote(UNDER_WAY + stream, value)));
    await this.#deeds.notes.drop([ALIVE + this.#process]);
  }

  async noteFinal(streams: readonly string[]): Promise<void> {
    if (streams.length === 0) return;
    await this.#deeds.notes.keep(streams.map(stream => textNote(SETTLED + stream, '{}')));
    await this.#deeds.notes.drop(streams.map(stream => UNDER_WAY + stream));
    for (const stream of streams) this.#own.delete(stream);
  }

  /** A sign of life, for a store that others use. */
  async beat(): Promise<void> {
    if (!this.#shared || this.#own.size === 0) return;
    this.#beats += 1;
    await this.#deeds.notes.keep([textNote(ALIVE + this.#process, String(this.#beats))]);
    await this.#takeBack();
  }

  /** Streams of this process that another one took for dead go on: they are under way again. */
  async #takeBack(): Promise<void> {
    const { notes } = this.#deeds;
    for (const stream of this.#own) {
      const name = SETTLED + stream;
      if ((await notes.find({ prefix: name, limit: 1 })).length === 0) continue;
      await notes.keep([textNote(UNDER_WAY + stream, JSON.stringify({ process: this.#process }))]);
      await notes.drop([name]);
    }
  }

  /** Streams that did not end, and of which nothing is heard any more. */
  async abandoned(): Promise<readonly string[]> {
    const current = new Set((await this.#deeds.heads()).map(({ stream }) => stream));
    const others = (await this.underWay()).filter(({ stream, ended }) => !ended && !current.has(stream));
    if (!this.#shared) return others.map(({ stream }) => stream);
    const signs = new Map<string, string>();
    for await (const note of notesUnder(this.#deeds.notes, ALIVE))
      signs.set(note.name.slice(ALIVE.length), textOfNote(note));
    const silent: string[] = [];
    for (const { stream, process } of others) {
      // One of our own that is not written any more was ended by an error.
      if (process === this.#process) silent.push(stream);
      else if (this.#isSilent(process ?? stream, process === undefined ? '' : (signs.get(process) ?? '')))
        silent.push(stream);
    }
    return silent;
  }

  #isSilent(name: string, sign: string): boolean {
    const last = this.#lives.get(name);
    if (last?.sign === sign) return this.#now() - last.since > SILENCE;
    this.#lives.set(name, { sign, since: this.#now() });
    return false;
  }
}
