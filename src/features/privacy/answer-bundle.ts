/** Lines of an answer as a Bundle: each is a Parameters with its sentence and its columns. https://hl7.org/fhir/R4/bundle.html */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../fhir/resource.js';
import type { Cell, TableRow } from './answer-forms.js';

export interface LineOfBundle extends TableRow {
  /** What tells it from the others. */
  readonly key: string;
}

export interface BundleOfLines {
  readonly id: string;
  /** ms since 1970: when it was made, and up to when it is known to be complete (default: the same). */
  readonly made: number;
  readonly asOf?: number;
  readonly link: readonly { readonly relation: string; readonly url: string }[];
  readonly columns: readonly { readonly name: string }[];
  readonly lines: readonly LineOfBundle[];
}

/** Of type collection: what is in it is no match of a search, but made for the answer. */
export function bundleOfLines({ id, made, asOf = made, link, columns, lines }: BundleOfLines): Buffer {
  const timestamp = new Date(made).toISOString();
  return Buffer.from(
    JSON.stringify({
      resourceType: 'Bundle',
      id,
      meta: { lastUpdated: new Date(asOf).toISOString() },
      type: 'collection',
      timestamp,
      link,
      ...(lines.length > 0
        ? {
            entry: lines.map(line => ({
              fullUrl: nameOfLine(id, line.key),
              resource: parametersOfLine(line, columns),
            })),
          }
        : {}),
    }),
  );
}

function parametersOfLine({ sentence, cells }: LineOfBundle, columns: BundleOfLines['columns']): JsonObject {
  const said = cells.flatMap((cell, at) => {
    const { name } = columns[at]!;
    return cell === '' ? [] : [{ name, ...valueOf(cell) }];
  });
  return { resourceType: 'Parameters', parameter: [{ name: 'sentence', valueString: sentence }, ...said] };
}

function valueOf(cell: Cell): JsonObject {
  if (typeof cell === 'boolean') return { valueBoolean: cell };
  return typeof cell === 'number' ? { valueInteger: cell } : { valueString: cell };
}

/** The same of the same line of the same answer. */
function nameOfLine(answer: string, key: string): string {
  const hex = createHash('sha256').update(`${answer} ${key}`).digest('hex');
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
