/** From one scan to the next that waits, by one key: the button has the focus when a scan is done with. */
import type { Bundle, Task } from 'fhir/r4';
import { useLocation } from 'preact-iso/router';
import { useEffect, useRef, useState } from 'preact/hooks';
import { search } from '../../fhir/client.js';
import { RequestFault } from '../../fhir/fault.js';
import { sayIntake } from '../../messages/intake.js';
import { HOME } from '../../session/server.js';
import { announce } from '../../ui/announce.js';
import { RequestFailed } from '../../ui/fault-summary.js';
import { matchesIn } from '../../ui/use-pages.js';
import { SCAN_CODE, WAITING_SCANS } from './scan-parts.js';

/** Scans that are looked at for the next one: those before this one come last. */
const LOOKED_AT = '50';

interface NextShape {
  /** Id of the Task that is shown. */
  readonly task: string;
  /** Something was done with it since it was opened. */
  readonly isDone: boolean;
}

export function NextScan({ task, isDone }: NextShape) {
  const button = useRef<HTMLButtonElement>(null);
  const { route } = useLocation();
  const [fault, setFault] = useState<RequestFault>();
  const [isLast, setLast] = useState(false);
  useEffect(() => {
    if (isDone) button.current?.focus();
  }, [isDone]);
  const go = async (): Promise<void> => {
    try {
      const asked = { code: SCAN_CODE, ...WAITING_SCANS, _count: LOOKED_AT, _elements: 'id,authoredOn' };
      const ids = matchesIn((await search<Bundle<Task>>('Task', asked)).body).map(({ id }) => id!);
      const at = ids.indexOf(task);
      const next = [...ids.slice(at + 1), ...ids.slice(0, Math.max(at, 0))][0];
      if (next !== undefined) return route(`${HOME}intake/scan/${next}`);
      setLast(true);
      announce(sayIntake('next.none'));
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error;
      setFault(error);
    }
  };
  return (
    <>
      {fault && <RequestFailed fault={fault} />}
      {isLast && <p class="notice">{sayIntake('next.none')}</p>}
      <div class="buttons">
        <button type="button" class="secondary" ref={button} onClick={() => void go()}>
          {sayIntake('next')}
        </button>
      </div>
    </>
  );
}
