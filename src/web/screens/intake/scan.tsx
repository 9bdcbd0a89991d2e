/** One scan: what came, its index, and what can be done with it. The patient is confirmed by two things that the paper says. */
import type { Attachment, DocumentReference, Patient, Reference, Task } from 'fhir/r4';
import { useRoute } from 'preact-iso/router';
import lazy from 'preact-iso/lazy';
import { useState } from 'preact/hooks';
import { ask, askBytes, pathBelow } from '../../fhir/client.js';
import { nameInUse, shownConcept, shownDate, shownName } from '../../fhir/show.js';
import { sayIntake } from '../../messages/intake.js';
import { HOME } from '../../session/server.js';
import { type Overtaking, useOvertaking } from '../../tasks/overtaken.js';
import { DueTags, isOver, StateTag } from '../../tasks/task-table.js';
import type { OfTask } from '../../tasks/use-operation.js';
import { WithTask } from '../../tasks/with-task.js';
import { RequestFailed } from '../../ui/fault-summary.js';
import { Loading, Page } from '../../ui/page.js';
import { OfRecord, SummaryList } from '../../ui/parts.js';
import { WithPatient } from '../../ui/patient-banner.js';
import { useQuery } from '../../ui/use-query.js';
import { ArrangePages } from './arrange-form.js';
import { IndexForm } from './index-form.js';
import { NextScan } from './next-scan.js';
import { documentOfScan, findingsIn, isScanTask, patientOfScan, stateOfScan } from './scan-parts.js';
import { ScanSteps } from './scan-steps.js';

const ShownScan = lazy(() => import('../document/viewer.js').then(module => module.Viewer));
/** Types whose pages can be put into other documents. */
const PAGED: ReadonlySet<string> = new Set(['application/pdf', 'image/tiff', 'image/jpeg']);
const typeOf = (document: DocumentReference | undefined): string =>
  document?.content[0]?.attachment.contentType?.split(';')[0]?.trim() ?? '';
const TO_INDEX: ReadonlySet<string> = new Set(['pending-index', 'rework']);

export function ScanPage() {
  const { id = '' } = useRoute().params;
  return (
    <WithTask id={id} title={sayIntake('scan')}>
      {({ task }) => <ScanOf key={id} task={task} />}
    </WithTask>
  );
}

function ScanOf({ task }: { readonly task: Task }) {
  const id = task.id!;
  const [first] = useState(() => stateOfScan(task));
  const { overtake, overtaken } = useOvertaking(task);
  const document = documentOfScan(task);
  const state = stateOfScan(task);
  if (!isScanTask(task) || document === undefined)
    return (
      <Page title={sayIntake('scan')}>
        <p class="notice warning">{sayIntake(isScanTask(task) ? 'no-document' : 'no-scan')}</p>
      </Page>
    );
  // Who was overtaken has done nothing: they hear of that, and are not led on.
  const isDone = first !== state && overtaken === undefined;
  const shown = <OneScan {...{ task, overtake, overtaken, document, isDone }} />;
  const patient = patientOfScan(task);
  return patient === undefined ? (
    shown
  ) : (
    <WithPatient id={patient} leading={id} key={patient}>
      {() => shown}
    </WithPatient>
  );
}

interface OneScanShape extends OfTask, Overtaking {
  /** Id. */
  readonly document: string;
  /** Something was done with it here since it was opened. */
  readonly isDone: boolean;
}

function OneScan({ task, overtake, overtaken, document, isDone }: OneScanShape) {
  const id = task.id!;
  const state = stateOfScan(task);
  const { data, error, refetch } = useQuery({
    key: ['scan', id, state],
    ask: async signal => (await ask<DocumentReference>({ path: `DocumentReference/${document}`, signal })).body,
  });
  return (
    <Page title={sayIntake('scan')}>
      <p>
        <StateTag task={task} /> <DueTags task={task} />
      </p>
      {overtaken}
      <Found task={task} />
      <div class="beside">
        <div>
          <h2>{sayIntake('open')}</h2>
          {error ? (
            <RequestFailed fault={error} again={() => void refetch()} />
          ) : !data ? (
            <Loading />
          ) : (
            <Scanned task={id} document={data} />
          )}
        </div>
        <div>
          {data && !TO_INDEX.has(state) && <IndexShown document={data} />}
          {TO_INDEX.has(state) && <IndexForm {...{ task, overtake, document }} />}
          {TO_INDEX.has(state) && PAGED.has(typeOf(data)) && <ArrangePages {...{ task, overtake }} />}
          {!isOver(task) && <ScanSteps {...{ task, overtake }} />}
          <NextScan task={task} isDone={isDone} />
          <p>
            <a href={`${HOME}intake`}>{sayIntake('waiting')}</a>
          </p>
        </div>
      </div>
    </Page>
  );
}

/** What a second person holds against the paper. */
function IndexShown({ document: { contained = [], type, context, author } }: { readonly document: DocumentReference }) {
  const said = contained.find((each): each is Patient => each.resourceType === 'Patient');
  const name = shownName(nameInUse(said?.name));
  const nameOf = ({ display, reference }: Reference = {}): string => display ?? reference ?? '';
  return (
    <section>
      <h2>{sayIntake('index')}</h2>
      <SummaryList
        rows={[
          [sayIntake('identifier'), said?.identifier?.map(({ value }) => value).join(', ')],
          [sayIntake('name'), name === '' ? undefined : <OfRecord>{name}</OfRecord>],
          [sayIntake('birthdate'), shownDate(said?.birthDate)],
          [sayIntake('type'), <OfRecord>{shownConcept(type)}</OfRecord>],
          [sayIntake('date'), shownDate(context?.period?.start)],
          [sayIntake('author'), <OfRecord>{nameOf(author?.[0])}</OfRecord>],
          [sayIntake('encounter'), nameOf(context?.encounter?.[0])],
        ]}
      />
    </section>
  );
}

function Found({ task }: { readonly task: Task }) {
  const found = findingsIn(task);
  if (found.length === 0) return null;
  return (
    <div class="notice warning">
      <h2>{sayIntake('found')}</h2>
      <ul>
        {found.map(({ text, page }) => (
          <li key={`${text} ${page ?? ''}`}>
            {text} {page !== undefined && sayIntake('found.page', { n: page })}
          </li>
        ))}
      </ul>
    </div>
  );
}

interface ScannedBytes {
  readonly bytes: Blob;
  readonly contentType: string;
  readonly path: string;
}

async function bytesOf({ data, url, contentType = '' }: Attachment, signal: AbortSignal): Promise<ScannedBytes> {
  const path = url === undefined ? undefined : pathBelow(url);
  if (data === undefined && path !== undefined)
    return { bytes: (await askBytes({ path, accept: '*/*', signal })).body, contentType, path };
  const bytes = Uint8Array.from(atob(data ?? ''), each => each.charCodeAt(0));
  return { bytes: new Blob([bytes]), contentType, path: '' };
}

function Scanned({ task, document }: { readonly task: string; readonly document: DocumentReference }) {
  const { data, error, refetch } = useQuery({
    key: ['scan-bytes', task, document.id],
    ask: signal => bytesOf(document.content[0]?.attachment ?? {}, signal),
  });
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  return <ShownScan bytes={data.bytes} contentType={data.contentType} path={data.path} title={sayIntake('open')} />;
}
