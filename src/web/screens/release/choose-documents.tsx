/** What would go out now is chosen to go out, in its versions ($release-select). Nothing goes out by it: somebody else looks first. */
import { useState } from 'preact/hooks';
import { sayGoingOut } from '../../messages/going-out.js';
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
  /** Who confirms what was chosen; empty: nothing was chosen here. */
  const [said, setSaid] = useState('');
  const chosen = new Set(going);
  const redacted = redactParameters(marks, chosen);
  const choose = async (): Promise<void> => {
    setAsking(false);
    setSaid('');
    const fields = redacted.map(({ part = [] }) => `marks-${idIn(part[0]?.valueReference, 'DocumentReference') ?? ''}`);
    const answer = await run({ name: 'release-select', parameter: redacted, fields, isOfShown: true });
    if (!answer) return;
    done(chosen);
    reloadTask(request.task.id!);
    const byAnother = answer.body.parameter?.find(({ name }) => name === 'second-person')?.valueBoolean !== false;
    const text = sayGoingOut(byAnother ? 'choose.second-person' : 'choose.same-person');
    setSaid(text);
    announce(text);
  };
  return (
    <>
      <FaultSummary faults={faults} requestId={requestId} />
      {said !== '' && <p class="notice">{said}</p>}
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
