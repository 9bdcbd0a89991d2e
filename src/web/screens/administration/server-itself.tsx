/** What the server says of itself, computed from what makes it true. */
import { sayAdmin } from '../../messages/administration.js';
import { SERVER } from '../../session/server.js';
import { RequestFailed } from '../../ui/fault-summary.js';
import { Loading } from '../../ui/page.js';
import { OfRecord, SummaryList } from '../../ui/parts.js';
import { useCapabilities } from './capabilities.js';

export function ServerItself() {
  const { data, error, refetch } = useCapabilities();
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
