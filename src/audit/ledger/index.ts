/**
 * The ledger over the audit trail (docs/audit.md): what makes it more than rows with seals (store/seals.ts). It opens with the store, signs
 * how far its streams are, tells which came to no end, and ends those of this process before the store is closed.
 *
 * Nothing here is on the path of a request: what a request waits for is the seal in the row of its deed.
 */
import type { TrailRestored } from '../../identity/happening.js';
import { newId } from '../../platform/ids.js';
import type { Clock } from '../../platform/clock.js';
import { ConfigError } from '../../platform/config.js';
import { frames, type Log } from '../../platform/log.js';
import type { Deed } from '../../store/deeds.js';
import { deedOfEntry } from '../../store/ledger-entry.js';
import type { StreamHead } from '../../store/seals.js';
import type { Store } from '../../store/store.js';
import { type AnchorOptions, makeAnchor } from './anchors.js';
import { sealBefore } from './before.js';
import { Checkpoints } from './checkpoints.js';
import type { KnownHead, LedgerEntry } from './entry.js';
import { lostHeads, noteLost } from './forks.js';
import { idOfKeyText, type LedgerKey } from './keys.js';
import { AnchorKeeping } from './keeping.js';
import { KEY_NOTES, notesUnder, textNote, textOfNote } from './kept-notes.js';
import { rotationOf } from './rotation.js';
import { LedgerStreams } from './streams.js';
import { allowNewLog, hasWitnessRefused } from './witness.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Deeds after which a checkpoint does not wait for its second. */
const MANY_DEEDS = 1000;
const BEAT = 15 * SECOND;
const ANCHORING = 'audit-anchor';
const ANCHORING_MS = 90 * SECOND;
const SENDING_AT_END_MS = 2 * SECOND;
const SEALING = 'audit-before';
const HEADS_AN_ENTRY = 500;
/** Streams that are named to whoever starts. */
const NAMED = 5;
/** Notes of which key came after which, by the id of the later one. */
const ROTATIONS = 'rotation/';

function forkWords(lost: readonly KnownHead[], file: string): string {
  const named = lost.slice(0, NAMED).map(({ stream, size }) => `${stream} (${size} deeds)`);
  const more = lost.length > NAMED ? ` and ${lost.length - NAMED} more` : '';
  return (
    `The audit trail of this store lacks what the anchors in ${file} vouch for: the end of ${named.join(', ')}${more}. ` +
    'An older copy of the store was put in its place, or it is another store. Start with the newest copy; or, if what is missing is lost, ' +
    'once with CHARTROOM_ACCEPT_FORK=on (--accept-fork on), of which the trail tells.'
  );
}

export interface LedgerOptions {
  /** With nothing around it. */
  readonly store: Pick<Store, 'deeds' | 'commit' | 'shared' | 'pendingMessages' | 'acquireLease' | 'find' | 'horizon'>;
  /** Name of the ledger (note.ts). */
  readonly name: string;
  /** The keys that there are now, the one that signs last. */
  readonly keys: () => readonly LedgerKey[];
  /** Names this process, for people. */
  readonly process: string;
  /** Where anchors are appended, and who keeps them elsewhere (anchors.ts). */
  readonly anchors: Pick<AnchorOptions, 'file' | 'keepers'>;
  /** What is done with an older copy of the store (forks.ts): `examine` goes on with it, and leaves it to be refused or accepted. */
  readonly fork: 'refuse' | 'accept' | 'examine';
  /** Not where tests exchange what is stored: the next start would miss it. */
  readonly keepsAnchors: boolean;
  /** What the trail tells of one that was accepted. */
  readonly deedOfRestored: (lost: Omit<TrailRestored, 'what'>, at: number) => Deed;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

export class Ledger {
  readonly name: string;
  readonly #options: LedgerOptions;
  readonly #streams: LedgerStreams;
  readonly #checkpoints: Checkpoints;
  #keys: readonly LedgerKey[] = [];
  #isOpen = false;
  /** Deeds that were committed since the last look. */
  #deeds = 0;
  /** A look is on its way already. */
  #isLookingSoon = false;
  readonly #keeping: AnchorKeeping;
  #sealing: Promise<void> | undefined;
  /** What there was before the ledger is sealed. */
  #hasBefore = false;
  #beaten = -Infinity;
  #looking: Promise<void> = Promise.resolve();
  #stops: (() => void)[] = [];

  constructor(options: LedgerOptions) {
    const { store, name, clock, log, anchors } = options;
    this.name = name;
    this.#options = options;
    this.#streams = new LedgerStreams(store, newId(clock.now()), () => performance.now());
    this.#checkpoints = new Checkpoints(store.deeds.notes, name, () => this.#keys.at(-1)!);
    this.#keeping = new AnchorKeeping({ ...{ store, ledger: name, clock, log }, ...anchors, key: () => this.key });
  }

  get streams(): LedgerStreams {
    return this.#streams;
  }

