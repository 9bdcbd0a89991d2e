/**
 * Makes the implicit value sets, which are defined by their address alone. https://hl7.org/fhir/R4/snomedct.html#implicit,
 * https://hl7.org/fhir/R4/loinc.html#implicit
 *
 * Of SNOMED CT: everything (`?fhir_vs`) and what a concept subsumes (`?fhir_vs=isa/id`, where its CodeSystem is stored).
 * Reference sets, expressions and addresses of single editions are not offered. Of LOINC: everything.
 */
import type { ValueSet } from './resources.js';

const SNOMED = 'http://snomed.info/sct';
const LOINC = 'http://loinc.org';
const SNOMED_SET = /^http:\/\/snomed\.info\/sct\?fhir_vs(?:=isa\/(\d{6,18}))?$/;

export function implicitValueSet(url: string): ValueSet | undefined {
  if (url === `${LOINC}/vs`) return { resourceType: 'ValueSet', url, compose: { include: [{ system: LOINC }] } };
  const found = SNOMED_SET.exec(url);
  if (!found) return undefined;
  const filter = found[1] === undefined ? {} : { filter: [{ property: 'concept', op: 'is-a', value: found[1] }] };
  return { resourceType: 'ValueSet', url, compose: { include: [{ system: SNOMED, ...filter }] } };
}
