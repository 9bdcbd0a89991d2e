/**
 * Lines of an answer as CSV (https://www.rfc-editor.org/rfc/rfc4180) and as a page to print, piece by piece. What stands in the trail may have been written by
 * anybody: a cell that a spreadsheet would take for a formula gets an apostrophe before it
 * (https://owasp.org/www-community/attacks/CSV_Injection), and the page has nothing but text.
 */
import { PAGE_CLOSING, PAGE_POLICY, pageOpening } from '../../interactions/response/shown-page.js';
import { htmlText } from '../../platform/html.js';

export type Cell = string | number | boolean;

/** One form of a table: its head, its rows by lots, its end. */
export interface TableForm {
  readonly contentType: string;
  readonly extension: string;
  /** Of what a browser may show. */
  readonly policy?: string;
  readonly opening: (head: TableHead) => string;
  readonly rows: (rows: readonly TableRow[]) => string;
  readonly closing: (count: number) => string;
}

export interface TableHead {
  readonly title: string;
  /** What was asked, for people. */
  readonly about: readonly string[];
  readonly columns: readonly { readonly name: string; readonly title: string }[];
}

export interface TableRow {
  readonly sentence: string;
  readonly cells: readonly Cell[];
}

/** Also behind what is not seen, and the wide forms of these characters. */
const FORMULA = /^[\s\p{Cf}]*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20|%]/u;

export function csvCell(cell: Cell): string {
  if (typeof cell !== 'string') return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n';\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const csvRow = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(',')}\r\n`;
const yesOrNo = (cell: Cell): string => (typeof cell === 'boolean' ? (cell ? 'yes' : '') : String(cell));

export const TABLE_FORMS: ReadonlyMap<string, TableForm> = new Map([
  [
    'text/csv',
    {
      contentType: 'text/csv; charset=utf-8; header=present',
      extension: 'csv',
      opening: ({ columns }: TableHead) => csvRow([...columns.map(({ name }) => name), 'sentence']),
      rows: (rows: readonly TableRow[]) => rows.map(({ cells, sentence }) => csvRow([...cells, sentence])).join(''),
      closing: () => '',
    },
  ],
  [
    'text/html',
    {
      contentType: 'text/html; charset=utf-8',
      extension: 'html',
      policy: PAGE_POLICY,
      opening: ({ title, about, columns }: TableHead) =>
        `${pageOpening(title, 'en')}<h1>${htmlText(title)}</h1>${about.map(each => `<p>${htmlText(each)}</p>`).join('')}` +
        `<table><thead><tr>${columns.map(column => `<th>${htmlText(column.title)}</th>`).join('')}</tr></thead><tbody>\n`,
      rows: (rows: readonly TableRow[]) =>
        rows
          .map(({ cells }) => `<tr>${cells.map(cell => `<td>${htmlText(yesOrNo(cell))}</td>`).join('')}</tr>\n`)
          .join(''),
      closing: (count: number) => `</tbody></table><p>${count} line${count === 1 ? '' : 's'}.</p>${PAGE_CLOSING}`,
    },
  ],
]);
