/** The pages before those of the items: who gets what from whom, why, and under which conditions; and what stands where. */
import { qrRuns } from '../../../fhir/content/qr-squares.js';
import type { ItemOutcome, PackageItem, PackageOrder, PackageWords } from './order.js';
import type { Paper } from './read/picture.js';
import { pdfNumber } from '../../../fhir/content/pdf-values.js';
import type { Sheet, TextRow } from './text/lay-out.js';

/** Points. */
const MARGIN = 54;
const QR_SIZE = 108;
const LABEL = 96;
const NUMBER = 28;
const PAGE_COLUMN = 60;

export const frontSheet = ({ width, height }: Paper): Sheet => ({
  ...{ width, height, left: MARGIN, right: MARGIN, top: MARGIN, bottom: MARGIN },
});

const widthOf = ({ width, left, right }: Sheet): number => width - left - right;

/** Beside its right end stands the QR code. */
export function coverRows(order: PackageOrder, words: PackageWords, sheet: Sheet): TextRow[] {
  const width = widthOf(sheet);
  const narrow = width - QR_SIZE - 18;
  const labelled = (label: string, lines: readonly string[]): TextRow => ({
    ...{ size: 11, above: 10 },
    cells: [
      { text: label, x: 0, width: LABEL },
      { text: lines.join('\n'), x: LABEL, width: narrow - LABEL },
    ],
  });
  const parts: readonly (readonly [string, readonly string[]])[] = [
    [words.trackingId, [order.trackingId]],
    [words.date, [order.released]],
    [words.recipient, order.recipient],
    [words.sender, order.sender],
    [words.patient, order.patient],
    [words.purpose, [order.purpose]],
  ];
  const rows: TextRow[] = [
    { size: 20, cells: [{ text: words.title, x: 0, width: narrow }] },
    ...parts.filter(([, lines]) => lines.length > 0).map(([label, lines]) => labelled(label, lines)),
  ];
  if (order.notices.length === 0) return rows;
  return [
    ...rows,
    { size: 13, above: 24, cells: [{ text: words.notices, x: 0, width }] },
    ...order.notices.map((text): TextRow => ({ size: 10, above: 6, cells: [{ text, x: 0, width }] })),
  ];
}

/** `outcomes` as far as they are known: the rows are as high without the numbers of pages. */
export function indexRows(
  items: readonly PackageItem[],
  words: PackageWords,
  outcomes: readonly ItemOutcome[],
  sheet: Sheet,
): TextRow[] {
  const width = widthOf(sheet);
  return [
    { size: 14, breaks: true, cells: [{ text: words.contents, x: 0, width }] },
    {
      ...{ size: 8, above: 8 },
      cells: [{ text: words.page, x: width - PAGE_COLUMN, width: PAGE_COLUMN, align: 'right' }],
    },
    ...items.map((item, at): TextRow => {
      const outcome = outcomes[at]!;
      return {
        ...{ size: 9.5, above: 5 },
        cells: [
          { text: `${at + 1}.`, x: 0, width: NUMBER },
          { text: entryText(item, outcome, words), x: NUMBER, width: width - NUMBER - PAGE_COLUMN - 8 },
          { text: placeText(outcome, words), x: width - PAGE_COLUMN, width: PAGE_COLUMN, align: 'right' },
        ],
      };
    }),
  ];
}

function placeText({ firstPage, state }: ItemOutcome, words: PackageWords): string {
  if (firstPage !== undefined) return String(firstPage);
  return state === 'attached' ? words.attached : words.withheld;
}

function entryText(item: PackageItem, outcome: ItemOutcome, words: PackageWords): string {
  const said = [item.date, item.type, item.author].filter(part => part !== undefined && part !== '').join(' · ');
  const lines = [item.title, said];
  if (outcome.redacted !== undefined) lines.push(`${words.redacted}: ${outcome.redacted.join(', ')}`);
  if (outcome.reason !== undefined) lines.push(words.reasons[outcome.reason]);
  if (outcome.file !== undefined) lines.push(`${words.attached}: ${outcome.file}`);
  // The hash of what is withheld in part would tell whether somebody has guessed it.
  if (outcome.redacted === undefined && outcome.state !== 'withheld') lines.push(`SHA-256 ${item.sha256}`);
  lines.push(...(item.notices ?? []));
  return lines.filter(line => line !== '').join('\n');
}

/** The QR code as operators of a page: black squares at the upper right. https://www.iso.org/standard/83389.html */
export function qrOperators(text: string, { width, height, right, top }: Sheet): string {
  const [left, bottom] = [width - right - QR_SIZE, height - top - QR_SIZE];
  const squares = qrRuns(text, 'M').map(run =>
    [left + run.x * QR_SIZE, bottom + run.y * QR_SIZE, run.width * QR_SIZE, run.height * QR_SIZE]
      .map(pdfNumber)
      .join(' '),
  );
  return `0 g\n${squares.map(each => `${each} re`).join('\n')}\nf\n`;
}
