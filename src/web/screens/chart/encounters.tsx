/** Visits and stays, the newest first. */
import type { Encounter } from 'fhir/r4';
import { shownCoding, shownConcept, shownDate } from '../../fhir/show.js';
import { sayChart } from '../../messages/chart.js';
import { FoundList } from '../../ui/found-list.js';
import { OfRecord, Table } from '../../ui/parts.js';
import { usePages } from '../../ui/use-pages.js';
import type { PartOfChart } from './chart.js';
import { ResourceLink } from './resource-link.js';
import { StatusTag } from './status-tag.js';

const ELEMENTS = 'status,class,type,period,reasonCode,serviceProvider,subject';

export function Encounters({ patient }: PartOfChart) {
  const id = patient.id!;
  const pages = usePages<Encounter>({
    type: 'Encounter',
    parameters: { patient: `Patient/${id}`, _sort: '-date', _count: '25', _elements: ELEMENTS },
  });
  return (
    <FoundList
      pages={pages}
      none={sayChart('encounters.none')}
      show={found => (
        <Table
          caption={sayChart('encounters.found', { n: found.length })}
          columns={(['what', 'reason', 'where', 'date', 'status'] as const).map(each => sayChart(`column.${each}`))}
          rows={found.map(each => ({
            key: each.id!,
            cells: [
              <ResourceLink patient={id} to={each} text={shownConcept(each.type?.[0]) || shownCoding(each.class)} />,
              <OfRecord>{shownConcept(each.reasonCode?.[0])}</OfRecord>,
              <OfRecord>{each.serviceProvider?.display ?? ''}</OfRecord>,
              <span class="nowrap">{shownDate(each.period?.start)}</span>,
              <StatusTag status={each.status} />,
            ],
          }))}
        />
      )}
    />
  );
}
