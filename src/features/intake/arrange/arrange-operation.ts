/**
 * `DocumentReference/$arrange-pages`: scans that wait for their index are split, joined, put into another order and turned. Their pages become documents of their
 * own, which wait in their place, as confidential as each scan that they are of; the scans stay as they came, superseded, and their Tasks are over, all in one commit.
 * Defined in profiles/intake/operationdefinition-arrange-pages.json
 */
import { createHash } from 'node:crypto';
import { isObject, itemsOf, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../../interactions/engine.js';
import type { Companion } from '../../../interactions/interaction.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { readGiven } from '../../../interactions/operations/parameters.js';
import { hookGround } from '../../../interactions/write/hook-ground.js';
import { addressOfMade } from '../../../interactions/write/made-bytes.js';
import { newId } from '../../../platform/ids.js';
import { breathe } from '../../../platform/pieces.js';
import { joinedLabels, labelsOfDocuments } from '../document-labels.js';
import { duplicatesOf } from '../duplicates.js';
import { madeScan, type ScanMaking, takenApart } from '../made-scans.js';
import { firstAttachment } from '../machine-text/scan-kinds.js';
import { lookedPages } from '../pages/page-findings.js';
import { subjectsOf } from '../patient-facts.js';
import type { ArrangedTogether } from '../scan-hook.js';
import { SCAN_STATUS, scanStateConcept } from '../vocabulary.js';
import { type ArrangementAsked, arrangementAsked, checkPlaces, type PlacedPage } from './arrange-asked.js';
import { arrangedPages } from './arranged.js';
import { findingsOfArranged, patientOfAll } from './carried.js';
import { checkUnchanged, type ScanToArrange, scansToArrange } from './scans-to-arrange.js';

/** Bytes that are hashed in one turn. */
const SLICE = 1024 * 1024;

export const arrangePagesOperation = (arranged: ArrangedTogether): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const asked = arrangementAsked(given, context.engine.settings.bases);
    const scans = await scansToArrange(context, asked);
    const places = new Map(scans.map(({ id }, at) => [id, at]));
    const files = scans.map(({ contentType, bytes }) => ({ contentType, bytes: new Uint8Array(bytes.buffer) }));
    const documents = asked.documents.map(pages =>
      pages.map(({ scan, number, turn }) => ({ file: places.get(scan)!, number, turn })),
    );
    for (const [at, pages] of asked.documents.entries())
      patientOfAll(scanDocuments(pages, byId(scans)), context.engine.settings.bases, asked.places[at]!);
    const made = await arrangedPages({ files, documents }, [...asked.scans.values()]);
    checkPlaces(asked, new Map(scans.map(({ id }, at) => [id, made.counts[at]!])));
    arranged.set(context.stamp, new Map(scans.map(({ task, version }) => [jsonText(task['id']), version])));
    return outcomeOf(context, asked, scans, made.documents ?? []);
  },
});

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
  const scanBy = byId(scans);
  const tasks = new Map(scans.map(({ id, task }) => [id, task]));
  const companions: Companion[] = scans.map(scanOver);
  const told: JsonObject[] = [];
  for (const [at, pages] of asked.documents.entries()) {
    const bytes = documents[at]!;
    const of = scansOf(pages, scanBy);
    const sources = of.map(({ resource }) => resource);
    const sha256 = await hashed(bytes);
    const [looked, known] = [
      await lookedPages({ bytes, contentType: 'application/pdf', pages: pages.length }),
      await duplicatesOf(ground, { sha256 }, earlier),
    ];
    const id = making.newId();
    if (!earlier.has(sha256)) earlier.set(sha256, `DocumentReference/${id}`);
    const patient = patientOfAll(sources, engine.settings.bases, asked.places[at]!);
    const title = firstAttachment(sources[0]!)['title'];
    const scan = await madeScan(making, `document ${at + 1}`, {
      id,
      attachment: {
        contentType: 'application/pdf',
        ...(typeof title === 'string' ? { title } : {}),
        url: addressOfMade(ground, bytes),
      },
      asked: { ...(patient === undefined ? {} : { patient }), identifiers: [] },
      findings: findingsOfArranged(pages, tasks, [...known.findings, ...looked.findings]),
      // Labels of the bytes are those of whoever has the bytes.
      labels: joinedLabels([labelsOfDocuments([...sources, ...of.map(({ binary }) => binary)]), known.labels]),
    });
    companions.push(...scan.companions, ...of.map(source => takenApart(making, id, source.id)));
    told.push(...scan.told.map(file => ({ ...file, name: 'document' })));
  }
  await checkUnchanged(ground, scans);
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

const byId = (scans: readonly ScanToArrange[]): ReadonlyMap<string, ScanToArrange> =>
  new Map(scans.map(scan => [scan.id, scan]));

/** The scans that give pages to a document, each once. */
const scansOf = (pages: readonly PlacedPage[], scans: ReadonlyMap<string, ScanToArrange>): ScanToArrange[] =>
  [...new Set(pages.map(({ scan }) => scan))].map(id => scans.get(id)!);

const scanDocuments = (pages: readonly PlacedPage[], scans: ReadonlyMap<string, ScanToArrange>): Resource[] =>
  scansOf(pages, scans).map(({ resource }) => resource);

/** The SHA-256 in hexadecimal digits, in pieces, so that others have their turn. */
async function hashed(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += SLICE) {
    hash.update(bytes.subarray(at, at + SLICE));
    await breathe();
  }
  return hash.digest('hex');
}

/** The batch that all of them are of; undefined: they are of none, or of several. */
function batchOf(scans: readonly ScanToArrange[]): string | undefined {
  const references = new Set(scans.map(({ task }) => itemsOf(task['basedOn']).find(isObject)?.['reference']));
  const [reference] = references;
  const isOne = references.size === 1 && typeof reference === 'string' && reference.startsWith('List/');
  return isOne ? reference.slice('List/'.length) : undefined;
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
