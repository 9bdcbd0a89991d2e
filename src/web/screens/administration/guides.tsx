/** Implementation guides that are installed, and those that are stored as resources. */
import type { ImplementationGuide } from 'fhir/r4';
import { sayAdmin } from '../../messages/administration.js';
import { FoundList } from '../../ui/found-list.js';
import { OfRecord, Table } from '../../ui/parts.js';
import { usePages } from '../../ui/use-pages.js';
import { ServerStatusTag } from './status-tag.js';

export function Guides() {
  const pages = usePages<ImplementationGuide>({
    type: 'ImplementationGuide',
    parameters: { _count: '25', _elements: 'url,version,name,title,status,packageId,dependsOn,fhirVersion,license' },
  });
  return (
    <>
      <p>{sayAdmin('guides.text')}</p>
      <FoundList
        pages={pages}
        none={sayAdmin('guides.none')}
        show={found => (
          <Table
            caption={sayAdmin('guides', { n: found.length })}
            columns={(['title', 'version', 'status', 'url', 'needs'] as const).map(each => sayAdmin(`guides.${each}`))}
            rows={found.map(each => ({
              key: `${each.id ?? each.url}|${each.version ?? ''}`,
              cells: [
                <OfRecord>{each.title ?? each.name ?? each.packageId ?? ''}</OfRecord>,
                each.version ?? '',
                <ServerStatusTag status={each.status} />,
                <code>{each.url}</code>,
                (each.dependsOn ?? [])
                  .map(({ packageId, uri, version }) => `${packageId ?? uri} ${version ?? ''}`)
                  .join(', '),
              ],
            }))}
          />
        )}
      />
    </>
  );
}
