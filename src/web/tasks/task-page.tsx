/** One Task: what it is about, the evidence, and what can be done with it by the rules of its process. */
import type { Reference, Task } from 'fhir/r4';
import { useRoute } from 'preact-iso/router';
import { useState } from 'preact/hooks';
import { ask } from '../fhir/client.js';
import { shownConcept, shownDate } from '../fhir/show.js';
import { sayTasks } from '../messages/tasks.js';
import { announce } from '../ui/announce.js';
import { FaultSummary, RequestFailed } from '../ui/fault-summary.js';
import { AreaField, TextField } from '../ui/fields.js';
import { Loading, Page } from '../ui/page.js';
import { OfRecord, SummaryList } from '../ui/parts.js';
import { ChangedMeanwhile, TypedInVain, useOvertaking } from './overtaken.js';
import { isNoWork, type Possible, reloadTask, stepParameters, usePossible } from './process-steps.js';
import { DueTags, dueOf, isOver, PatientLink, StateTag } from './task-table.js';
import { type OfTask, useOperation } from './use-operation.js';
import { type LoadedTask, WithTask } from './with-task.js';

export function TaskPage() {
  const { id = '' } = useRoute().params;
  return (
    <WithTask id={id} title={sayTasks('task')}>
      {loaded => <OneTask key={id} {...loaded} />}
    </WithTask>
  );
}

function OneTask(loaded: LoadedTask) {
  const { task } = loaded;
  const { overtake, overtaken } = useOvertaking(task);
  return (
    <Page title={sayTasks('task')} heading={<OfRecord>{shownConcept(task.code) || sayTasks('task')}</OfRecord>}>
      {overtaken}
      <AboutTask task={task} />
      {(task.input?.length ?? 0) > 0 && <Evidence task={task} />}
      {isReview(task) ? <Decide {...{ ...loaded, overtake }} /> : <Transitions {...{ task, overtake }} />}
    </Page>
  );
}

const nameOfRef = (reference: Reference | undefined): string | undefined => reference?.display ?? reference?.reference;

const AboutTask = ({ task }: { readonly task: Task }) => (
  <SummaryList
    rows={[
      [sayTasks('description'), task.description === undefined ? undefined : <OfRecord>{task.description}</OfRecord>],
      [sayTasks('column.status'), <StateTag task={task} />],
      [
        sayTasks('column.due'),
        <>
          {shownDate(dueOf(task))} <DueTags task={task} />
        </>,
      ],
      [sayTasks('column.owner'), nameOfRef(task.owner)],
      [sayTasks('asked-by'), nameOfRef(task.requester)],
      [sayTasks('since'), shownDate(task.authoredOn)],
      [sayTasks('reason'), shownConcept(task.reasonCode) || shownConcept(task.statusReason)],
      [sayTasks('column.patient'), <PatientLink task={task} />],
      [sayTasks('focus'), nameOfRef(task.focus)],
      [sayTasks('notes'), task.note?.map(({ text }) => text).join(' · ')],
    ]}
  />
);

const REVIEWS: ReadonlySet<string | undefined> = new Set(['btg-review', 'privacy-review']);
const isReview = ({ code }: Task): boolean => code?.coding?.some(each => REVIEWS.has(each.code)) === true;

const Evidence = ({ task }: { readonly task: Task }) => (
  <>
    <h2>{sayTasks('evidence')}</h2>
    <ul>
      {task.input?.map((each, at) => {
        const { valueString, valueCode, valueReference, valueCodeableConcept, valueInteger } = each;
        const said =
          valueString ??
          valueCode ??
          valueReference?.display ??
          valueReference?.reference ??
          shownConcept(valueCodeableConcept);
        return (
          <li key={at}>
            {shownConcept(each.type)}:{' '}
            <OfRecord>{said === '' && valueInteger !== undefined ? String(valueInteger) : said}</OfRecord>
          </li>
        );
      })}
    </ul>
  </>
);

/** What was done changes what else can be. */
function done(id: string, what: string): void {
  reloadTask(id);
  announce(sayTasks('do.done', { what }));
}

const NOTHING = { reason: '', until: '', location: '' };

