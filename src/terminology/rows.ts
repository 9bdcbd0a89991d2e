/**
 * The rows of an expansion: members one by one, with what is known of each, and those of them that are asked for.
 * https://hl7.org/fhir/R4/valueset.html#expansion
 *
 * Choice: `filter` finds a concept where each of its words begins a word of the code or of one name, whatever the case.
 */
import { paced, type Pieces } from '../platform/pieces.js';
import type { Budget } from './budget.js';
import { type DisplayText, conceptNames } from './languages.js';
import type { MemberPart, ValueSetMembers } from './members.js';
import { notListed } from './refuse.js';
import type { Contained } from './resources.js';

/** Rows that are looked at before others may have their turn. */
const ROWS_IN_A_TURN = 2_000;

export interface ExpansionRow {
  readonly part: MemberPart;
  readonly code: string;
  /** Where the code is known. */
  readonly concept: number | undefined;
  readonly listed: Contained | undefined;
}

export interface RowFilter {
  readonly activeOnly?: boolean;
  readonly excludeNotForUI?: boolean;
  readonly filter?: string;
}

/** In the order of the value set, and of the code system where all of it belongs to the set. */
function* rowsOf(members: ValueSetMembers): Generator<ExpansionRow> {
  for (const part of members.values()) {
    const { codes, concepts } = part;
    if (codes !== 'all')
      for (const [code, listed] of codes) yield { part, code, concept: concepts?.locate(code), listed };
    else if (concepts?.rule) throw notListed(concepts.url);
    else if (concepts)
      for (const [concept, code] of concepts.codes.entries()) yield { part, code, concept, listed: undefined };
  }
}

export const isInactive = ({ part: { concepts }, concept, listed }: ExpansionRow): boolean =>
  concepts && concept !== undefined ? !concepts.isActive(concept) : listed?.inactive === true;

export const isAbstract = ({ part: { concepts }, concept, listed }: ExpansionRow): boolean =>
  concepts && concept !== undefined ? !concepts.isSelectable(concept) : listed?.abstract === true;

/** `language`: of the value set. */
export const rowNames = (
  { part: { concepts }, concept, listed }: ExpansionRow,
  language: string | undefined,
): DisplayText[] => conceptNames(concepts, concept, listed, language);

export interface ExpansionPage {
  readonly rows: readonly ExpansionRow[];
  /** How many there are in all. */
  readonly total: number;
}

/** `most`: rows that are given; more are counted. */
export function* pageOfRows(
  members: ValueSetMembers,
  asked: RowFilter,
  { offset, most, budget }: { readonly offset: number; readonly most: number; readonly budget: Budget },
): Pieces<ExpansionPage> {
  const words = (asked.filter ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const rows: ExpansionRow[] = [];
  let total = 0;
  const isLong = paced(ROWS_IN_A_TURN);
  for (const row of rowsOf(members)) {
    if (isLong()) yield;
    budget.examineCodes(1);
    if (asked.activeOnly && isInactive(row)) continue;
    if (asked.excludeNotForUI && isAbstract(row)) continue;
    if (words.length > 0 && !isNamed(row, words)) continue;
    if (total >= offset && rows.length < most) rows.push(row);
    total += 1;
  }
  return { rows, total };
}

/** Designations are looked at last: few concepts have any, and most are found before. */
function isNamed(row: ExpansionRow, words: readonly string[]): boolean {
  const has = (text: string | undefined): boolean => {
    const folded = text?.toLowerCase();
    return folded !== undefined && words.every(word => beginsWord(folded, word));
  };
  const { concepts } = row.part;
  const display = concepts && row.concept !== undefined ? concepts.display(row.concept) : row.listed?.display;
  if (has(row.code) || has(display)) return true;
  const isPlain =
    !row.listed && (!concepts || row.concept === undefined || concepts.designations(row.concept).length === 0);
  return !isPlain && rowNames(row, undefined).some(({ value }) => has(value));
}

const WORD_LETTER = /[\p{L}\p{N}]/u;

function beginsWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
    if (at === 0 || !WORD_LETTER.test(text[at - 1]!)) return true;
  return false;
}
