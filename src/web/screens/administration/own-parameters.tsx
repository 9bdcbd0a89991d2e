/** Search parameters of one's own: which there are, how far they are in force, another one, and taking one out of force. */
import type { Parameters, SearchParameter } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask } from '../../fhir/client.js';
import { sayAdmin } from '../../messages/administration.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, RequestFailed } from '../../ui/fault-summary.js';
import { FoundList } from '../../ui/found-list.js';
import { Loading } from '../../ui/page.js';
import { OfRecord, Table } from '../../ui/parts.js';
import { useFaults } from '../../ui/use-faults.js';
import { usePages } from '../../ui/use-pages.js';
import { queries, useQuery } from '../../ui/use-query.js';
import { AddParameter } from './add-parameter.js';
import { type JobParts, partText, valueText } from './job-parts.js';
import { ServerStatusTag } from './status-tag.js';
import { SureOf } from './sure-of.js';

const useIndexing = () =>
  useQuery({
    key: ['reindex-status'],
    ask: async signal => (await ask<Parameters>({ path: '$reindex-status', signal })).body.parameter ?? [],
  });

/** Asks anew for all that a change of a parameter changes. */
function lookAgain(): void {
  void queries.invalidateQueries({ queryKey: ['reindex-status'] });
  void queries.invalidateQueries({ queryKey: ['pages', 'SearchParameter'] });
}

export function OwnParameters() {
  const [ending, setEnding] = useState<SearchParameter>();
  const { faults, requestId, trying } = useFaults();
  const { data: indexing = [] } = useIndexing();
  const pages = usePages<SearchParameter>({
    type: 'SearchParameter',
    parameters: { _count: '25', _elements: 'code,base,expression,status,url' },
  });
  const found = (url: string): string => {
    const told = indexing.find(({ part = [] }) => partText(part, 'url') === url);
    return told?.part ? partText(told.part, 'done') : '0';
  };
  const retire = async ({ id = '', code }: SearchParameter): Promise<void> => {
    setEnding(undefined);
    const isDone = await trying(async () => {
      const { body, etag = '' } = await ask<SearchParameter>({ path: `SearchParameter/${id}` });
      const retired: SearchParameter = { ...body, status: 'retired' };
      return ask({ method: 'PUT', path: `SearchParameter/${id}`, body: retired, headers: { 'If-Match': etag } });
    });
    if (!isDone) return;
    announce(sayAdmin('parameters.retired', { code }));
    lookAgain();
  };
  return (
    <>
      <FaultSummary faults={faults} requestId={requestId} />
      <FoundList
        pages={pages}
        none={sayAdmin('parameters.none')}
        show={all => (
          <Table
            caption={sayAdmin('parameters', { n: all.length })}
            columns={(['code', 'base', 'expression', 'status', 'action'] as const).map(each =>
              sayAdmin(`parameters.${each}`),
            )}
            rows={all.map(each => ({
              key: each.id!,
              cells: [
                each.code,
                each.base.join(', '),
                <code>{each.expression ?? ''}</code>,
                <ServerStatusTag status={each.status} />,
                each.status === 'active' && (
                  <button type="button" class="link" onClick={() => setEnding(each)}>
                    {sayAdmin('parameters.retire')}
                  </button>
                ),
              ],
            }))}
          />
        )}
      />
      <Indexing />
      <AddParameter done={lookAgain} />
      {ending && (
        <SureOf
          title={sayAdmin('parameters.sure', { code: ending.code })}
          does={sayAdmin('parameters.sure.does', { code: ending.code, n: Number(found(ending.url)) })}
          yes={() => void retire(ending)}
          no={() => setEnding(undefined)}
        />
      )}
    </>
  );
}

const basesOf = (parts: JobParts): string =>
  parts.flatMap(each => (each.name === 'base' ? [valueText(each)] : [])).join(', ');

/** How far what is stored is found by them, and indexing all of it anew. */
function Indexing() {
  const { data, error, refetch } = useIndexing();
  const { faults, requestId, trying, isBusy } = useFaults();
  const reindex = async (): Promise<void> => {
    const body: Parameters = { resourceType: 'Parameters' };
    if (!(await trying(() => ask({ method: 'POST', path: '$reindex', body, isRepeatable: true })))) return;
    announce(sayAdmin('parameters.reindexed'));
    await refetch();
  };
  return (
    <>
      <h2>{sayAdmin('parameters.progress')}</h2>
      <FaultSummary faults={faults} requestId={requestId} />
      {error && <RequestFailed fault={error} again={() => void refetch()} />}
      {!error && !data && <Loading />}
      {data?.length === 0 && <p>{sayAdmin('parameters.ready')}</p>}
      {data && data.length > 0 && (
        <Table
          caption={sayAdmin('parameters.progress')}
          hidesCaption
          columns={(['code', 'base', 'status', 'done'] as const).map(each => sayAdmin(`parameters.${each}`))}
          rows={data.map(({ name, part = [] }, at) => ({
            key: partText(part, 'url') || `${name}-${at}`,
            cells: [
              name === 'request' ? sayAdmin('parameters.anew') : <OfRecord>{partText(part, 'code')}</OfRecord>,
              basesOf(part),
              <ServerStatusTag status={partText(part, 'status')} />,
              `${partText(part, 'done')} / ${partText(part, 'total')}`,
            ],
          }))}
        />
      )}
      <p class="hint">{sayAdmin('parameters.reindex.hint')}</p>
      <div class="buttons">
        <button type="button" class="secondary" onClick={() => void refetch()}>
          {sayAdmin('jobs.again')}
        </button>
        <button type="button" class="secondary" disabled={isBusy} onClick={() => void reindex()}>
          {sayAdmin('parameters.reindex')}
        </button>
      </div>
    </>
  );
}
