/** What happened, the newest first, whatever its type: one search over all of them. */
import type { FhirResource } from 'fhir/r4';
import { shownDate } from '../../fhir/show.js';
import { sayChart } from '../../messages/chart.js';
import { FoundList } from '../../ui/found-list.js';
import { Table } from '../../ui/parts.js';
import { usePages } from '../../ui/use-pages.js';
import type { PartOfChart } from './chart.js';
import { ResourceLink } from './resource-link.js';
import { StatusTag } from './status-tag.js';
import { dateOf, statusOf } from './words.js';

const TYPES = ['DiagnosticReport', 'DocumentReference', 'Encounter', 'Immunization', 'Procedure'].join(',');
const ELEMENTS = [
  ...[
    'status',
    'code',
    'type',
    'class',
    'vaccineCode',
    'category',
    'date',
    'period',
    'effective',
    'performed',
    'occurrence',
  ],
  ...['issued', 'description', 'subject', 'patient'],
].join(',');

export function Timeline({ patient }: PartOfChart) {
  const id = patient.id!;
  const pages = usePages<FhirResource>({
    type: '',
    parameters: { _type: TYPES, patient: `Patient/${id}`, _sort: '-date', _count: '25', _elements: ELEMENTS },
  });
  return (
    <FoundList
      pages={pages}
      none={sayChart('nothing')}
      show={found => (
        <Table
          caption={sayChart('timeline.caption')}
          columns={(['what', 'kind', 'date', 'status'] as const).map(each => sayChart(`column.${each}`))}
          rows={found.map(each => ({
            key: `${each.resourceType}/${each.id!}`,
            cells: [
              <ResourceLink patient={id} to={each} />,
              each.resourceType,
              <span class="nowrap">{shownDate(dateOf(each))}</span>,
              <StatusTag status={statusOf(each)} />,
            ],
          }))}
        />
      )}
    />
  );
}
