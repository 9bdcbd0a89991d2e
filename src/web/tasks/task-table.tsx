/** Tasks in a list: what, until when, with whom. */
import type { Task } from 'fhir/r4';
import { shownConcept, shownDate } from '../fhir/show.js';
import { sayTasks } from '../messages/tasks.js';
import { HOME } from '../session/server.js';
import { OfRecord, Table, Tag } from '../ui/parts.js';

export const TASK_ELEMENTS =
  'status,businessStatus,code,description,priority,restriction,owner,for,focus,authoredOn,lastModified,intent';
/** Of Task.status: nothing is to be done any more. */
export const OVER = ['completed', 'cancelled', 'failed', 'rejected', 'entered-in-error'] as const;

export const dueOf = ({ restriction }: Task): string | undefined => restriction?.period?.end;
export const isOver = ({ status }: Task): boolean => OVER.some(each => each === status);
export const isOverdue = (task: Task): boolean => !isOver(task) && Date.parse(dueOf(task) ?? '') < Date.now();

/** The most urgent first: what is overdue, what is due, what has no date. */
export const byDue = (a: Task, b: Task): number => {
  const [left, right] = [a, b].map(each => Date.parse(dueOf(each) ?? '') || Infinity);
  return left === right ? 0 : left! - right!;
};

const isToday = (value: string | undefined): boolean =>
  value !== undefined && new Date(value).toDateString() === new Date().toDateString();

export const DueTags = ({ task }: { readonly task: Task }) => (
  <>
    {isOverdue(task) && <Tag colour="red">{sayTasks('overdue')}</Tag>}
    {!isOverdue(task) && !isOver(task) && isToday(dueOf(task)) && <Tag colour="yellow">{sayTasks('due-today')}</Tag>}
    {task.priority !== undefined && task.priority !== 'routine' && <Tag colour="orange">{sayTasks('urgent')}</Tag>}
  </>
);

export const StateTag = ({ task }: { readonly task: Task }) => (
  <Tag colour={isOver(task) ? 'grey' : 'blue'}>{shownConcept(task.businessStatus) || task.status}</Tag>
);

/** `home`: below which each has its page. */
export const TaskTable = ({ tasks, home }: { readonly tasks: readonly Task[]; readonly home: string }) => (
  <Table
    caption={sayTasks('found', { n: tasks.length })}
    columns={(['what', 'due', 'status', 'owner', 'patient'] as const).map(each => sayTasks(`column.${each}`))}
    rows={tasks.map(task => ({
      key: task.id!,
      cells: [
        <>
          <a href={`${home}/${task.id!}`}>
            <OfRecord>{shownConcept(task.code) || sayTasks('task')}</OfRecord>
          </a>
          {task.description !== undefined && (
            <p class="hint">
              <OfRecord>{task.description}</OfRecord>
            </p>
          )}
        </>,
        <>
          <span class="nowrap">{shownDate(dueOf(task))}</span> <DueTags task={task} />
        </>,
        <StateTag task={task} />,
        <OfRecord>{task.owner?.display ?? ''}</OfRecord>,
        <PatientLink task={task} />,
      ],
    }))}
  />
);

export function PatientLink({ task }: { readonly task: Task }) {
  const id = /(?:^|\/)Patient\/([^/]+)$/.exec(task.for?.reference ?? '')?.[1];
  return id === undefined ? null : <a href={`${HOME}chart/${id}`}>{sayTasks('open-chart')}</a>;
}
