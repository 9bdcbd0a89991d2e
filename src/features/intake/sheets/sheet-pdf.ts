/**
 * A separator sheet to be printed: the same QR code in each corner, so that one is left whatever is cut off or stained, and between them two bars, by which it
 * is known as a sheet where none can be read (sheet-mark.ts), and what it says, for people. It has no name on it, since it lies on desks and in scanners: an identifier and a date of birth tell whose it is. ISO 32000-2 §7
 */
import { qrRuns } from '../../../fhir/content/qr-squares.js';
import { SHEET_LAYOUT } from './sheet-layout.js';

const { width: WIDTH, height: HEIGHT, margin: MARGIN, codes, bars } = SHEET_LAYOUT;

/** Lines of Latin letters; characters that the font has not are left out. */
export function sheetPdf(code: string, lines: readonly string[]): Buffer {
  const runs = qrRuns(code, 'Q');
  const squares = codes.flatMap(({ left, bottom, wide, high }) =>
    runs.map(({ x, y, width, height }) =>
      [left + x * wide, bottom + y * high, width * wide, height * high].map(each => each.toFixed(3)).join(' '),
    ),
  );
  const solid = bars.map(({ left, bottom, wide, high }) => [left, bottom, wide, high].join(' '));
  const text = lines.map((line, at) => {
    const [size, y] = at === 0 ? [20, 500] : [13, 500 - 14 - 24 * at];
    return `BT /F1 ${size} Tf ${MARGIN} ${y} Td (${pdfText(line)}) Tj ET`;
  });
  return pdfOf(`0 g\n${[...solid, ...squares].map(each => `${each} re`).join('\n')}\nf\n${text.join('\n')}\n`);
}

const pdfText = (line: string): string =>
  line.replaceAll(/[^\u0020-\u007E\u00A1-\u00FF]/g, '').replaceAll(/[\\()]/g, String.raw`\$&`);

function pdfOf(content: string): Buffer {
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [4 0 R] /Count 1 >>',
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${WIDTH} ${HEIGHT}] /Resources << /Font << /F1 3 0 R >> >> /Contents 5 0 R >>`,
    `<< /Length ${content.length} >>\nstream\n${content}endstream`,
  ];
  let text = '%PDF-1.7\n';
  const offsets = objects.map((object, at) => {
    const place = text.length;
    text += `${at + 1} 0 obj\n${object}\nendobj\n`;
    return place;
  });
  const table = offsets.map(at => `${String(at).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`;
  return Buffer.from(`${text}xref\n0 ${size}\n0000000000 65535 f \n${table}${trailer}`, 'latin1');
}
