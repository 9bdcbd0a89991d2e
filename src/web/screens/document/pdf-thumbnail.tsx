/** A page of a PDF as a small picture, by which one finds it; it is drawn when it comes into view. What it says stands on the page itself. */
import type { PDFDocumentProxy } from 'pdfjs-dist';
import { useEffect, useRef } from 'preact/hooks';
import { useInView } from './in-view.js';

/** CSS pixels. */
const WIDTH = 72;
const HIGHEST = 108;

export function PdfThumbnail({ pdf, number }: { readonly pdf: PDFDocumentProxy; readonly number: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isSeen = useInView(canvas, true);
  useEffect(() => {
    if (!isSeen) return;
    const work = drawSmall(pdf, number, canvas.current!);
    return () => void work.then(cancel => cancel());
  }, [isSeen]);
  return <canvas class="thumbnail" ref={canvas} width={WIDTH} height={HIGHEST} aria-hidden="true" />;
}

/** Gives what ends it. */
async function drawSmall(pdf: PDFDocumentProxy, number: number, canvas: HTMLCanvasElement): Promise<() => void> {
  const page = await pdf.getPage(number);
  const { width, height } = page.getViewport({ scale: 1 });
  const viewport = page.getViewport({ scale: Math.min(WIDTH / width, HIGHEST / height) });
  canvas.width = Math.max(1, Math.floor(viewport.width));
  canvas.height = Math.max(1, Math.floor(viewport.height));
  const drawing = page.render({ canvas, viewport });
  drawing.promise.catch(() => undefined);
  return () => drawing.cancel();
}
