/**
 * Packages that nobody got: where documents are chosen anew, a package is made again, or the request goes back or comes to nothing, what tells of the former one
 * becomes entered in error and its bytes are erased, in the same commit, so that no chart shows as current what never went out, and nobody reads it. The server
 * does so on its own account: whoever writes the request need not be able to read its package.
 */
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Companion, Of } from '../../interactions/interaction.js';
import type { FeatureHook, HookGround } from '../../interactions/write/hooks.js';
import { jobOfOutput, linkedTarget, packageJobOf, unreleasedOutputs } from './chosen.js';
import {
  COME_TO_NOTHING,
  isRecordsRequest,
  outputsOfKind,
  PACKAGE_OUTPUT,
  requestState,
  SEARCHING,
} from './request-task.js';

type WholeStore = HookGround['whole'];

export const withdrawingHook = (bases: readonly string[]): FeatureHook => ({
  types: ['Task'],
  async prepare({ resource: task, before, whole }) {
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    if (!task || !former || !isRecordsRequest(former)) return undefined;
    const named = (output: JsonObject): string => placeOfOutput(output, bases);
    const left = new Set(hasNoPackage(task) ? [] : itemsOf(task['output']).filter(isObject).map(named));
    const lost = unreleasedOutputs(former).filter(each => !left.has(named(each)));
    const job = packageJobOf(former);
    const isOver = job !== undefined && (hasNoPackage(task) || packageJobOf(task) !== job);
    const companions: Companion[] = [];
    const binaries = new Set(isOver ? [job] : []);
    for (const output of lost) {
      const { update, binary } = await withdrawn(output, whole, bases);
      if (update) companions.push(update);
      if (binary !== undefined) binaries.add(binary);
    }
    const kept = outputsOfKind(task, PACKAGE_OUTPUT).filter(each => !lost.some(other => named(other) === named(each)));
    for (const id of await unnamed(binaries, kept, whole, bases)) companions.push(erasing(id));
    return companions.length > 0 ? { companions } : undefined;
  },
});

/** In such a state there is nothing that somebody could still get. */
function hasNoPackage(task: Resource): boolean {
  const { code } = requestState(task);
  return code === SEARCHING || COME_TO_NOTHING.has(code);
}

function placeOfOutput(output: JsonObject, bases: readonly string[]): string {
  const target = linkedTarget(output, bases);
  return target?.kind === 'local' ? `${target.type}/${target.id}` : '';
}

interface WithdrawnOutput {
  readonly update?: Companion;
  readonly binary?: string | undefined;
}

/** What becomes of what an output names, as long as it is there and is not withdrawn. */
async function withdrawn(output: JsonObject, whole: WholeStore, bases: readonly string[]): Promise<WithdrawnOutput> {
  const [type = '', id = ''] = placeOfOutput(output, bases).split('/');
  const row = id === '' ? undefined : await whole(type, id);
  if (!row?.text) return {};
  const { resource: told, decimals } = parseJson(row.text, STORED_JSON);
  const binary = binaryNamed(told, bases);
  if (told['status'] === 'entered-in-error') return { binary };
  const resource = { ...told, status: 'entered-in-error' };
  const update: Of<'update'> = {
    kind: 'update',
    type,
    id,
    ifMatch: [String(row.version)],
    body: { resource, decimals },
  };
  return { update: { ...update, own: true }, binary };
}

/** Those of some Binaries that are there and that none of these outputs names. */
async function unnamed(
  binaries: ReadonlySet<string>,
  outputs: readonly JsonObject[],
  whole: WholeStore,
  bases: readonly string[],
): Promise<readonly string[]> {
  const left = new Set(binaries);
  if (left.size > 0) for (const output of outputs) left.delete((await binaryOfOutput(output, whole, bases)) ?? '');
  const there = await Promise.all([...left].map(async id => ((await whole('Binary', id))?.text ? [id] : [])));
  return there.flat();
}

const erasing = (id: string): Companion => ({
  ...({ kind: 'operation', operation: 'purge', own: true, type: 'Binary', id } as const),
  ...{ safe: false, parameters: [], lenient: false },
});

/** Id of the Binary of a package that a request names. */
async function binaryOfOutput(
  output: JsonObject,
  whole: WholeStore,
  bases: readonly string[],
): Promise<string | undefined> {
  const job = jobOfOutput(output);
  if (job !== undefined) return job;
  const target = linkedTarget(output, bases);
  const row = target?.kind === 'local' ? await whole(target.type, target.id) : undefined;
  return row?.text ? binaryNamed(parseJson(row.text, STORED_JSON).resource, bases) : undefined;
}

/** Whether a Binary is a package that a request names, or becomes one. */
export async function isPackageOf(
  task: Resource,
  binary: string,
  whole: WholeStore,
  bases: readonly string[],
): Promise<boolean> {
  if (packageJobOf(task) === binary) return true;
  for (const output of outputsOfKind(task, PACKAGE_OUTPUT))
    if ((await binaryOfOutput(output, whole, bases)) === binary) return true;
  return false;
}

/** Id of the Binary that a document names first. */
export function binaryNamed({ content }: Resource, bases: readonly string[]): string | undefined {
  const [first] = itemsOf(content);
  const attachment = isObject(first) ? first['attachment'] : undefined;
  const url = isObject(attachment) ? attachment['url'] : undefined;
  const target = typeof url === 'string' ? parseReference(url, bases) : undefined;
  return target?.kind === 'local' && target.type === 'Binary' ? target.id : undefined;
}
