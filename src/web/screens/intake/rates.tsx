/** For each indexer what was indexed, checked, and found wrong ($intake-rates). */
import type { Parameters } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask, formOf } from '../../fhir/client.js';
import { sayIntake } from '../../messages/intake.js';
import { announce } from '../../ui/announce.js';
import { DaysFields } from '../../ui/days-fields.js';
import { FaultSummary } from '../../ui/fault-summary.js';
import { OfRecord, Table } from '../../ui/parts.js';
import { useFaults } from '../../ui/use-faults.js';

interface RateOfIndexer {
  readonly who: string;
  readonly counts: readonly string[];
  readonly wrong: string;
}

const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });

const ratesIn = ({ parameter = [] }: Parameters): readonly RateOfIndexer[] =>
  parameter.flatMap(({ name, part = [] }) => {
    if (name !== 'indexer') return [];
    const one = (called: string) => part.find(each => each.name === called);
    const { display, reference, identifier } = one('who')?.valueReference ?? {};
    const rate = one('rate')?.valueDecimal;
    const errors = part.flatMap(each => {
      if (each.name !== 'error') return [];
      const of = (called: string) => each.part?.find(inner => inner.name === called);
      return [`${of('reason')?.valueCode ?? ''} ${of('times')?.valueUnsignedInt ?? ''}`];
    });
    return [
      {
        who: display ?? identifier?.value ?? reference ?? '',
        counts: [
          ...['indexed', 'checked', 'wrong'].map(each => String(one(each)?.valueUnsignedInt ?? 0)),
          rate === undefined ? '' : percent.format(rate),
        ],
        wrong: errors.join(', '),
      },
    ];
  });

export function IntakeRates() {
  const [days, setDays] = useState({ start: '', end: '' });
  const [rates, setRates] = useState<readonly RateOfIndexer[]>();
  const { faults, requestId, trying } = useFaults();
  const look = async (event: Event): Promise<void> => {
    event.preventDefault();
    const query = formOf(days).toString();
    const path = `DocumentReference/$intake-rates${query === '' ? '' : `?${query}`}`;
    const found = await trying(async () => ratesIn((await ask<Parameters>({ path })).body));
    if (!found) return;
    setRates(found);
    announce(sayIntake('rates.found', { n: found.length }));
  };
  return (
    <>
      <form class="panel" onSubmit={event => void look(event)} noValidate>
        <FaultSummary faults={faults} requestId={requestId} />
        <div class="grid">
          <DaysFields
            label={day => sayIntake(`rates.${day}`)}
            value={days}
            set={(day, value) => setDays({ ...days, [day]: value })}
          />
        </div>
        <button type="submit">{sayIntake('rates.look')}</button>
      </form>
      {rates?.length === 0 && <p class="empty">{sayIntake('rates.none')}</p>}
      {rates && rates.length > 0 && (
        <Table
          caption={sayIntake('rates.found', { n: rates.length })}
          columns={(['who', 'indexed', 'checked', 'wrong', 'rate', 'errors'] as const).map(each =>
            sayIntake(`rates.${each}`),
          )}
          rows={rates.map(({ who, counts, wrong }, at) => ({
            key: `${who} ${at}`,
            cells: [<OfRecord>{who}</OfRecord>, ...counts, wrong],
          }))}
        />
      )}
    </>
  );
}
