/** Files that were scanned with separator sheets between their documents, for tests. */
import { qrRuns } from '../../src/fhir/content/qr-squares.js';
import { sheetPdf } from '../../src/features/intake/sheets/sheet-pdf.js';
import { type SeparatorSheet, sheetText } from '../../src/features/intake/sheets/sheet-text.js';

/** Content streams of pages, as aPdf wants them. */
export const WRITTEN_PAGE = 'BT /F1 12 Tf 50 700 Td (Written) Tj ET';

export const sheetPage = (said: SeparatorSheet): string =>
  /stream\n(.*)endstream/s.exec(sheetPdf(sheetText(said), ['Separator sheet']).toString('latin1'))![1]!;

/** The same, turned around the middle of a page of 600 × 800, and made smaller where it would not fit. */
export function turnedPage(page: string, degrees: number): string {
  const scale = degrees % 180 === 0 ? 1 : degrees % 90 === 0 ? 0.7 : 0.9;
  const [sin, cos] = [Math.sin, Math.cos].map(of => scale * of((degrees * Math.PI) / 180)) as [number, number];
  const [x, y] = [300 - cos * 300 + sin * 400, 400 - sin * 300 - cos * 400];
  return `q ${[cos, sin, -sin, cos, x, y].map(each => each.toFixed(5)).join(' ')} cm ${page} Q`;
}

/** The same with something white over a part: left, bottom, width, height. */
const covered = (page: string, ...box: readonly number[]): string => `${page}\n1 g ${box.join(' ')} re f 0 g`;

/** The lower half of it is cut off. */
export const cutPage = (page: string): string => covered(page, 0, 0, 600, 400);

/** In each of its codes there is a hole. */
export const holedPage = (page: string): string =>
  [48, 347].reduce((done, x) => [48, 594].reduce((more, y) => covered(more, x + 45, y + 45, 110, 110), done), page);

/** White streaks over the whole page, so wide and so far apart: none of its codes is found at all. */
export const streakedPage = (page: string, wide: number, apart: number): string =>
  Array.from({ length: Math.ceil(800 / apart) }, (_, at) => at * apart).reduce(
    (done, y) => covered(done, 0, y, 600, wide),
    page,
  );

/** A page of text with a code that is none of ours: in the lower right corner, of so many points. */
export function pageWithCode(text: string, size: number): string {
  const squares = qrRuns(text, 'M').map(({ x, y, width, height }) =>
    [500 - size + x * size, 40 + y * size, width * size, height * size].map(each => each.toFixed(3)).join(' '),
  );
  return `${WRITTEN_PAGE}\n0 g ${squares.map(each => `${each} re`).join('\n')} f`;
}
