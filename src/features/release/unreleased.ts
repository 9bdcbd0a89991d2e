/**
 * Packages that nobody got: where documents are chosen anew, a package is made again, or the request comes to nothing, what tells of the former one becomes
 * entered in error and its bytes go, in the same commit, so that no chart shows as current what never went out.
 */
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Parsed, type Resource } from '../../fhir/resource.js';
import type { Of } from '../../interactions/interaction.js';
import type { FeatureHook, HookGround } from '../../interactions/write/hooks.js';
import { linkedTarget, unreleasedOutputs } from './chosen.js';
import { COME_TO_NOTHING, isRecordsRequest, requestState } from './request-task.js';

/** A resource as it is now; undefined: there is none that may be read. */
export type ReadNow = (type: string, id: string) => Promise<Parsed | undefined>;

/** What is written of the packages of a request that nobody got. */
export async function withdrawnPackages(
  task: Resource,
  read: ReadNow,
  bases: readonly string[],
): Promise<readonly Of<'update' | 'delete'>[]> {
  const written: Of<'update' | 'delete'>[] = [];
  for (const output of unreleasedOutputs(task)) {
    const target = linkedTarget(output, bases);
    if (target?.kind !== 'local') continue;
    const { type, id } = target;
    const found = await read(type, id);
    if (!found) continue;
    const resource = { ...found.resource, status: 'entered-in-error' };
    written.push({ kind: 'update', type, id, body: { resource, decimals: found.decimals } });
    const binary = binaryNamed(found.resource, bases);
    if (binary !== undefined && (await read('Binary', binary)))
      written.push({ kind: 'delete', type: 'Binary', id: binary });
  }
  return written;
}

/** A request that is denied or withdrawn after its package was made. */
export const withdrawingHook = (bases: readonly string[]): FeatureHook => ({
  types: ['Task'],
  async prepare({ resource: task, before, view }) {
    if (!task || !isRecordsRequest(task) || !COME_TO_NOTHING.has(requestState(task).code)) return undefined;
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    if (!former || COME_TO_NOTHING.has(requestState(former).code)) return undefined;
    return { companions: await withdrawnPackages(former, readingIn(view), bases) };
  },
});

/** What may be read in a view. */
export const readingIn =
  (view: HookGround['view']): ReadNow =>
  async (type, id) => {
    const found = await view.read(type, id);
    return found?.text ? parseJson(found.text, STORED_JSON) : undefined;
  };

/** Id of the Binary that a document names first. */
export function binaryNamed({ content }: Resource, bases: readonly string[]): string | undefined {
  const [first] = itemsOf(content);
  const attachment = isObject(first) ? first['attachment'] : undefined;
  const url = isObject(attachment) ? attachment['url'] : undefined;
  const target = typeof url === 'string' ? parseReference(url, bases) : undefined;
  return target?.kind === 'local' && target.type === 'Binary' ? target.id : undefined;
}
