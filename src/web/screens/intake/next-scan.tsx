/** From one scan to the next that waits, by one key: the button has the focus when a scan is done with. */
import type { Bundle, Task } from 'fhir/r4';
import { useLocation } from 'preact-iso/router';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, pathOfLink, search } from '../../fhir/client.js';
import { sayIntake } from '../../messages/intake.js';
import { HOME } from '../../session/server.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary } from '../../ui/fault-summary.js';
import { useFaults } from '../../ui/use-faults.js';
import { matchesIn, nextOf } from '../../ui/use-pages.js';
import { SCAN_CODE, WAITING_SCANS } from './scan-parts.js';

/** Scans that are asked for at once. */
const PAGE_OF_SCANS = '50';

/** The first one of a search behind a scan, or the first of all where that one is not among them. Pages are asked for until it is found. */
async function firstBehind(id: string, parameters: Readonly<Record<string, string>>): Promise<string | undefined> {
  const asked = { code: SCAN_CODE, ...WAITING_SCANS, ...parameters, _count: PAGE_OF_SCANS, _elements: 'id,authoredOn' };
  let { body } = await search<Bundle<Task>>('Task', asked);
  let first: string | undefined;
  let isPassed = false;
  for (;;) {
    for (const each of matchesIn(body)) {
      if (each.id === id) isPassed = true;
      else if (isPassed) return each.id;
      else first ??= each.id;
    }
    const next = nextOf(body);
    if (next === undefined) return isPassed ? undefined : first;
    ({ body } = await ask<Bundle<Task>>({ path: pathOfLink(next) }));
  }
}

/** The oldest one of all. */
async function oldestBeside(id: string): Promise<string | undefined> {
  const asked = { code: SCAN_CODE, ...WAITING_SCANS, _count: '2', _elements: 'id' };
  return matchesIn((await search<Bundle<Task>>('Task', asked)).body).find(each => each.id !== id)?.id;
}

/** Those that came later first, then the oldest of all. */
const nextScan = async ({ id = '', authoredOn }: Task): Promise<string | undefined> =>
  (authoredOn === undefined ? undefined : await firstBehind(id, { 'authored-on': `ge${authoredOn}` })) ??
  (await oldestBeside(id));

interface NextShape {
  /** The one that is shown. */
  readonly task: Task;
  /** Something was done with it here since it was opened. */
  readonly isDone: boolean;
}

export function NextScan({ task, isDone }: NextShape) {
  const button = useRef<HTMLButtonElement>(null);
  const { route } = useLocation();
  const { faults, requestId, trying } = useFaults();
  const [isLast, setLast] = useState(false);
  useEffect(() => {
    if (isDone) button.current?.focus();
  }, [isDone]);
  const go = async (): Promise<void> => {
    const found = await trying(async () => ({ next: await nextScan(task) }));
    if (!found) return;
    if (found.next !== undefined) return route(`${HOME}intake/scan/${found.next}`);
    setLast(true);
    announce(sayIntake('next.none'));
  };
  return (
    <>
      <FaultSummary faults={faults} requestId={requestId} />
      {isLast && <p class="notice">{sayIntake('next.none')}</p>}
      <div class="buttons">
        <button type="button" class="secondary" ref={button} onClick={() => void go()}>
          {sayIntake('next')}
        </button>
      </div>
    </>
  );
}
