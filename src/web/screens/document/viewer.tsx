/** Shows bytes by what they are. What cannot be shown says so; nothing of a document runs. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { sayDocument } from '../../messages/document.js';
import { Loading } from '../../ui/page.js';
import { Markup } from './markup.js';
import { PdfDocument } from './pdf.js';
import { plainOfRtf } from './rtf.js';
import { TiffDocument } from './tiff.js';
import { useView, ViewTools } from './view-tools.js';

export interface ViewerShape {
  readonly bytes: Blob;
  /** Without parameters. */
  readonly contentType: string;
  /** Of the Binary, for what the server makes of it. */
  readonly path: string;
  readonly title: string;
}

const PICTURES = /^image\/(?:png|jpeg|gif|webp|bmp|svg\+xml)$/;

export function Viewer(shape: ViewerShape) {
  const { contentType } = shape;
  if (contentType === 'application/pdf') return <PdfDocument {...shape} />;
  if (contentType === 'image/tiff') return <TiffDocument {...shape} />;
  if (PICTURES.test(contentType)) return <Picture {...shape} />;
  if (contentType === 'text/html' || contentType === 'application/xhtml+xml')
    return <Markup {...shape} isRendered={false} />;
  if (/^(?:application|text)\/(?:xml|.*\+xml)$/.test(contentType)) return <Markup {...shape} isRendered />;
  if (contentType === 'text/rtf' || contentType === 'application/rtf')
    return <PlainText {...shape} read={plainOfRtf} />;
  if (contentType.startsWith('text/') || contentType === 'application/json')
    return <PlainText {...shape} read={each => each} />;
  return <p class="empty">{sayDocument('not-shown', { type: contentType })}</p>;
}

function Picture({ bytes, contentType, title }: ViewerShape) {
  const view = useView();
  const url = useMemo(() => URL.createObjectURL(new Blob([bytes], { type: contentType })), [bytes]);
  const [isBroken, setBroken] = useState(false);
  useEffect(() => () => URL.revokeObjectURL(url), [url]);
  if (isBroken) return <p class="notice danger">{sayDocument('broken')}</p>;
  return (
    <>
      <ViewTools view={view} />
      <div class="sheet" tabIndex={0} role="region" aria-label={title}>
        <img
          src={url}
          alt={sayDocument('image', { title })}
          style={{ width: `${view.zoom * 100}%`, transform: `rotate(${view.turn}deg)` }}
          onError={() => setBroken(true)}
        />
      </div>
    </>
  );
}

interface TextShape extends ViewerShape {
  readonly read: (text: string) => string;
}

/** In the character set that it is in: UTF-8, else that of Windows. */
async function textOf(bytes: Blob): Promise<string> {
  const raw = await bytes.arrayBuffer();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(raw);
  } catch {
    return new TextDecoder('windows-1252').decode(raw);
  }
}

function PlainText({ bytes, title, read }: TextShape) {
  const [text, setText] = useState<string>();
  useEffect(() => void textOf(bytes).then(each => setText(read(each))), [bytes]);
  if (text === undefined) return <Loading />;
  return (
    <pre class="document" tabIndex={0} role="region" aria-label={title} dir="auto">
      {text}
    </pre>
  );
}
