/** The server itself: jobs, search parameters, subscriptions, and what it says of itself. */
import type { CapabilityStatement, Parameters, ParametersParameter, SearchParameter, Subscription } from 'fhir/r4';
import { useRoute } from 'preact-iso/router';
import { useState } from 'preact/hooks';
import { ask } from '../../fhir/client.js';
import { RequestFault } from '../../fhir/fault.js';
import { shownDate } from '../../fhir/show.js';
import { sayAdmin } from '../../messages/administration.js';
import { HOME, SERVER } from '../../session/server.js';
import { announce } from '../../ui/announce.js';
import { RequestFailed } from '../../ui/fault-summary.js';
import { FoundList } from '../../ui/found-list.js';
import { Empty, Loading, Page } from '../../ui/page.js';
import { OfRecord, SummaryList, Table, Tabs, Tag, type TagColour } from '../../ui/parts.js';
import { usePages } from '../../ui/use-pages.js';
import { useQuery } from '../../ui/use-query.js';

const ADMIN_PARTS = {
  jobs: Jobs,
  'search-parameters': OwnParameters,
  subscriptions: Subscriptions,
  server: ServerItself,
} as const;
type AdminPart = keyof typeof ADMIN_PARTS;
const PART_NAMES = Object.keys(ADMIN_PARTS) as readonly AdminPart[];

export function Administration() {
  const { part = 'jobs' } = useRoute().params;
  const at = PART_NAMES.find(each => each === part) ?? 'jobs';
  const Part = ADMIN_PARTS[at];
  const home = `${HOME}administration`;
  return (
    <Page title={sayAdmin('title')}>
      <Tabs
        label={sayAdmin('tabs')}
        at={at}
        tabs={PART_NAMES.map(each => ({
          id: each,
          text: sayAdmin(`tab.${each}`),
          href: each === 'jobs' ? home : `${home}/${each}`,
        }))}
      />
      <Part key={at} />
    </Page>
  );
}

const STATUS_COLOURS: Readonly<Record<string, TagColour>> = {
  ...{ running: 'blue', waiting: 'yellow', completed: 'green', failed: 'red', active: 'green', error: 'red' },
};

const valueOf = (parts: readonly ParametersParameter[], name: string): string => {
  const part = parts.find(each => each.name === name);
  const { valueId, valueCode, valueString, valueInteger, valueInstant, valueDateTime } = part ?? {};
  return String(valueId ?? valueCode ?? valueString ?? valueInteger ?? valueInstant ?? valueDateTime ?? '');
};

function Jobs() {
  const [fault, setFault] = useState<RequestFault>();
  const { data, error, refetch } = useQuery({
    key: ['jobs'],
    ask: async signal =>
      ((await ask<Parameters>({ path: '$jobs', signal })).body.parameter ?? []).map(({ part = [] }) => part),
  });
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  const cancel = async (id: string): Promise<void> => {
    try {
      await ask({
        method: 'POST',
        path: '$jobs-cancel',
        body: { resourceType: 'Parameters', parameter: [{ name: 'job', valueId: id }] } as Parameters,
      });
      announce(sayAdmin('jobs.cancelled'));
      await refetch();
    } catch (failed) {
      if (!(failed instanceof RequestFault)) throw failed;
      setFault(failed);
    }
  };
  const progress = (job: readonly ParametersParameter[]): string =>
    [valueOf(job, 'done'), valueOf(job, 'total')].filter(each => each !== '').join(' / ');
  return (
    <>
      {fault && <RequestFailed fault={fault} />}
      {data.length === 0 ? (
        <Empty>{sayAdmin('jobs.none')}</Empty>
      ) : (
        <Table
          caption={sayAdmin('jobs', { n: data.length })}
          columns={(['kind', 'status', 'by', 'progress', 'asked', 'action'] as const).map(each =>
            sayAdmin(`jobs.${each}`),
          )}
          rows={data.map(job => ({
            key: valueOf(job, 'id'),
            cells: [
              valueOf(job, 'kind'),
              <Tag colour={STATUS_COLOURS[valueOf(job, 'status')] ?? 'grey'}>{valueOf(job, 'status')}</Tag>,
              valueOf(job, 'by'),
              progress(job),
              shownDate(valueOf(job, 'asked') || undefined),
              valueOf(job, 'by') !== '' && ['waiting', 'running'].includes(valueOf(job, 'status')) ? (
                <button type="button" class="link" onClick={() => void cancel(valueOf(job, 'id'))}>
                  {sayAdmin('jobs.cancel')}
                </button>
              ) : null,
            ],
          }))}
        />
      )}
      <button type="button" class="secondary" onClick={() => void refetch()}>
        {sayAdmin('jobs.again')}
      </button>
    </>
  );
}

