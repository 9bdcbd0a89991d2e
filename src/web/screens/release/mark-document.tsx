/**
 * Marks on the pages of a document: what is below them is burnt out of the package. Pages of a PDF are marked where they are seen. How the server puts
 * anything else on pages is not seen here, so that a mark could miss what it is meant for: of such documents whole pages are withheld.
 */
import type { DocumentReference, Task } from 'fhir/r4';
import lazy from 'preact-iso/lazy';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, askBytes, pathBelow } from '../../fhir/client.js';
import { sayMarks } from '../../messages/marks.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, RequestFailed } from '../../ui/fault-summary.js';
import { TextField } from '../../ui/fields.js';
import { Loading } from '../../ui/page.js';
import { OfRecord, Table } from '../../ui/parts.js';
import { useFaults } from '../../ui/use-faults.js';
import { useQuery } from '../../ui/use-query.js';
import { type Mark, shownMark } from '../document/mark.js';
import { type DocumentMarks, marksIn } from './marks.js';

const ShownToMark = lazy(() => import('../document/pdf-to-mark.js').then(module => module.PdfToMark));

interface MarkShape {
  /** Of the document. */
  readonly id: string;
  readonly title: string;
  readonly marks: readonly Mark[];
  readonly set: (marks: readonly Mark[]) => void;
  readonly close: () => void;
}

/** Undefined: it is no PDF. */
async function pdfOf(id: string, signal: AbortSignal): Promise<Blob | undefined> {
  const { body } = await ask<DocumentReference>({ path: `DocumentReference/${id}`, signal });
  // Of several contents the first one goes out.
  const { contentType = '', url } = body.content[0]?.attachment ?? {};
  const path = url === undefined ? undefined : pathBelow(url);
  if (!/^application\/pdf\b/i.test(contentType) || path === undefined) return undefined;
  return (await askBytes({ path, accept: '*/*', signal })).body;
}

/** Marks of a request, and the document that is open for them. */
export interface Marking {
  readonly marks: DocumentMarks;
  /** Id. */
  readonly opened: string | undefined;
  readonly open: (id: string | undefined) => void;
  readonly set: (id: string, marks: readonly Mark[]) => void;
  /** What was drawn here: it is chosen, and stands in the request. */
  readonly forget: () => void;
}

export function useMarks(task: Task): Marking {
  /** Undefined: those of the choice that was made last. */
  const [own, setOwn] = useState<DocumentMarks>();
  const [opened, open] = useState<string>();
  const marks = own ?? marksIn(task);
  return {
    ...{ marks, opened, open },
    set: (id, next) => setOwn(new Map([...marks, [id, next]])),
    forget() {
      setOwn(undefined);
      open(undefined);
    },
  };
}

interface OpenShape {
  readonly marking: Marking;
  readonly titleOf: (id: string) => string;
}

export function OpenDocument({ marking: { marks, opened, open, set }, titleOf }: OpenShape) {
  if (opened === undefined) return null;
  const close = (): void => {
    open(undefined);
    document.getElementById(`marks-${opened}`)?.focus();
  };
  return (
    <MarkDocument
      key={opened}
      id={opened}
      title={titleOf(opened)}
      marks={marks.get(opened) ?? []}
      set={next => set(opened, next)}
      close={close}
    />
  );
}

function MarkDocument({ id, title, marks, set, close }: MarkShape) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [id]);
  const { data, error, refetch } = useQuery({
    key: ['document-to-mark', id],
    ask: async signal => ({ pdf: await pdfOf(id, signal) }),
  });
  return (
    <section class="panel">
      <h3 tabIndex={-1} ref={heading}>
        {sayMarks('title')} <OfRecord>{title}</OfRecord>
      </h3>
      <p>{sayMarks('text')}</p>
      {error ? (
        <RequestFailed fault={error} again={() => void refetch()} />
      ) : !data ? (
        <Loading />
      ) : data.pdf ? (
        <ShownToMark bytes={data.pdf} title={title} marks={marks} set={set} />
      ) : (
        <WholePages marks={marks} set={set} />
      )}
      <MarkTable marks={marks} set={set} />
      <button type="button" class="secondary" onClick={close}>
        {sayMarks('close')}
      </button>
    </section>
  );
}

function MarkTable({ marks, set }: Pick<MarkShape, 'marks' | 'set'>) {
  if (marks.length === 0) return <p class="empty">{sayMarks('none')}</p>;
  return (
    <Table
      caption={sayMarks('count', { n: marks.length })}
      columns={(['page', 'what', 'remove'] as const).map(each => sayMarks(`column.${each}`))}
      rows={marks.map((each, at) => {
        const what = shownMark(each);
        return {
          key: `${at}`,
          cells: [
            String(each.page),
            what,
            <button
              type="button"
              class="secondary"
              aria-label={`${sayMarks('remove')}: ${sayMarks('of-page', { n: each.page })}, ${what}`}
              onClick={() => {
                set(marks.filter(other => other !== each));
                announce(sayMarks('removed'));
              }}
            >
              {sayMarks('remove')}
            </button>,
          ],
        };
      })}
    />
  );
}

function WholePages({ marks, set }: Pick<MarkShape, 'marks' | 'set'>) {
  const [page, setPage] = useState('');
  const { faults, faultAt, lack } = useFaults();
  const add = (event: Event): void => {
    event.preventDefault();
    const number = Number(page);
    if (lack(/^[1-9]\d{0,4}$/.test(page.trim()) ? [] : [{ field: 'mark-page', text: sayMarks('page.missing') }]))
      return;
    if (!marks.some(each => each.page === number && !each.area)) set([...marks, { page: number }]);
    setPage('');
    announce(sayMarks('added.whole', { n: number }));
  };
  return (
    <form onSubmit={add} noValidate>
      <p class="notice warning">{sayMarks('whole-only')}</p>
      <FaultSummary faults={faults} />
      <div class="narrow">
        <TextField
          id="mark-page"
          label={sayMarks('page')}
          hint={sayMarks('page.hint')}
          value={page}
          set={setPage}
          fault={faultAt('mark-page')}
        />
      </div>
      <div class="buttons">
        <button type="submit" class="secondary">
          {sayMarks('add.whole')}
        </button>
      </div>
    </form>
  );
}
