/** TIFF, as faxes and scanners make it: every page is a picture, decoded when it comes into view and let go of when it is far away. */
import { decode, decodeImage, type IFD, toRGBA8 } from 'utif2';
import { useEffect, useRef, useState } from 'preact/hooks';
import { sayDocument } from '../../messages/document.js';
import { Loading } from '../../ui/page.js';
import { useInView } from './in-view.js';
import { useView, type View, ViewTools } from './view-tools.js';
import type { ViewerShape } from './viewer.js';

/** Pixels of a page: larger ones would take the memory of the window. */
const MOST_PIXELS = 64_000_000;
/** Pages of a file that are shown. */
const MOST_PAGES = 2000;
/** Pixels of a file whose pages are all kept once they were seen, and printed: of a larger one only what is in view is. */
const MOST_KEPT = 100_000_000;
const numberOf = (ifd: IFD, tag: string): number => (ifd[tag] as readonly number[] | undefined)?.[0] ?? 0;
const widthOf = (page: IFD): number => numberOf(page, 't256');
const heightOf = (page: IFD): number => numberOf(page, 't257');

interface TiffFile {
  readonly buffer: ArrayBuffer;
  readonly pages: readonly IFD[];
}

/** Rejects where it is no TIFF, or has no page. */
async function readTiff(bytes: Blob): Promise<TiffFile> {
  const buffer = await bytes.arrayBuffer();
  const pages = decode(buffer).filter(page => widthOf(page) * heightOf(page) > 0);
  if (pages.length === 0) throw new RangeError('no page');
  return { buffer, pages };
}

export function TiffDocument({ bytes, title }: ViewerShape) {
  const view = useView();
  const [file, setFile] = useState<TiffFile | 'broken'>();
  useEffect(() => void readTiff(bytes).then(setFile, () => setFile('broken')), [bytes]);
  if (file === 'broken') return <p class="notice danger">{sayDocument('broken')}</p>;
  if (!file) return <Loading />;
  const { buffer } = file;
  const pages = file.pages.slice(0, MOST_PAGES);
  const keeps = pages.reduce((sum, page) => sum + widthOf(page) * heightOf(page), 0) <= MOST_KEPT;
  return (
    <>
      <ViewTools view={view} />
      <p class="quiet">{sayDocument('pages', { n: file.pages.length })}</p>
      {!keeps && <p class="cover">{sayDocument('print.part')}</p>}
      {file.pages.length > MOST_PAGES && <p class="notice warning">{sayDocument('pages.most', { n: MOST_PAGES })}</p>}
      <div class="sheet" tabIndex={0} role="region" aria-label={title}>
        {pages.map((page, at) => (
          <TiffPage key={at} {...{ buffer, page, view, keeps }} label={sayDocument('page', { n: at + 1 })} />
        ))}
      </div>
    </>
  );
}

interface TiffPageShape {
  readonly buffer: ArrayBuffer;
  readonly page: IFD;
  readonly view: View;
  readonly label: string;
  /** Its pixels, when it is out of view again. */
  readonly keeps: boolean;
}

function draw(canvas: HTMLCanvasElement, buffer: ArrayBuffer, page: IFD): void {
  // A copy: what is decoded stays with the page that it was decoded from.
  const decoded = { ...page };
  decodeImage(buffer, decoded);
  const pixels = new Uint8ClampedArray(toRGBA8(decoded));
  canvas.getContext('2d')!.putImageData(new ImageData(pixels, decoded.width, decoded.height), 0, 0);
}

/** Its canvas has the form of the page from the start, so that the others stay where they are; pixels only while it is near. */
function TiffPage({ buffer, page, view, label, keeps }: TiffPageShape) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isNear = useInView(canvas, keeps);
  const [isBroken, setBroken] = useState(widthOf(page) * heightOf(page) > MOST_PIXELS);
  useEffect(() => {
    const { current } = canvas;
    if (!current) return;
    [current.width, current.height] = isNear ? [widthOf(page), heightOf(page)] : [1, 1];
    if (!isNear) return;
    try {
      draw(current, buffer, page);
    } catch {
      setBroken(true);
    }
  }, [page, isNear]);
  if (isBroken) return <p class="notice danger">{sayDocument('broken')}</p>;
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={label}
      data-drawn={isNear}
      style={{
        aspectRatio: `${widthOf(page)} / ${heightOf(page)}`,
        width: `${view.zoom * 100}%`,
        transform: `rotate(${view.turn}deg)`,
      }}
    />
  );
}
