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
import { queries, useQuery } from '../../ui/use-query.js';
import { type Mark, shownMark } from '../document/mark.js';
import {
  type DocumentMarks,
  type DrawnMarks,
  isMarkedSo,
  type MarkedVersion,
  marksIn,
  type MarksOfDocument,
  mergedMarks,
} from './marks.js';

const ShownToMark = lazy(() => import('../document/pdf-to-mark.js').then(module => module.PdfToMark));

interface MarkShape {
  readonly marks: readonly Mark[];
  readonly set: (marks: readonly Mark[]) => void;
}

interface MarkDocumentShape {
  /** Of the document. */
  readonly id: string;
  readonly title: string;
  /** Undefined: there were none yet. */
  readonly marked: MarksOfDocument | undefined;
  readonly set: (marked: MarksOfDocument) => void;
  readonly close: () => void;
}

interface SeenDocument extends MarkedVersion {
  /** Undefined: it is no PDF. */
  readonly pdf: Blob | undefined;
}

const hexadecimal = (bytes: ArrayBuffer): string =>
  [...new Uint8Array(bytes)].map(each => each.toString(16).padStart(2, '0')).join('');

async function seenDocument(id: string, signal: AbortSignal): Promise<SeenDocument> {
  const { body } = await ask<DocumentReference>({ path: `DocumentReference/${id}`, signal });
  const version = body.meta?.versionId;
  // Of several contents the first one goes out.
  const { contentType = '', url } = body.content[0]?.attachment ?? {};
  const path = url === undefined ? undefined : pathBelow(url);
  if (!/^application\/pdf\b/i.test(contentType) || path === undefined)
    return { version, sha256: undefined, pdf: undefined };
  const pdf = (await askBytes({ path, accept: '*/*', signal })).body;
  const sha256 = hexadecimal(await crypto.subtle.digest('SHA-256', await pdf.arrayBuffer()));
  return { version, sha256, pdf };
}

/** Marks of a request, and the document that is open for them. */
export interface Marking {
  readonly marks: DocumentMarks;
  /** Id. */
  readonly opened: string | undefined;
  readonly open: (id: string | undefined) => void;
  readonly set: (id: string, marked: MarksOfDocument) => void;
  /** What was drawn here on these: it is chosen, and stands in the request. Marks of others wait until those go out, too. */
  readonly forget: (chosen: ReadonlySet<string>) => void;
}

const keyOfSeen = (id: string): readonly string[] => ['document-to-mark', id];

export function useMarks(task: Task): Marking {
  /** Of what was marked here alone: the rest is as the request says it, also where somebody else has changed that meanwhile. */
  const [drawn, setDrawn] = useState<ReadonlyMap<string, DrawnMarks>>(new Map());
  const [opened, setOpened] = useState<string>();
  const stored = marksIn(task);
  const marks = mergedMarks(stored, drawn);
  const open = (id: string | undefined): void => {
    // It may be another one by now.
    if (id !== undefined) queries.removeQueries({ queryKey: keyOfSeen(id) });
    setOpened(id);
  };
  return {
    ...{ marks, opened, open },
    set: (id, marked) => setDrawn(new Map([...drawn, [id, { ...marked, before: stored.get(id)?.marks ?? [] }]])),
    forget(chosen) {
      const waiting = [...marks].filter(([id]) => !chosen.has(id));
      setDrawn(new Map(waiting.map(([id, marked]) => [id, { ...marked, before: marked.marks }])));
      setOpened(undefined);
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
      marked={marks.get(opened)}
      set={next => set(opened, next)}
      close={close}
    />
  );
}

function MarkDocument({ id, title, marked, set, close }: MarkDocumentShape) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [id]);
  const { data, error, refetch } = useQuery({ key: keyOfSeen(id), ask: signal => seenDocument(id, signal) });
  return (
    <section class="panel">
      <h3 tabIndex={-1} ref={heading}>
        {sayMarks('title')} <OfRecord>{title}</OfRecord>
      </h3>
      <p>{sayMarks('text')}</p>
      {error ? (
        <RequestFailed fault={error} again={() => void refetch()} />
      ) : data ? (
        <MarksOfSeen {...{ title, marked, set }} seen={data} />
      ) : (
        <Loading />
      )}
      <button type="button" class="secondary" onClick={close}>
        {sayMarks('close')}
      </button>
    </section>
  );
}

interface SeenShape extends Pick<MarkDocumentShape, 'title' | 'marked' | 'set'> {
  readonly seen: SeenDocument;
}

/** Marks of another version are shown, and none is added to them: they begin anew. */
function MarksOfSeen({ title, marked, set, seen: { pdf, ...version } }: SeenShape) {
  const marks = marked?.marks ?? [];
  const setOfThis = (next: readonly Mark[]): void => set({ ...version, marks: next });
  if (marked && marks.length > 0 && !isMarkedSo(marked, version))
    return (
      <>
        <p class="notice warning">{sayMarks('other-version')}</p>
        <MarkTable marks={marks} />
        <div class="buttons">
          <button
            type="button"
            onClick={() => {
              setOfThis([]);
              announce(sayMarks('anew.done'));
            }}
          >
            {sayMarks('anew')}
          </button>
        </div>
      </>
    );
  return (
    <>
      {pdf ? (
        <ShownToMark bytes={pdf} title={title} marks={marks} set={setOfThis} />
      ) : (
        <WholePages marks={marks} set={setOfThis} />
      )}
      <MarkTable marks={marks} set={setOfThis} />
    </>
  );
}

interface MarkTableShape {
  readonly marks: readonly Mark[];
  /** Undefined: they are shown, and not changed. */
  readonly set?: (marks: readonly Mark[]) => void;
}

function MarkTable({ marks, set }: MarkTableShape) {
  if (marks.length === 0) return <p class="empty">{sayMarks('none')}</p>;
  return (
    <Table
      caption={sayMarks('count', { n: marks.length })}
      columns={(['page', 'what', ...(set ? (['remove'] as const) : [])] as const).map(each =>
        sayMarks(`column.${each}`),
      )}
      rows={marks.map((each, at) => {
        const what = shownMark(each);
        return {
          key: `${at}`,
          cells: [
            String(each.page),
            what,
            ...(set ? [<RemoveMark mark={each} remove={() => set(marks.filter(other => other !== each))} />] : []),
          ],
        };
      })}
    />
  );
}

function RemoveMark({ mark, remove }: { readonly mark: Mark; readonly remove: () => void }) {
  return (
    <button
      type="button"
      class="secondary"
      aria-label={`${sayMarks('remove')}: ${sayMarks('of-page', { n: mark.page })}, ${shownMark(mark)}`}
      onClick={() => {
        remove();
        announce(sayMarks('removed'));
      }}
    >
      {sayMarks('remove')}
    </button>
  );
}

function WholePages({ marks, set }: MarkShape) {
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
