/** Pictures of DICOM files, a frame at a time, with their window and level. It is a look at the record, not a place to read studies. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { sayDocument } from '../../messages/document.js';
import { SelectField, TextField } from '../../ui/fields.js';
import { Loading } from '../../ui/page.js';
import { type DicomImage, type NoPicture, readDicom } from './dicom-image.js';
import { useView, ViewTools } from './view-tools.js';
import type { ViewerShape } from './viewer.js';

type Read = DicomImage | NoPicture | 'broken' | undefined;

export function DicomDocument({ bytes, title }: ViewerShape) {
  const [image, setImage] = useState<Read>();
  useEffect(() => {
    bytes
      .arrayBuffer()
      .then(raw => setImage(readDicom(new Uint8Array(raw))))
      .catch(() => setImage('broken'));
  }, [bytes]);
  if (!image) return <Loading />;
  if (image === 'broken') return <p class="notice danger">{sayDocument('broken')}</p>;
  if (typeof image === 'string') return <p class="empty">{sayDocument(`dicom.${image}`)}</p>;
  return <Still image={image} title={title} />;
}

/** Where nothing that can be read is typed, as the file says. */
const numberOr = (text: string, otherwise: number): number =>
  text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : otherwise;

function Still({ image, title }: { readonly image: DicomImage; readonly title: string }) {
  const view = useView();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [frame, setFrame] = useState(0);
  const { window, frames } = image;
  const asWritten = { level: String(window?.centre ?? ''), width: String(window?.width ?? '') };
  const [typed, setTyped] = useState(asWritten);
  const [isBroken, setBroken] = useState(false);
  useEffect(() => {
    const asked = window && {
      centre: numberOr(typed.level, window.centre),
      width: Math.max(1, numberOr(typed.width, window.width)),
    };
    image.draw(canvas.current!, frame, asked).catch(() => setBroken(true));
  }, [image, frame, typed]);
  if (isBroken) return <p class="notice danger">{sayDocument('broken')}</p>;
  return (
    <>
      <p class="notice">{sayDocument('dicom.notice')}</p>
      <div class="viewer-bar">
        <ViewTools view={view} />
        {frames > 1 && (
          <SelectField
            id="dicom-frame"
            label={sayDocument('dicom.frame')}
            value={String(frame)}
            set={value => setFrame(Number(value))}
            options={Array.from({ length: frames }, (_, at) => [String(at), String(at + 1)] as const)}
          />
        )}
        {window && (
          <>
            {(['level', 'width'] as const).map(each => (
              <TextField
                key={each}
                id={`dicom-${each}`}
                type="number"
                label={sayDocument(`dicom.${each}`)}
                value={typed[each]}
                set={value => setTyped({ ...typed, [each]: value })}
              />
            ))}
            <button type="button" class="secondary" onClick={() => setTyped(asWritten)}>
              {sayDocument('dicom.as-written')}
            </button>
          </>
        )}
      </div>
      <div class="sheet" tabIndex={0} role="region" aria-label={title}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={sayDocument('image', { title })}
          style={{ width: `min(${view.zoom * 100}%, ${view.zoom * 40}rem)`, transform: `rotate(${view.turn}deg)` }}
        />
      </div>
    </>
  );
}
