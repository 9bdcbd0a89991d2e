/** The documents of the chart in an order of one's choice: by date, or grouped. */
import type { DocumentReference } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { byText, shownConcept, shownDate } from '../../fhir/show.js';
import { sayChart } from '../../messages/chart.js';
import { FoundList } from '../../ui/found-list.js';
import { SelectField } from '../../ui/fields.js';
import { OfRecord, Table, Tag } from '../../ui/parts.js';
import { usePages } from '../../ui/use-pages.js';
import { addressOfChart, type PartOfChart } from './chart.js';

const ELEMENTS = 'status,docStatus,type,category,date,author,context,content,description,subject';
const ORDERS = ['date', 'category', 'type', 'author', 'encounter'] as const;
type Order = (typeof ORDERS)[number];

/** What it is put under. */
const GROUPS: Readonly<Record<Order, (document: DocumentReference) => string>> = {
  date: () => '',
  category: ({ category }) => shownConcept(category?.[0]),
  type: ({ type }) => shownConcept(type),
  author: ({ author: [author] = [] }) => author?.display ?? author?.reference ?? '',
  encounter({ context }) {
    const [encounter] = context?.encounter ?? [];
    return encounter?.display ?? encounter?.reference ?? '';
  },
};

export function Documents({ patient }: PartOfChart) {
  const [order, setOrder] = useState<Order>('category');
  const pages = usePages<DocumentReference>({
    type: 'DocumentReference',
    parameters: { patient: `Patient/${patient.id!}`, _sort: '-date', _count: '50', _elements: ELEMENTS },
  });
  return (
    <FoundList
      pages={pages}
      none={sayChart('documents.none')}
      show={found => (
        <>
          <div class="narrow">
            <SelectField
              id="order"
              label={sayChart('documents.order')}
              value={order}
              set={value => setOrder(ORDERS.find(each => each === value) ?? 'date')}
              options={ORDERS.map(each => [each, sayChart(`documents.by.${each}`)])}
            />
          </div>
          {inGroups(order, found).map(([group, documents]) => (
            <DocumentTable key={group} {...{ group, documents }} patient={patient.id!} isAll={order === 'date'} />
          ))}
        </>
      )}
    />
  );
}

function inGroups(
  order: Order,
  found: readonly DocumentReference[],
): readonly (readonly [string, readonly DocumentReference[]])[] {
  const groups = new Map<string, DocumentReference[]>();
  for (const each of found) {
    const group = GROUPS[order](each);
    groups.set(group, [...(groups.get(group) ?? []), each]);
  }
  return [...groups].toSorted(([a], [b]) => byText(a, b));
}

/** Its title, else what it is: a heading and a link have words in any case. */
export const titleOfDocument = ({ content, description, type }: DocumentReference): string =>
  content?.[0]?.attachment.title ?? description ?? (shownConcept(type) || sayChart('documents.untitled'));

export const DocumentTags = ({ document: { status, docStatus } }: { readonly document: DocumentReference }) => (
  <>
    {status === 'superseded' && <Tag colour="orange">{sayChart('status.superseded')}</Tag>}
    {(status === 'entered-in-error' || docStatus === 'entered-in-error') && (
      <Tag colour="red">{sayChart('status.entered-in-error')}</Tag>
    )}
    {docStatus === 'preliminary' && <Tag colour="yellow">{sayChart('status.preliminary')}</Tag>}
    {docStatus === 'amended' && <Tag colour="purple">{sayChart('status.amended')}</Tag>}
    {docStatus === 'final' && status === 'current' && <Tag colour="green">{sayChart('status.final')}</Tag>}
  </>
);

interface DocumentTableShape {
  readonly patient: string;
  readonly group: string;
  readonly documents: readonly DocumentReference[];
  readonly isAll: boolean;
}

const DocumentTable = ({ patient, group, documents, isAll }: DocumentTableShape) => (
  <Table
    caption={
      isAll ? sayChart('documents.found', { n: documents.length }) : group === '' ? sayChart('documents.other') : group
    }
    columns={(['title', 'type', 'author', 'date', 'status'] as const).map(each => sayChart(`column.${each}`))}
    rows={documents.map(each => ({
      key: each.id!,
      cells: [
        <a href={addressOfChart(patient, 'document', each.id!)}>
          <OfRecord>{titleOfDocument(each)}</OfRecord>
        </a>,
        <OfRecord>{shownConcept(each.type)}</OfRecord>,
        <OfRecord>{each.author?.[0]?.display ?? ''}</OfRecord>,
        <span class="nowrap">{shownDate(each.date)}</span>,
        <DocumentTags document={each} />,
      ],
    }))}
  />
);
