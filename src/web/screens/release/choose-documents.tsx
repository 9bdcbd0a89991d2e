/** What would go out now is chosen to go out, in its versions ($release-select). Nothing goes out by it: somebody else looks first. */
import { useState } from 'preact/hooks';
import { sayGoingOut } from '../../messages/going-out.js';
import { sayRelease } from '../../messages/release.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary } from '../../ui/fault-summary.js';
import { Sure } from './sure.js';
import { type OfTask, useOperation } from '../../tasks/use-operation.js';

/** `going`: how many documents would go out. */
export function ChooseDocuments({ going, ...request }: OfTask & { readonly going: number }) {
  const { faults, requestId, run } = useOperation(request);
  const [isAsking, setAsking] = useState(false);
  const choose = async (): Promise<void> => {
    setAsking(false);
    if (!(await run({ name: 'release-select', parameter: [] }))) return;
    reloadTask(request.task.id!);
    announce(sayRelease('done', { what: sayGoingOut('choose') }));
  };
  return (
    <>
      <FaultSummary faults={faults} requestId={requestId} />
      <div class="buttons">
        <button type="button" onClick={() => setAsking(true)}>
          {sayGoingOut('choose')}
        </button>
      </div>
      {isAsking && (
        <Sure
          what={sayGoingOut('choose')}
          does={sayGoingOut('choose.does', { n: going })}
          yes={() => void choose()}
          no={() => setAsking(false)}
        />
      )}
    </>
  );
}
