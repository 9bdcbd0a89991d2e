/**
 * A batch of scans that was taken in before: who sends it again is told what became of its files. It is the same batch where its files have the same hashes in
 * the same order, so that nothing is dropped which comes under an identifier that was used for something else.
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, itemsOf, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Context } from '../../interactions/engine.js';
import type { Outcome } from '../../interactions/interaction.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { hookGround } from '../../interactions/write/hook-ground.js';
import type { IntakeFile } from './intake-file.js';
import { subjectsOf } from './patient-facts.js';
import { DQ_RULES, type DqFinding, findingsOf, scanStateOf, tasksOfBatch } from './vocabulary.js';

/** Of the List of a batch. */
export const LIST_CODE = {
  system: 'urn:chartroom:list',
  code: 'intake-batch',
  display: 'Scans that came in together',
} as const;

/** Of an entry: the hash of what came in, in hexadecimal digits. */
const RECEIVED_URL = 'urn:chartroom:received-sha256';
/** Documents, and so Tasks, of one batch. */
export const MOST_OF_BATCH = 300;

export const batchEntry = (document: string, { sha256 }: Pick<IntakeFile, 'sha256'>): JsonObject => ({
  extension: [{ url: RECEIVED_URL, valueString: sha256 }],
  item: { reference: `DocumentReference/${document}` },
});

interface StoredList {
  readonly id: string;
  readonly text: Buffer;
}

/** What became of the files of a List. Throws `conflict` where it is none of these files, and where nothing of it is left. */
export async function knownBatch(
  context: Context,
  { id: batch, text }: StoredList,
  files: readonly IntakeFile[],
): Promise<Outcome> {
  const list = parseJson(text, STORED_JSON).resource;
  const entries = itemsOf(list['entry']).filter(isObject);
  // Documents that a file was taken apart into have none.
  const received = entries.flatMap(({ extension }) =>
    itemsOf(extension)
      .filter(isObject)
      .filter(({ url }) => url === RECEIVED_URL),
  );
  const isSame =
    isBatch(list) &&
    received.length === files.length &&
    received.every((each, at) => each['valueString'] === files[at]!.sha256);
  if (!isSame)
    throw new FhirError('conflict', 'This identifier is that of another batch: send these files under another one.', {
      ...{ detail: 'identifier-of-other-batch', expression: "Parameters.parameter.where(name='identifier')" },
    });
  const rows = await hookGround(context).find('Task', tasksOfBatch(batch), MOST_OF_BATCH);
  const told = new Map<string, { readonly file: JsonObject; readonly isRejected: boolean }>();
  const works: Resource[] = [];
  for (const { id, text: work } of rows) {
    if (!work) continue;
    const task = parseJson(work, STORED_JSON).resource;
    works.push(task);
    const document = isObject(task['focus']) ? jsonText(task['focus']['reference']) : '';
    const isRejected = scanStateOf(task) === 'rejected' || (await isTakenBack(context, document));
    told.set(document, { file: fileTold(document, `Task/${id}`, findingsOf(task)), isRejected });
  }
  const inOrder = entries.flatMap(({ item }) => told.get(isObject(item) ? jsonText(item['reference']) : '') ?? []);
  const patients = subjectsOf(
    works.flatMap(({ for: subject }) => (subject === undefined ? [] : [{ subject }])),
    context.engine.settings.bases,
  );
  if (inOrder.length > 0 && inOrder.every(({ isRejected }) => isRejected))
    throw new FhirError(
      'conflict',
      'These bytes came in before and were rejected: scan them anew, or send them under another identifier. What was of a wrong patient has come in anew by itself.',
      { detail: 'batch-rejected', expression: "Parameters.parameter.where(name='identifier')", patients },
    );
  return {
    result: {
      status: 200,
      patients,
      text: batchText(
        batch,
        inOrder.map(({ file }) => file),
      ),
    },
  };
}

const isBatch = ({ code }: Resource): boolean =>
  (isObject(code) ? itemsOf(code['coding']) : []).some(
    each => isObject(each) && each['system'] === LIST_CODE.system && each['code'] === LIST_CODE.code,
  );

/** Deleted, or entered in error; of what this principal may not see nothing is known. */
async function isTakenBack({ view }: Context, reference: string): Promise<boolean> {
  const row = await view.read('DocumentReference', reference.slice(reference.indexOf('/') + 1));
  if (!row) return false;
  return !row.text || parseJson(row.text, STORED_JSON).resource['status'] === 'entered-in-error';
}

export function fileTold(document: string, task: string, findings: readonly DqFinding[]): JsonObject {
  return {
    name: 'file',
    part: [
      { name: 'document', valueReference: { reference: document } },
      { name: 'task', valueReference: { reference: task } },
      ...findings.map(findingTold),
    ],
  };
}

/** A finding as a parameter: its code and words, and what it is about. */
export function findingTold({ code, value = {} }: DqFinding): JsonObject {
  const about = Object.entries(value).map(([member, each]) => ({ name: 'about', [member]: each }));
  return {
    name: 'finding',
    part: [{ name: 'code', valueCode: code }, { name: 'display', valueString: DQ_RULES[code].display }, ...about],
  };
}

export const batchText = (batch: string, files: readonly JsonObject[]): Buffer =>
  Buffer.from(
    JSON.stringify({
      resourceType: 'Parameters',
      parameter: [{ name: 'batch', valueReference: { reference: `List/${batch}` } }, ...files],
    }),
  );
