/** What a page says of a document above its content. */
import type { HumanName } from '../read/document-metadata.js';
import { htmlText } from '../../../platform/html.js';

export const nameText = ({ text, prefix = [], given = [], family, suffix = [] }: HumanName): string =>
  text ?? [...prefix, ...given, family, ...suffix].filter(part => part !== undefined).join(' ');

export type HeaderRow = readonly [label: string, value: string | undefined];

/** Rows without a value are left out. */
export function headerTable(rows: readonly HeaderRow[]): string {
  const shown = rows.flatMap(([label, value]) =>
    value === undefined || value === '' ? [] : `<tr><th>${label}</th><td>${htmlText(value)}</td></tr>`,
  );
  return shown.length === 0 ? '' : `<table><tbody>${shown.join('')}</tbody></table>`;
}
