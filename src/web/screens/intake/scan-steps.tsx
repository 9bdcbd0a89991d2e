/** What a second person does with a scan, by the tables of its process: found right, sent back, or rejected, each for a reason of a table. */
import { useState } from 'preact/hooks';
import { sayIntake } from '../../messages/intake.js';
import { isNoWork, type Possible, reloadTask, stepParameters, usePossible } from '../../tasks/process-steps.js';
import { ChangedMeanwhile } from '../../tasks/overtaken.js';
import { type OfTask, useOperation } from '../../tasks/use-operation.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, RequestFailed } from '../../ui/fault-summary.js';
import { SelectField } from '../../ui/fields.js';
import { Loading } from '../../ui/page.js';

const REASONS = [
  ...(['wrong-patient', 'wrong-encounter', 'wrong-type', 'wrong-date'] as const),
  ...(['illegible', 'missing-page', 'orientation', 'duplicate'] as const),
] as const;
const REASON_SYSTEM = 'urn:chartroom:document-qc';
/** Steps that the index itself takes, and what needs more than is asked for here. */
const ELSEWHERE: ReadonlySet<string> = new Set(['index', 'accept', 'index-anew', 'assign', 'note']);

export function ScanSteps(scan: OfTask) {
  const id = scan.task.id!;
  const { data, error: failed, refetch, wasChanged } = usePossible(scan.task);
  const [reason, setReason] = useState('');
  const { faults, requestId, faultAt, lack, run: runOperation } = useOperation(scan);
  if (failed && !isNoWork(failed)) return <RequestFailed fault={failed} again={refetch} />;
  if (!failed && !data) return <Loading />;
  const steps = (data ?? []).filter(({ name }) => !ELSEWHERE.has(name));
  if (steps.length === 0) return wasChanged ? <ChangedMeanwhile /> : null;
  const run = async (step: Possible): Promise<void> => {
    const needsReason = step.needs.includes('reason');
    if (lack(needsReason && reason === '' ? [{ field: 'scan-reason', text: sayIntake('reason.missing') }] : [])) return;
    const code = needsReason ? { system: REASON_SYSTEM, code: reason } : undefined;
    // The server takes a code as the text of a reason, too.
    const parameter = stepParameters(step, { reason: needsReason ? reason : '', until: '', location: '' }, code);
    const byExpression = { 'Task.statusReason': 'scan-reason' };
    if (!(await runOperation({ name: 'transition', parameter, byExpression }))) return;
    setReason('');
    announce(sayIntake('done', { what: step.display }));
    reloadTask(id);
  };
  return (
    <section class="panel">
      <h2>{sayIntake('steps')}</h2>
      {wasChanged && <ChangedMeanwhile />}
      <FaultSummary faults={faults} requestId={requestId} />
      <SelectField
        id="scan-reason"
        label={sayIntake('reason')}
        hint={sayIntake('reason.hint')}
        value={reason}
        set={setReason}
        options={[
          ['', sayIntake('reason.choose')],
          ...REASONS.map(each => [each, sayIntake(`reason.${each}`)] as const),
        ]}
        fault={faultAt('scan-reason')}
      />
      <div class="buttons">
        {steps.map(each => (
          <button
            key={each.name}
            type="button"
            class={each.name === 'reject' ? 'danger' : 'secondary'}
            onClick={() => void run(each)}
          >
            {each.display}
          </button>
        ))}
      </div>
    </section>
  );
}
