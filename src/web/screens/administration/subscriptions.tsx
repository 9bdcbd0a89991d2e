/** Subscriptions that are kept here. */
import type { Subscription } from 'fhir/r4';
import { sayAdmin } from '../../messages/administration.js';
import { FoundList } from '../../ui/found-list.js';
import { Table } from '../../ui/parts.js';
import { usePages } from '../../ui/use-pages.js';
import { ServerStatusTag } from './status-tag.js';

export function Subscriptions() {
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
            cells: [<code>{each.criteria}</code>, each.channel.type, <ServerStatusTag status={each.status} />],
          }))}
        />
      )}
    />
  );
}
