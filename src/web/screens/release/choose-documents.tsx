/** What would go out now is chosen to go out, in its versions ($release-select). Nothing goes out by it: somebody else looks first. */
import { useState } from 'preact/hooks';
import { sayGoingOut } from '../../messages/going-out.js';
import { sayRelease } from '../../messages/release.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary } from '../../ui/fault-summary.js';
import { type DocumentMarks, redactParameters } from './marks.js';
import { idIn } from './request-parts.js';
import { Sure } from './sure.js';
import { type OfTask, useOperation } from '../../tasks/use-operation.js';

interface ChooseShape extends OfTask {
  /** Ids of documents that would go out. */
  readonly going: readonly string[];
  readonly marks: DocumentMarks;
  /** With what has gone into the choice. */
  readonly done: (going: ReadonlySet<string>) => void;
}

export function ChooseDocuments({ going, marks, done, ...request }: ChooseShape) {
  const { faults, requestId, run } = useOperation(request);
  const [isAsking, setAsking] = useState(false);
  const chosen = new Set(going);
  const redacted = redactParameters(marks, chosen);
  const choose = async (): Promise<void> => {
    setAsking(false);
    const fields = redacted.map(({ part = [] }) => `marks-${idIn(part[0]?.valueReference, 'DocumentReference') ?? ''}`);
    if (!(await run({ name: 'release-select', parameter: redacted, fields, isOfShown: true }))) return;
    done(chosen);
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
          does={`${sayGoingOut('choose.does', { n: going.length })} ${sayGoingOut('choose.withholds', { n: redacted.length })}`}
          yes={() => void choose()}
          no={() => setAsking(false)}
        />
      )}
    </>
  );
}
