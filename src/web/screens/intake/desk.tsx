/** What came in: files are taken in, and each waits until somebody has said whose it is and what it is. */
import type { Attachment, List, Parameters, Task } from 'fhir/r4';
import { useRoute } from 'preact-iso/router';
import { useState } from 'preact/hooks';
import { ask } from '../../fhir/client.js';
import type { RequestFault } from '../../fhir/fault.js';
import { sayIntake } from '../../messages/intake.js';
import { shownDate } from '../../fhir/show.js';
import { HOME } from '../../session/server.js';
import { byDue, TASK_ELEMENTS, TaskTable } from '../../tasks/task-table.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, type FieldFault, fieldFaults } from '../../ui/fault-summary.js';
import { CheckField, TextField } from '../../ui/fields.js';
import { FilesField } from '../../ui/files-field.js';
import { FoundList } from '../../ui/found-list.js';
import { Page } from '../../ui/page.js';
import { OfRecord, Table, Tabs } from '../../ui/parts.js';
import { useFaults } from '../../ui/use-faults.js';
import { usePages } from '../../ui/use-pages.js';
import { queries } from '../../ui/use-query.js';
import { IntakeRates } from './rates.js';
import { SCAN_CODE, WAITING_SCANS } from './scan-parts.js';

const MOST_FILES = 100;
/** Bytes of all files, in base64 a third more and the rest of a request come on top. */
const MOST_BYTES = 20 * 1024 * 1024;

const PARTS = { waiting: WaitingScans, batches: Batches, rates: IntakeRates } as const;
type Part = keyof typeof PARTS;
const NAMES = Object.keys(PARTS) as readonly Part[];
const home = `${HOME}intake`;

export function IntakeDesk() {
  const { part = 'waiting' } = useRoute().params;
  const at = NAMES.find(each => each === part) ?? 'waiting';
  const Shown = PARTS[at];
  return (
    <Page title={sayIntake('title')}>
      <Tabs
        label={sayIntake('tabs')}
        at={at}
        tabs={NAMES.map(each => ({
          id: each,
          text: sayIntake(each),
          href: each === 'waiting' ? home : `${home}/${each}`,
        }))}
      />
      <Shown key={at} />
    </Page>
  );
}

/** The Tasks of scans, of one batch or of those that wait. */
function ScanTasks({ parameters }: { readonly parameters: Readonly<Record<string, string | readonly string[]>> }) {
  const pages = usePages<Task>({
    type: 'Task',
    parameters: { code: SCAN_CODE, ...parameters, _count: '25', _elements: TASK_ELEMENTS },
  });
  return (
    <FoundList
      pages={pages}
      none={sayIntake('none')}
      show={found => <TaskTable tasks={found.toSorted(byDue)} home={`${home}/scan`} />}
    />
  );
}

function WaitingScans() {
  return (
    <>
      <p>{sayIntake('text')}</p>
      <TakeFiles />
      <h2>{sayIntake('waiting')}</h2>
      <ScanTasks parameters={WAITING_SCANS} />
    </>
  );
}

function Batches() {
  const pages = usePages<List>({
    type: 'List',
    parameters: {
      code: 'urn:chartroom:list|intake-batch',
      ...{ _sort: '-date', _count: '25', _elements: 'title,date,status,mode,entry' },
    },
  });
  return (
    <FoundList
      pages={pages}
      none={sayIntake('batches.none')}
      show={found => (
        <Table
          caption={sayIntake('batches.found', { n: found.length })}
          columns={[sayIntake('batch'), sayIntake('batch.date'), sayIntake('files')]}
          rows={found.map(({ id = '', title, date, entry = [] }) => ({
            key: id,
            cells: [
              <a href={`${home}/batch/${id}`}>
                <OfRecord>{title ?? sayIntake('batch')}</OfRecord>
              </a>,
              <span class="nowrap">{shownDate(date)}</span>,
              String(entry.length),
            ],
          }))}
        />
      )}
    />
  );
}

export function BatchPage() {
  const { id = '' } = useRoute().params;
  return (
    <Page title={sayIntake('batch')}>
      <ScanTasks key={id} parameters={{ 'based-on': `List/${id}` }} />
      <p>
        <a href={`${home}/batches`}>{sayIntake('batches')}</a>
      </p>
    </Page>
  );
}

/** Bytes that are made base64 at a time: a multiple of three. */
const PIECE = 24_576;

