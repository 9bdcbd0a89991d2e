/**
 * `DocumentReference/$arrange-pages`: scans that wait for their index are split, joined, put into another order and turned. Their pages become documents of their
 * own, which wait in their place, as confidential as each scan that they are of; the scans stay as they came, superseded, and their Tasks are over, all in one commit.
 * Defined in profiles/intake/operationdefinition-arrange-pages.json
 */
import { createHash } from 'node:crypto';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { parseReference } from '../../../fhir/reference.js';
import { isObject, itemsOf, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../../interactions/engine.js';
import type { Companion } from '../../../interactions/interaction.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { readGiven } from '../../../interactions/operations/parameters.js';
import { readCurrent } from '../../../interactions/read.js';
import { FREE } from '../../../interactions/response/allowance.js';
import { hookGround } from '../../../interactions/write/hook-ground.js';
import { newId } from '../../../platform/ids.js';
import { joinedLabels, labelsOfDocuments } from '../document-labels.js';
import { duplicatesOf } from '../duplicates.js';
import { bytesHeld } from '../intake-file.js';
import { madeScan, type ScanMaking, takenApart } from '../made-scans.js';
import { firstAttachment } from '../machine-text/scan-kinds.js';
import { lookedPages } from '../pages/page-findings.js';
import { subjectsOf } from '../patient-facts.js';
import { SCAN_STATUS, scanStateConcept, tasksAbout } from '../vocabulary.js';
import { type ArrangementAsked, arrangementAsked, checkPlaces, refusePages } from './arrange-asked.js';
import { arrangedPages } from './arranged.js';

/** Bytes of all scans together. */
const MOST_BYTES = 64 * 1024 * 1024;
const ARRANGED: ReadonlySet<string> = new Set(['application/pdf', 'image/tiff', 'image/jpeg']);
/** Copies that are held: of the scans, of the thread, and of what is made with its base64. */
const COPIES = 5;

interface ScanToArrange {
  readonly id: string;
  readonly resource: Resource;
  readonly task: Resource;
  readonly taskVersion: string;
  readonly contentType: string;
  readonly bytes: Buffer;
}

export const arrangePagesOperation: OperationImplementation = {
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const asked = arrangementAsked(given, context.engine.settings.bases);
    const scans = await scansToArrange(context, asked);
    const places = new Map(scans.map(({ id }, at) => [id, at]));
    const files = scans.map(({ contentType, bytes }) => ({ contentType, bytes: new Uint8Array(bytes) }));
    const documents = asked.documents.map(pages =>
      pages.map(({ scan, number, turn }) => ({ file: places.get(scan)!, number, turn })),
    );
    const made = await arrangedPages({ files, documents }, [...asked.scans.values()]);
    checkPlaces(asked, new Map(scans.map(({ id }, at) => [id, made.counts[at]!])));
    return outcomeOf(context, asked, scans, made.documents ?? []);
  },
};

/** Throws `unprocessable` for what does not wait for its index, or has no pages that can be taken out. */
async function scansToArrange(context: Context, { scans }: ArrangementAsked): Promise<readonly ScanToArrange[]> {
  const ground = hookGround(context);
  const found: (Omit<ScanToArrange, 'bytes' | 'contentType'> & { readonly at: string; readonly binary: string })[] = [];
  for (const [id, at] of scans) {
    const { text } = await readCurrent(context, 'DocumentReference', id);
    const { resource } = parseJson(text!, STORED_JSON);
    const [task] = await ground.find('Task', tasksAbout(id, ['pending-index', 'rework']), 1);
    if (!task?.text || resource['status'] !== 'current')
      throw refusePages(
        'not-to-be-indexed',
        at,
        'No Task waits for this scan to be indexed: pages are arranged before that.',
      );
    const { url } = firstAttachment(resource);
    const target = typeof url === 'string' ? parseReference(url, context.engine.settings.bases) : undefined;
    if (target?.kind !== 'local' || target.type !== 'Binary' || itemsOf(resource['content']).length !== 1)
      throw refusePages('no-bytes', at, 'This scan is not one file of this server.');
    found.push({
      ...{ id, resource, at, binary: target.id },
      ...{ task: parseJson(task.text, STORED_JSON).resource, taskVersion: String(task.version) },
    });
  }
  const held = [];
  for (const each of found) {
    const file = await ground.binary(each.binary);
    const type = jsonText(firstAttachment(each.resource)['contentType']).split(';')[0]!.trim();
    if (!file) throw refusePages('no-bytes', each.at, 'The bytes of this scan are not here.');
    if (!ARRANGED.has(type))
      throw refusePages('type-not-arranged', each.at, `Pages are arranged of ${[...ARRANGED].join(', ')}.`);
    held.push({ ...each, file, type });
  }
  const sum = held.reduce((total, { file }) => total + file.size, 0);
  if (sum > MOST_BYTES)
    throw refusePages(
      'scans-too-large',
      'Parameters.parameter',
      'These scans have 64 MB at most together: arrange fewer at once.',
    );
  if (COPIES * sum > FREE) await ground.room(COPIES * sum);
  const read: ScanToArrange[] = [];
  for (const { id, resource, task, taskVersion, file, type: contentType } of held)
    read.push({ id, resource, task, taskVersion, contentType, bytes: await bytesHeld(file) });
  return read;
}

