/** Larger, smaller, turned: of one document. */
import { useState } from 'preact/hooks';
import { sayDocument } from '../../messages/document.js';

export interface View {
  /** 1: as wide as the page. */
  readonly zoom: number;
  /** Degrees. */
  readonly turn: number;
  readonly setZoom: (zoom: number) => void;
  readonly setTurn: (turn: number) => void;
}

export function useView(): View {
  const [zoom, setZoom] = useState(1);
  const [turn, setTurn] = useState(0);
  return { zoom, turn, setZoom, setTurn };
}

const [SMALLEST, LARGEST, STEP] = [0.25, 4, 1.25];

export const ViewTools = ({ view: { zoom, turn, setZoom, setTurn } }: { readonly view: View }) => (
  <div class="buttons tools" role="group" aria-label={sayDocument('tools')}>
    <button type="button" class="secondary" onClick={() => setZoom(Math.min(LARGEST, zoom * STEP))}>
      {sayDocument('zoom-in')}
    </button>
    <button type="button" class="secondary" onClick={() => setZoom(Math.max(SMALLEST, zoom / STEP))}>
      {sayDocument('zoom-out')}
    </button>
    <button type="button" class="secondary" onClick={() => setTurn((turn + 90) % 360)}>
      {sayDocument('rotate')}
    </button>
    <span class="quiet">{Math.round(zoom * 100)} %</span>
  </div>
);
