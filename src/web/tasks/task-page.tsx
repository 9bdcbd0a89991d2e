/** One Task: what it is about, the evidence, and what can be done with it by the rules of its process. */
import type { Reference, Task } from 'fhir/r4';
import { useRoute } from 'preact-iso/router';
import { useState } from 'preact/hooks';
import { ask } from '../fhir/client.js';
import { RequestFault } from '../fhir/fault.js';
import { shownConcept, shownDate } from '../fhir/show.js';
import { sayTasks } from '../messages/tasks.js';
import { announce } from '../ui/announce.js';
import {
  FaultSummary,
  fieldFaults,
  type FieldFault,
  type FieldsByExpression,
  RequestFailed,
} from '../ui/fault-summary.js';
import { AreaField, TextField } from '../ui/fields.js';
import { Loading, Page } from '../ui/page.js';
import { OfRecord, SummaryList } from '../ui/parts.js';
import { useQuery } from '../ui/use-query.js';
import { isNoWork, isOvertaken, type Possible, reloadTask, stepBody, usePossible } from './process-steps.js';
import { DueTags, dueOf, isOver, PatientLink, StateTag } from './task-table.js';

interface LoadedTask {
  readonly task: Task;
  readonly etag: string | undefined;
}

export function TaskPage() {
  const { id = '' } = useRoute().params;
  const { data, error, refetch } = useQuery<LoadedTask>({
    key: ['task', id],
    async ask(signal) {
      const { body, etag } = await ask<Task>({ path: `Task/${encodeURIComponent(id)}`, signal });
      return { task: body, etag };
    },
  });
  if (!data)
    return (
      <Page title={sayTasks('task')}>
        {error ? <RequestFailed fault={error} again={() => void refetch()} /> : <Loading />}
      </Page>
    );
  const { task } = data;
  return (
    <Page title={sayTasks('task')} heading={<OfRecord>{shownConcept(task.code) || sayTasks('task')}</OfRecord>}>
      <AboutTask task={task} />
      {(task.input?.length ?? 0) > 0 && <Evidence task={task} />}
      {!isOver(task) && (isReview(task) ? <Decide {...data} /> : <Transitions {...data} />)}
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

/** What stands against it. Where somebody else was faster the page shows the task as it is by then; what was typed stays. */
function refusedBy(fault: RequestFault, id: string, fields: FieldsByExpression = {}): readonly FieldFault[] {
  if (!isOvertaken(fault)) return fieldFaults(fault, fields);
  reloadTask(id);
  return [...fieldFaults(fault, fields), { field: undefined, text: sayTasks('do.overtaken') }];
}

/** By the tables of the process (`$transitions`). Where the server has none for this, nothing is offered. */
function Transitions({ task }: LoadedTask) {
  const id = task.id!;
  const [typed, setTyped] = useState({ reason: '', until: '', location: '' });
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const [requestId, setRequestId] = useState<string>();
  const { data, error: failed, refetch } = usePossible(id);
  if (failed && !isNoWork(failed)) return <RequestFailed fault={failed} again={() => void refetch()} />;
  if (!failed && !data) return <Loading />;
  if (!data || data.length === 0) return <p class="quiet">{sayTasks('do.none')}</p>;
  const run = async (one: Possible): Promise<void> => {
    const { display, needs } = one;
    if (needs.includes('reason') && typed.reason.trim() === '')
      return setFaults([{ field: 'reason', text: sayTasks('do.reason.missing') }]);
    try {
      const body = stepBody(one, typed);
      await ask({ method: 'POST', path: `Task/${id}/$transition`, body });
      setFaults([]);
      done(id, display);
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error;
      setFaults(refusedBy(error, id));
      setRequestId(error.requestId);
    }
  };
  return (
    <section class="panel">
      <h2>{sayTasks('do')}</h2>
      <FaultSummary faults={faults} requestId={requestId} />
      <AreaField
        id="reason"
        label={sayTasks('do.reason')}
        isOptional
        rows={2}
        value={typed.reason}
        set={reason => setTyped({ ...typed, reason })}
        fault={faults.find(({ field }) => field === 'reason')?.text}
      />
      {data.some(({ needs }) => needs.includes('term')) && (
        <TextField
          id="until"
          type="date"
          label={sayTasks('do.until')}
          isOptional
          value={typed.until}
          set={until => setTyped({ ...typed, until })}
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
function Decide({ task, etag }: LoadedTask) {
  const [found, setFound] = useState('');
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const [requestId, setRequestId] = useState<string>();
  const close = async (isJustified: boolean): Promise<void> => {
    if (found.trim().length < SHORTEST) return setFaults([{ field: 'found', text: sayTasks('decide.short') }]);
    const text = sayTasks(isJustified ? 'decide.justified' : 'decide.not-justified');
    const next: Task = {
      ...task,
      status: 'completed',
      businessStatus: { text: isJustified ? 'justified' : 'not-justified' },
      note: [...(task.note ?? []), { time: new Date().toISOString(), text: found.trim() }],
    };
    try {
      await ask({
        method: 'PUT',
        path: `Task/${task.id!}`,
        body: next,
        headers: etag === undefined ? {} : { 'If-Match': etag },
      });
      done(task.id!, text);
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error;
      setFaults(refusedBy(error, task.id!, { 'Task.note': 'found' }));
      setRequestId(error.requestId);
    }
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
        fault={faults.find(({ field }) => field === 'found')?.text}
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
