/** TIFF, as faxes and scanners make it: every page as a picture, drawn when it comes into view. */
import { decode, decodeImage, type IFD, toRGBA8 } from 'utif2';
import { useEffect, useRef, useState } from 'preact/hooks';
import { sayDocument } from '../../messages/document.js';
import { Loading } from '../../ui/page.js';
import { useView, type View, ViewTools } from './view-tools.js';
import type { ViewerShape } from './viewer.js';

/** Pixels of a page: larger ones would take the memory of the window. */
const MOST_PIXELS = 64_000_000;
const numberOf = (ifd: IFD, tag: string): number => (ifd[tag] as readonly number[] | undefined)?.[0] ?? 0;

export function TiffDocument({ bytes, title }: ViewerShape) {
  const view = useView();
  const [pages, setPages] = useState<readonly IFD[] | 'broken'>();
  const [buffer, setBuffer] = useState<ArrayBuffer>();
  useEffect(() => {
    void bytes.arrayBuffer().then(given => {
      setBuffer(given);
      try {
        const found = decode(given).filter(ifd => numberOf(ifd, 't256') * numberOf(ifd, 't257') > 0);
        setPages(found.length > 0 ? found : 'broken');
      } catch {
        setPages('broken');
      }
    });
  }, [bytes]);
  if (pages === 'broken') return <p class="notice danger">{sayDocument('broken')}</p>;
  if (!pages || !buffer) return <Loading />;
  return (
    <>
      <ViewTools view={view} />
      <p class="quiet">{sayDocument('pages', { n: pages.length })}</p>
      <div class="sheet" tabIndex={0} role="region" aria-label={title}>
        {pages.map((page, at) => (
          <TiffPage key={at} {...{ buffer, page, view }} label={sayDocument('page', { n: at + 1 })} />
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
}

function TiffPage({ buffer, page, view, label }: TiffPageShape) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [isBroken, setBroken] = useState(false);
  useEffect(() => {
    const { current } = canvas;
    if (!current) return;
    try {
      if (numberOf(page, 't256') * numberOf(page, 't257') > MOST_PIXELS) return setBroken(true);
      decodeImage(buffer, page);
      const pixels = new Uint8ClampedArray(toRGBA8(page));
      current.width = page.width;
      current.height = page.height;
      current.getContext('2d')!.putImageData(new ImageData(pixels, page.width, page.height), 0, 0);
    } catch {
      setBroken(true);
    }
  }, [page]);
  if (isBroken) return <p class="notice danger">{sayDocument('broken')}</p>;
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={label}
      style={{ width: `${view.zoom * 100}%`, transform: `rotate(${view.turn}deg)` }}
    />
  );
}
