/** What is withheld of pages of documents that go out: as the choice of a request keeps it, and as `$release-select` takes it. */
import type { Extension, ParametersParameter, Task } from 'fhir/r4';
import type { Mark, MarkedArea } from '../document/mark.js';
import { idIn, inputsOf, REDACTION } from './request-parts.js';

/** By the ids of documents. */
export type DocumentMarks = ReadonlyMap<string, readonly Mark[]>;

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
      return id === undefined || marks.length === 0 ? [] : [[id, marks] as const];
    }),
  );

export const pagesMarked = (marks: readonly Mark[]): readonly number[] => [...new Set(marks.map(({ page }) => page))];

/** `going`: documents that go out: of others nothing is withheld. */
export const redactParameters = (marks: DocumentMarks, going: ReadonlySet<string>): readonly ParametersParameter[] =>
  [...marks].flatMap(([id, ofDocument]) =>
    going.has(id) ? pagesMarked(ofDocument).map(page => redactOf(id, page, ofDocument)) : [],
  );

function redactOf(id: string, page: number, marks: readonly Mark[]): ParametersParameter {
  const here = marks.filter(each => each.page === page);
  const areas = here.flatMap(({ area }) => area ?? []);
  return {
    name: 'redact',
    part: [
      { name: 'document', valueReference: { reference: `DocumentReference/${id}` } },
      { name: 'page', valuePositiveInt: page },
      ...(areas.length < here.length ? [] : areas.map(each => ({ name: 'area', valueString: areaText(each) }))),
    ],
  };
}
