/**
 * PDF by pdf.js, in its worker: pages are drawn when they come into view, with their text over them for screen readers and for the search. Scripts
 * of a document are not run, and nothing is evaluated.
 */
import { getDocument, GlobalWorkerOptions, type PDFDocumentProxy, PasswordResponses } from 'pdfjs-dist';
import { useEffect, useState } from 'preact/hooks';
import { sayDocument } from '../../messages/document.js';
import { WORKER } from '../../session/server.js';
import { announce } from '../../ui/announce.js';
import { TextField } from '../../ui/fields.js';
import { Loading } from '../../ui/page.js';
import { PdfPage } from './pdf-page.js';
import { PdfThumbnail } from './pdf-thumbnail.js';
import { useView, ViewTools } from './view-tools.js';
import type { ViewerShape } from './viewer.js';

GlobalWorkerOptions.workerSrc = WORKER;

/** ms after which a document that does not open is taken for a damaged one. */
const PATIENCE = 5000;

interface AskedPassword {
  readonly wasWrong: boolean;
  readonly give: (password: string) => void;
}

type Opened = { readonly pdf: PDFDocumentProxy } | { readonly password: AskedPassword } | 'broken' | undefined;

/** Gives what ends it. */
function open(bytes: Blob, set: (opened: Opened) => void): () => void {
  let end = (): void => undefined;
  let isOver = false;
  void bytes.arrayBuffer().then(data => {
    if (isOver) return;
    const task = getDocument({ data, isEvalSupported: false, useWasm: false, enableXfa: false, stopAtErrors: false });
    let timer = setTimeout(broken, PATIENCE);
    function broken(): void {
      set('broken');
      void task.destroy();
    }
    task.onPassword = (give: (password: string) => void, reason: number) => {
      clearTimeout(timer);
      const again = (password: string): void => {
        timer = setTimeout(broken, PATIENCE);
        give(password);
      };
      set({ password: { wasWrong: reason === PasswordResponses.INCORRECT_PASSWORD, give: again } });
    };
    task.promise.then(
      pdf => (clearTimeout(timer), isOver ? undefined : set({ pdf })),
      () => (clearTimeout(timer), isOver ? undefined : set('broken')),
    );
    end = () => (clearTimeout(timer), void task.destroy());
  });
  return () => {
    isOver = true;
    end();
  };
}

/** Undefined: it is being opened. */
export function useOpenedPdf(bytes: Blob): Opened {
  const [opened, setOpened] = useState<Opened>();
  useEffect(() => open(bytes, setOpened), [bytes]);
  return opened;
}

export function PdfDocument({ bytes, title }: ViewerShape) {
  const opened = useOpenedPdf(bytes);
  if (opened === 'broken') return <p class="notice danger">{sayDocument('broken')}</p>;
  if (!opened) return <Loading />;
  return 'pdf' in opened ? <PdfPages pdf={opened.pdf} title={title} /> : <Password asked={opened.password} />;
}

function Password({ asked }: { readonly asked: AskedPassword }) {
  const [password, setPassword] = useState('');
  const give = (event: Event): void => {
    event.preventDefault();
    asked.give(password);
  };
  return (
    <form class="panel" onSubmit={give}>
      <TextField
        id="pdf-password"
        type="password"
        label={sayDocument('password')}
        hint={sayDocument('password.hint')}
        value={password}
        set={setPassword}
        width={40}
        fault={asked.wasWrong ? sayDocument('password.wrong') : undefined}
      />
      <button type="submit">{sayDocument('password.open')}</button>
    </form>
  );
}

function PdfPages({ pdf, title }: { readonly pdf: PDFDocumentProxy; readonly title: string }) {
  const view = useView();
  const numbers = Array.from({ length: pdf.numPages }, (_, at) => at + 1);
  return (
    <>
      <div class="viewer-bar">
        <ViewTools view={view} />
        <Search pdf={pdf} />
      </div>
      <p class="quiet">{sayDocument('pages', { n: pdf.numPages })}</p>
      {pdf.numPages > 1 && (
        <nav class="page-list" aria-label={sayDocument('pages', { n: pdf.numPages })}>
          {numbers.map(number => (
            <a
              key={number}
              href={`#page-${number}`}
              onClick={event => toPage(event, number)}
              aria-label={sayDocument('page', { n: number })}
            >
              <PdfThumbnail pdf={pdf} number={number} />
              {number}
            </a>
          ))}
        </nav>
      )}
      <div class="sheet" tabIndex={0} role="region" aria-label={title}>
        {numbers.map(number => (
          <PdfPage key={number} {...{ pdf, number, view }} />
        ))}
      </div>
    </>
  );
}

function toPage(event: Event, number: number): void {
  event.preventDefault();
  const page = document.getElementById(`page-${number}`);
  page?.scrollIntoView({ block: 'start' });
  page?.focus({ preventScroll: true });
}

/** Of characters that mean the same. */
const folded = (text: string): string => text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();

async function pagesWith(pdf: PDFDocumentProxy, text: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (let number = 1; number <= pdf.numPages; number++) {
    const { items } = await (await pdf.getPage(number)).getTextContent();
    const said = items.map(item => ('str' in item ? item.str : '')).join(' ');
    if (folded(said).includes(folded(text))) found.push(number);
  }
  return found;
}

function Search({ pdf }: { readonly pdf: PDFDocumentProxy }) {
  const [text, setText] = useState('');
  const [found, setFound] = useState<readonly number[]>();
  const look = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (text.trim() === '') return;
    const pages = await pagesWith(pdf, text.trim());
    setFound(pages);
    announce(pages.length === 0 ? sayDocument('search.none') : sayDocument('search.found', { n: pages.length }));
  };
  return (
    <form class="search-in" role="search" onSubmit={event => void look(event)}>
      <TextField id="search-in" type="search" label={sayDocument('search')} value={text} set={setText} />
      <button type="submit" class="secondary">
        {sayDocument('search.go')}
      </button>
      {found && (
        <p>
          {found.length === 0 ? sayDocument('search.none') : sayDocument('search.found', { n: found.length })}{' '}
          {found.map(number => (
            <a key={number} href={`#page-${number}`} onClick={event => toPage(event, number)}>
              {sayDocument('page', { n: number })}{' '}
            </a>
          ))}
        </p>
      )}
    </form>
  );
}
