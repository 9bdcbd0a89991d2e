/** A page of a PDF at a time, with rectangles that are drawn on it by mouse, pen or keyboard. */
import type { PDFDocumentProxy } from 'pdfjs-dist';
import { useEffect, useRef, useState } from 'preact/hooks';
import { sayDocument } from '../../messages/document.js';
import { sayMarks } from '../../messages/marks.js';
import { announce } from '../../ui/announce.js';
import { SelectField } from '../../ui/fields.js';
import { Loading } from '../../ui/page.js';
import { type Mark, type MarkedArea, shownMark } from './mark.js';
import { useOpenedPdf } from './pdf.js';
import { PdfPage } from './pdf-page.js';
import type { View } from './view-tools.js';

interface ToMarkShape {
  readonly bytes: Blob;
  readonly title: string;
  readonly marks: readonly Mark[];
  readonly set: (marks: readonly Mark[]) => void;
}

const PLAIN: View = { zoom: 1, turn: 0, setZoom: () => undefined, setTurn: () => undefined };

export function PdfToMark({ bytes, ...shape }: ToMarkShape) {
  const opened = useOpenedPdf(bytes);
  if (!opened) return <Loading />;
  if (opened === 'broken' || 'password' in opened) return <p class="notice danger">{sayMarks('cannot')}</p>;
  return <PagesToMark pdf={opened.pdf} {...shape} />;
}

/** Where a mark begins that nobody has drawn. */
const MIDDLE: MarkedArea = { x: 0.3, y: 0.45, width: 0.4, height: 0.05 };

function PagesToMark({ pdf, title, marks, set }: Omit<ToMarkShape, 'bytes'> & { readonly pdf: PDFDocumentProxy }) {
  const [number, setNumber] = useState(1);
  /** The mark that was added by keyboard, and gets the focus. */
  const [fresh, setFresh] = useState<Mark>();
  const add = (mark: Mark): void => {
    set([...marks, mark]);
    announce(mark.area ? sayMarks('added', { n: mark.page }) : sayMarks('added.whole', { n: mark.page }));
  };
  const addByKey = (): void => {
    const mark = { page: number, area: MIDDLE };
    setFresh(mark);
    add(mark);
  };
  const isWhole = marks.some(each => each.page === number && !each.area);
  return (
    <>
      <p class="hint">{sayMarks('hint')}</p>
      <div class="viewer-bar">
        <SelectField
          id="page-to-mark"
          label={sayMarks('page')}
          value={String(number)}
          set={value => setNumber(Number(value))}
          options={Array.from({ length: pdf.numPages }, (_, at) => [String(at + 1), String(at + 1)] as const)}
        />
        <div class="buttons tools">
          <button type="button" class="secondary" disabled={number === 1} onClick={() => setNumber(number - 1)}>
            {sayMarks('page.before')}
          </button>
          <button
            type="button"
            class="secondary"
            disabled={number === pdf.numPages}
            onClick={() => setNumber(number + 1)}
          >
            {sayMarks('page.next')}
          </button>
          <button type="button" class="secondary" onClick={addByKey}>
            {sayMarks('add')}
          </button>
          <button type="button" class="secondary" disabled={isWhole} onClick={() => add({ page: number })}>
            {sayMarks('add.whole')}
          </button>
        </div>
      </div>
      <div class="sheet" tabIndex={0} role="region" aria-label={`${title}, ${sayDocument('page', { n: number })}`}>
        <PdfPage key={number} {...{ pdf, number }} view={PLAIN}>
          <MarksOfPage {...{ marks, set, number, fresh }} draw={area => add({ page: number, area })} />
        </PdfPage>
      </div>
    </>
  );
}

interface MarksShape extends Pick<ToMarkShape, 'marks' | 'set'> {
  readonly number: number;
  readonly fresh: Mark | undefined;
  readonly draw: (area: MarkedArea) => void;
}

