/** PDFs that mean harm, or are broken, and some that only look so. Each is small; what it asks of its reader is not. */
import { deflateSync } from 'node:zlib';

/** Objects with their numbers, from 1 on, and a trailer. `stream` in an object is written as it is. */
export function pdfOf(objects: readonly string[], trailer = '/Root 1 0 R'): Buffer {
  const parts = ['%PDF-1.7\n'];
  const offsets: number[] = [];
  let at = parts[0]!.length;
  for (const [n, object] of objects.entries()) {
    const text = `${n + 1} 0 obj\n${object}\nendobj\n`;
    offsets.push(at);
    at += text.length;
    parts.push(text);
  }
  const rows = offsets.map(offset => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  parts.push(
    `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}`,
    `trailer\n<</Size ${objects.length + 1} ${trailer}>>\nstartxref\n${at}\n%%EOF\n`,
  );
  return Buffer.from(parts.join(''), 'latin1');
}

const stream = (data: Buffer, members = ''): string =>
  `<</Length ${data.length} ${members}>>\nstream\n${data.toString('latin1')}\nendstream`;

const CATALOG = '<</Type/Catalog/Pages 2 0 R>>';
const PAGES = '<</Type/Pages/Count 1/Kids[3 0 R]>>';
const PAGE = '<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources 5 0 R>>';

/** A page that writes `text`; `Helvetica` is among the fonts that every reader has. */
export const plainPdf = (text: string, pages = 1): Buffer =>
  pdfOf([
    CATALOG,
    `<</Type/Pages/Count ${pages}/Kids[${'3 0 R '.repeat(pages)}]>>`,
    PAGE,
    stream(Buffer.from(`BT /F 24 Tf 72 700 Td (${text}) Tj ET`)),
    '<</Font<</F 6 0 R>>>>',
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
  ]);

/** Megabytes in as many kilobytes. */
const packed = (char: string, megabytes: number): Buffer => deflateSync(Buffer.alloc(megabytes * 1024 * 1024, char));

export const HOSTILE_PDFS: Readonly<Record<string, () => Buffer>> = {
  'a tree of pages that holds itself': () =>
    pdfOf([CATALOG, '<</Type/Pages/Count 2/Kids[2 0 R 2 0 R]>>', PAGE, stream(Buffer.from('')), '<<>>']),
  'a form that draws itself': () =>
    pdfOf([
      CATALOG,
      PAGES,
      PAGE,
      stream(Buffer.from('/X Do /X Do')),
      '<</XObject<</X 6 0 R>>>>',
      stream(Buffer.from('/X Do /X Do'), '/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources 5 0 R'),
    ]),
  'a page of a hundred megabytes': () =>
    pdfOf([CATALOG, PAGES, PAGE, stream(deflateSync(packed('q ', 100)), '/Filter[/FlateDecode/FlateDecode]'), '<<>>']),
  'an endless number of forms': () => {
    const levels = 40;
    return pdfOf([
      CATALOG,
      PAGES,
      PAGE,
      stream(Buffer.from('/X0 Do')),
      `<</XObject<<${Array.from({ length: levels }, (_, n) => `/X${n} ${6 + n} 0 R`).join(' ')}>>>>`,
      ...Array.from({ length: levels }, (_, n) =>
        stream(Buffer.from(`/X${n + 1} Do `.repeat(10)), '/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources 5 0 R'),
      ),
    ]);
  },
  'lists within lists': () =>
    pdfOf([CATALOG, PAGES, PAGE, stream(Buffer.from('')), `<</X ${'['.repeat(100_000)}${']'.repeat(100_000)}>>`]),
  'a hundred thousand objects': () =>
    pdfOf([
      CATALOG,
      PAGES,
      PAGE,
      stream(Buffer.from('')),
      `<</Properties<<${Array.from({ length: 100_000 }, (_, n) => `/P${n} ${6 + n} 0 R`).join(' ')}>>>>`,
      ...Array.from({ length: 100_000 }, (_, n) => `<</N ${n}>>`),
    ]),
  'a length that is itself': () => pdfOf([CATALOG, PAGES, PAGE, '<</Length 4 0 R>>\nstream\nq Q\nendstream', '<<>>']),
  'a million pages': () =>
    pdfOf([
      CATALOG,
      `<</Type/Pages/Count 1000000/Kids[${'3 0 R '.repeat(200_000)}]>>`,
      PAGE,
      stream(Buffer.from('')),
      '<<>>',
    ]),
  'half a file': () => plainPdf('Half').subarray(0, 300),
  'no more than a name': () => Buffer.from('%PDF-1.7\n'),
};
