/** What was chosen, confirmed and packed goes out ($release): with a second identifier of the patient, and with what leaves in numbers. */
import type { Patient, Task } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { sayGoingOut } from '../../messages/going-out.js';
import { sayRelease } from '../../messages/release.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary } from '../../ui/fault-summary.js';
import { TextField } from '../../ui/fields.js';
import { chosenIn, inputsOf } from './request-parts.js';
import { faultsOfSecond, SecondIdentifier } from './second-identifier.js';
import { Sure } from './sure.js';
import { type OfTask, useOperation } from '../../tasks/use-operation.js';

const countsOf = (task: Task) => {
  const chosen = chosenIn(task);
  const withheld = chosen.reduce((sum, each) => sum + each.withheld, 0);
  const { requester } = task;
  return {
    documents: sayGoingOut('count.documents', { n: chosen.length }),
    pages: sayGoingOut('count.pages', { n: withheld }),
    who: requester?.display ?? requester?.reference ?? '',
    way: inputsOf(task, 'delivery-method')[0]?.valueCode ?? '',
  };
};

export function ReleaseNow({ patient, ...request }: OfTask & { readonly patient: Patient }) {
  const { task } = request;
  const { faults, requestId, faultAt, lack, run } = useOperation(request);
  const [second, setSecond] = useState('');
  const [until, setUntil] = useState('');
  const [isAsking, setAsking] = useState(false);
  const does = sayGoingOut('release.does', countsOf(task));
  const release = async (): Promise<void> => {
    setAsking(false);
    const parameter = until === '' ? [] : [{ name: 'suspended-until', valueDate: until }];
    if (!(await run({ name: 'release', parameter, fields: ['release-until'] }))) return;
    reloadTask(task.id!);
    announce(sayRelease('done', { what: sayGoingOut('release') }));
  };
  const choose = (event: Event): void => {
    event.preventDefault();
    const lacking = faultsOfSecond('release-second', patient, second);
    lack(lacking);
    if (lacking.length === 0) setAsking(true);
  };
  return (
    <section>
      <h2>{sayGoingOut('release')}</h2>
      <form class="panel" onSubmit={choose} noValidate>
        <p>{does}</p>
        <FaultSummary faults={faults} requestId={requestId} />
        <SecondIdentifier
          id="release-second"
          what={sayGoingOut('release')}
          patient={patient}
          value={second}
          set={setSecond}
          fault={faultAt('release-second')}
        />
        <TextField
          id="release-until"
          type="date"
          label={sayGoingOut('release.until')}
          hint={sayGoingOut('release.until.hint')}
          isOptional
          value={until}
          set={setUntil}
          fault={faultAt('release-until')}
        />
        <button type="submit" class="danger">
          {sayGoingOut('release')}
        </button>
      </form>
      {isAsking && (
        <Sure what={sayGoingOut('release')} does={does} yes={() => void release()} no={() => setAsking(false)} />
      )}
    </section>
  );
}
