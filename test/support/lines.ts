/** Lines of an answer to a question to the audit trail, in both of its forms for programs. */
import type { Bundle, Parameters } from 'fhir/r4.js';

export type AnswerLine = Readonly<Record<string, string | number | boolean>>;

export const linesIn = (bundle: Bundle): AnswerLine[] =>
  (bundle.entry ?? []).map(({ resource }) =>
    Object.fromEntries(
      (resource as Parameters).parameter!.map(({ name, valueString, valueInteger, valueBoolean }) => [
        name,
        valueString ?? valueInteger ?? valueBoolean!,
      ]),
    ),
  );

/** As RFC 4180 has it. */
export function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  for (const line of text.match(/(?:"(?:[^"]|"")*"|[^"\r\n])+\r\n/g) ?? [])
    rows.push(
      [...line.slice(0, -2).matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
      ),
    );
  return rows;
}
