/** Bytes that come in again: which documents have them, as far as their Provenance says so, and how confidential these are. */
import { nameOfBytes, URI_SYSTEM } from '../../fhir/content/bytes-name.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, itemsOf, type Resource } from '../../fhir/resource.js';
import { jsonText } from '../../interactions/operations/operation.js';
import type { HookGround } from '../../interactions/write/hooks.js';
import { type DocumentLabels, labelsOfDocuments } from './document-labels.js';
import type { DqFinding } from './vocabulary.js';

/** Documents with the same bytes that are named, and those whose labels are asked for. */
const [MOST_DUPLICATES, MOST_LABELLED] = [10, 100];
const DOCUMENT = 'DocumentReference/';

export type DuplicatesGround = Pick<HookGround, 'view' | 'find' | 'findWhole' | 'whole'>;
type Criteria = Parameters<HookGround['find']>[1];
type Rows = Awaited<ReturnType<HookGround['find']>>;

interface Duplicates {
  readonly findings: readonly DqFinding[];
  /** Of all of them: what comes in again is as confidential. */
  readonly labels: DocumentLabels;
}

/**
 * The same bytes in this batch (`earlier`: by hash), and documents that are here with them. Those that whoever brings them may not see are not named; their
 * labels count all the same, or a second document would show what the first one hides.
 */
export async function duplicatesOf(
  ground: DuplicatesGround,
  { sha256 }: { readonly sha256: string },
  earlier: ReadonlyMap<string, string>,
): Promise<Duplicates> {
  const criteria: Criteria = [['entity:identifier', `${URI_SYSTEM}|${nameOfBytes(sha256)}`]];
  const stored: Resource[] = [];
  for (const reference of documentsTold(await ground.findWhole('Provenance', criteria, MOST_LABELLED))) {
    const row = await ground.whole('DocumentReference', reference.slice(DOCUMENT.length));
    if (row?.text) stored.push(parseJson(row.text, STORED_JSON).resource);
  }
  const inBatch = earlier.get(sha256);
  const named = new Set(inBatch === undefined ? [] : [inBatch]);
  // Who sees what is told of a document may not see the document.
  for (const reference of documentsTold(await ground.find('Provenance', criteria, MOST_DUPLICATES)))
    if (await ground.view.read('DocumentReference', reference.slice(DOCUMENT.length))) named.add(reference);
  return {
    findings: [...named].map(reference => ({
      code: 'DQ-duplicate',
      expression: 'DocumentReference.content[0].attachment',
      value: { valueReference: { reference } },
    })),
    labels: labelsOfDocuments(stored),
  };
}

/** What some Provenances are about. */
function documentsTold(rows: Rows): ReadonlySet<string> {
  const targets = rows.flatMap(({ text }) => (text ? itemsOf(parseJson(text, STORED_JSON).resource['target']) : []));
  return new Set(
    targets.flatMap(target => {
      const reference = isObject(target) ? jsonText(target['reference']).split('/_history/')[0]! : '';
      return reference.startsWith(DOCUMENT) ? [reference] : [];
    }),
  );
}
