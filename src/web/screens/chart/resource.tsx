/** One resource of the chart, as it is stored. What belongs to another patient is not shown here. */
import type { FhirResource } from 'fhir/r4';
import { useLocation, useRoute } from 'preact-iso/router';
import { useEffect } from 'preact/hooks';
import { askBytes } from '../../fhir/client.js';
import { indentedJson } from '../../fhir/json-text.js';
import { sayChart } from '../../messages/chart.js';
import { RequestFailed } from '../../ui/fault-summary.js';
import { Loading, Page } from '../../ui/page.js';
import { OfRecord } from '../../ui/parts.js';
import { WithPatient } from '../../ui/patient-banner.js';
import { useQuery } from '../../ui/use-query.js';
import { belongingOf } from './belonging.js';
import { addressOfChart, ChartTabs } from './chart.js';
import { Versions } from './versions.js';
import { aboutOf } from './words.js';

const TYPE = /^[A-Z][A-Za-z]+$/;

export function ResourceOfChart() {
  const { id = '', type = '', of = '' } = useRoute().params;
  const { query } = useLocation();
  return (
    <WithPatient id={id} key={id}>
      {() => (
        <>
          <ChartTabs id={id} at="timeline" />
          {TYPE.test(type) && (
            <Shown {...{ patient: id, type, id: of }} showsVersions={query['versions'] !== undefined} />
          )}
        </>
      )}
    </WithPatient>
  );
}

interface ShownShape {
  readonly patient: string;
  readonly type: string;
  readonly id: string;
  readonly showsVersions: boolean;
}

function Shown({ patient, type, id, showsVersions }: ShownShape) {
  const { route } = useLocation();
  const isDocument = type === 'DocumentReference' && !showsVersions;
  const { data, error, refetch } = useQuery({
    key: ['resource', patient, type, id],
    ask: async signal => {
      const { body } = await askBytes({ path: `${type}/${encodeURIComponent(id)}`, signal });
      const text = await body.text();
      return { text, resource: JSON.parse(text) as FhirResource };
    },
    enabled: !isDocument,
  });
  useEffect(() => {
    if (isDocument) route(addressOfChart(patient, 'document', id), true);
  }, [isDocument]);
  const title = sayChart('resource.title', { type });
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  const belonging = belongingOf(data.resource, patient);
  if (belonging !== 'ours')
    return (
      <Page title={title}>
        <p class="notice danger">{sayChart(`resource.of-${belonging}`)}</p>
      </Page>
    );
  return (
    <Page title={title} heading={<OfRecord>{aboutOf(data.resource)}</OfRecord>} caption={type}>
      {showsVersions ? (
        <Versions type={type} id={id} />
      ) : (
        <>
          <p>
            <a href={`${addressOfChart(patient, 'resource', type, id)}?versions`}>{sayChart('resource.versions')}</a>
          </p>
          <h2>{sayChart('resource.raw')}</h2>
          <pre tabIndex={0} aria-label={sayChart('resource.raw')}>
            {indentedJson(data.text)}
          </pre>
        </>
      )}
    </Page>
  );
}
