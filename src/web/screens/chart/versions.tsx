/** The versions of a resource, and what each changed, element by element. */
import type { Bundle, FhirResource } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask, pathOfLink } from '../../fhir/client.js';
import type { RequestFault } from '../../fhir/fault.js';
import { shownDate } from '../../fhir/show.js';
import { sayChart } from '../../messages/chart.js';
import { say } from '../../messages/common.js';
import { RequestFailed } from '../../ui/fault-summary.js';
import { Loading } from '../../ui/page.js';
import { Table, Tag } from '../../ui/parts.js';
import { nextOf } from '../../ui/use-pages.js';
import { useQuery } from '../../ui/use-query.js';
import { type Differences, differences } from '../../fhir/differences.js';

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

interface VersionPage {
  readonly versions: readonly KeptVersion[];
  /** Undefined: the last one. */
  readonly next: string | undefined;
}

async function versionPage(path: string, signal?: AbortSignal): Promise<VersionPage> {
  const { body } = await ask<Bundle<FhirResource>>({ path, signal });
  return { versions: versionsIn(body), next: nextOf(body) };
}

export function Versions({ type, id }: VersionsShape) {
  /** Pages behind the first one. */
  const [further, setFurther] = useState<readonly VersionPage[]>([]);
  const [fault, setFault] = useState<RequestFault>();
  const { data, error, refetch } = useQuery({
    key: ['versions', type, id],
    ask: signal => versionPage(`${type}/${encodeURIComponent(id)}/_history?_count=20`, signal),
  });
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  const pages = [data, ...further];
  const versions = pages.flatMap(page => page.versions);
  const { next } = pages.at(-1)!;
  const more = async (url: string): Promise<void> => {
    try {
      setFurther([...further, await versionPage(pathOfLink(url))]);
    } catch (failed) {
      setFault(failed as RequestFault);
    }
  };
  return (
    <>
      {versions.map((version, at) => (
        <Version
          key={version.version}
          version={version}
          before={versions[at + 1]}
          isFirst={next === undefined && at === versions.length - 1}
        />
      ))}
      {fault && <RequestFailed fault={fault} />}
      {next !== undefined && (
        <button type="button" class="secondary" onClick={() => void more(next)}>
          {say('more')}
        </button>
      )}
    </>
  );
}

const UNCHANGED: Differences = { changes: [], left: 0 };

function Version({
  version: { version, when, resource },
  before,
  isFirst,
}: {
  readonly version: KeptVersion;
  /** Undefined: it is the first one, or the one before is on the next page. */
  readonly before: KeptVersion | undefined;
  readonly isFirst: boolean;
}) {
  const { changes, left } = resource && before?.resource ? differences(before.resource, resource) : UNCHANGED;
  return (
    <section>
      <h2>
        {sayChart('versions.version', { version })} <span class="quiet">{shownDate(when)}</span>{' '}
        {!resource && <Tag colour="red">{sayChart('versions.deleted')}</Tag>}
      </h2>
      {resource && isFirst && <p>{sayChart('versions.first')}</p>}
      {resource && before && !before.resource && <p>{sayChart('versions.anew')}</p>}
      {resource && before?.resource && changes.length === 0 && <p>{sayChart('versions.same')}</p>}
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
      {left > 0 && <p>{sayChart('versions.left', { n: left })}</p>}
    </section>
  );
}
