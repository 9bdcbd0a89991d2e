/**
 * `DocumentReference/$intake-rates`: for each indexer how many scans they have indexed, how many of them a second person has checked, what errors were found, and
 * their share of what was checked (at most 1 to 2 percent, as a rule). Defined in profiles/intake/operationdefinition-intake-rates.json
 */
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { FhirError } from '../../fhir/error.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { OperationImplementation } from '../../interactions/engine.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { readGiven } from '../../interactions/operations/parameters.js';
import { hookGround } from '../../interactions/write/hook-ground.js';
import { breathe } from '../../platform/pieces.js';
import {
  extensionValue,
  INDEX_ERROR_URL,
  INDEXER_URL,
  SCAN_QUALITY,
  SCAN_TASK,
  scanStateOf,
  SECOND_PERSON_URL,
} from './vocabulary.js';

/** Tasks that are counted at once. */
const MOST_COUNTED = 10_000;

interface IndexerCounts {
  readonly indexer: JsonObject;
  indexed: number;
  checked: number;
  /** Documents with an error. */
  wrong: number;
  readonly reasons: Map<string, number>;
}

export const intakeRatesOperation: OperationImplementation = {
  shows: 'Parameters',
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const limits = given.map(
      ({ name, value }) => ['authored-on', `${name === 'start' ? 'ge' : 'le'}${jsonText(value)}`] as const,
    );
    const dateOf = (name: string): string => jsonText(given.find(each => each.name === name)?.value);
    const [start, end] = [dateOf('start'), dateOf('end')];
    // Of dates of different precision the longer one may lie within the other.
    const length = Math.min(start.length, end.length);
    if (start.slice(0, length) > end.slice(0, length))
      throw new FhirError('invalid', 'The end is before the start: name the earlier day as start.', {
        ...{ expression: given.find(({ name }) => name === 'end')!.at, detail: 'bad-parameter-value' },
      });
    const criteria = [['code', `${SCAN_TASK.system}|${SCAN_QUALITY}`] as const, ...limits];
    const rows = await hookGround(context).find('Task', criteria, MOST_COUNTED + 1);
    if (rows.length > MOST_COUNTED)
      throw new FhirError('too-costly', `More than ${MOST_COUNTED} scans came in: ask for fewer days (start, end).`, {
        ...{ expression: 'Parameters.parameter', detail: 'too-many-scans' },
      });
    const counts = new Map<string, IndexerCounts>();
    for (const { text } of rows) {
      await breathe();
      if (text) count(counts, parseJson(text, STORED_JSON).resource);
    }
    const parameter = [...counts].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => told(each));
    const resource = parameter.length > 0 ? { resourceType: 'Parameters', parameter } : { resourceType: 'Parameters' };
    return { result: { status: 200, patients: [], text: Buffer.from(JSON.stringify(resource)) } };
  },
};

function countsOf(counts: Map<string, IndexerCounts>, indexer: Json | undefined): IndexerCounts | undefined {
  if (!isObject(indexer)) return undefined;
  const key = JSON.stringify([indexer['reference'] ?? '', indexer['identifier'] ?? '']);
  let found = counts.get(key);
  if (!found) counts.set(key, (found = { indexer, indexed: 0, checked: 0, wrong: 0, reasons: new Map() }));
  return found;
}

/** An error counts for whoever had indexed the document then; the document for whoever has indexed it last. */
function count(counts: Map<string, IndexerCounts>, task: Resource): void {
  const last = countsOf(counts, extensionValue(task, INDEXER_URL, 'valueReference'));
  if (!last) return;
  const errors = itemsOf(task['extension'])
    .filter(isObject)
    .filter(({ url }) => url === INDEX_ERROR_URL);
  const [seen, wrong] = [new Set<IndexerCounts>([last]), new Set<IndexerCounts>()];
  for (const error of errors) {
    const parts = itemsOf(error['extension']).filter(isObject);
    const part = (url: string, member: string) => parts.find(each => each['url'] === url)?.[member];
    const whose = countsOf(counts, part('indexer', 'valueReference'));
    const reason = jsonText(part('reason', 'valueCode'));
    if (!whose) continue;
    whose.reasons.set(reason, (whose.reasons.get(reason) ?? 0) + 1);
    seen.add(whose);
    wrong.add(whose);
  }
  const isPassed =
    scanStateOf(task) === 'final' && extensionValue(task, SECOND_PERSON_URL, 'valueCode') !== 'not-asked';
  for (const each of seen) {
    each.indexed++;
    if (wrong.has(each) || (each === last && isPassed)) each.checked++;
    if (wrong.has(each)) each.wrong++;
  }
}

const told = ({ indexer, indexed, checked, wrong, reasons }: IndexerCounts): JsonObject => ({
  name: 'indexer',
  part: [
    { name: 'who', valueReference: indexer },
    { name: 'indexed', valueUnsignedInt: indexed },
    { name: 'checked', valueUnsignedInt: checked },
    { name: 'wrong', valueUnsignedInt: wrong },
    ...(checked > 0 ? [{ name: 'rate', valueDecimal: Math.round((wrong / checked) * 10_000) / 10_000 }] : []),
    ...[...reasons].map(([code, times]) => ({
      name: 'error',
      part: [
        { name: 'reason', valueCode: code },
        { name: 'times', valueUnsignedInt: times },
      ],
    })),
  ],
});
