/** Whoever was overtaken by somebody else sees both versions of the work, side by side, and what they had typed for it. */
import type { Task } from 'fhir/r4';
import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { differences } from '../fhir/differences.js';
import type { RequestFault } from '../fhir/fault.js';
import { sayTasks } from '../messages/tasks.js';
import { FaultSummary, fieldFaults } from '../ui/fault-summary.js';
import { OfRecord, Table } from '../ui/parts.js';
import type { OfTask } from './use-operation.js';

interface OvertakenBy {
  /** The work as it was shown. */
  readonly before: Task;
  readonly fault: RequestFault;
}

export interface Overtaking extends Pick<OfTask, 'overtake'> {
  /** Both versions; undefined: nobody was faster. */
  readonly overtaken: VNode | undefined;
}

/** Of a page: it stays while the page shows this Task, also where nothing can be done with it any more. */
export function useOvertaking(task: Task): Overtaking {
  const [by, setBy] = useState<OvertakenBy>();
  return {
    overtake: fault => setBy(fault && { before: task, fault }),
    overtaken: by && <Overtaken {...by} now={task} />,
  };
}

function Overtaken({ before, fault, now }: OvertakenBy & { readonly now: Task }) {
  const { changes } = differences(before, now);
  const faults = useMemo(() => [...fieldFaults(fault), { field: undefined, text: sayTasks('overtaken') }], [fault]);
  return (
    <>
      <FaultSummary faults={faults} requestId={fault.requestId} />
      {changes.length > 0 && (
        <Table
          caption={sayTasks('overtaken.caption')}
          columns={(['element', 'before', 'now'] as const).map(each => sayTasks(`overtaken.${each}`))}
          rows={changes.map(each => ({
            key: each.path,
            cells: [<code>{each.path}</code>, <OfRecord>{each.before}</OfRecord>, <OfRecord>{each.after}</OfRecord>],
          }))}
        />
      )}
    </>
  );
}

/** Of work that somebody else has changed while its page was opened. */
export const ChangedMeanwhile = () => (
  <p class="notice warning" role="status">
    {sayTasks('changed-meanwhile')}
  </p>
);

/** What was typed for work that is over by now, so that it can be used elsewhere. */
export const TypedInVain = ({ text }: { readonly text: string }) =>
  text.trim() === '' ? null : (
    <section class="panel">
      <h2>{sayTasks('typed-in-vain')}</h2>
      <p>
        <OfRecord>{text}</OfRecord>
      </p>
    </section>
  );
