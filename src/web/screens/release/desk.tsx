/** The requests for records, the one that is due first above. */
import type { Task } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { sayRelease } from '../../messages/release.js';
import { HOME } from '../../session/server.js';
import { byDue, OVER, TASK_ELEMENTS, TaskTable } from '../../tasks/task-table.js';
import { SelectField } from '../../ui/fields.js';
import { FoundList } from '../../ui/found-list.js';
import { Page } from '../../ui/page.js';
import { usePages } from '../../ui/use-pages.js';
import { RELEASE_CODE } from './request-parts.js';

const SHOWN = ['open', 'over'] as const;
type Shown = (typeof SHOWN)[number];

export function ReleaseDesk() {
  const [shown, setShown] = useState<Shown>('open');
  return (
    <Page title={sayRelease('title')}>
      <p>{sayRelease('text')}</p>
      <div class="narrow">
        <SelectField
          id="shown"
          label={sayRelease('show')}
          value={shown}
          set={value => setShown(SHOWN.find(each => each === value) ?? 'open')}
          options={SHOWN.map(each => [each, sayRelease(`show.${each}`)])}
        />
      </div>
      <Requests key={shown} shown={shown} />
    </Page>
  );
}

function Requests({ shown }: { readonly shown: Shown }) {
  const pages = usePages<Task>({
    type: 'Task',
    parameters: {
      code: RELEASE_CODE,
      ...(shown === 'over'
        ? { status: OVER.join(','), _sort: '-modified' }
        : { 'status:not': [...OVER], _sort: 'authored-on' }),
      ...{ _count: '25', _elements: TASK_ELEMENTS },
    },
  });
  return (
    <FoundList
      pages={pages}
      none={sayRelease('none')}
      show={found => <TaskTable tasks={shown === 'over' ? found : found.toSorted(byDue)} home={`${HOME}release`} />}
    />
  );
}
