/** Measured values: the course of each as a line with the numbers beside it, and all of them, the newest first. */
import type { Observation } from 'fhir/r4';
import { shownConcept, shownDate } from '../../fhir/show.js';
import { sayChart } from '../../messages/chart.js';
import { FoundList } from '../../ui/found-list.js';
import { OfRecord, Table } from '../../ui/parts.js';
import { usePages } from '../../ui/use-pages.js';
import type { PartOfChart } from './chart.js';
import { ResourceLink } from './resource-link.js';
import { StatusTag } from './status-tag.js';
import { Trend, type TrendPoint } from './trend.js';
import { dateOf } from './words.js';

const ELEMENTS = 'code,value,component,effective,status,referenceRange,interpretation,dataAbsentReason,subject';

export function Results({ patient }: PartOfChart) {
  const id = patient.id!;
  const pages = usePages<Observation>({
    type: 'Observation',
    parameters: { patient: `Patient/${id}`, _sort: '-date', _count: '50', _elements: ELEMENTS },
  });
  return (
    <FoundList
      pages={pages}
      none={sayChart('nothing')}
      show={found => (
        <>
          <Trends found={found} />
          <Table
            caption={sayChart('results.found', { n: found.length })}
            columns={(['what', 'value', 'interpretation', 'reference', 'status', 'date'] as const).map(each =>
              sayChart(`column.${each}`),
            )}
            rows={found.map(each => ({
              key: each.id!,
              cells: [
                <ResourceLink patient={id} to={each} />,
                <OfRecord>{shownValue(each)}</OfRecord>,
                <OfRecord>{(each.interpretation ?? []).map(shownConcept).join(', ')}</OfRecord>,
                <OfRecord>{each.referenceRange?.[0]?.text ?? shownRange(each)}</OfRecord>,
                each.status === 'final' ? null : <StatusTag status={each.status} />,
                <span class="nowrap">{shownDate(dateOf(each))}</span>,
              ],
            }))}
          />
        </>
      )}
    />
  );
}

type Valued = Pick<
  Observation,
  'valueQuantity' | 'valueCodeableConcept' | 'valueString' | 'valueBoolean' | 'valueInteger' | 'dataAbsentReason'
>;

function shownOne({
  valueQuantity,
  valueCodeableConcept,
  valueString,
  valueBoolean,
  valueInteger,
  dataAbsentReason,
}: Valued): string {
  if (valueQuantity) {
    const { comparator = '', value = '', unit, code = '' } = valueQuantity;
    return `${comparator}${value} ${unit ?? code}`.trim();
  }
  const plain = valueString ?? valueBoolean ?? valueInteger;
  return plain === undefined ? shownConcept(valueCodeableConcept ?? dataAbsentReason) : String(plain);
}

const shownValue = (observation: Observation): string =>
  [shownOne(observation), ...(observation.component ?? []).map(each => `${shownConcept(each.code)} ${shownOne(each)}`)]
    .filter(each => each !== '')
    .join('; ');

function shownRange({ referenceRange: [range] = [] }: Observation): string {
  const { low, high } = range ?? {};
  const [from, to] = [low?.value, high?.value];
  const unit = high?.unit ?? low?.unit ?? '';
  if (from === undefined && to === undefined) return '';
  return (
    from === undefined ? `≤ ${to!} ${unit}` : to === undefined ? `≥ ${from} ${unit}` : `${from}–${to} ${unit}`
  ).trim();
}

/** Values that were taken back, or never came to be. */
const VOID: ReadonlySet<string> = new Set(['entered-in-error', 'cancelled', 'unknown']);

/** Of what was measured twice or more in the same unit, and holds. */
function Trends({ found }: { readonly found: readonly Observation[] }) {
  const series = new Map<string, { readonly what: string; readonly unit: string; readonly points: TrendPoint[] }>();
  for (const each of found) {
    if (VOID.has(each.status)) continue;
    const { value, unit = '' } = each.valueQuantity ?? {};
    const at = Date.parse(dateOf(each) ?? '');
    if (value === undefined || Number.isNaN(at)) continue;
    const what = shownConcept(each.code);
    const kept = series.get(`${what} ${unit}`) ?? { what, unit, points: [] };
    kept.points.unshift({ at, value, date: shownDate(dateOf(each)) });
    series.set(`${what} ${unit}`, kept);
  }
  const lines = [...series.values()].filter(({ points }) => points.length > 1);
  if (lines.length === 0) return null;
  return (
    <div class="columns trends">
      {lines.slice(0, 6).map(({ what, unit, points }) => (
        <Trend key={`${what} ${unit}`} what={what} unit={unit} points={points} />
      ))}
    </div>
  );
}