  get checkpoints(): Checkpoints {
    return this.#checkpoints;
  }

  /** How it stands with those who keep anchors elsewhere. */
  get keepers(): AnchorKeeping['states'] {
    return this.#keeping.states;
  }

  get key(): LedgerKey {
    return this.#keys.at(-1)!;
  }

  /** The same store: its deeds are counted, and closing it ends the streams first. */
  watch(store: Store): Store {
    return {
      ...store,
      commit: async commit => {
        const done = commit.deeds?.length ?? 0;
        if (done === 0) return store.commit(commit);
        try {
          return await store.commit(commit);
        } finally {
          // Of one whose outcome is not known it may be there.
          this.#deeds += done;
          if (this.#deeds >= MANY_DEEDS && this.#stops.length > 0) this.#lookSoon();
        }
      },
      close: async () => {
        await this.#end();
        await store.close();
      },
    };
  }

  /** From now on rows are sealed. Of a store that is up to date. Throws ConfigError for one that has less than anchors beside it know. */
  async open(): Promise<void> {
    const { store, anchors, fork } = this.#options;
    this.#keys = this.#options.keys();
    const lost = fork === 'examine' ? [] : await lostHeads(store, anchors.file);
    if (lost.length > 0 && fork === 'refuse') throw new ConfigError(forkWords(lost, anchors.file));
    await this.#tellKeys();
    await this.#openStreams();
    this.#isOpen = true;
    if (lost.length > 0 || (fork === 'accept' && (await hasWitnessRefused(store.deeds.notes))))
      await this.#acceptLoss(lost);
  }

  /** Texts of all keys that have signed. */
  async keyTexts(): Promise<readonly string[]> {
    const texts: string[] = [];
    for await (const note of notesUnder(this.#options.store.deeds.notes, KEY_NOTES)) texts.push(textOfNote(note));
    return texts;
  }

  /** What is done behind the traffic. */
  start(): void {
    const { clock, log } = this.#options;
    void this.upkeep().catch((error: unknown) => log.warn({ at: frames(error) }, 'The ledger could not be tended'));
    this.#stops = [clock.every(SECOND, () => this.look()), clock.every(MINUTE, () => this.#tend())];
  }

  /** Signs how far the streams of this process are now. */
  look(): Promise<void> {
    return this.#inTurn(() => this.#look());
  }

  /** What is stored was exchanged as a whole, by a test: it goes on from what there is now. */
  reopen(): Promise<void> {
    return this.#inTurn(async () => {
      this.#deeds = 0;
      this.#hasBefore = false;
      this.#streams.forgetOwn();
      this.#checkpoints.forget();
      await this.#tellKeys();
      await this.#openStreams();
    });
  }

  /** What is done each minute: another key, streams that came to no end, and an anchor, which is sent when this resolves, or waits. */
  async upkeep(): Promise<void> {
    await this.#tend();
    await this.#sealing;
    await this.#keeping.settled();
  }

  #tend(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#rotate();
      await this.#recover();
      await this.#look();
      await this.#anchor();
      // It may take long, and keeps nobody from signing.
      if (!this.#hasBefore) this.#sealing ??= this.#sealBefore().finally(() => (this.#sealing = undefined));
    });
  }