async function base64Of(file: File): Promise<string> {
  const raw = new Uint8Array(await file.arrayBuffer());
  const parts: string[] = [];
  for (let at = 0; at < raw.length; at += PIECE) parts.push(btoa(String.fromCharCode(...raw.subarray(at, at + PIECE))));
  return parts.join('');
}

/** Files that were chosen together, by a name of their own: sent again after an answer that was lost, they come in once. */
interface ChosenFiles {
  readonly id: string;
  readonly files: readonly File[];
  /** Separator sheets stand between their documents. */
  readonly isSeparated: boolean;
}
const chosenNow = (files: readonly File[], isSeparated = false): ChosenFiles => ({
  id: `urn:uuid:${crypto.randomUUID()}`,
  files,
  isSeparated,
});

/** How the base64 of a PDF begins, and of a TIFF: the server takes apart no other file. */
const HOLDS_SEVERAL = /^(?:JVBERi|SUkqA|TU0AK)/;

async function batchOf(source: string, { id, files, isSeparated }: ChosenFiles): Promise<Parameters> {
  const attachments: Attachment[] = [];
  for (const file of files) attachments.push({ title: file.name, data: await base64Of(file) });
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'source', valueString: source },
      ...attachments.map(valueAttachment => ({
        name: 'file',
        part: [
          { name: 'attachment', valueAttachment },
          ...(isSeparated && HOLDS_SEVERAL.test(valueAttachment.data ?? '')
            ? [{ name: 'separated', valueBoolean: true }]
            : []),
        ],
      })),
      { name: 'identifier', valueIdentifier: { system: 'urn:ietf:rfc:3986', value: id } },
    ],
  };
}

function lackingFor(source: string, files: readonly File[]): readonly FieldFault[] {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  return [
    ...(source.trim() === '' ? [{ field: 'source', text: sayIntake('source.missing') }] : []),
    ...(files.length === 0 ? [{ field: 'files', text: sayIntake('files.missing') }] : []),
    ...(files.length > MOST_FILES ? [{ field: 'files', text: sayIntake('files.too-many') }] : []),
    ...(size > MOST_BYTES ? [{ field: 'files', text: sayIntake('files.too-large') }] : []),
  ];
}

/** The first parameter is the source, then each file is one. */
const faultsOfBatch = (fault: RequestFault, files: number): readonly FieldFault[] =>
  fault.issues.length === 0
    ? fieldFaults(fault)
    : fault.issues.map(({ text, expressions }) => {
        const at = Number(
          expressions.map(each => /^Parameters\.parameter\[(\d+)\]/.exec(each)?.[1]).find(Boolean) ?? NaN,
        );
        if (!(at <= files)) return { field: undefined, text };
        return at === 0
          ? { field: 'source', text }
          : { field: 'files', text: sayIntake('files.file', { n: at, text }) };
      });

function TakeFiles() {
  const [source, setSource] = useState('');
  const [chosen, setChosen] = useState(() => chosenNow([]));
  const { files, isSeparated } = chosen;
  const { faults, requestId, faultAt, isBusy, lack, trying } = useFaults();
  const take = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy || lack(lackingFor(source, files))) return;
    const send = async () =>
      ask({
        ...{ method: 'POST', path: 'DocumentReference/$intake', body: await batchOf(source.trim(), chosen) },
        isRepeatable: true,
      });
    if (!(await trying(send, fault => faultsOfBatch(fault, files.length)))) return;
    announce(sayIntake('taken', { n: files.length }));
    setChosen(chosenNow([]));
    await queries.resetQueries({ queryKey: ['pages', 'Task'] });
  };
  return (
    <form class="panel" onSubmit={event => void take(event)} noValidate>
      <h2>{sayIntake('take')}</h2>
      <p class="hint">{sayIntake('take.text')}</p>
      <FaultSummary faults={faults} requestId={requestId} />
      <TextField
        id="source"
        label={sayIntake('source')}
        hint={sayIntake('source.hint')}
        value={source}
        set={setSource}
        width={40}
        fault={faultAt('source')}
      />
      <FilesField
        id="files"
        label={sayIntake('files')}
        value={files}
        set={next => setChosen(chosenNow(next, isSeparated))}
        fault={faultAt('files')}
      />
      <CheckField
        id="separated"
        label={sayIntake('separated')}
        value={isSeparated}
        set={next => setChosen(chosenNow(files, next))}
      />
      <button type="submit" disabled={isBusy}>
        {sayIntake('take')}
      </button>
    </form>
  );
}