/** What all of them say alike; undefined: nothing. */
function sameOf(
  resources: readonly Resource[],
  of: (resource: Resource) => JsonObject | undefined,
): JsonObject | undefined {
  const [first, ...others] = resources.map(of);
  return others.every(each => JSON.stringify(each) === JSON.stringify(first)) ? first : undefined;
}

async function outcomeOf(
  context: Context,
  asked: ArrangementAsked,
  scans: readonly ScanToArrange[],
  documents: readonly Uint8Array[],
): ReturnType<OperationImplementation['run']> {
  const { engine, principal } = context;
  const now = engine.clock.now();
  const ground = hookGround(context);
  const earlier = new Map<string, string>();
  const batch = batchOf(scans);
  const making: ScanMaking = {
    ...{ engine, ground, earlier, at: new Date(now).toISOString(), by: principal, newId: () => newId(now) },
    ...(batch === undefined ? {} : { batch }),
  };
  const byId = new Map(scans.map(scan => [scan.id, scan]));
  const companions: Companion[] = scans.map(scanOver);
  const told: JsonObject[] = [];
  for (const [at, pages] of asked.documents.entries()) {
    const bytes = documents[at]!;
    const of = [...new Set(pages.map(({ scan }) => scan))].map(id => byId.get(id)!);
    const sources = of.map(({ resource }) => resource);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const [looked, known] = [
      await lookedPages({ bytes, contentType: 'application/pdf', pages: pages.length }),
      await duplicatesOf(ground, { sha256 }, earlier),
    ];
    const id = making.newId();
    if (!earlier.has(sha256)) earlier.set(sha256, `DocumentReference/${id}`);
    const patient = sameOf(sources, ({ subject }) => (isObject(subject) ? subject : undefined));
    const title = firstAttachment(sources[0]!)['title'];
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
    const scan = await madeScan(making, `document ${at + 1}`, {
      id,
      attachment: { contentType: 'application/pdf', ...(typeof title === 'string' ? { title } : {}), data },
      asked: { ...(patient === undefined ? {} : { patient }), identifiers: [] },
      findings: [...known.findings, ...looked.findings],
      labels: joinedLabels([labelsOfDocuments(sources), known.labels]),
    });
    companions.push(...scan.companions, ...of.map(source => takenApart(making, id, source.id)));
    told.push(...scan.told.map(file => ({ ...file, name: 'document' })));
  }
  return {
    result: {
      status: 200,
      patients: subjectsOf(
        scans.map(({ resource }) => resource),
        engine.settings.bases,
      ),
      text: Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter: told })),
    },
    accompaniment: {
      companions: companions.map(each => ({ owner: 'intake', ask: each })),
      ...{ messages: [], mustNotMatch: [] },
    },
  };
}

/** The batch that all of them are of. */
function batchOf(scans: readonly ScanToArrange[]): string | undefined {
  const same = sameOf(
    scans.map(({ task }) => task),
    ({ basedOn }) => itemsOf(basedOn).find(isObject),
  );
  const reference = same?.['reference'];
  return typeof reference === 'string' && reference.startsWith('List/') ? reference.slice('List/'.length) : undefined;
}

/** The Task of a scan whose pages are elsewhere; the document follows from it (scan-hook.ts). */
const scanOver = ({ task, taskVersion }: ScanToArrange): Companion => ({
  kind: 'update',
  type: 'Task',
  id: jsonText(task['id']),
  ifMatch: [taskVersion],
  body: {
    resource: { ...task, status: SCAN_STATUS.rearranged, businessStatus: scanStateConcept('rearranged') },
    decimals: undefined,
  },
});
