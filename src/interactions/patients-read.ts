/**
 * Whose data is read, for the audit trail: the patients who stand beside a row; of what is made of references to many things also all
 * others whom it names, because no index knows a patient of it (Bundle, Group, Schedule) or no more than one (List, Composition). Row AUD-1 of the trail.
 *
 * Choices: named is who is referred to as a Patient of this server, in what is shown; whoever is a part of a document from elsewhere is none of ours.
 */
import type { Version } from '../store/store.js';

const NAMING: ReadonlySet<string> = new Set(['Bundle', 'Composition', 'Group', 'List', 'Schedule']);
/** Ids and addresses are ASCII; a slash may be escaped. */
const TO_PATIENT =
  /"(?:reference|fullUrl)"\s*:\s*"((?:[^"\\]|\\\/){0,2000}?)Patient(?:\/|\\\/)([A-Za-z0-9.-]{1,64})(?=["/\\])/g;
const PATIENT_PART = Buffer.from('Patient');

type Read = Pick<Version, 'type' | 'text' | 'patients'>;

/** Whether it may name more patients than those beside it. */
export const namesOthers = ({ type }: Pick<Version, 'type'>): boolean => NAMING.has(type);

/** Ids. `bases`: addresses of this server. */
export function patientsRead({ type, text, patients }: Read, bases: readonly string[]): readonly string[] {
  if (!namesOthers({ type }) || !text?.includes(PATIENT_PART)) return patients;
  const found = new Set(patients);
  for (const [, before = '', id = ''] of text.toString('latin1').matchAll(TO_PATIENT)) {
    const base = before.replaceAll('\\/', '/').replace(/\/$/, '');
    if (base === '' || bases.includes(base)) found.add(id);
  }
  return [...found];
}
