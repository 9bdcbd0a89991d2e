/** What the ledger keeps beside the rows, by name, as text (store/seals.ts). */
import { numberInName } from '../../store/lane.js';
import type { LedgerNote, LedgerNotes } from '../../store/seals.js';

/** Deeds of a stream of which one checkpoint is kept, the last one. */
const DEEDS_A_CHECKPOINT = 1000;
const PAGE = 200;

export const KEY_NOTES = 'key/';
export const ANCHOR_NOTES = 'anchor/';
/** The one that was made last, whatever time it says: a clock may have been ahead. */
export const LAST_ANCHOR = 'anchor-last';
/** Anchors that were shown to a witness, by their place in its log, and the last checkpoint of that, with the signature of the witness. */
export const WITNESSED = 'witnessed/';
export const LAST_WITNESSED = 'witnessed-last';
/** Which log of anchors a witness is shown (witness.ts); none, or an empty text: the first one. */
export const WITNESS_LOG = 'witness-log';
/**
 * The log that may be begun where the witness refuses another one, which stands in the next line: somebody has accepted an older copy of the store. None, or an
 * empty text: nobody has, or the witness has signed since.
 */
export const NEXT_WITNESS_LOG = 'witness-next-log';
/** The log that the witness has refused, which nobody has given up and it has not signed since; none, or an empty text: it has not. */
export const WITNESS_REFUSED = 'witness-refused';
export const witnessedName = (at: number): string => WITNESSED + numberInName(at);
/** When a keeper elsewhere that does not get each anchor was given one, in ms since 1970. */
export const GIVEN = 'anchor-given/';
export const checkpointsOf = (stream: string): string => `checkpoint/${stream}/`;
export const checkpointName = (stream: string, size: number): string =>
  checkpointsOf(stream) + numberInName(Math.floor(size / DEEDS_A_CHECKPOINT));
/** One is kept for each hour. `time`: as an instant. */
export const anchorName = (time: string): string => ANCHOR_NOTES + time.slice(0, 'YYYY-MM-DDThh'.length);

export const textNote = (name: string, text: string): LedgerNote => ({ name, value: Buffer.from(text) });
export const textOfNote = ({ value }: LedgerNote): string => Buffer.from(value).toString();

/** All whose names begin so, in order. */
export async function* notesUnder(notes: Pick<LedgerNotes, 'find'>, prefix: string): AsyncGenerator<LedgerNote> {
  for (let after: string | undefined; ; ) {
    const found = await notes.find({ prefix, after, limit: PAGE });
    yield* found;
    if (found.length < PAGE) return;
    after = found.at(-1)!.name;
  }
}

/** The last one whose name begins so, as text. */
export async function lastNote(notes: Pick<LedgerNotes, 'find'>, prefix: string): Promise<string | undefined> {
  const [last] = await notes.find({ prefix, newestFirst: true, limit: 1 });
  return last && textOfNote(last);
}
