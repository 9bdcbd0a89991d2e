/** Reviews that the privacy officer decides: emergency access, and what the rules have found in the trail. */
import type { Bundle, Parameters, Task } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask } from '../../fhir/client.js';
import { RequestFault } from '../../fhir/fault.js';
import { sayTasks } from '../../messages/tasks.js';
import { HOME } from '../../session/server.js';
import { byDue, OVER, TASK_ELEMENTS, TaskTable } from '../../tasks/task-table.js';
import { announce } from '../../ui/announce.js';
import { RequestFailed } from '../../ui/fault-summary.js';
import { TextField } from '../../ui/fields.js';
import { FoundList } from '../../ui/found-list.js';
import { Page } from '../../ui/page.js';
import { OfRecord } from '../../ui/parts.js';
import { usePages } from '../../ui/use-pages.js';
import { queries } from '../../ui/use-query.js';

const REVIEW_CODES = 'urn:chartroom:task|btg-review,urn:chartroom:task|privacy-review';

export const Privacy = () => (
  <Page title={sayTasks('privacy.title')}>
    <p>{sayTasks('privacy.text')}</p>
    <Reviews />
    <Look />
  </Page>
);

function Reviews() {
  const pages = usePages<Task>({
    type: 'Task',
    parameters: {
      code: REVIEW_CODES,
      'status:not': [...OVER],
      _sort: '-authored-on',
      _count: '25',
      _elements: TASK_ELEMENTS,
    },
  });
  return (
    <FoundList
      pages={pages}
      none={sayTasks('none')}
      show={found => <TaskTable tasks={found.toSorted(byDue)} home={`${HOME}privacy`} />}
    />
  );
}

/** Looks at a day by the rules of the server, when somebody asks for it. */
function Look() {
  const [day, setDay] = useState(() => new Date().toISOString().slice(0, 10));
  const [hits, setHits] = useState<readonly string[]>();
  const [fault, setFault] = useState<RequestFault>();
  const look = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      const body: Parameters = {
        resourceType: 'Parameters',
        parameter: [
          { name: 'start', valueDate: day },
          { name: 'end', valueDate: day },
        ],
      };
      const answer = await ask<Bundle<Parameters>>({ method: 'POST', path: '$audit-anomalies', body });
      const found = sentencesIn(answer.body);
      setHits(found);
      setFault(undefined);
      announce(sayTasks('privacy.looked', { n: found.length }));
      await queries.invalidateQueries({ queryKey: ['pages', 'Task'] });
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error;
      setFault(error);
    }
  };
  return (
    <section class="panel">
      <h2>{sayTasks('privacy.look')}</h2>
      <p class="hint">{sayTasks('privacy.notice')}</p>
      {fault && <RequestFailed fault={fault} />}
      <form onSubmit={event => void look(event)}>
        <div class="narrow">
          <TextField id="day" type="date" label={sayTasks('privacy.day')} value={day} set={setDay} />
        </div>
        <button type="submit" class="secondary">
          {sayTasks('privacy.look')}
        </button>
      </form>
      {hits && (
        <>
          <h3>{sayTasks('privacy.looked', { n: hits.length })}</h3>
          <ul>
            {hits.map(each => (
              <li key={each}>
                <OfRecord>{each}</OfRecord>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

const sentencesIn = ({ entry = [] }: Bundle<Parameters>): readonly string[] =>
  entry.flatMap(({ resource }) => resource?.parameter?.find(({ name }) => name === 'sentence')?.valueString ?? []);