function OwnParameters() {
  const pages = usePages<SearchParameter>({
    type: 'SearchParameter',
    parameters: { _count: '25', _elements: 'code,base,expression,status,url' },
  });
  const { data } = useQuery({
    key: ['reindex-status'],
    ask: async signal => (await ask<Parameters>({ path: '$reindex-status', signal })).body.parameter ?? [],
  });
  return (
    <>
      <FoundList
        pages={pages}
        none={sayAdmin('parameters.none')}
        show={found => (
          <Table
            caption={sayAdmin('parameters', { n: found.length })}
            columns={(['code', 'base', 'expression', 'status'] as const).map(each => sayAdmin(`parameters.${each}`))}
            rows={found.map(each => ({
              key: each.id!,
              cells: [
                each.code,
                each.base.join(', '),
                <code>{each.expression ?? ''}</code>,
                <Tag colour={STATUS_COLOURS[each.status] ?? 'grey'}>{each.status}</Tag>,
              ],
            }))}
          />
        )}
      />
      <h2>{sayAdmin('parameters.progress')}</h2>
      {data && data.length === 0 && <p>{sayAdmin('parameters.ready')}</p>}
      {data && data.length > 0 && <pre>{JSON.stringify(data, null, 2)}</pre>}
    </>
  );
}

function Subscriptions() {
  const pages = usePages<Subscription>({ type: 'Subscription', parameters: { _count: '25' } });
  return (
    <FoundList
      pages={pages}
      none={sayAdmin('subscriptions.none')}
      show={found => (
        <Table
          caption={sayAdmin('subscriptions', { n: found.length })}
          columns={(['criteria', 'channel', 'status'] as const).map(each => sayAdmin(`subscriptions.${each}`))}
          rows={found.map(each => ({
            key: each.id!,
            cells: [
              <code>{each.criteria}</code>,
              each.channel.type,
              <Tag colour={STATUS_COLOURS[each.status] ?? 'grey'}>{each.status}</Tag>,
            ],
          }))}
        />
      )}
    />
  );
}

/** What it says of itself: computed from what makes it true. */
function ServerItself() {
  const { data, error, refetch } = useQuery({
    key: ['metadata'],
    ask: async signal => (await ask<CapabilityStatement>({ path: 'metadata', signal })).body,
  });
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  const { software, fhirVersion, format, implementationGuide = [], rest: [rest] = [] } = data;
  const operations = [...new Set((rest?.operation ?? []).map(({ name }) => `$${name}`))].join(', ');
  return (
    <SummaryList
      rows={[
        [sayAdmin('server.software'), `${software?.name ?? ''} ${software?.version ?? ''}`],
        [sayAdmin('server.fhir'), fhirVersion],
        [sayAdmin('server.base'), <code>{SERVER.base}</code>],
        [sayAdmin('server.auth'), SERVER.authentication],
        [sayAdmin('server.security'), rest?.security?.description],
        [sayAdmin('server.formats'), format.join(', ')],
        [sayAdmin('server.guides'), implementationGuide.join(', ')],
        [sayAdmin('server.types'), String(rest?.resource?.length ?? 0)],
        [sayAdmin('server.operations'), <OfRecord>{operations}</OfRecord>],
      ]}
    />
  );
}
