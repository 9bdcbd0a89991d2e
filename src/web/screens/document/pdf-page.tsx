/** A page of a PDF: its picture, and its text in the same places, which is read and searched, and not seen. */
import { type PDFDocumentProxy, TextLayer } from 'pdfjs-dist';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { sayDocument } from '../../messages/document.js';
import { useInView } from './in-view.js';
import type { View } from './view-tools.js';

interface PdfPageShape {
  readonly pdf: PDFDocumentProxy;
  readonly number: number;
  readonly view: View;
  /** Over it. */
  readonly children?: ComponentChildren;
}

/** CSS pixels; a page is never drawn larger than this, whatever it says of itself. */
const WIDEST = 900;
const MOST_PIXELS = 16_000_000;

export function PdfPage({ pdf, number, view, children }: PdfPageShape) {
  const box = useRef<HTMLElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const text = useRef<HTMLDivElement>(null);
  const isSeen = useInView(box, true);
  useEffect(() => {
    if (!isSeen) return;
    const work = draw(pdf, number, view, { box: box.current!, canvas: canvas.current!, text: text.current! });
    return () => void work.then(cancel => cancel());
  }, [isSeen, view.zoom, view.turn]);
  return (
    <section
      class="pdf-page"
      id={`page-${number}`}
      tabIndex={-1}
      ref={box}
      aria-label={sayDocument('page', { n: number })}
    >
      <canvas ref={canvas} aria-hidden="true" />
      <div class="textLayer" ref={text} />
      {children}
    </section>
  );
}

interface Places {
  readonly box: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly text: HTMLDivElement;
}

/** CSS pixels that a page has across; what is around it takes some of its parent. */
function roomIn(parent: HTMLElement | null): number {
  if (!parent) return WIDEST;
  const { paddingLeft, paddingRight } = getComputedStyle(parent);
  return Math.max(1, parent.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight));
}

/** Gives what ends it. */
async function draw(
  pdf: PDFDocumentProxy,
  number: number,
  { zoom, turn }: View,
  { box, canvas, text }: Places,
): Promise<() => void> {
  const page = await pdf.getPage(number);
  const rotation = (page.rotate + turn) % 360;
  const { width: plain } = page.getViewport({ scale: 1, rotation });
  const room = Math.min(WIDEST, roomIn(box.parentElement));
  const scale = (room / plain) * zoom;
  const viewport = page.getViewport({ scale, rotation });
  const { width, height } = viewport;
  const sharp = Math.min(devicePixelRatio, Math.sqrt(MOST_PIXELS / (width * height)));
  box.style.width = `${width}px`;
  box.style.height = `${height}px`;
  box.style.setProperty('--total-scale-factor', String(scale));
  canvas.width = Math.floor(width * sharp);
  canvas.height = Math.floor(height * sharp);
  const drawing = page.render({ canvas, viewport, transform: [sharp, 0, 0, sharp, 0, 0] });
  text.replaceChildren();
  const layer = new TextLayer({ textContentSource: page.streamTextContent(), container: text, viewport });
  drawing.promise.catch(() => undefined);
  layer.render().catch(() => undefined);
  return () => {
    drawing.cancel();
    layer.cancel();
  };
}
