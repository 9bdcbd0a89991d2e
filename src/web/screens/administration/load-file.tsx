/** A file of resources, as of a guide, that is loaded by a job ($import). */
import { useState } from 'preact/hooks';
import { sayAdmin } from '../../messages/administration.js';
import { HOME } from '../../session/server.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, type FieldFault, fieldFaults } from '../../ui/fault-summary.js';
import { FilesField } from '../../ui/files-field.js';
import { useFaults } from '../../ui/use-faults.js';
import { startJob } from './job-parts.js';

/** By the end of a name. */
const FORMS = { '.ndjson': 'application/fhir+ndjson', '.json': 'application/fhir+json' } as const;

const formOfFile = ({ name }: File): string | undefined =>
  Object.entries(FORMS).find(([end]) => name.toLowerCase().endsWith(end))?.[1];

function faultOfFiles(files: readonly File[]): FieldFault | undefined {
  const text =
    files.length !== 1
      ? 'load.one'
      : formOfFile(files[0]!) === undefined
        ? 'load.form'
        : files[0]!.size === 0
          ? 'load.empty'
          : undefined;
  return text && { field: 'file', text: sayAdmin(text) };
}

export function LoadFile() {
  const [files, setFiles] = useState<readonly File[]>([]);
  const [begun, setBegun] = useState<string>();
  const { faults, requestId, faultAt, lack, trying, isBusy } = useFaults();
  const load = async (event: Event): Promise<void> => {
    event.preventDefault();
    const fault = faultOfFiles(files);
    if (lack(fault ? [fault] : [])) return;
    const file = files[0]!;
    const headers = { 'Content-Type': formOfFile(file)! };
    const job = await trying(
      () => startJob({ path: '$import', body: file, headers }),
      refused => fieldFaults(refused).map(({ text }) => ({ field: 'file', text })),
    );
    if (job === undefined) return;
    setFiles([]);
    setBegun(file.name);
    announce(sayAdmin('load.begun', { name: file.name }));
  };
  return (
    <form onSubmit={event => void load(event)} noValidate>
      <FaultSummary faults={faults} requestId={requestId} />
      <p>{sayAdmin('load.text')}</p>
      <FilesField
        id="file"
        label={sayAdmin('load.file')}
        hint={sayAdmin('load.hint')}
        value={files}
        set={setFiles}
        fault={faultAt('file')}
      />
      <button type="submit" disabled={isBusy}>
        {sayAdmin('load.do')}
      </button>
      {begun !== undefined && (
        <p class="notice">
          {sayAdmin('load.begun', { name: begun })} <a href={`${HOME}administration`}>{sayAdmin('tab.jobs')}</a>
        </p>
      )}
    </form>
  );
}
