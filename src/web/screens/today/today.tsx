/** What is due, overdue and mine. */
import type { Task } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { sayTasks } from '../../messages/tasks.js';
import { HOME } from '../../session/server.js';
import { session } from '../../session/session.js';
import { byDue, isOverdue, OVER, TASK_ELEMENTS, TaskTable } from '../../tasks/task-table.js';
import { FoundList } from '../../ui/found-list.js';
import { SelectField } from '../../ui/fields.js';
import { Page } from '../../ui/page.js';
import { usePages } from '../../ui/use-pages.js';

const SHOWN = ['open', 'mine', 'overdue', 'done'] as const;
type Shown = (typeof SHOWN)[number];

export function Today() {
  const [shown, setShown] = useState<Shown>('open');
  const fhirUser = session.value?.fhirUser;
  const offered = SHOWN.filter(each => each !== 'mine' || fhirUser !== undefined);
  return (
    <Page title={sayTasks('today.title')}>
      <p>{sayTasks('today.text')}</p>
      <div class="narrow">
        <SelectField
          id="shown"
          label={sayTasks('show')}
          value={shown}
          set={value => setShown(SHOWN.find(each => each === value) ?? 'open')}
          options={offered.map(each => [each, sayTasks(`show.${each}`)])}
        />
      </div>
      <Work key={shown} shown={shown} owner={shown === 'mine' ? fhirUser : undefined} />
    </Page>
  );
}

function Work({ shown, owner }: { readonly shown: Shown; readonly owner: string | undefined }) {
  const over = OVER.join(',');
  const pages = usePages<Task>({
    type: 'Task',
    parameters: {
      ...(shown === 'done'
        ? { status: over, _sort: '-modified' }
        : { 'status:not': over.split(','), _sort: '-authored-on' }),
      ...(owner === undefined ? {} : { owner }),
      ...{ _count: '25', _elements: TASK_ELEMENTS },
    },
  });
  const chosen = (tasks: readonly Task[]): readonly Task[] =>
    shown === 'done' ? tasks : tasks.filter(each => shown !== 'overdue' || isOverdue(each)).toSorted(byDue);
  return (
    <FoundList
      pages={pages}
      none={sayTasks('none')}
      show={found => <TaskTable tasks={chosen(found)} home={`${HOME}today`} />}
    />
  );
}