/** By the tables of the process (`$transitions`). Where the server has none for this, nothing is offered. */
function Transitions(work: OfTask) {
  const { task } = work;
  const id = task.id!;
  const [typed, setTyped] = useState(NOTHING);
  const { faults, requestId, faultAt, lack, run: runOperation } = useOperation(work);
  const { data, error: failed, refetch, wasChanged } = usePossible(task, !isOver(task));
  if (isOver(task))
    return (
      <>
        {wasChanged && <ChangedMeanwhile />}
        <TypedInVain text={typed.reason} />
      </>
    );
  if (failed && !isNoWork(failed)) return <RequestFailed fault={failed} again={refetch} />;
  if (!failed && !data) return <Loading />;
  if (!data || data.length === 0)
    return (
      <>
        {wasChanged && <ChangedMeanwhile />}
        <p class="quiet">{sayTasks('do.none')}</p>
      </>
    );
  const run = async (one: Possible): Promise<void> => {
    const isLacking = one.needs.includes('reason') && typed.reason.trim() === '';
    if (lack(isLacking ? [{ field: 'reason', text: sayTasks('do.reason.missing') }] : [])) return;
    const byExpression = { 'Task.statusReason': 'reason', 'Task.location': 'location', 'Task.restriction': 'until' };
    if (!(await runOperation({ name: 'transition', parameter: stepParameters(one, typed), byExpression }))) return;
    setTyped(NOTHING);
    done(id, one.display);
  };
  return (
    <section class="panel">
      <h2>{sayTasks('do')}</h2>
      {wasChanged && <ChangedMeanwhile />}
      <FaultSummary faults={faults} requestId={requestId} />
      <AreaField
        id="reason"
        label={sayTasks('do.reason')}
        isOptional
        rows={2}
        value={typed.reason}
        set={reason => setTyped({ ...typed, reason })}
        fault={faultAt('reason')}
      />
      {data.some(({ needs }) => needs.includes('term')) && (
        <TextField
          id="until"
          type="date"
          label={sayTasks('do.until')}
          isOptional
          value={typed.until}
          set={until => setTyped({ ...typed, until })}
          fault={faultAt('until')}
        />
      )}
      {data.some(({ needs }) => needs.includes('location')) && (
        <TextField
          id="location"
          label={sayTasks('do.location')}
          hint={sayTasks('do.location.hint')}
          isOptional
          value={typed.location}
          set={location => setTyped({ ...typed, location })}
          width={40}
          fault={faultAt('location')}
        />
      )}
      <div class="buttons">
        {data.map(each => (
          <button key={each.name} type="button" class="secondary" onClick={() => void run(each)}>
            {each.display}
          </button>
        ))}
      </div>
    </section>
  );
}

const SHORTEST = 20;

/** A review is closed with a decision and what was found. */
function Decide({ task, etag, overtake }: LoadedTask & OfTask) {
  const [found, setFound] = useState('');
  const { faults, requestId, faultAt, lack, trying } = useOperation({ task, overtake });
  if (isOver(task)) return <TypedInVain text={found} />;
  const close = async (isJustified: boolean): Promise<void> => {
    if (lack(found.trim().length < SHORTEST ? [{ field: 'found', text: sayTasks('decide.short') }] : [])) return;
    const text = sayTasks(isJustified ? 'decide.justified' : 'decide.not-justified');
    const next: Task = {
      ...task,
      status: 'completed',
      businessStatus: { text: isJustified ? 'justified' : 'not-justified' },
      note: [...(task.note ?? []), { time: new Date().toISOString(), text: found.trim() }],
    };
    const headers = etag === undefined ? {} : { 'If-Match': etag };
    const put = () => ask({ method: 'PUT', path: `Task/${task.id!}`, body: next, headers });
    if (!(await trying(put, { byExpression: { 'Task.note': 'found' } }))) return;
    setFound('');
    done(task.id!, text);
  };
  return (
    <section class="panel">
      <h2>{sayTasks('decide.title')}</h2>
      <p>{sayTasks('decide.text')}</p>
      <FaultSummary faults={faults} requestId={requestId} />
      <AreaField
        id="found"
        label={sayTasks('decide.reason')}
        hint={sayTasks('decide.reason.hint')}
        value={found}
        set={setFound}
        fault={faultAt('found')}
      />
      <div class="buttons">
        <button type="button" onClick={() => void close(true)}>
          {sayTasks('decide.justified')}
        </button>
        <button type="button" class="danger" onClick={() => void close(false)}>
          {sayTasks('decide.not-justified')}
        </button>
      </div>
    </section>
  );
}
