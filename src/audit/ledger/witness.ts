/**
 * A witness: somebody who signs that a log only grew, and refuses one that was written anew (https://c2sp.org/tlog-witness). The log that it is shown is
 * that of anchors, one an hour: its leaves are their notes, in the order in which they were shown, and its origin is `<ledger>/anchors`. So what is older
 * than its last signature nobody can change unseen, with the database *and* the key of the server, though nobody here has kept anything.
 *
 * A witness never forgets. Where an older copy of the store was put in its place, it refuses the log for good: whoever has accepted that (forks.ts) has
 * said that another one may be begun, `<ledger>/anchors/<time>`, of which the witness must be told by its operator. It has the anchors that are still known, then
 * the new ones, and that it is another one is told to whoever verifies. What was accepted is in place of one log, and is spent when the witness signs next,
 * whichever it signs: what is changed later begins no other log.
 *
 * The anchors that were shown stay in the store, in their order, and the last checkpoint with the witness's signature (https://c2sp.org/tlog-cosignature) stands
 * beside them; both are part of an export.
 */
import { FhirError } from '../../fhir/error.js';
import { consistencyProof, subtreesOf, treeRoot, type Hash } from '../../store/ledger.js';
import type { LedgerNote, LedgerNotes } from '../../store/seals.js';
import { type KeeperGround, type MadeAnchor, readAnchor } from './anchors.js';
import {
  lastNote,
  LAST_WITNESSED,
  NEXT_WITNESS_LOG,
  textNote,
  textOfNote,
  WITNESS_LOG,
  WITNESS_REFUSED,
  WITNESSED,
  witnessedName,
} from './kept-notes.js';
import {
  anchorsOrigin,
  checkpointText,
  cosignedAt,
  leafOfNote,
  type NoteKey,
  openCheckpoint,
  signNote,
} from './note.js';

export interface WitnessAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

export interface Witness {
  readonly key: NoteKey;
  /** `POST …/add-checkpoint`. Throws FhirError where it cannot be asked. */
  add(body: string): Promise<WitnessAnswer>;
}

/** The log as it was last signed. */
export interface WitnessedLog {
  readonly note: string;
  /** Notes of the anchors that it is of. */
  readonly shown: readonly string[];
  /** The log that was begun in its place and that the witness has not signed yet; undefined: none. */
  readonly begun: string | undefined;
}

const PAGE = 200;
const REFUSES = 'witness-refuses';
/** What the witness says where it knows another size. */
const SIZE_TYPE = 'text/x.tlog.size';

/** How often it is asked with the size that it says it knows: another process may be asking, too. */
const TRIES = 4;

/** As a name of a log: `2026-01-31T08-15-00Z`. */
const logAt = (now: number): string => `${new Date(now).toISOString().slice(0, 19).replaceAll(':', '-')}Z`;

/** Somebody has accepted an older copy of the store: where the witness refuses, another log may be begun. `now`: ms since 1970. */
export async function allowNewLog(notes: LedgerNotes, now: number): Promise<void> {
  const current = (await lastNote(notes, WITNESS_LOG)) ?? '';
  await notes.keep([textNote(NEXT_WITNESS_LOG, `${logAt(now)}\n${current}`), textNote(WITNESS_REFUSED, '')]);
}

/** The log that may be begun in place of this one; undefined: nobody has said so. */
async function logAllowed(notes: LedgerNotes, current: string): Promise<string | undefined> {
  const [next = '', of = ''] = ((await lastNote(notes, NEXT_WITNESS_LOG)) ?? '').split('\n');
  return next === '' || of !== current || next === current ? undefined : next;
}

/** A witness has seen more than this store knows, or something else, and nobody has accepted that. */
export const hasWitnessRefused = async (notes: Pick<LedgerNotes, 'find'>): Promise<boolean> =>
  ((await lastNote(notes, WITNESS_REFUSED)) ?? '') !== '';

/** What a witness is shown. It remembers the leaves, so that an hour costs no more after years. */
export class WitnessLog {
  readonly #witness: Witness;
  readonly #leaves: Hash[] = [];

  constructor(witness: Witness) {
    this.#witness = witness;
  }

  /** Shows an anchor. Throws FhirError where the witness does not sign: `witness-refuses` where what it has seen is no beginning of what is here. */
  async show(anchor: MadeAnchor, ground: KeeperGround): Promise<void> {
    const { notes, ledger, log } = ground;
    const current = (await lastNote(notes, WITNESS_LOG)) ?? '';
    try {
      await this.#show(anchor, ground, current);
    } catch (error) {
      if (!(error instanceof FhirError) || error.issues[0]?.detail !== REFUSES) throw error;
      const next = await logAllowed(notes, current);
      if (next === undefined) {
        await notes.keep([textNote(WITNESS_REFUSED, anchorsOrigin(ledger, current))]);
        throw error;
      }
      await notes.keep([textNote(WITNESS_LOG, next)]);
      log.warn(
        { origin: anchorsOrigin(ledger, next) },
        'The witness refuses the log of anchors, and the older copy of the store was accepted: another log begins, of which the witness must be told',
      );
      await this.#show(anchor, ground, next);
    }
  }

