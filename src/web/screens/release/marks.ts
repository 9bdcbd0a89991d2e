/** What is withheld of pages of documents that go out: as the choice of a request keeps it, and as `$release-select` takes it. */
import type { Extension, ParametersParameter, Task } from 'fhir/r4';
import type { Mark, MarkedArea } from '../document/mark.js';
import { idIn, inputsOf, REDACTION, SHA256 } from './request-parts.js';

/** A document as it was when it was marked: on other bytes its marks would hide something else. */
export interface MarkedVersion {
  readonly version: string | undefined;
  /** Of its bytes, in hexadecimal; undefined: they were not seen. */
  readonly sha256: string | undefined;
}

export interface MarksOfDocument extends MarkedVersion {
  readonly marks: readonly Mark[];
}

/** By the ids of documents. */
export type DocumentMarks = ReadonlyMap<string, MarksOfDocument>;

/** A mark is never smaller than what was drawn. */
const DIGITS = 10_000;
const down = (value: number): number => Math.max(0, Math.floor(value * DIGITS) / DIGITS);
const up = (value: number): number => Math.min(1, Math.ceil(value * DIGITS) / DIGITS);

export const areaText = ({ x, y, width, height }: MarkedArea): string => {
  const [left, top] = [down(x), down(y)];
  return [left, top, up(x + width - left), up(y + height - top)].map(each => String(each)).join(' ');
};

function areaOf({ valueString = '' }: Extension): MarkedArea | undefined {
  const [x = NaN, y = NaN, width = NaN, height = NaN] = valueString.split(' ').map(Number);
  return [x, y, width, height].every(Number.isFinite) ? { x, y, width, height } : undefined;
}

const marksOf = ({ extension = [] }: Extension): readonly Mark[] => {
  const page = extension.find(({ url }) => url === 'page')?.valuePositiveInt;
  if (page === undefined) return [];
  const areas = extension.flatMap(each => (each.url === 'area' ? (areaOf(each) ?? []) : []));
  return areas.length === 0 ? [{ page }] : areas.map(area => ({ page, area }));
};

/** Of what was chosen last. */
export const marksIn = (task: Task): DocumentMarks =>
  new Map(
    inputsOf(task, 'chosen').flatMap(({ valueReference, extension = [] }) => {
      const id = idIn(valueReference, 'DocumentReference');
      const marks = extension.flatMap(each => (each.url === REDACTION ? marksOf(each) : []));
      if (id === undefined || marks.length === 0) return [];
      const version = /\/_history\/([\w.-]+)$/.exec(valueReference?.reference ?? '')?.[1];
      const sha256 = extension.find(({ url }) => url === SHA256)?.valueString;
      return [[id, { marks, version, sha256 }] as const];
    }),
  );

/** Whether marks of one hold for the other, as the server judges it: the bytes decide where both are known. */
export const isMarkedSo = (one: MarkedVersion, other: MarkedVersion): boolean =>
  one.sha256 !== undefined && other.sha256 !== undefined ? one.sha256 === other.sha256 : one.version === other.version;

/** What was drawn on a document here, and what stood in the request then. */
export interface DrawnMarks extends MarksOfDocument {
  readonly before: readonly Mark[];
}

const keyOf = ({ page, area }: Mark): string => `${page} ${area ? areaText(area) : ''}`;

/**
 * Those of the request, and over them what was drawn here: marks that somebody else has added since then are kept, so that nothing is shown again that
 * a colleague has withheld.
 */
export function mergedMarks(stored: DocumentMarks, drawn: ReadonlyMap<string, DrawnMarks>): DocumentMarks {
  const merged = new Map(stored);
  for (const [id, { marks, before, version, sha256 }] of drawn) {
    const now = stored.get(id);
    const known = new Set([...before, ...marks].map(keyOf));
    const added = now && isMarkedSo(now, { version, sha256 }) ? now.marks.filter(each => !known.has(keyOf(each))) : [];
    merged.set(id, { marks: [...marks, ...added], version, sha256 });
  }
  return merged;
}

export const pagesMarked = (marks: readonly Mark[]): readonly number[] => [...new Set(marks.map(({ page }) => page))];

/** `going`: documents that go out: of others nothing is withheld. */
export const redactParameters = (marks: DocumentMarks, going: ReadonlySet<string>): readonly ParametersParameter[] =>
  [...marks].flatMap(([id, ofDocument]) =>
    going.has(id) ? pagesMarked(ofDocument.marks).map(page => redactOf(id, page, ofDocument)) : [],
  );

function redactOf(id: string, page: number, { marks, version, sha256 }: MarksOfDocument): ParametersParameter {
  const here = marks.filter(each => each.page === page);
  const areas = here.flatMap(({ area }) => area ?? []);
  return {
    name: 'redact',
    part: [
      {
        name: 'document',
        valueReference: { reference: `DocumentReference/${id}${version ? `/_history/${version}` : ''}` },
      },
      { name: 'page', valuePositiveInt: page },
      ...(sha256 === undefined ? [] : [{ name: 'sha256', valueString: sha256 }]),
      ...(areas.length < here.length ? [] : areas.map(each => ({ name: 'area', valueString: areaText(each) }))),
    ],
  };
}
