/**
 * Plain writes of a document while a Task of the process about it is open: its docStatus follows from the Task alone, the received bytes stay, it is not taken away, and what a second
 * person is looking at is not changed under their eyes. It is judged by the open Tasks, not by the tags of the document, which anybody may take away; and it
 * is a condition of the commit.
 */
import { isDeepStrictEqual } from 'node:util';
import type { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { FeatureHook, HookedWrite, Preparation } from '../../interactions/write/hooks.js';
import { labelsOfDocuments, withDocumentLabels } from './document-labels.js';
import { normalizeFields } from './index-fields.js';
import { INDEX_ELEMENTS } from './scan-after.js';
import { refuseScan } from './scan-hook.js';
import { INTAKE_TAGS, OPEN_STATES, type ScanState, tasksAbout } from './vocabulary.js';

export const documentGuard = (bases: readonly string[]): FeatureHook => ({
  types: ['DocumentReference'],
  async prepare(write) {
    const { resource, agent } = write;
    const labelled = resource && agent !== 'intake' ? await labelledAsReplaced(write, resource, bases) : resource;
    const guarded = await guardScan({ ...write, resource: labelled });
    return labelled === resource || guarded?.resource
      ? guarded
      : { ...guarded, ...(labelled ? { resource: labelled } : {}) };
  },
});

/** What takes the place of a scan that is under way, as a better picture of it, is as confidential, whether or not whoever brings it sees that. */
async function labelledAsReplaced(
  { findWhole, whole, id }: HookedWrite,
  document: Resource,
  bases: readonly string[],
): Promise<Resource> {
  const replaced: Resource[] = [];
  for (const relation of itemsOf(document['relatesTo'])) {
    const target = isObject(relation) && relation['code'] === 'replaces' ? relation['target'] : undefined;
    const reference = isObject(target) && typeof target['reference'] === 'string' ? target['reference'] : '';
    const place = parseReference(reference, bases);
    if (place?.kind !== 'local' || place.type !== 'DocumentReference' || place.id === id) continue;
    if ((await findWhole('Task', tasksAbout(place.id, OPEN_STATES), 1)).length === 0) continue;
    const row = await whole('DocumentReference', place.id);
    if (row?.text) replaced.push(parseJson(row.text, STORED_JSON).resource);
  }
  return withDocumentLabels(document, labelsOfDocuments(replaced));
}

interface GuardedChange {
  /** In which states of the Task it may not be. */
  readonly states: readonly ScanState[];
  readonly refused: FhirError;
}

async function guardScan(write: HookedWrite): Promise<Preparation | undefined> {
  const { before, resource, agent, find, id } = write;
  if (agent === 'intake' || !before?.text) return undefined;
  const former = parseJson(before.text, STORED_JSON).resource;
  const isNormalized = resource !== undefined && isIndexing(former) && normalized(resource);
  const guarded = resource ? guardedChanges(former, resource, agent === undefined) : [DELETED];
  const absent: NonNullable<Preparation['absent']>[number][] = [];
  for (const { states, refused } of guarded) {
    const criteria = tasksAbout(id, states);
    if ((await find('Task', criteria, 1)).length > 0) throw refused;
    absent.push({ type: 'Task', criteria, conflict: refused });
  }
  if (!isNormalized && absent.length === 0) return undefined;
  return { ...(isNormalized ? { resource } : {}), absent };
}

const isIndexing = ({ meta }: Resource): boolean =>
  (isObject(meta) ? itemsOf(meta['tag']) : []).some(tag => isObject(tag) && tag['system'] === INTAKE_TAGS);

function normalized(document: Resource): boolean {
  const given = JSON.stringify(document);
  normalizeFields(document);
  return JSON.stringify(document) !== given;
}

const ofOpenTask = (detail: string, expression: string, text: string): GuardedChange => ({
  states: OPEN_STATES,
  refused: refuseScan(detail, expression, text),
});

const DELETED = ofOpenTask(
  'under-review',
  'DocumentReference',
  'This document is under way into the record: reject it.',
);

/**
 * What a write does that a Task may forbid. `isPlain`: nobody does it for the client; a document that another one replaces is superseded, whatever its
 * Task, which is rejected then.
 */
function guardedChanges(former: Resource, resource: Resource, isPlain: boolean): readonly GuardedChange[] {
  const altered = REVIEWED_ELEMENTS.find(name => !isDeepStrictEqual(former[name], resource[name]));
  const [isOtherStatus, isOtherDocStatus] = ['status', 'docStatus'].map(name => former[name] !== resource[name]);
  const changes: (GuardedChange | false | undefined)[] = [
    isOtherDocStatus &&
      ofOpenTask(
        'final-by-process',
        'DocumentReference.docStatus',
        'What becomes of this document follows from the Task about it ($transition).',
      ),
    isOtherStatus &&
      isPlain &&
      ofOpenTask(
        'status-by-process',
        'DocumentReference.status',
        'What becomes of this document follows from the Task about it: reject it there.',
      ),
    former['docStatus'] === 'entered-in-error' &&
      (isOtherDocStatus || isOtherStatus) && {
        states: ['rejected'],
        refused: refuseScan(
          'rejected-stays',
          'DocumentReference.docStatus',
          'This document was rejected: take another one in.',
        ),
      },
    !isDeepStrictEqual(bytesOf(former), bytesOf(resource)) &&
      ofOpenTask(
        'received-bytes-stay',
        'DocumentReference.content',
        'Bytes that were received stay as they are: reject the document and take another one in.',
      ),
    altered !== undefined && {
      states: ['pending-qc'],
      refused: refuseScan(
        'index-under-review',
        `DocumentReference.${altered}`,
        'A second person is looking at what is said of this document: it is sent back first.',
      ),
    },
  ];
  return changes.filter(change => typeof change === 'object');
}

/** What a second person looks at. */
const REVIEWED_ELEMENTS = [...INDEX_ELEMENTS, 'category', 'content'] as const;

/** What its contents are, as their attachments say: the type is a part of what was received. */
const bytesOf = ({ content }: Resource): readonly (readonly unknown[])[] =>
  itemsOf(content).map(each => {
    const attachment: JsonObject = isObject(each) && isObject(each['attachment']) ? each['attachment'] : {};
    return ['url', 'hash', 'size', 'contentType'].map(name => attachment[name]);
  });
