/** Work behind the requests: how far each job is, what came of it, and ending one. */
import type { Bundle, Parameters } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask } from '../../fhir/client.js';
import { shownDate } from '../../fhir/show.js';
import { sayAdmin } from '../../messages/administration.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, RequestFailed } from '../../ui/fault-summary.js';
import { Empty, Loading } from '../../ui/page.js';
import { OfRecord, Table } from '../../ui/parts.js';
import { useFaults } from '../../ui/use-faults.js';
import { useQuery } from '../../ui/use-query.js';
import { type JobParts, partText, valueText } from './job-parts.js';
import { ServerStatusTag } from './status-tag.js';
import { SureOf } from './sure-of.js';

const isUnderWay = (job: JobParts): boolean => ['waiting', 'running'].includes(partText(job, 'status'));
/** The server's own work is not ended here. Where nobody is asked who they are, a job is known by its kind. */
const isSomebodys = (job: JobParts): boolean =>
  partText(job, 'by') !== '' || ['import', 'backup', 'reindex', 'release-package'].includes(partText(job, 'kind'));
const hasEnded = (job: JobParts): boolean => ['completed', 'failed'].includes(partText(job, 'status'));

const progressOf = (job: JobParts): string =>
  [partText(job, 'done'), partText(job, 'total')].filter(each => each !== '').join(' / ');

export function Jobs() {
  const [ending, setEnding] = useState<JobParts>();
  const [shown, setShown] = useState<string>();
  const { faults, requestId, trying } = useFaults();
  const { data, error, refetch } = useQuery({
    key: ['jobs'],
    ask: async signal =>
      ((await ask<Parameters>({ path: '$jobs', signal })).body.parameter ?? []).map(({ part = [] }) => part),
  });
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  const cancel = async (id: string): Promise<void> => {
    setEnding(undefined);
    const body: Parameters = { resourceType: 'Parameters', parameter: [{ name: 'job', valueId: id }] };
    if (!(await trying(() => ask({ method: 'POST', path: '$jobs-cancel', body, isRepeatable: true })))) return;
    announce(sayAdmin('jobs.cancelled'));
    await refetch();
  };
  return (
    <>
      <FaultSummary faults={faults} requestId={requestId} />
      {data.length === 0 ? (
        <Empty>{sayAdmin('jobs.none')}</Empty>
      ) : (
        <JobTable jobs={data} end={setEnding} look={setShown} />
      )}
      <div class="buttons">
        <button type="button" class="secondary" onClick={() => void refetch()}>
          {sayAdmin('jobs.again')}
        </button>
      </div>
      {shown !== undefined && <CameOf key={shown} id={shown} />}
      {ending && (
        <SureOf
          title={sayAdmin('jobs.sure', { kind: partText(ending, 'kind') })}
          does={sayAdmin('jobs.sure.does', { done: partText(ending, 'done'), total: partText(ending, 'total') || '?' })}
          yes={() => void cancel(partText(ending, 'id'))}
          no={() => setEnding(undefined)}
        />
      )}
    </>
  );
}

interface JobTableShape {
  readonly jobs: readonly JobParts[];
  readonly end: (job: JobParts) => void;
  readonly look: (id: string) => void;
}

const JobTable = ({ jobs, end, look }: JobTableShape) => (
  <Table
    caption={sayAdmin('jobs', { n: jobs.length })}
    columns={(['kind', 'status', 'by', 'progress', 'asked', 'action'] as const).map(each => sayAdmin(`jobs.${each}`))}
    rows={jobs.map(job => ({
      key: partText(job, 'id'),
      cells: [
        partText(job, 'kind'),
        <>
          <ServerStatusTag status={partText(job, 'status')} />
          {partText(job, 'failures') !== '' && (
            <p class="hint">{sayAdmin('jobs.failures', { n: Number(partText(job, 'failures')) })}</p>
          )}
        </>,
        <OfRecord>{partText(job, 'by')}</OfRecord>,
        progressOf(job),
        shownDate(partText(job, 'asked') || undefined),
        <>
          {isSomebodys(job) && isUnderWay(job) && (
            <button type="button" class="link" onClick={() => end(job)}>
              {sayAdmin('jobs.cancel')}
            </button>
          )}
          {hasEnded(job) && (
            <button type="button" class="link" onClick={() => look(partText(job, 'id'))}>
              {sayAdmin('jobs.look')}
            </button>
          )}
        </>,
      ],
    }))}
  />
);

/** The result of a job that has ended, or why it failed. */
function CameOf({ id }: { readonly id: string }) {
  const { data, error } = useQuery({
    key: ['jobs', 'came-of', id],
    async ask(signal) {
      const { body } = await ask<Bundle<Parameters>>({ path: `$jobs-status?job=${encodeURIComponent(id)}`, signal });
      return body.entry?.[0]?.resource?.parameter ?? [];
    },
  });
  return (
    <section class="panel">
      <h2>{sayAdmin('jobs.came-of')}</h2>
      {error && <RequestFailed fault={error} />}
      {!error && !data && <Loading />}
      {data?.length === 0 && <p>{sayAdmin('jobs.nothing')}</p>}
      {data && data.length > 0 && (
        <Table
          caption={sayAdmin('jobs.came-of')}
          hidesCaption
          columns={[sayAdmin('jobs.what'), sayAdmin('jobs.value')]}
          rows={data.map((each, at) => ({
            key: String(at),
            cells: [each.name, <OfRecord>{valueText(each)}</OfRecord>],
          }))}
        />
      )}
    </section>
  );
}
