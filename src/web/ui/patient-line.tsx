/** A patient in a line or in a cell: the same words everywhere. */
import type { Identifier, Patient } from 'fhir/r4';
import { ageOf, labelOfIdentifier, nameInUse, shownDate, shownName } from '../fhir/show.js';
import { sayPatients } from '../messages/patients.js';
import { OfRecord, Tag } from './parts.js';

export const PatientName = ({ patient }: { readonly patient: Patient }) => {
  const name = shownName(nameInUse(patient.name));
  return name === '' ? <span class="quiet">{sayPatients('unnamed')}</span> : <OfRecord>{name}</OfRecord>;
};

export function BornAndAge({ patient }: { readonly patient: Patient }) {
  const age = ageOf(patient);
  return (
    <span class="nowrap">
      {shownDate(patient.birthDate)}
      {age !== undefined && <span class="quiet"> ({sayPatients('age', { n: age })})</span>}
    </span>
  );
}

/** The two by which a person is told from others: record numbers come first. */
export const twoIdentifiers = (identifiers: readonly Identifier[] = []): readonly Identifier[] =>
  identifiers
    .filter(({ value, use }) => value !== undefined && use !== 'old')
    .toSorted((a, b) => Number(isRecordNumber(b)) - Number(isRecordNumber(a)))
    .slice(0, 2);

const isRecordNumber = ({ type }: Identifier): boolean => type?.coding?.some(({ code }) => code === 'MR') === true;

export const Identifiers = ({ identifiers }: { readonly identifiers: readonly Identifier[] | undefined }) => (
  <ul class="plain">
    {twoIdentifiers(identifiers).map(each => (
      <li key={`${each.system ?? ''}|${each.value ?? ''}`}>
        <span class="quiet">{labelOfIdentifier(each)}</span> <OfRecord>{each.value ?? ''}</OfRecord>
      </li>
    ))}
  </ul>
);

const isRestricted = ({ meta }: Patient): boolean =>
  meta?.security?.some(({ code }) => code === 'R' || code === 'V') === true;

/** What must be seen before anything is done with the record. */
export const PatientTags = ({ patient }: { readonly patient: Patient }) => (
  <>
    {(patient.deceasedBoolean === true || patient.deceasedDateTime !== undefined) && (
      <Tag colour="grey">{sayPatients('status.deceased')}</Tag>
    )}
    {patient.link?.some(({ type }) => type === 'replaced-by') === true && (
      <Tag colour="orange">{sayPatients('status.merged')}</Tag>
    )}
    {patient.active === false && <Tag colour="grey">{sayPatients('status.inactive')}</Tag>}
    {isRestricted(patient) && <Tag colour="red">{sayPatients('status.restricted')}</Tag>}
  </>
);
