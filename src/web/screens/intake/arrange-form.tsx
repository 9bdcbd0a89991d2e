/** Pages of a scan, and of others of its batch, in other documents: split, joined, ordered and turned, by a line for each document. The server sees to it that none is lost. */
import type { Bundle, Parameters, ParametersParameter, Task } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask, search } from '../../fhir/client.js';
import { sayIntake } from '../../messages/intake.js';
import { HOME } from '../../session/server.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { type OfTask, parametersWith, useOperation } from '../../tasks/use-operation.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary } from '../../ui/fault-summary.js';
import { AreaField, TextField } from '../../ui/fields.js';
import { matchesIn } from '../../ui/use-pages.js';
import { useQuery } from '../../ui/use-query.js';
import { documentOfScan, SCAN_CODE, WAITING_SCANS } from './scan-parts.js';

/** Of the scans that are named by a letter; the one that is shown is A. */
const LETTERS = 'ABCDEFGHIJKLMNOPQRST';

interface NamedScan {
  readonly letter: string;
  /** Ids. */
  readonly task: string;
  readonly document: string;
}

/** The one that is shown, and those of its batch that wait as well. */
async function scansBeside(task: Task, signal: AbortSignal): Promise<readonly NamedScan[]> {
  const batch = task.basedOn?.find(({ reference }) => reference?.startsWith('List/'))?.reference;
  const asked = {
    code: SCAN_CODE,
    'based-on': batch ?? '',
    ...WAITING_SCANS,
    _count: '20',
    _elements: 'focus,basedOn',
  };
  const others =
    batch === undefined
      ? []
      : matchesIn((await search<Bundle<Task>>('Task', asked, signal)).body).filter(({ id }) => id !== task.id);
  return [task, ...others].flatMap((each, at) => {
    const [letter, document] = [LETTERS[at], documentOfScan(each)];
    return letter === undefined || document === undefined ? [] : [{ letter, task: each.id!, document }];
  });
}

const PAGES = /^([A-T])?(\d{1,4})(?:-(\d{1,4}))?(?:\+(90|180|270))?$/;

/** Of a line such as `1-3, B2, 5+90`. Undefined: it is none. */
function pagesIn(line: string, scans: readonly NamedScan[]): readonly ParametersParameter[][] | undefined {
  const pages: ParametersParameter[][] = [];
  for (const each of line.split(',')) {
    const [, letter = 'A', from = '', to = from, turn] = PAGES.exec(each.trim().toUpperCase()) ?? [];
    const scan = scans.find(one => one.letter === letter);
    if (!scan || from === '' || Number(from) < 1 || Number(to) < Number(from)) return undefined;
    for (let number = Number(from); number <= Number(to); number++)
      pages.push([
        { name: 'scan', valueReference: { reference: `DocumentReference/${scan.document}` } },
        { name: 'number', valuePositiveInt: number },
        ...(turn === undefined ? [] : [{ name: 'turn', valuePositiveInt: Number(turn) }]),
      ]);
  }
  return pages;
}

const linesOf = (text: string): readonly string[] => text.split('\n').filter(line => line.trim() !== '');

export function ArrangePages(scan: OfTask) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="panel" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{sayIntake('arrange')}</summary>
      {isOpen && <ArrangeForm {...scan} />}
    </details>
  );
}

function ArrangeForm(scan: OfTask) {
  const { task } = scan;
  const [documents, setDocuments] = useState('');
  const [leftOut, setLeftOut] = useState('');
  const { faults, requestId, faultAt, lack, trying } = useOperation(scan);
  const { data: scans } = useQuery({ key: ['scans-beside', task.id], ask: signal => scansBeside(task, signal) });
  const give = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!scans) return;
    const lines = linesOf(documents).map(line => pagesIn(line, scans));
    const out = linesOf(leftOut).map(line => pagesIn(line, scans));
    const isWrong = lines.length === 0 || lines.includes(undefined);
    const faulty = [
      ...(isWrong ? ['arrange-documents'] : []),
      ...(out.includes(undefined) ? ['arrange-left-out'] : []),
    ];
    if (lack(faulty.map(field => ({ field, text: sayIntake('arrange.wrong') })))) return;
    const parameter = [
      ...lines.map((pages = []) => ({ name: 'document', part: pages.map(part => ({ name: 'page', part })) })),
      ...out.flatMap((pages = []) => pages.map(part => ({ name: 'left-out', part }))),
    ];
    const path = 'DocumentReference/$arrange-pages';
    const answer = await trying(() => ask<Parameters>({ method: 'POST', path, body: parametersWith(parameter) }), {
      byExpression: { 'Parameters.parameter': 'arrange-documents' },
    });
    if (!answer) return;
    announce(sayIntake('arrange.done', { n: lines.length }));
    reloadTask(task.id!);
  };
  return (
    <form onSubmit={event => void give(event)} noValidate>
      <p class="hint">{sayIntake('arrange.text')}</p>
      <FaultSummary faults={faults} requestId={requestId} />
      {scans && scans.length > 1 && (
        <p>
          {sayIntake('arrange.beside')}{' '}
          {scans.slice(1).map(each => (
            <a key={each.task} href={`${HOME}intake/scan/${each.task}`}>
              {sayIntake('arrange.scan', { letter: each.letter })}{' '}
            </a>
          ))}
        </p>
      )}
      <AreaField
        id="arrange-documents"
        label={sayIntake('arrange.documents')}
        hint={sayIntake('arrange.documents.hint')}
        value={documents}
        set={setDocuments}
        fault={faultAt('arrange-documents')}
      />
      <TextField
        id="arrange-left-out"
        label={sayIntake('arrange.left-out')}
        hint={sayIntake('arrange.left-out.hint')}
        value={leftOut}
        set={setLeftOut}
        fault={faultAt('arrange-left-out')}
      />
      <button type="submit" class="secondary">
        {sayIntake('arrange.give')}
      </button>
    </form>
  );
}