  /** Never rejects. */
  async #sealBefore(): Promise<void> {
    const { store, clock, log } = this.#options;
    const goesOn = async (): Promise<boolean> => this.#isOpen && (await store.acquireLease(SEALING, ANCHORING_MS));
    try {
      // Of a store of which nothing was asked yet nothing is said, either.
      if ((await store.deeds.heads()).length === 0 || !(await goesOn())) return;
      const say = (entries: readonly LedgerEntry[]): Promise<void> => this.say(entries);
      this.#hasBefore = await sealBefore({ store, say, now: clock.now(), goesOn });
      await store.acquireLease(SEALING, 0);
    } catch (error) {
      log.warn({ at: frames(error) }, 'What was there before the ledger could not be sealed: it is tried again');
    }
  }

  #lookSoon(): void {
    if (this.#isLookingSoon) return;
    this.#isLookingSoon = true;
    void this.look()
      .catch(() => undefined)
      .finally(() => (this.#isLookingSoon = false));
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    return (this.#looking = this.#looking.then(work, work));
  }

  async #look(): Promise<void> {
    const now = performance.now();
    if (now - this.#beaten >= BEAT) {
      this.#beaten = now;
      await this.#streams.beat();
    }
    if (this.#deeds === 0) return;
    const deeds = this.#deeds;
    this.#deeds = 0;
    try {
      const heads = await this.#options.store.deeds.heads();
      for (const { stream } of heads) await this.#streams.noteOwn(stream);
      await this.#checkpoints.sign(heads);
    } catch (error) {
      this.#deeds += deeds;
      throw error;
    }
  }

  async #tellKeys(): Promise<void> {
    const { notes } = this.#options.store.deeds;
    const known = new Set(await this.keyTexts());
    const missing = this.#keys.filter(({ text }) => !known.has(text));
    if (missing.length > 0) await notes.keep(missing.map(({ text }) => textNote(KEY_NOTES + idOfKeyText(text), text)));
  }

  async #openStreams(): Promise<void> {
    const { store, process } = this.#options;
    const heads: StreamHead[] = [];
    for (const { stream } of await this.#streams.underWay()) {
      const head = await this.#streams.headOf(stream);
      if (head) heads.push(head);
    }
    const known = heads.map(({ stream, size, root }) => ({ stream, size, root: root.toString('base64') }));
    await store.deeds.openLedger({ key: this.key.text, process, heads: known });
  }

  /** Says in the ledger which key comes after which, once. */
  async #rotate(): Promise<void> {
    const before = this.#keys;
    this.#keys = this.#options.keys();
    await this.#tellKeys();
    const { notes } = this.#options.store.deeds;
    for (const [at, to] of this.#keys.entries()) {
      const from = this.#keys[at - 1];
      const name = ROTATIONS + idOfKeyText(to.text);
      if (!from || (await notes.find({ prefix: name, limit: 1 })).length > 0) continue;
      await this.say([rotationOf(from.text, to.text, [from.secret, to.secret])]);
      await notes.keep([textNote(name, from.text)]);
    }
    if (before.at(-1)?.text !== this.key.text) await this.#openStreams();
  }

  async #recover(): Promise<void> {
    const abandoned = await this.#streams.abandoned();
    const heads: StreamHead[] = [];
    for (const stream of abandoned) {
      const head = await this.#streams.headOf(stream);
      if (head) heads.push(head);
    }
    if (heads.length > 0)
      await this.say(
        heads.map(({ stream, size, root }) => ({ what: 'recovered', stream, size, root: root.toString('base64') })),
      );
    await this.#streams.noteFinal(abandoned);
    this.#checkpoints.forget(abandoned);
  }

  async #anchor(): Promise<void> {
    const { store, anchors, keepsAnchors, clock, log, name } = this.#options;
    if (!keepsAnchors) return;
    const isHolder = (): Promise<boolean> => store.acquireLease(ANCHORING, ANCHORING_MS);
    if (!(await isHolder())) return this.#keeping.leave();
    const around = { ...anchors, store, ledger: name, key: () => this.key, keyTexts: () => this.keyTexts() };
    try {
      await makeAnchor({ ...around, streams: this.#streams, checkpoints: this.#checkpoints }, clock.now());
    } catch (error) {
      log.warn(
        { at: frames(error) },
        'An anchor of the audit trail could not be kept: look at the folder of CHARTROOM_DATA',
      );
    }
    this.#keeping.send(isHolder);
  }

  /** Writes entries into a stream of this process, with what the trail tells of them. */
  async say(entries: readonly LedgerEntry[], told: readonly Deed[] = []): Promise<void> {
    const { store, clock } = this.#options;
    const at = clock.now();
    const deeds = [...entries.map(entry => deedOfEntry(JSON.stringify(entry), at)), ...told];
    if (told.length > 0) await store.deeds.keepShapes(told.map(({ shape }) => shape));
    await store.commit({ changes: [], deeds });
    this.#deeds += deeds.length;
  }

  async #acceptLoss(lost: readonly KnownHead[]): Promise<void> {
    const { store, deedOfRestored, clock, log } = this.#options;
    let deeds = 0;
    for (const { stream, size } of lost) deeds += size - ((await this.#streams.headOf(stream))?.size ?? 0);
    const entries = [];
    // Where a witness alone knows of it, which heads are lost is not known here.
    for (let from = 0; from === 0 || from < lost.length; from += HEADS_AN_ENTRY)
      entries.push({ what: 'restored', heads: lost.slice(from, from + HEADS_AN_ENTRY) } as const);
    await this.say(entries, [deedOfRestored({ streams: lost.length, deeds }, clock.now())]);
    await noteLost(store, lost);
    await allowNewLog(store.deeds.notes, clock.now());
    log.warn({ streams: lost.length, deeds }, 'The audit trail lacks what was lost with a newer copy of the store');
  }

  async #end(): Promise<void> {
    const { store, clock, log } = this.#options;
    for (const stop of this.#stops.splice(0)) stop();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      await this.#looking.catch(() => undefined);
      await this.#sealing;
      await this.#keeping.end(SENDING_AT_END_MS, SECOND);
      await store.acquireLease(ANCHORING, 0);
      const own = (await store.deeds.heads()).map(({ stream }) => stream);
      if (own.length === 0) return;
      await store.deeds.endStreams(clock.now());
      const heads = await Promise.all(own.map(stream => this.#streams.headOf(stream)));
      await this.#checkpoints.sign(heads.flatMap(head => head ?? []));
      await this.#streams.noteEnded(own);
    } catch (error) {
      log.warn({ at: frames(error) }, 'The streams of the ledger were not ended: the next start tells of it');
    }
  }
}
