/**
 * Whose data is read, for the audit trail: the patients who stand beside a row; of what is made of references to many things also all
 * others whom it names, because no index knows a patient of it (Bundle, Group, Schedule) or no more than one (List, Composition). Row AUD-1 of the trail.
 *
 * Choices: named is who is referred to as a Patient of this server, in what is shown; whoever is a part of a document from elsewhere is none of ours.
 */
import { withoutEscapes } from '../access/patients-named.js';
import type { Version } from '../store/store.js';

const NAMING: ReadonlySet<string> = new Set(['Bundle', 'Composition', 'Group', 'List', 'Schedule']);
/** Ids and addresses are ASCII. */
const TO_PATIENT = /"(?:reference|fullUrl)"\s*:\s*"([^"\\]{0,2000}?)Patient\/([A-Za-z0-9.-]{1,64})(?=["/])/g;

/** Where neither is in the bytes, none is named. */
const [PATIENT_PART, ESCAPE] = [Buffer.from('Patient'), Buffer.from('\\')];

type Read = Pick<Version, 'type' | 'text' | 'patients'>;

/** Ids. `bases`: addresses of this server. */
export function patientsRead({ type, text, patients }: Read, bases: readonly string[]): readonly string[] {
  if (!text || !NAMING.has(type) || !(text.includes(PATIENT_PART) || text.includes(ESCAPE))) return patients;
  const found = new Set(patients);
  for (const [, before = '', id = ''] of withoutEscapes(text.toString('latin1')).matchAll(TO_PATIENT)) {
    const base = before.replace(/\/$/, '');
    if (base === '' || bases.includes(base)) found.add(id);
  }
  return [...found];
}
