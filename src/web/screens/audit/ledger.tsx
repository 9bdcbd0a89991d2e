/** What the trail is vouched for by: the last anchor, and the checkpoint of each stream. https://c2sp.org/tlog-checkpoint */
import type { Parameters, ParametersParameter } from 'fhir/r4';
import { ask } from '../../fhir/client.js';
import { shownDate } from '../../fhir/show.js';
import { sayAudit } from '../../messages/audit.js';
import { RequestFailed } from '../../ui/fault-summary.js';
import { Loading, Page } from '../../ui/page.js';
import { SummaryList, Table } from '../../ui/parts.js';
import { saveFile } from '../../ui/save-file.js';
import { useQuery } from '../../ui/use-query.js';
import { AuditTabs } from './tabs.js';

export function TrailLedger() {
  const { data, error, isFetching, refetch } = useQuery({
    key: ['audit-checkpoint'],
    ask: async () => (await ask<Parameters>({ path: '$audit-checkpoint' })).body,
  });
  return (
    <Page title={sayAudit('title')}>
      <AuditTabs at="ledger" />
      {error ? (
        <RequestFailed fault={error} again={() => void refetch()} />
      ) : isFetching || !data ? (
        <Loading />
      ) : (
        <Sealed said={data} />
      )}
    </Page>
  );
}

function Sealed({ said: { parameter = [] } }: { readonly said: Parameters }) {
  const texts = (name: string, among: readonly ParametersParameter[] = parameter): readonly string[] =>
    among.flatMap(each => (each.name === name && each.valueString !== undefined ? [each.valueString] : []));
  const [note] = texts('note', parameter.find(({ name }) => name === 'anchor')?.part);
  return (
    <>
      <p>{sayAudit('ledger.text')}</p>
      <SummaryList
        rows={[
          [sayAudit('ledger.name'), <code>{texts('ledger')[0]}</code>],
          [sayAudit('ledger.key'), <code>{texts('key').join(' ')}</code>],
          [
            sayAudit('ledger.anchored'),
            note === undefined ? sayAudit('ledger.no-anchor') : shownDate(note.split('\n')[3]),
          ],
        ]}
      />
      {note !== undefined && (
        <>
          <h2>{sayAudit('ledger.anchor')}</h2>
          <pre>{note}</pre>
          <p>{sayAudit('ledger.verify')}</p>
          <button
            type="button"
            class="secondary"
            onClick={() => saveFile(new Blob([note]), 'chartroom-audit-anchor.txt')}
          >
            {sayAudit('ledger.keep')}
          </button>
        </>
      )}
      <h2>{sayAudit('ledger.checkpoints')}</h2>
      <Table
        caption={sayAudit('ledger.checkpoints')}
        hidesCaption
        columns={['stream', 'size', 'root'].map(each => sayAudit(`ledger.${each as 'stream'}`))}
        rows={texts('checkpoint').map(text => {
          const [origin = '', size = '', root = ''] = text.split('\n');
          return { key: origin, cells: [<code>{origin.replace(/^.*\//, '')}</code>, size, <code>{root}</code>] };
        })}
      />
    </>
  );
}
