/** What goes along from scans to a document that has pages of them, so that no arrangement makes a scan look better than it was: its patient, and what was noticed. */
import { FhirError } from '../../../fhir/error.js';
import { parseReference } from '../../../fhir/reference.js';
import { isObject, type Json, type JsonObject, type Resource } from '../../../fhir/resource.js';
import { subjectsOf } from '../patient-facts.js';
import { type DqFinding, findingsOf, type QualityCode, scanStateOf } from '../vocabulary.js';
import type { PlacedPage } from './arrange-asked.js';

/**
 * The subject of a document with pages of all of these. Throws `unprocessable` where they name different patients: what is of two patients is in the record of
 * neither, and no Consent of theirs would apply to it.
 */
export function patientOfAll(
  sources: readonly Resource[],
  bases: readonly string[],
  expression: string,
): JsonObject | undefined {
  const subjects = sources.map(({ subject }) => subject).filter(isObject);
  const names = new Set(subjects.map(subject => patientNamed(subject, bases)));
  if (names.size > 1)
    throw new FhirError(
      'unprocessable',
      'The scans whose pages this document has name different patients: arrange the pages of each patient by themselves.',
      { detail: 'patients-differ', expression, patients: subjectsOf(sources, bases) },
    );
  return subjects[0];
}

/** Equal for the same patient, however the reference is written. */
function patientNamed({ reference, identifier, ...others }: JsonObject, bases: readonly string[]): string {
  if (typeof reference !== 'string') return JSON.stringify(identifier ?? others);
  const target = parseReference(reference, bases);
  return target?.kind === 'local' ? `${target.type}/${target.id}` : reference;
}

/** Findings about one page, which is their value. */
const OF_A_PAGE: ReadonlySet<QualityCode> = new Set([
  ...(['DQ-resolution-low', 'DQ-page-blank', 'DQ-page-skewed', 'DQ-page-turned'] as const),
]);
const WHERE = 'DocumentReference.content[0].attachment';
/** Whatever was arranged: its bytes are new, so that the sample says nothing of it, and nobody leaves the sample by turning a page. */
const REARRANGED: DqFinding = { code: 'DQ-rearranged', expression: WHERE };
const SENT_BACK: DqFinding = { code: 'DQ-sent-back', expression: WHERE };

/** `tasks`: of the scans, by their ids. `looked`: what was found of the document itself. Each is given once. */
export function findingsOfArranged(
  pages: readonly PlacedPage[],
  tasks: ReadonlyMap<string, Resource>,
  looked: readonly DqFinding[],
): readonly DqFinding[] {
  const carried = [...new Set(pages.map(({ scan }) => scan))].flatMap(scan => {
    const task = tasks.get(scan)!;
    const found = findingsOf(task).flatMap(finding => findingCarried(finding, scan, pages));
    return scanStateOf(task) === 'rework' ? [...found, SENT_BACK] : found;
  });
  const all = [...looked, ...carried, REARRANGED];
  return [...new Map(all.map(each => [JSON.stringify([each.code, each.value]), each] as const)).values()];
}

/** A finding of a scan as one of the document; of a page that is not in the document there is none. */
function findingCarried({ code, value }: DqFinding, scan: string, pages: readonly PlacedPage[]): DqFinding[] {
  const [number, reference] = [value?.['valuePositiveInt'], value?.['valueReference']];
  if (OF_A_PAGE.has(code) && number !== undefined) return findingOfPage(code, { scan, number }, pages);
  // A number of pages, or a page that nobody has looked at, is one of the scan.
  return [{ code, expression: WHERE, ...(reference === undefined ? {} : { value: { valueReference: reference } }) }];
}

function findingOfPage(
  code: QualityCode,
  page: { readonly scan: string; readonly number: Json },
  pages: readonly PlacedPage[],
): DqFinding[] {
  const place = pages.findIndex(({ scan, number }) => scan === page.scan && number === page.number);
  // What lay on its side is upright, or was upright and is looked at anew.
  if (place < 0 || (code === 'DQ-page-turned' && pages[place]!.turn % 180 !== 0)) return [];
  return [{ code, expression: WHERE, value: { valuePositiveInt: place + 1 } }];
}
