/**
 * The queue of scans that are to be read: those with the tag, oldest first. Each round tries each of them once: what nothing can be written on is passed
 * over until the next one, however many there are of it, so that it keeps nobody waiting and is not read without rest.
 */
import { MACHINE_TEXT_TAGS } from '../../../fhir/content/machine-read.js';
import { isObject, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Parameters } from '../../../interactions/interaction.js';

/** ms from the first scan that is passed over until it is tried again. */
const ROUND = 600_000;

export interface FoundScan {
  readonly id: string;
  readonly version: string;
  /** FHIR instant of the version. */
  readonly updated: string;
  readonly resource: Resource;
}

/** How far a round is. */
export interface PassedScans {
  /** When the last one was changed that was passed over, and which others of that instant were: a commit may write many. */
  readonly at: string;
  readonly ids: readonly string[];
  /** ms since 1970 when the round is over. */
  readonly until: number;
}

export const passedWith = (
  passed: PassedScans | undefined,
  { id, updated }: Pick<FoundScan, 'id' | 'updated'>,
  now: number,
): PassedScans => ({
  at: updated,
  ids: passed?.at === updated ? [...passed.ids, id] : [id],
  until: passed?.until ?? now + ROUND,
});

/** The first one behind those that were passed over. `find`: documents by a search. */
export async function nextWanted(
  find: (parameters: Parameters) => Promise<readonly Resource[]>,
  passed: PassedScans | undefined,
): Promise<FoundScan | undefined> {
  const found = await find([
    ['_tag', `${MACHINE_TEXT_TAGS}|wanted`],
    ...(passed ? [['_lastUpdated', `ge${passed.at}`] as const] : []),
    ['_sort', '_lastUpdated'],
    ['_count', String((passed?.ids.length ?? 0) + 1)],
    ['_total', 'none'],
  ]);
  for (const resource of found) {
    const { id, meta } = resource;
    const { versionId: version, lastUpdated: updated }: JsonObject = isObject(meta) ? meta : {};
    if (typeof id !== 'string' || typeof version !== 'string' || typeof updated !== 'string') continue;
    if (!passed?.ids.includes(id)) return { id, version, updated, resource };
  }
  return undefined;
}
