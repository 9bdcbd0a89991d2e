/** That the records are those of whom they are taken for is proved by a second identifier, which is typed from the paper. */
import type { Patient } from 'fhir/r4';
import { nameInUse, shownName } from '../../fhir/show.js';
import { sayRelease } from '../../messages/release.js';
import type { FieldFault } from '../../ui/fault-summary.js';
import { TextField } from '../../ui/fields.js';

const plain = (text: string): string => text.normalize('NFKC').trim().toLowerCase();

/** Whether it is the birth date or a number of the patient. */
const isOfPatient = ({ birthDate, identifier = [] }: Patient, typed: string): boolean =>
  [birthDate, ...identifier.map(({ value }) => value)].some(each => each !== undefined && plain(each) === plain(typed));

/** `field`: id of the field it was typed in. */
export function faultsOfSecond(field: string, patient: Patient, typed: string): readonly FieldFault[] {
  if (typed.trim() === '') return [{ field, text: sayRelease('next.second.missing') }];
  return isOfPatient(patient, typed) ? [] : [{ field, text: sayRelease('next.second.wrong') }];
}

interface SecondShape {
  readonly id: string;
  /** The steps that need it, in words. */
  readonly what: string;
  readonly patient: Patient;
  readonly value: string;
  readonly set: (value: string) => void;
  readonly fault: string | undefined;
}

export const SecondIdentifier = ({ what, patient, ...field }: SecondShape) => (
  <TextField
    {...field}
    label={sayRelease('next.second')}
    hint={sayRelease('next.second.hint', { what: `${what} – ${shownName(nameInUse(patient.name))}` })}
  />
);
