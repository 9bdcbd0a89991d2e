/** What `$arrange-pages` is asked for: documents, each of pages of scans, and pages that are in none. Every page of every scan has one place, so that none is lost. */
import { FhirError } from '../../../fhir/error.js';
import { parseReference } from '../../../fhir/reference.js';
import { isObject, itemsOf, type JsonObject } from '../../../fhir/resource.js';
import { badParameter, type GivenParameter } from '../../../interactions/operations/parameters.js';

export interface PlacedPage {
  /** Id of the scan. */
  readonly scan: string;
  /** From 1. */
  readonly number: number;
  readonly turn: number;
  readonly at: string;
}

export interface ArrangementAsked {
  readonly documents: readonly (readonly PlacedPage[])[];
  /** Where each of them stands. */
  readonly places: readonly string[];
  readonly leftOut: readonly PlacedPage[];
  /** Ids of the scans, each with where it is named first. */
  readonly scans: ReadonlyMap<string, string>;
}

const TURNS: ReadonlySet<unknown> = new Set([90, 180, 270]);
const MOST_SCANS = 20;
const MOST_DOCUMENTS = 100;
const MOST_PLACES = 1000;

/** Throws `invalid`, and `unprocessable` where a scan would go without a page of it in a document. */
export function arrangementAsked(given: readonly GivenParameter[], bases: readonly string[]): ArrangementAsked {
  const wanted = given.filter(({ name }) => name === 'document');
  const documents = wanted.map(({ value, at }) => {
    const pages = partsOf(value).filter(({ name }) => name === 'page');
    if (pages.length === 0) throw badParameter('A document has one page at least.', at);
    return pages.map((page, n) => pageAsked(page, `${at}.part[${n}]`, bases));
  });
  const leftOut = given
    .filter(({ name }) => name === 'left-out')
    .map(({ value, at }) => pageAsked(isObject(value) ? value : {}, at, bases));
  if (documents.length === 0) throw badParameter('One document at least is made.', 'Parameters.parameter');
  const all = [...documents.flat(), ...leftOut];
  const scans = new Map<string, string>();
  for (const { scan, at } of all) if (!scans.has(scan)) scans.set(scan, at);
  if (documents.length > MOST_DOCUMENTS || scans.size > MOST_SCANS || all.length > MOST_PLACES)
    throw badParameter(
      `At once pages of ${MOST_SCANS} scans become ${MOST_DOCUMENTS} documents of ${MOST_PLACES} pages at most.`,
      'Parameters.parameter',
    );
  const placed = new Set(documents.flat().map(({ scan }) => scan));
  for (const [scan, at] of scans)
    if (!placed.has(scan))
      throw refusePages(
        'nothing-placed',
        at,
        'No page of this scan is in a document: reject the scan with its reason instead.',
      );
  return { documents, places: wanted.map(({ at }) => at), leftOut, scans };
}

const partsOf = (value: unknown): readonly JsonObject[] =>
  (isObject(value as JsonObject) ? itemsOf((value as JsonObject)['part']) : []).filter(isObject);

function pageAsked(page: JsonObject, at: string, bases: readonly string[]): PlacedPage {
  const part = (name: string): JsonObject => partsOf(page).find(each => each['name'] === name) ?? {};
  const reference = part('scan')['valueReference'];
  const text = isObject(reference) ? reference['reference'] : undefined;
  const target = typeof text === 'string' ? parseReference(text, bases) : undefined;
  const number = part('number')['valuePositiveInt'];
  const turn = part('turn')['valuePositiveInt'] ?? 0;
  if (target?.kind !== 'local' || target.type !== 'DocumentReference')
    throw badParameter('A page names its scan: a DocumentReference of this server.', `${at}.part.where(name='scan')`);
  if (typeof number !== 'number' || number < 1)
    throw badParameter('A page has a number, from 1.', `${at}.part.where(name='number')`);
  if (typeof turn !== 'number' || (turn !== 0 && !TURNS.has(turn)))
    throw badParameter('A page is turned by 90, 180 or 270 degrees.', `${at}.part.where(name='turn')`);
  return { scan: target.id, number, turn, at };
}

/** `counts`: pages of each scan. Throws `unprocessable` where a page is not there, has two places, or none. */
export function checkPlaces(
  { documents, leftOut, scans }: ArrangementAsked,
  counts: ReadonlyMap<string, number>,
): void {
  const seen = new Set<string>();
  for (const { scan, number, at } of [...documents.flat(), ...leftOut]) {
    const count = counts.get(scan)!;
    if (number > count) throw refusePages('no-such-page', at, `This scan has ${count} pages.`);
    const name = `${scan} ${number}`;
    if (seen.has(name)) throw refusePages('page-twice', at, 'This page has a place already.');
    seen.add(name);
  }
  for (const [scan, at] of scans)
    for (let number = 1; number <= counts.get(scan)!; number++)
      if (!seen.has(`${scan} ${number}`))
        throw refusePages(
          'page-missing',
          at,
          `Page ${number} of this scan is in no document: say left-out where that is meant.`,
        );
}

export const refusePages = (detail: string, expression: string, text: string): FhirError =>
  new FhirError('unprocessable', text, { detail, expression });
