/** Whose the pages after a separator sheet are: what it says holds where this server has printed it, and whoever brings the file may see whom it names. */
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { parseReference, type ReferenceTarget } from '../../../fhir/reference.js';
import { isObject, type Json, type Resource } from '../../../fhir/resource.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import type { HookGround } from '../../../interactions/write/hooks.js';
import type { IndexAsked } from '../index-asked.js';
import type { DqFinding } from '../vocabulary.js';
import { type SeparatorSheet, serverMark } from './sheet-text.js';

export interface SheetGround {
  readonly view: Pick<HookGround['view'], 'read'>;
  /** Of this server. */
  readonly bases: readonly string[];
}

interface AskedOfSheet {
  readonly asked: IndexAsked;
  readonly findings: readonly DqFinding[];
}

/** Index fields as the sheet says them, which stood with the pages; where it does not hold, or whoever sent it says another patient, nobody is named. */
export async function askedOfSheet(
  ground: SheetGround,
  sent: IndexAsked,
  sheet: SeparatorSheet,
): Promise<AskedOfSheet> {
  const { patient, encounter: sentEncounter, ...others } = sent;
  const target = referredTo(patient, ground.bases);
  const isOther = patient !== undefined && !isPatient(target, sheet.patient);
  if (isOther || !(await holds(ground, sheet))) return { asked: others, findings: [MISMATCH] };
  const bar = sheet.type?.indexOf('|') ?? -1;
  const type =
    sheet.type === undefined ? {} : { type: { system: sheet.type.slice(0, bar), code: sheet.type.slice(bar + 1) } };
  const encounter = sheet.encounter === undefined ? sentEncounter : { reference: `Encounter/${sheet.encounter}` };
  return {
    asked: {
      ...others,
      patient: { reference: `Patient/${sheet.patient}` },
      ...(encounter === undefined ? {} : { encounter }),
      ...type,
    },
    findings: [],
  };
}

const MISMATCH: DqFinding = { code: 'DQ-sheet-mismatch', expression: 'DocumentReference.subject' };

/** Whether this server has printed it, under any of its addresses, and the patient and the encounter are there, and belong together. */
async function holds(ground: SheetGround, { server, patient, encounter }: SeparatorSheet): Promise<boolean> {
  if (!ground.bases.some(base => serverMark(base) === server)) return false;
  if (!(await resourceRead(ground, 'Patient', patient))) return false;
  return encounter === undefined || isEncounterOf(ground, encounter, patient);
}

/** Whether the encounter is there, and is that of the patient. */
export async function isEncounterOf(ground: SheetGround, encounter: string, patient: string): Promise<boolean> {
  const found = await resourceRead(ground, 'Encounter', encounter);
  return isPatient(referredTo(found?.['subject'], ground.bases), patient);
}

/** Undefined: it is not there, or whoever asks may not see it. */
async function resourceRead({ view }: SheetGround, type: string, id: string): Promise<Resource | undefined> {
  const row = await view.read(type, id);
  return row?.text ? parseJson(row.text, STORED_JSON).resource : undefined;
}

const referredTo = (reference: Json | undefined, bases: readonly string[]): ReferenceTarget | undefined =>
  parseReference(isObject(reference) ? jsonText(reference['reference']) : '', bases);

const isPatient = (target: ReferenceTarget | undefined, id: string): boolean =>
  target?.kind === 'local' && target.type === 'Patient' && target.id === id;
