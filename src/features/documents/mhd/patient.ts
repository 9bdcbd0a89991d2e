/**
 * Whom a submission is about: one patient, the same in every document and list, known here and active. A subject that is named by its
 * identifier alone is looked up (MHD-4). https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-65.html
 */
import { parseReference } from '../../../fhir/reference.js';
import { isObject, type Json, type Resource } from '../../../fhir/resource.js';
import type { HookGround } from '../../../interactions/write/hooks.js';
import type { SubmissionFaults } from './faults.js';
import { listKind, referenceIn, type Submission, type Submitted } from './submission.js';

/** What the subjects mean, as references; `resolved`: those that were named by an identifier alone. */
export interface SubmissionPatient {
  readonly meant: ReadonlyMap<Submitted, string>;
  readonly resolved: ReadonlyMap<Submitted, string>;
}

export async function checkPatient(
  ground: HookGround,
  submission: Submission,
  bases: readonly string[],
  faults: SubmissionFaults,
): Promise<SubmissionPatient> {
  const resolved = new Map<Submitted, string>();
  const { documents, sets, folders, patients } = submission;
  const [, ...others] = patients;
  for (const { at } of others)
    faults.add(at, '', 'several-patients', 'XDSPatientIdDoesNotMatch', 'A submission is about one patient.');
  const meant = new Map<Submitted, string>();
  const persons = new Map<string, Submitted>();
  const known = new Map<string, string | undefined>();
  for (const one of [...sets, ...folders, ...documents]) {
    const { subject } = one.resource;
    const name = nameOfSubject(subject);
    if (name === undefined) continue;
    if (!known.has(name)) known.set(name, await resolveSubject(ground, subject, submission, bases));
    const patient = known.get(name);
    if (patient === undefined)
      faults.add(
        one.at,
        'resource.subject',
        'unknown-patient',
        'XDSUnknownPatientId',
        'This server knows no such patient, who is active.',
      );
    else {
      meant.set(one, patient);
      if (!persons.has(patient)) persons.set(patient, one);
      if (referenceIn(subject) === undefined) resolved.set(one, patient);
    }
  }
  const [entry] = patients;
  if (entry?.id !== undefined && persons.size > 0 && !persons.has(`Patient/${entry.id}`))
    faults.add(entry.at, '', 'other-patient', 'XDSPatientIdDoesNotMatch', ONE_PATIENT);
  for (const { at, id } of folders)
    if (id !== undefined) await checkFolder(ground, { at, id }, { persons, bases }, faults);
  const [, ...foreign] = persons.values();
  for (const { at } of foreign)
    faults.add(at, 'resource.subject', 'other-patient', 'XDSPatientIdDoesNotMatch', ONE_PATIENT);
  return { meant, resolved };
}

export const ONE_PATIENT = 'All of a submission is about one patient.';

/** A Folder that is changed is one already, and of the patient. */
async function checkFolder(
  { view }: HookGround,
  { at, id }: { readonly at: number; readonly id: string },
  { persons, bases }: { readonly persons: ReadonlyMap<string, Submitted>; readonly bases: readonly string[] },
  faults: SubmissionFaults,
): Promise<void> {
  const row = await view.read('List', id);
  if (!row?.text) return;
  const stored = JSON.parse(row.text.toString()) as Resource;
  if (listKind(stored) !== 'folder')
    faults.add(at, '', 'no-folder', 'XDSRegistryMetadataError', 'The List that is changed is no Folder.');
  const target = parseReference(referenceIn(stored['subject']) ?? '', bases);
  if (target?.kind === 'local' && persons.size > 0 && !persons.has(`${target.type}/${target.id}`))
    faults.add(at, 'resource.subject', 'other-patient', 'XDSPatientIdDoesNotMatch', ONE_PATIENT);
}

function nameOfSubject(subject: Json | undefined): string | undefined {
  const identifier = isObject(subject) ? subject['identifier'] : undefined;
  return (
    referenceIn(subject) ??
    (isObject(identifier) ? JSON.stringify([identifier['system'], identifier['value']]) : undefined)
  );
}

/** `Patient/id`, or the fullUrl of one that comes along; undefined: nobody is known. */
export async function resolveSubject(
  ground: Pick<HookGround, 'view' | 'find'>,
  subject: Json | undefined,
  { patients }: Pick<Submission, 'patients'>,
  bases: readonly string[],
): Promise<string | undefined> {
  const reference = referenceIn(subject);
  if (reference === undefined) return patientWith(ground, isObject(subject) ? subject['identifier'] : undefined);
  const target = parseReference(reference, bases);
  const id = target?.kind === 'local' && target.type === 'Patient' ? target.id : undefined;
  const beside = patients.find(one => one.fullUrl === reference || (id !== undefined && one.id === id));
  if (beside) return beside.id === undefined ? beside.fullUrl : `Patient/${beside.id}`;
  const row = id === undefined ? undefined : await ground.view.read('Patient', id);
  return row?.text && isActive(row.text) ? `Patient/${id}` : undefined;
}

/** The one active patient who has an identifier. */
async function patientWith(
  { find }: Pick<HookGround, 'find'>,
  identifier: Json | undefined,
): Promise<string | undefined> {
  if (!isObject(identifier) || typeof identifier['value'] !== 'string') return undefined;
  const { system, value } = identifier;
  const token = `${typeof system === 'string' ? escaped(system) : ''}|${escaped(value)}`;
  const [one, another] = await find('Patient', [['identifier', token]], 2);
  return one?.text && !another && isActive(one.text) ? `Patient/${one.id}` : undefined;
}

const isActive = (text: Buffer): boolean => (JSON.parse(text.toString()) as Resource)['active'] !== false;

/** As values of token parameters are written. https://hl7.org/fhir/R4/search.html#escaping */
export const escaped = (text: string): string => text.replaceAll(/[\\|,$]/g, '\\$&');
