/** What is true of the patient now: problems, medications, allergies, immunizations. */
import type { AllergyIntolerance, Condition, Immunization, MedicationRequest } from 'fhir/r4';
import { shownConcept, shownDate } from '../../fhir/show.js';
import { sayChart } from '../../messages/chart.js';
import { FoundList } from '../../ui/found-list.js';
import { OfRecord, Table, Tag } from '../../ui/parts.js';
import { usePages } from '../../ui/use-pages.js';
import type { PartOfChart } from './chart.js';
import { ResourceLink } from './resource-link.js';
import { StatusTag } from './status-tag.js';
import { codeOf } from './words.js';

const COUNT = '15';

export const Summary = ({ patient }: PartOfChart) => (
  <>
    <Problems patient={patient} />
    <Medications patient={patient} />
    <AllergyList patient={patient} />
    <Immunizations patient={patient} />
  </>
);

const columns = (
  ...names: readonly ('what' | 'status' | 'since' | 'dose' | 'reaction' | 'date')[]
): readonly string[] => names.map(name => sayChart(`column.${name}`));

/** Whether it is so, and how sure that is: what was refuted or entered in error is none of the patient's facts. */
const Standing = ({ of: { clinicalStatus, verificationStatus } }: { readonly of: Condition | AllergyIntolerance }) => {
  const verified = codeOf(verificationStatus);
  return (
    <>
      <StatusTag status={codeOf(clinicalStatus)} /> {verified !== 'confirmed' && <StatusTag status={verified} />}
    </>
  );
};

function Problems({ patient }: PartOfChart) {
  const id = patient.id!;
  const pages = usePages<Condition>({
    type: 'Condition',
    parameters: {
      ...{ patient: `Patient/${id}`, _sort: '-recorded-date', _count: COUNT },
      _elements: 'code,clinicalStatus,verificationStatus,onset,recordedDate,subject',
    },
  });
  return (
    <>
      <h2>{sayChart('problems')}</h2>
      <FoundList
        pages={pages}
        none={sayChart('nothing')}
        show={found => (
          <Table
            caption={sayChart('problems')}
            hidesCaption
            columns={columns('what', 'status', 'since')}
            rows={found.map(each => ({
              key: each.id!,
              cells: [
                <ResourceLink patient={id} to={each} />,
                <Standing of={each} />,
                shownDate(each.onsetDateTime ?? each.recordedDate),
              ],
            }))}
          />
        )}
      />
    </>
  );
}

function Medications({ patient }: PartOfChart) {
  const id = patient.id!;
  const pages = usePages<MedicationRequest>({
    type: 'MedicationRequest',
    parameters: {
      ...{ patient: `Patient/${id}`, _sort: '-authoredon', _count: COUNT },
      _elements: 'status,intent,doNotPerform,medication,authoredOn,dosageInstruction,subject',
    },
  });
  return (
    <>
      <h2>{sayChart('medications')}</h2>
      <FoundList
        pages={pages}
        none={sayChart('nothing')}
        show={found => (
          <Table
            caption={sayChart('medications')}
            hidesCaption
            columns={columns('what', 'dose', 'status', 'since')}
            rows={found.map(each => ({
              key: each.id!,
              cells: [
                <ResourceLink patient={id} to={each} text={each.medicationReference?.display} />,
                <OfRecord>{each.dosageInstruction?.[0]?.text ?? ''}</OfRecord>,
                <>
                  <StatusTag status={each.status} />{' '}
                  {each.doNotPerform === true && <Tag colour="red">{sayChart('do-not-perform')}</Tag>}
                </>,
                shownDate(each.authoredOn),
              ],
            }))}
          />
        )}
      />
    </>
  );
}

function AllergyList({ patient }: PartOfChart) {
  const id = patient.id!;
  const pages = usePages<AllergyIntolerance>({
    type: 'AllergyIntolerance',
    parameters: {
      ...{ patient: `Patient/${id}`, _count: COUNT },
      _elements: 'code,clinicalStatus,verificationStatus,criticality,reaction,recordedDate,patient',
    },
  });
  return (
    <>
      <h2>{sayChart('allergies')}</h2>
      <FoundList
        pages={pages}
        none={sayChart('nothing')}
        show={found => (
          <Table
            caption={sayChart('allergies')}
            hidesCaption
            columns={columns('what', 'reaction', 'status', 'since')}
            rows={found.map(each => ({
              key: each.id!,
              cells: [
                <ResourceLink patient={id} to={each} />,
                <OfRecord>
                  {(each.reaction ?? []).flatMap(({ manifestation }) => manifestation.map(shownConcept)).join(', ')}
                </OfRecord>,
                <>
                  <Standing of={each} /> {each.criticality === 'high' && <Tag colour="red">high</Tag>}
                </>,
                shownDate(each.recordedDate),
              ],
            }))}
          />
        )}
      />
    </>
  );
}

function Immunizations({ patient }: PartOfChart) {
  const id = patient.id!;
  const pages = usePages<Immunization>({
    type: 'Immunization',
    parameters: {
      ...{ patient: `Patient/${id}`, _sort: '-date', _count: COUNT },
      _elements: 'status,vaccineCode,occurrence,patient',
    },
  });
  return (
    <>
      <h2>{sayChart('immunizations')}</h2>
      <FoundList
        pages={pages}
        none={sayChart('nothing')}
        show={found => (
          <Table
            caption={sayChart('immunizations')}
            hidesCaption
            columns={columns('what', 'status', 'date')}
            rows={found.map(each => ({
              key: each.id!,
              cells: [
                <ResourceLink patient={id} to={each} />,
                <StatusTag status={each.status} />,
                shownDate(each.occurrenceDateTime ?? each.occurrenceString),
              ],
            }))}
          />
        )}
      />
    </>
  );
}
