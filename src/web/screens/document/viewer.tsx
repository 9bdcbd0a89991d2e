/** Shows bytes by what they are. What cannot be shown says so; nothing of a document runs. */
import lazy from 'preact-iso/lazy';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { sayDocument } from '../../messages/document.js';
import { Loading } from '../../ui/page.js';
import { Markup } from './markup.js';
import { PdfDocument } from './pdf.js';
import { plainOfRtf, type RtfText } from './rtf.js';
import { TiffDocument } from './tiff.js';
import { useView, ViewTools } from './view-tools.js';

interface ShownDocument {
  readonly bytes: Blob;
  /** With its parameters, as it is said of the bytes. */
  readonly contentType: string;
  /** Of the Binary, for what the server makes of it. */
  readonly path: string;
  readonly title: string;
}

/** What the parts of the viewer are given. */
export interface ViewerShape extends ShownDocument {
  /** Without parameters, in small letters. */
  readonly contentType: string;
  /** The parameter of its type, where there is one. */
  readonly charset: string | undefined;
}

const ShownDicom = lazy(() => import('./dicom.js').then(module => module.DicomDocument));

const PICTURES = /^image\/(?:png|jpeg|gif|webp|bmp|svg\+xml)$/;

export function Viewer(shown: ShownDocument) {
  const contentType = shown.contentType.split(';')[0]!.trim().toLowerCase();
  const shape = { ...shown, contentType, charset: /;\s*charset="?([\w-]+)/i.exec(shown.contentType)?.[1] };
  if (contentType === 'application/pdf') return <PdfDocument {...shape} />;
  if (contentType === 'image/tiff') return <TiffDocument {...shape} />;
  if (contentType === 'application/dicom') return <ShownDicom {...shape} />;
  if (PICTURES.test(contentType)) return <Picture {...shape} />;
  if (contentType === 'text/html' || contentType === 'application/xhtml+xml')
    return <Markup {...shape} isRendered={false} />;
  if (/^(?:application|text)\/(?:xml|.*\+xml)$/.test(contentType)) return <Markup {...shape} isRendered />;
  if (contentType === 'text/rtf' || contentType === 'application/rtf') return <PlainText {...shape} read={readRtf} />;
  if (contentType.startsWith('text/') || contentType === 'application/json')
    return <PlainText {...shape} read={readText} />;
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
  readonly read: (bytes: Blob, charset: string | undefined) => Promise<Partial<RtfText>>;
}

/** UTF-8 where it is that, else as Windows writes. */
function decoded(raw: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(raw);
  } catch {
    return new TextDecoder('windows-1252').decode(raw);
  }
}

/** By its first bytes (UTF-16), else in the character set that it is said to be in, else by what it looks like. */
async function readText(bytes: Blob, charset: string | undefined): Promise<Partial<RtfText>> {
  const raw = await bytes.arrayBuffer();
  const [first, second] = new Uint8Array(raw.slice(0, 2));
  const marked = first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : '';
  try {
    const label = marked || charset;
    return { text: label === undefined ? decoded(raw) : new TextDecoder(label).decode(raw) };
  } catch {
    return { text: decoded(raw) };
  }
}

/** A character for each byte: RTF counts them. */
async function readRtf(bytes: Blob): Promise<RtfText> {
  const raw = new Uint8Array(await bytes.arrayBuffer());
  const parts: string[] = [];
  for (let at = 0; at < raw.length; at += PIECE) parts.push(String.fromCharCode(...raw.subarray(at, at + PIECE)));
  return plainOfRtf(parts.join(''));
}
const PIECE = 8192;

function PlainText({ bytes, charset, title, read }: TextShape) {
  const [{ text, hasHidden }, setText] = useState<Partial<RtfText>>({});
  useEffect(() => void read(bytes, charset).then(setText), [bytes]);
  if (text === undefined) return <Loading />;
  return (
    <>
      {hasHidden === true && <p class="notice warning">{sayDocument('hidden-text')}</p>}
      <pre class="document" tabIndex={0} role="region" aria-label={title} dir="auto">
        {text}
      </pre>
    </>
  );
}
