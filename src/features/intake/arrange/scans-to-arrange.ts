/** Scans whose pages are arranged, as they were read: each waits for its index, and is one file of this server, whose bytes and labels are taken along. */
import { FhirError } from '../../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { parseReference } from '../../../fhir/reference.js';
import { itemsOf, type Resource } from '../../../fhir/resource.js';
import type { Context } from '../../../interactions/engine.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { readCurrent } from '../../../interactions/read.js';
import { FREE } from '../../../interactions/response/allowance.js';
import { hookGround } from '../../../interactions/write/hook-ground.js';
import type { HookGround } from '../../../interactions/write/hooks.js';
import { bytesHeld } from '../intake-file.js';
import { firstAttachment } from '../machine-text/scan-kinds.js';
import { tasksAbout } from '../vocabulary.js';
import { type ArrangementAsked, refusePages } from './arrange-asked.js';

/** Bytes of all scans together. */
const MOST_BYTES = 64 * 1024 * 1024;
const ARRANGED: ReadonlySet<string> = new Set(['application/pdf', 'image/tiff', 'image/jpeg']);
/** Copies that are held: of the scans, of the thread, and of what is made with its base64. */
const COPIES = 5;

export interface ScanToArrange {
  readonly id: string;
  /** Of the DocumentReference that was read. */
  readonly version: string;
  readonly resource: Resource;
  readonly task: Resource;
  readonly taskVersion: string;
  /** Where it is named. */
  readonly at: string;
  /** As it was read, without its bytes: it has labels of its own. */
  readonly binary: Resource;
  readonly binaryVersion: string;
  readonly contentType: string;
  /** They are moved to the thread that arranges their pages. */
  readonly bytes: Buffer<ArrayBuffer>;
}

type ScanFound = Pick<ScanToArrange, 'id' | 'version' | 'resource' | 'task' | 'taskVersion' | 'at'> & {
  readonly binaryId: string;
};

/** Throws `unprocessable` for what does not wait for its index, or has no pages that can be taken out. */
export async function scansToArrange(context: Context, { scans }: ArrangementAsked): Promise<readonly ScanToArrange[]> {
  const ground = hookGround(context);
  const held = [];
  for (const [id, at] of scans) {
    const found = await scanFound(context, id, at);
    const binary = await binaryRead(ground, found.binaryId);
    const file = await ground.binary(found.binaryId);
    const type = jsonText(firstAttachment(found.resource)['contentType']).split(';')[0]!.trim();
    if (!file || !binary) throw refusePages('no-bytes', at, 'The bytes of this scan are not here.');
    if (!ARRANGED.has(type))
      throw refusePages('type-not-arranged', at, `Pages are arranged of ${[...ARRANGED].join(', ')}.`);
    held.push({ found, file, type, binary });
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
  for (const { found, file, type: contentType, binary } of held)
    read.push({
      ...found,
      ...{ contentType, binary: binary.resource, binaryVersion: binary.version },
      bytes: await bytesHeld(file),
    });
  return read;
}

async function scanFound(context: Context, id: string, at: string): Promise<ScanFound> {
  const row = await readCurrent(context, 'DocumentReference', id);
  const { resource } = parseJson(row.text!, STORED_JSON);
  const [task] = await hookGround(context).find('Task', tasksAbout(id, ['pending-index', 'rework']), 1);
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
  return {
    ...{ id, version: String(row.version), resource, at, binaryId: target.id },
    ...{ task: parseJson(task.text, STORED_JSON).resource, taskVersion: String(task.version) },
  };
}

async function binaryRead(
  { view }: Pick<HookGround, 'view'>,
  id: string,
): Promise<{ readonly resource: Resource; readonly version: string } | undefined> {
  const row = await view.read('Binary', id);
  return row?.text
    ? { resource: { id, ...parseJson(row.text, STORED_JSON).resource }, version: String(row.version) }
    : undefined;
}

/** Throws `conflict` where the bytes, or their labels, are others than when they were read. Of their documents the commit says that itself. */
export async function checkUnchanged(ground: Pick<HookGround, 'view'>, scans: readonly ScanToArrange[]): Promise<void> {
  for (const { at, binary, binaryVersion } of scans) {
    const now = await binaryRead(ground, jsonText(binary['id']));
    if (now?.version !== binaryVersion)
      throw new FhirError(
        'conflict',
        'The bytes of this scan, or their labels, were changed while its pages were arranged: send it again.',
        { detail: 'changed-meanwhile', expression: at },
      );
  }
}
