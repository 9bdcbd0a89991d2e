/** One event as it is recorded, and the proof that it is sealed. */
import type { Parameters } from 'fhir/r4';
import { useEffect, useState } from 'preact/hooks';
import { ask, askBytes } from '../fhir/client.js';
import type { RequestFault } from '../fhir/fault.js';
import { indentedJson } from '../fhir/json-text.js';
import { say } from '../messages/common.js';
import { sayAudit } from '../messages/audit.js';
import { RequestFailed } from '../ui/fault-summary.js';
import { Modal } from '../ui/modal.js';
import { Loading } from '../ui/page.js';

/** `path`: `AuditEvent/…`. */
export function EventModal({ path, close }: { readonly path: string; readonly close: () => void }) {
  const [text, setText] = useState<string>();
  const [proven, setProven] = useState<string>();
  const [fault, setFault] = useState<RequestFault>();
  useEffect(() => {
    askBytes({ path })
      .then(async ({ body }) => setText(indentedJson(await body.text())))
      .catch(setFault);
  }, [path]);
  const prove = async (): Promise<void> => {
    try {
      setProven(provenBy((await ask<Parameters>({ path: `${path}/$proof` })).body));
    } catch (error) {
      setFault(error as RequestFault);
    }
  };
  return (
    <Modal title={sayAudit('event.title')} close={close}>
      <p>{sayAudit('event.text')}</p>
      {fault && <RequestFailed fault={fault} />}
      {text === undefined ? (
        !fault && <Loading />
      ) : (
        <pre class="body" tabIndex={0} role="region" aria-label={sayAudit('event.title')}>
          {text}
        </pre>
      )}
      {proven !== undefined && (
        <p class="notice" role="status">
          {proven}
        </p>
      )}
      <div class="buttons">
        <button type="button" class="secondary" onClick={() => void prove()}>
          {sayAudit('event.prove')}
        </button>
        <button type="button" class="secondary" onClick={close}>
          {say('close')}
        </button>
      </div>
    </Modal>
  );
}

function provenBy({ parameter = [] }: Parameters): string {
  const named = (name: string) => parameter.find(each => each.name === name);
  // A checkpoint is origin, size and root, a line each.
  const size = Number(named('checkpoint')?.valueString?.split('\n')[1] ?? 0);
  const stream = named('stream')?.valueString ?? '';
  return sayAudit('event.proven', { index: named('index')?.valueUnsignedInt ?? 0, size, stream });
}
