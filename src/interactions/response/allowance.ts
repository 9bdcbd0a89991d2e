/**
 * What one answer may have: bytes of its own, and its turn among the answers that fill the memory at the same time. An
 * ordinary answer never waits; whoever is about to read much says how much, and goes on when there is room.
 */
import { FhirError } from '../../fhir/error.js';
import type { Place, Room } from '../../platform/room.js';
import type { Page, Version } from '../../store/store.js';
import type { Allowance, Caller, Context, Engine } from '../engine.js';
import { sizeOf } from './text.js';

/** An allowance that ends with its request. */
export interface OwnAllowance extends Allowance {
  release(): void;
}

/** Bytes that are read without waiting: more than an ordinary page has. */
export const FREE = 2 * 1024 * 1024;
/** ms for which an answer waits for the others. */
const PATIENCE = 30_000;

/** A class, because every request has one. */
class Own implements OwnAllowance {
  readonly shared = false;
  left: number;
  readonly page: number;
  readonly #room: Room;
  #turn: Promise<Place | undefined> | undefined;
  #released = false;

  constructor(room: Room, left: number, page: number) {
    this.#room = room;
    this.left = left;
    this.page = page;
  }

  spend(bytes: number): void {
    this.left = Math.max(0, this.left - bytes);
  }

  async admit(bytes: number): Promise<void> {
    // Who has had a turn does not wait for another: two who wait for each other would wait for ever.
    this.#turn ??= this.#room.enter(bytes, PATIENCE);
    const place = await this.#turn;
    if (this.#released) place?.keep(0);
    if (!place)
      throw new FhirError('throttled', 'Too many large answers are under way. Try again, or ask for less.', {
        retryAfter: 5,
      });
  }

  release(): void {
    this.#released = true;
    void this.#turn?.then(place => place?.keep(0));
  }
}

export const createAllowance = ({ room, settings }: Pick<Engine, 'room' | 'settings'>): OwnAllowance =>
  new Own(room, settings.maxAnswer, settings.maxPageBytes);

/** That of a context; one of its own where nobody has given it any. */
export const allowanceOf = ({ engine, allowance }: Pick<Caller, 'engine' | 'allowance'>): Allowance =>
  allowance ?? createAllowance(engine);

/** What is left of an allowance, for one of several answers in a Bundle. */
export function shareOf(whole: Allowance): Allowance {
  let { left } = whole;
  return {
    get left() {
      return left;
    },
    page: whole.page,
    shared: true,
    spend(bytes) {
      left = Math.max(0, left - bytes);
    },
    admit: bytes => whole.admit(bytes),
  };
}

export const answerTooLarge = (): FhirError =>
  new FhirError('too-large', 'The answer is larger than what is left for this Bundle: ask for it by itself.', {
    detail: 'answer-too-large',
  });

/** A version with its text, however large that is. Throws `too-large` where it has no room in a Bundle. */
export async function readWithText(
  context: Context,
  type: string,
  id: string,
  version?: number,
): Promise<Version | undefined> {
  const { view } = context;
  const row = await view.read(type, id, version, FREE);
  if (row?.withheld === undefined) return row;
  const allowance = allowanceOf(context);
  if (allowance.shared && row.withheld > allowance.left) throw answerTooLarge();
  await allowance.admit(row.withheld);
  return view.read(type, id, row.version);
}

/** How a store is asked for a part of a page: behind, or before, the row at `place`. */
export interface Part {
  readonly limit: number;
  readonly bytes: number;
  readonly place: Page['cursors'][number] | undefined;
}

/** Bytes that a version takes in an answer. */
export const sizeOfRow = ({ text, blobs }: Pick<Version, 'text' | 'blobs'>): number =>
  text ? sizeOf({ text, ...(blobs ? { blobs } : {}) }) : 0;
export const sizeOfRows = (rows: readonly Version[]): number => rows.reduce((sum, row) => sum + sizeOfRow(row), 0);

/**
 * A page as far as the allowance goes, with one row at least. `back`: it travels to the rows before its place. Throws
 * `too-large` where the first row has no room in a Bundle.
 */
export async function takePage(
  allowance: Allowance,
  { limit, back }: { readonly limit: number; readonly back: boolean },
  fetch: (part: Part) => Promise<Page>,
): Promise<Page> {
  const bytes = Math.min(allowance.left, allowance.page);
  const first = await fetch({ limit, bytes: Math.min(FREE, bytes), place: undefined });
  const page = first.next === undefined ? first : await restOfPage(allowance, first, { limit, back, bytes }, fetch);
  const shown = trimmed(page, bytes, back);
  if (allowance.shared && sizeOfRows(shown.rows) > bytes) throw answerTooLarge();
  allowance.spend(sizeOfRows(shown.rows));
  return shown;
}

async function restOfPage(
  allowance: Allowance,
  first: Page,
  { limit, back, bytes }: { readonly limit: number; readonly back: boolean; readonly bytes: number },
  fetch: (part: Part) => Promise<Page>,
): Promise<Page> {
  const next = first.next!;
  const { rows, cursors } = first;
  const left = bytes - rows.reduce((sum, { text }) => sum + (text?.length ?? 0), 0);
  const room = rows.length === 0 && !allowance.shared ? Math.max(left, next) : left;
  if (room < next) {
    if (rows.length === 0) throw answerTooLarge();
    return first;
  }
  // Texts, and the Bundle that they are copied into.
  await allowance.admit(2 * room);
  const place = back ? cursors.at(0) : cursors.at(-1);
  const more = await fetch({ limit: limit - rows.length, bytes: room, place });
  return back
    ? { ...more, rows: [...more.rows, ...rows], cursors: [...more.cursors, ...cursors] }
    : { ...more, rows: [...rows, ...more.rows], cursors: [...cursors, ...more.cursors] };
}

/** Base64 that belongs into the texts counts, too. */
function trimmed(page: Page, bytes: number, back: boolean): Page {
  const order = back ? page.rows.toReversed() : page.rows;
  let left = bytes;
  let kept = 0;
  while (kept < order.length && (left -= sizeOfRow(order[kept]!)) >= 0) kept++;
  kept = Math.max(kept, Math.min(1, order.length));
  if (kept === order.length) return page;
  const part = <T>(list: readonly T[]): readonly T[] => (back ? list.slice(-kept) : list.slice(0, kept));
  return { rows: part(page.rows), cursors: part(page.cursors), more: true };
}
