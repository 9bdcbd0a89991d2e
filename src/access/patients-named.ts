/**
 * Whom the text of a resource names that no index knows a patient of: a Bundle, a Group. Named is who is referred to as `Patient/<id>`, and whose
 * Patient the text holds, however its members are ordered and its characters escaped.
 */
import type { Version } from '../store/store.js';

const REFERRED = /Patient\/([A-Za-z0-9\-.]{1,64})/g;
const IDS = /"id"\s*:\s*"([A-Za-z0-9\-.]{1,64})"/g;
/** An escape of a character that stands in a reference, an address, an id, or a name of one. */
const ESCAPED = /\\(?:\/|u00(?:2[5def]|3[0-9a]|[46][1-9a-f]|5[0-9af]|7[0-9ae]))/i;

/** JSON that says the same, with no character of a reference or of its name escaped. */
export const withoutEscapes = (json: string): string => (ESCAPED.test(json) ? JSON.stringify(JSON.parse(json)) : json);

/**
 * `row`: with its text. `matters`: whether it makes a difference that a patient is named; a text that has no id of such a one is not parsed for the
 * Patients that it holds.
 */
export function patientsNamed({ text, patients }: Version, matters: (id: string) => boolean): ReadonlySet<string> {
  const found = new Set(patients);
  const json = withoutEscapes(text?.toString() ?? '');
  for (const [, id] of json.matchAll(REFERRED)) found.add(id!);
  if (!json.includes('"Patient"')) return found;
  for (const [, id] of json.matchAll(IDS))
    if (!found.has(id!) && matters(id!)) {
      for (const held of patientsHeld(JSON.parse(json))) found.add(held);
      break;
    }
  return found;
}

/** Ids of the Patients in it, at any depth. */
function patientsHeld(whole: unknown): readonly string[] {
  const held: string[] = [];
  const left: unknown[] = [whole];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== 'object' || value === null) continue;
    const { resourceType, id } = value as { readonly resourceType?: unknown; readonly id?: unknown };
    if (resourceType === 'Patient' && typeof id === 'string') held.push(id);
    for (const each of Object.values(value)) if (typeof each === 'object') left.push(each);
  }
  return held;
}
