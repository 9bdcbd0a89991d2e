/** Whoever was overtaken by somebody else sees both versions of the request, side by side. */
import type { Task } from 'fhir/r4';
import { differences } from '../../fhir/differences.js';
import type { RequestFault } from '../../fhir/fault.js';
import { sayRelease } from '../../messages/release.js';
import { FaultSummary, fieldFaults } from '../../ui/fault-summary.js';
import { useMemo } from 'preact/hooks';
import { OfRecord, Table } from '../../ui/parts.js';

export interface OvertakenBy {
  /** The request as it was shown. */
  readonly before: Task;
  readonly fault: RequestFault;
}

export function Overtaken({ before, fault, now }: OvertakenBy & { readonly now: Task }) {
  const { changes } = differences(before, now);
  const faults = useMemo(() => [...fieldFaults(fault), { field: undefined, text: sayRelease('overtaken') }], [fault]);
  return (
    <>
      <FaultSummary faults={faults} requestId={fault.requestId} />
      {changes.length > 0 && (
        <Table
          caption={sayRelease('overtaken.caption')}
          columns={(['element', 'before', 'now'] as const).map(each => sayRelease(`overtaken.${each}`))}
          rows={changes.map(each => ({
            key: each.path,
            cells: [<code>{each.path}</code>, <OfRecord>{each.before}</OfRecord>, <OfRecord>{each.after}</OfRecord>],
          }))}
        />
      )}
    </>
  );
}
