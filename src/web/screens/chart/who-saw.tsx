/** Who saw this record: for a privacy officer as the trail has it, for a patient in the words that are meant for them. Both days are of UTC. */
import type { Bundle, Parameters } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { type AskedDays, parametersOf } from '../../audit/asked.js';
import { Downloads } from '../../audit/downloads.js';
import { AuditLines } from '../../audit/lines.js';
import { ask } from '../../fhir/client.js';
import { sayAudit } from '../../messages/audit.js';
import { sayChart } from '../../messages/chart.js';
import { DaysFields } from '../../ui/days-fields.js';
import { RequestFailed } from '../../ui/fault-summary.js';
import { Empty, Loading } from '../../ui/page.js';
import { useQuery } from '../../ui/use-query.js';
import type { PartOfChart } from './chart.js';

/** Lines of a page. */
const COUNT = 50;
/** ms: as far back as is shown at first. */
const MONTH = 30 * 24 * 60 * 60_000;

export function WhoSaw({ patient }: PartOfChart) {
  const [typed, setTyped] = useState<AskedDays>(() => ({
    start: new Date(Date.now() - MONTH).toISOString().slice(0, 10),
    end: '',
  }));
  const [period, setPeriod] = useState(typed);
  const show = (event: Event): void => {
    event.preventDefault();
    setPeriod(typed);
  };
  return (
    <>
      <form class="panel" onSubmit={show}>
        <div class="grid">
          <DaysFields
            label={sayAudit}
            hint={sayAudit('days.hint')}
            value={typed}
            set={(day, value) => setTyped({ ...typed, [day]: value })}
          />
        </div>
        <button type="submit">{sayAudit('ask')}</button>
      </form>
      <Answered key={`${period.start}/${period.end}`} id={patient.id!} period={period} />
    </>
  );
}

function Answered({ id, period }: { readonly id: string; readonly period: AskedDays }) {
  const path = `Patient/${id}/$who-saw`;
  const { data, error, refetch } = useQuery({
    key: ['who-saw', id, period],
    ask: async signal =>
      (await ask<Bundle<Parameters>>({ method: 'POST', path, body: parametersOf(period, COUNT), signal })).body,
  });
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  if ((data.entry ?? []).length === 0) return <Empty>{sayChart('who.none')}</Empty>;
  return (
    <>
      <AuditLines first={data} />
      <Downloads path={path} body={parametersOf(period)} name="who-saw" />
    </>
  );
}