  async #show({ line, note: shown }: MadeAnchor, { notes, ledger, key }: KeeperGround, current: string): Promise<void> {
    const leaves = this.#leaves;
    // Another process may have shown some.
    for (const note of await notesShown(notes, leaves.length)) leaves.push(leafOfNote(note));
    const leaf = leafOfNote(shown);
    // It is there already where an answer was not heard.
    if (leaves.at(-1)?.equals(leaf) !== true) {
      await notes.keep([textNote(witnessedName(leaves.length), line)]);
      leaves.push(leaf);
    }
    const origin = anchorsOrigin(ledger, current);
    const head = { origin, size: leaves.length, root: treeRoot(leaves), extensions: [] };
    const note = signNote(checkpointText(head), ledger, key().secret);
    const last = await lastNote(notes, LAST_WITNESSED);
    const known = last === undefined ? 0 : sizeSigned(last, origin);
    const { answer, old } = await this.#asked(known, note);
    if (answer.status !== 200) throw await this.#refusalOf(answer, old, notes);
    const signed = note + (answer.text.endsWith('\n') ? answer.text : `${answer.text}\n`);
    if (cosignedAt(signed, this.#witness.key) === undefined)
      throw new FhirError('unavailable', 'The witness has signed by another key.', { detail: 'witness-key' });
    await notes.keep([textNote(LAST_WITNESSED, signed), ...(await spentNotes(notes))]);
  }

  /** Where it has signed what we have not heard of, or is a new one, it is asked again from the size that it knows. */
  async #asked(from: number, note: string): Promise<{ readonly answer: WitnessAnswer; readonly old: number }> {
    const { length } = this.#leaves;
    let old = Math.min(from, length);
    for (let tries = 1; ; tries++) {
      const answer = await this.#witness.add(askText(this.#leaves, old, note));
      const size = sizeKnown(answer);
      if (size === undefined || size > length || size === old || tries === TRIES) return { answer, old };
      old = size;
    }
  }

  /** It refuses for good where it knows more than the store, or something else of the size that it was asked from; not where another process has just shown it more. */
  async #refusalOf(answer: WitnessAnswer, old: number, notes: LedgerNotes): Promise<FhirError> {
    const { status } = answer;
    const size = sizeKnown(answer);
    const { length } = this.#leaves;
    const isBehind = size !== undefined && size !== old && size <= length + (await notesShown(notes, length)).length;
    if ((status === 409 && !isBehind) || status === 422)
      return new FhirError('unprocessable', `The witness answers ${status}.`, { detail: REFUSES });
    return new FhirError('unavailable', `The witness answers ${status}.`, { detail: `status-${status}` });
  }
}

/** What it has signed is no refusal any more, and what somebody has accepted before that was for what came before it. */
async function spentNotes(notes: LedgerNotes): Promise<LedgerNote[]> {
  const spent: LedgerNote[] = [];
  for (const name of [NEXT_WITNESS_LOG, WITNESS_REFUSED])
    if (((await lastNote(notes, name)) ?? '') !== '') spent.push(textNote(name, ''));
  return spent;
}

/** Undefined: there is no witness. */
export async function witnessedLog(notes: Pick<LedgerNotes, 'find'>): Promise<WitnessedLog | undefined> {
  const note = await lastNote(notes, LAST_WITNESSED);
  if (note === undefined) return undefined;
  const log = (await lastNote(notes, WITNESS_LOG)) ?? '';
  const begun = log === '' || originOf(note).endsWith(`/${log}`) ? undefined : log;
  return { note, shown: (await notesShown(notes, 0)).slice(0, sizeSigned(note)), begun };
}

const originOf = (note: string): string => note.slice(0, note.indexOf('\n'));

/** `origin`: of another log nothing is signed. */
function sizeSigned(note: string, origin?: string): number {
  try {
    const { checkpoint } = openCheckpoint(note, []);
    return origin === undefined || checkpoint.origin === origin ? checkpoint.size : 0;
  } catch {
    return 0;
  }
}

/** Notes of the anchors that were shown, from a place on. */
async function notesShown(notes: Pick<LedgerNotes, 'find'>, from: number): Promise<string[]> {
  const shown: string[] = [];
  for (;;) {
    const at = from + shown.length;
    const after = at === 0 ? undefined : witnessedName(at - 1);
    const page = await notes.find({ prefix: WITNESSED, after, limit: PAGE });
    // What somebody else has put there makes another log, which the witness does not sign.
    for (const kept of page) shown.push(readAnchor(textOfNote(kept))?.note ?? '');
    if (page.length < PAGE) return shown;
  }
}

function askText(leaves: readonly Hash[], old: number, note: string): string {
  const proof = old === 0 ? [] : consistencyProof(subtreesOf(leaves), old, leaves.length);
  return [`old ${old}`, ...proof.map(hash => hash.toString('base64')), '', note].join('\n');
}

function sizeKnown({ status, contentType, text }: WitnessAnswer): number | undefined {
  if (status !== 409 || !contentType.startsWith(SIZE_TYPE)) return undefined;
  return /^(?:0|[1-9]\d{0,15})$/.test(text.trim()) ? Number(text.trim()) : undefined;
}
