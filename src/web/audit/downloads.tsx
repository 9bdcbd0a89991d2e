/** An answer in the forms that leave the page: the server makes them, whole, and records that it did. */
import type { Parameters } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { askBytes } from '../fhir/client.js';
import type { RequestFault } from '../fhir/fault.js';
import { saveFile } from '../ui/save-file.js';
import { sayAudit } from '../messages/audit.js';
import { RequestFailed } from '../ui/fault-summary.js';

interface DownloadsShape {
  readonly path: string;
  readonly body: Parameters;
  /** Of the file, without its ending: nothing of a patient. */
  readonly name: string;
}

export function Downloads({ path, body, name }: DownloadsShape) {
  const [fault, setFault] = useState<RequestFault>();
  const save = async (form: 'csv' | 'html'): Promise<void> => {
    setFault(undefined);
    try {
      const { body: bytes } = await askBytes({ method: 'POST', path, body, accept: `text/${form}` });
      saveFile(bytes, `${name}.${form}`);
    } catch (error) {
      setFault(error as RequestFault);
    }
  };
  return (
    <>
      {fault && <RequestFailed fault={fault} />}
      <div class="buttons">
        {(['csv', 'html'] as const).map(form => (
          <button key={form} type="button" class="secondary" onClick={() => void save(form)}>
            {sayAudit(form)}
          </button>
        ))}
      </div>
    </>
  );
}
