/** The versions of a resource, and what each changed, element by element. */
import type { Bundle, FhirResource } from 'fhir/r4';
import { ask } from '../../fhir/client.js';
import { shownDate } from '../../fhir/show.js';
import { sayChart } from '../../messages/chart.js';
import { RequestFailed } from '../../ui/fault-summary.js';
import { Loading } from '../../ui/page.js';
import { Table, Tag } from '../../ui/parts.js';
import { useQuery } from '../../ui/use-query.js';
import { differences } from './differences.js';

interface VersionsShape {
  readonly type: string;
  readonly id: string;
}

interface KeptVersion {
  readonly version: string;
  readonly when: string | undefined;
  /** Undefined: it was deleted. */
  readonly resource: FhirResource | undefined;
}

const versionsIn = ({ entry = [] }: Bundle<FhirResource>): readonly KeptVersion[] =>
  entry.map(({ resource, response, fullUrl }) => ({
    version: resource?.meta?.versionId ?? /"(.*)"/.exec(response?.etag ?? '')?.[1] ?? fullUrl ?? '',
    when: resource?.meta?.lastUpdated ?? response?.lastModified,
    resource,
  }));

export function Versions({ type, id }: VersionsShape) {
  const { data, error, refetch } = useQuery({
    key: ['versions', type, id],
    ask: async signal =>
      versionsIn(
        (await ask<Bundle<FhirResource>>({ path: `${type}/${encodeURIComponent(id)}/_history?_count=20`, signal }))
          .body,
      ),
  });
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  return (
    <>
      {data.map((version, at) => (
        <Version key={version.version} version={version} before={data[at + 1]} />
      ))}
    </>
  );
}

function Version({
  version: { version, when, resource },
  before,
}: {
  readonly version: KeptVersion;
  readonly before: KeptVersion | undefined;
}) {
  const changes = resource && before?.resource ? differences(before.resource, resource) : [];
  return (
    <section>
      <h2>
        {sayChart('versions.version', { version })} <span class="quiet">{shownDate(when)}</span>{' '}
        {!resource && <Tag colour="red">{sayChart('versions.deleted')}</Tag>}
      </h2>
      {resource && !before && <p>{sayChart('versions.first')}</p>}
      {resource && before && changes.length === 0 && <p>{sayChart('versions.same')}</p>}
      {changes.length > 0 && (
        <Table
          caption={`${sayChart('versions.changed')}: ${sayChart('versions.version', { version })}`}
          hidesCaption
          columns={(['element', 'before', 'after'] as const).map(each => sayChart(`versions.${each}`))}
          rows={changes.map(({ path, before: was, after }) => ({
            key: path,
            cells: [<code>{path}</code>, was, after],
          }))}
        />
      )}
    </section>
  );
}
