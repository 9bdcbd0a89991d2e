/**
 * The profiles that R4 asks of vital signs: an Observation of that category with one of these codes "SHALL conform".
 * https://hl7.org/fhir/R4/observation-vitalsigns.html
 *
 * As what guides ask of all (global-profiles.ts), this is told to whoever wants to know, and refuses no write.
 */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../fhir/resource.js';

const LOINC = 'http://loinc.org';
const CATEGORIES = 'http://terminology.hl7.org/CodeSystem/observation-category';

/** Codes of LOINC → profiles of R4. */
const PROFILES: ReadonlyMap<string, string> = new Map([
  ['85353-1', 'vitalspanel'],
  ['9279-1', 'resprate'],
  ['8867-4', 'heartrate'],
  ['2708-6', 'oxygensat'],
  ['8310-5', 'bodytemp'],
  ['8302-2', 'bodyheight'],
  ['9843-4', 'headcircum'],
  ['29463-7', 'bodyweight'],
  ['39156-5', 'bmi'],
  ['85354-9', 'bp'],
]);
/** Whoever has both of these as components is a blood pressure. */
const PRESSURES = ['8480-6', '8462-4'];

const MAX_CODINGS_READ = 20;

/** Canonicals of the profiles; none of what is no vital sign. */
export function vitalSignsProfiles({ resourceType, category, code, component }: Resource): readonly string[] {
  if (
    resourceType !== 'Observation' ||
    !itemsOf(category).some(each => codesIn(each, CATEGORIES).includes('vital-signs'))
  )
    return [];
  const names = new Set(codesIn(code, LOINC).flatMap(each => PROFILES.get(each) ?? []));
  const parts = new Set(itemsOf(component).flatMap(each => (isObject(each) ? codesIn(each['code'], LOINC) : [])));
  if (PRESSURES.every(each => parts.has(each))) names.add('bp');
  return [...names].map(name => `http://hl7.org/fhir/StructureDefinition/${name}`);
}

function codesIn(concept: Json | undefined, system: string): string[] {
  const codings = isObject(concept) ? itemsOf(concept['coding']).slice(0, MAX_CODINGS_READ) : [];
  return codings.flatMap(coding => codeOf(coding, system) ?? []);
}

function codeOf(coding: Json, wanted: string): string | undefined {
  if (!isObject(coding)) return undefined;
  const { system, code }: JsonObject = coding;
  return system === wanted && typeof code === 'string' ? code : undefined;
}
