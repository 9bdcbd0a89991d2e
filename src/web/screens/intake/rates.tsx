/** For each indexer what was indexed, checked, and found wrong ($intake-rates). */
import type { Parameters } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask } from '../../fhir/client.js';
import { RequestFault } from '../../fhir/fault.js';
import { sayIntake } from '../../messages/intake.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, type FieldFault, faultsOfParameters } from '../../ui/fault-summary.js';
import { TextField } from '../../ui/fields.js';
import { OfRecord, Table } from '../../ui/parts.js';

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
  const [start, setStart] = useState('');
  const [end, setEnd] = useState('');
  const [rates, setRates] = useState<readonly RateOfIndexer[]>();
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const [requestId, setRequestId] = useState<string>();
  const look = async (event: Event): Promise<void> => {
    event.preventDefault();
    const given = [
      ['start', start],
      ['end', end],
    ].filter(([, value]) => value !== '');
    try {
      const query = new URLSearchParams(given).toString();
      const path = `DocumentReference/$intake-rates${query === '' ? '' : `?${query}`}`;
      const found = ratesIn((await ask<Parameters>({ path })).body);
      setRates(found);
      setFaults([]);
      announce(sayIntake('rates.found', { n: found.length }));
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error;
      setFaults(faultsOfParameters(error, []));
      setRequestId(error.requestId);
    }
  };
  return (
    <>
      <form class="panel" onSubmit={event => void look(event)} noValidate>
        <FaultSummary faults={faults} requestId={requestId} />
        <div class="grid">
          <TextField id="start" type="date" label={sayIntake('rates.start')} isOptional value={start} set={setStart} />
          <TextField id="end" type="date" label={sayIntake('rates.end')} isOptional value={end} set={setEnd} />
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
