/**
 * Whose data is read, for the audit trail: the patients who stand beside a row; of what is made of references to many things also all
 * others whom it names, because no index knows a patient of it (Bundle, Group, Schedule) or no more than one (List, Composition). Row AUD-1 of the trail.
 *
 * Choices: named is who is referred to as a Patient of this server, in what is shown; whoever is a part of a document from elsewhere is none of ours.
 */
import { withoutEscapes } from '../access/patients-named.js';
import { atOnce, breathe, inPieces } from '../platform/pieces.js';
import type { Version } from '../store/store.js';

const NAMING: ReadonlySet<string> = new Set(['Bundle', 'Composition', 'Group', 'List', 'Schedule']);
/** Ids and addresses are ASCII. */
const TO_PATIENT = /"(?:reference|fullUrl)"\s*:\s*"([^"\\]{0,2000}?)Patient\/([A-Za-z0-9.-]{1,64})(?=["/])/g;

/** Where neither is in the bytes, none is named. */
const [PATIENT_PART, ESCAPE] = [Buffer.from('Patient'), Buffer.from('\\')];

const BRACE = 0x7b;
/** Bytes of a text that are looked at in one turn, about. */
const LOOKED_AT_ONCE = 256 * 1024;

type Read = Pick<Version, 'type' | 'text' | 'patients'>;

/** Ids, each once. `bases`: addresses of this server. */
export async function patientsRead(rows: readonly Read[], bases: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const { type, text, patients } of rows) {
    for (const id of patients) found.add(id);
    if (!text || !NAMING.has(type) || !(text.includes(PATIENT_PART) || text.includes(ESCAPE))) continue;
    const plain = withoutEscapes(text);
    for (const piece of textsBetweenBraces(text.length > LOOKED_AT_ONCE ? await inPieces(plain) : atOnce(plain))) {
      for (const [, before = '', id = ''] of piece.matchAll(TO_PATIENT)) {
        const base = before.replace(/\/$/, '');
        if (base === '' || bases.includes(base)) found.add(id);
      }
      await breathe();
    }
  }
  return [...found];
}

/** Parts that begin with a brace: none stands in what names a patient of this server. */
function* textsBetweenBraces(text: Buffer): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf(BRACE, at + LOOKED_AT_ONCE);
    const end = next < 0 ? text.length : next;
    yield text.toString('latin1', at, end);
    at = end;
  }
}