/** Of the page: smaller ones are a slip of the hand. */
const SMALLEST = 0.004;
const WHOLE: MarkedArea = { x: 0, y: 0, width: 1, height: 1 };
type Point = readonly [x: number, y: number];

const between = ([ax, ay]: Point, [bx, by]: Point): MarkedArea => ({
  ...{ x: Math.min(ax, bx), y: Math.min(ay, by), width: Math.abs(ax - bx), height: Math.abs(ay - by) },
});
const bounded = (value: number, most = 1): number => Math.min(most, Math.max(0, value));

function MarksOfPage({ marks, set, number, fresh, draw }: MarksShape) {
  const box = useRef<HTMLDivElement>(null);
  const [from, setFrom] = useState<Point>();
  const [to, setTo] = useState<Point>();
  const pointOf = ({ clientX, clientY }: PointerEvent): Point => {
    const { left, top, width, height } = box.current!.getBoundingClientRect();
    return [bounded((clientX - left) / width), bounded((clientY - top) / height)];
  };
  const begin = (event: PointerEvent): void => {
    if (!box.current || event.target !== box.current || event.button !== 0) return;
    event.preventDefault();
    box.current.setPointerCapture(event.pointerId);
    setFrom(pointOf(event));
    setTo(pointOf(event));
  };
  const end = (event: PointerEvent): void => {
    if (!from) return;
    const area = between(from, pointOf(event));
    setFrom(undefined);
    if (area.width >= SMALLEST && area.height >= SMALLEST) draw(area);
  };
  const here = marks.filter(({ page }) => page === number);
  return (
    <div
      class="marks"
      ref={box}
      onPointerDown={begin}
      onPointerMove={event => from && setTo(pointOf(event))}
      onPointerUp={end}
      onPointerCancel={() => setFrom(undefined)}
    >
      {here.map((mark, at) => (
        <OneMark
          key={at}
          mark={mark}
          label={sayMarks('name', { n: at + 1, area: shownMark(mark) })}
          isFresh={mark === fresh}
          change={area => set(marks.map(each => (each === mark ? { page: number, area } : each)))}
          remove={() => {
            set(marks.filter(each => each !== mark));
            announce(sayMarks('removed'));
          }}
        />
      ))}
      {from && to && <div class="mark" style={placeOf(between(from, to))} />}
    </div>
  );
}

const placeOf = ({ x, y, width, height }: MarkedArea) => ({
  ...{ left: `${x * 100}%`, top: `${y * 100}%`, width: `${width * 100}%`, height: `${height * 100}%` },
});

interface OneMarkShape {
  readonly mark: Mark;
  readonly label: string;
  readonly isFresh: boolean;
  readonly change: (area: MarkedArea) => void;
  readonly remove: () => void;
}

const STEP = 0.005;
const STEPS: Readonly<Record<string, Point>> = {
  ...{ ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] },
};

const moved = ({ x, y, ...size }: MarkedArea, [dx, dy]: Point): MarkedArea => ({
  ...{ ...size, x: bounded(x + dx, 1 - size.width), y: bounded(y + dy, 1 - size.height) },
});
const sized = ({ x, y, width, height }: MarkedArea, [dx, dy]: Point): MarkedArea => ({
  ...{ x, y, width: Math.max(STEP, bounded(width + dx, 1 - x)), height: Math.max(STEP, bounded(height + dy, 1 - y)) },
});

function OneMark({ mark: { area }, label, isFresh, change, remove }: OneMarkShape) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isFresh) button.current?.focus();
  }, [isFresh]);
  const press = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (step && area) change(event.shiftKey ? sized(area, step) : moved(area, step));
    else if (event.key === 'Delete' || event.key === 'Backspace') remove();
    else return;
    event.preventDefault();
  };
  return (
    <button
      type="button"
      class="mark"
      ref={button}
      aria-label={label}
      style={placeOf(area ?? WHOLE)}
      onKeyDown={press}
    />
  );
}
