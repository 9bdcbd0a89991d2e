/** Bytes that come in again: which documents have them, as far as their Provenance says so, and how confidential these are. */
import { nameOfBytes, URI_SYSTEM } from '../../fhir/content/bytes-name.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, itemsOf, type Resource } from '../../fhir/resource.js';
import { jsonText } from '../../interactions/operations/operation.js';
import type { HookGround } from '../../interactions/write/hooks.js';
import { type DocumentLabels, labelsOfDocuments } from './document-labels.js';
import type { DqFinding } from './vocabulary.js';

/** Documents with the same bytes that are named. */
const MOST_DUPLICATES = 10;

interface Duplicates {
  readonly findings: readonly DqFinding[];
  /** Of all of them: what comes in again is as confidential. */
  readonly labels: DocumentLabels;
}

/** The same bytes in this batch (`earlier`: by hash), and documents that are here with them. */
export async function duplicatesOf(
  { find, view }: Pick<HookGround, 'find' | 'view'>,
  { sha256 }: { readonly sha256: string },
  earlier: ReadonlyMap<string, string>,
): Promise<Duplicates> {
  const name = `${URI_SYSTEM}|${nameOfBytes(sha256)}`;
  const rows = await find('Provenance', [['entity:identifier', name]], MOST_DUPLICATES);
  const targets = rows.flatMap(({ text }) => (text ? itemsOf(parseJson(text, STORED_JSON).resource['target']) : []));
  const documents = new Set(
    targets.flatMap(target => {
      const reference = isObject(target) ? jsonText(target['reference']).split('/_history/')[0]! : '';
      return reference.startsWith('DocumentReference/') ? [reference] : [];
    }),
  );
  const stored: Resource[] = [];
  for (const reference of documents) {
    const row = await view.read('DocumentReference', reference.slice('DocumentReference/'.length));
    if (row?.text) stored.push(parseJson(row.text, STORED_JSON).resource);
  }
  const inBatch = earlier.get(sha256);
  const named = new Set([...(inBatch === undefined ? [] : [inBatch]), ...documents]);
  return {
    findings: [...named].map(reference => ({
      code: 'DQ-duplicate',
      expression: 'DocumentReference.content[0].attachment',
      value: { valueReference: { reference } },
    })),
    labels: labelsOfDocuments(stored),
  };
}
