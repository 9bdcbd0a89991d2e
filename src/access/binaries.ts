/**
 * Who may read bytes. A Binary says little of itself: whoever may read what its securityContext names may read it; without one,
 * whoever may read a resource that points at it by an attachment's url. https://hl7.org/fhir/R4/binary.html#security-context
 *
 * Choices, for those who may not see everything (others are not asked anything):
 * - a securityContext of another server, or a name of nothing, shows the bytes to nobody;
 * - where elements are left out of what the securityContext names, the bytes are not seen if one of them pointed at them;
 * - what nothing has ever pointed at is seen by whoever may read Binaries without a condition, so that an upload can be
 *   followed by its document. Bytes that were once about a patient are not seen without a resource that points at them;
 * - a version is seen by whoever may see it, and the newest one: what was guarded afterwards is guarded.
 */
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import { parseReference } from '../fhir/reference.js';
import { isObject } from '../fhir/resource.js';
import type { Indexing } from '../search/index-resource.js';
import type { SearchParameters } from '../search/parameters.js';
import { all, ANY_RESOURCE, type Query } from '../search/query.js';
import { refersTo, withIds } from '../search/separate.js';
import type { FoundIds, StoreReads, Version } from '../store/store.js';
import type { Restrictions } from './permission.js';
import { rowParts } from './row-rule.js';

/** The search parameter by which resources are found that point at a Binary (profiles/search/). */
export const ATTACHMENT = 'attachment';
const ATTACHMENT_URL = 'urn:chartroom:searchparameter:attachment';

/** The condition on Binary of whoever sees bytes by what stands for them alone: what nothing points at is not seen. */
export const POINTED_AT = ANY_RESOURCE;

/** Types that are no measure of who may read bytes. */
const NO_MEASURE: ReadonlySet<string> = new Set(['AuditEvent', 'Binary']);

/** Whether who may read bytes can be told by who may read resources of a type. */
export const isMeasureOfBytes = (type: string): boolean => !NO_MEASURE.has(type);

const guarding = new WeakMap<Restrictions, boolean>();

/** Whether there may be Binaries that are not seen because what stands for them is not. */
export function guardsBytes(restrictions: Restrictions): boolean {
  let guards = guarding.get(restrictions);
  if (guards === undefined) {
    const ofBinaries = restrictions.get('Binary');
    guards = (ofBinaries !== undefined && ofBinaries !== 'hidden') || namesMeasure(restrictions);
    guarding.set(restrictions, guards);
  }
  return guards;
}

function namesMeasure(restrictions: Restrictions): boolean {
  for (const type of restrictions.keys()) if (isMeasureOfBytes(type)) return true;
  return false;
}

/** Whether there is a condition on Binaries but for their labels. */
function hasCondition(restrictions: Restrictions): boolean {
  const seen = restrictions.get('Binary');
  return seen !== undefined && (seen === 'hidden' || rowParts(seen).rest !== undefined);
}

/** What whoever asks may see of everything else. */
export interface SeenBeside {
  /** Elements may be left out of it. */
  readonly mayMask: boolean;
  read: StoreReads['read'];
  findIds(query: Pick<Query, 'types' | 'where'>, limit: number): Promise<FoundIds>;
}

interface Guarded extends Pick<Indexing, 'parameters' | 'definitions' | 'settings'> {
  readonly store: Pick<StoreReads, 'read' | 'findIds'>;
}

/** Whether a version of a Binary, which must have its text, is seen. `isNewest`: nothing newer can be there. */
export async function seesBytes(
  guarded: Guarded,
  restrictions: Restrictions,
  beside: SeenBeside,
  row: Version,
  isNewest: boolean,
): Promise<boolean> {
  const allows = (version: Version) => allowsBytes(guarded, restrictions, beside, version);
  if (!(await allows(row))) return false;
  if (isNewest) return true;
  const newest = await newestText(guarded.store, 'Binary', row.id);
  return newest === undefined || newest.version === row.version || allows(newest);
}

/** Asks as much about bytes that are not there as about hidden ones, so that both are told after the same work. */
export async function asksAboutNoBytes(guarded: Guarded, beside: SeenBeside, id: string): Promise<void> {
  await beside.findIds(attachedTo(guarded, id), 1);
}

/** The newest version that has a text; undefined: there is none any more. */
export async function newestText(
  store: Pick<StoreReads, 'read'>,
  type: string,
  id: string,
): Promise<Version | undefined> {
  const newest = await store.read(type, id);
  if (!newest || newest.text || newest.version === 1) return newest?.text ? newest : undefined;
  const before = await store.read(type, id, newest.version - 1);
  return before?.text ? before : undefined;
}

async function allowsBytes(
  guarded: Guarded,
  restrictions: Restrictions,
  beside: SeenBeside,
  row: Version,
): Promise<boolean> {
  const context = securityContextIn(row.text!);
  if (context !== undefined) {
    const target = parseReference(context, guarded.settings.bases);
    if (target?.kind !== 'local' || !isMeasureOfBytes(target.type)) return false;
    const { type, id } = target;
    if (restrictions.get(type) === 'hidden' || !guarded.definitions.resourceTypes.includes(type)) return false;
    if ((await beside.read(type, id, undefined, 0)) === undefined) return false;
    return !beside.mayMask || !(await isPointedAtUnseen(guarded, beside, target, row.id));
  }
  const pointing = attachedTo(guarded, row.id);
  if ((await beside.findIds(pointing, 1)).found.length > 0) return true;
  // Whose it was is not said by anything any more.
  if (hasCondition(restrictions) || row.patients.length > 0) return false;
  return (await guarded.store.findIds(pointing, 1)).found.length === 0;
}

const attachedTo = (guarded: Guarded, id: string): Pick<Query, 'types' | 'where'> => ({
  types: pointingTypes(guarded),
  where: refersTo(ATTACHMENT, [{ type: 'Binary', id }]),
});

/** Whether a resource points at bytes by an element that is left out of what is seen of it. */
async function isPointedAtUnseen(
  guarded: Guarded,
  beside: SeenBeside,
  { type, id }: { readonly type: string; readonly id: string },
  binary: string,
): Promise<boolean> {
  if (!pointingTypes(guarded).includes(type)) return false;
  const where = all(withIds([id]), refersTo(ATTACHMENT, [{ type: 'Binary', id: binary }]));
  const points = async (by: Pick<StoreReads, 'findIds'>) =>
    (await by.findIds({ types: [type], where }, 1)).found.length > 0;
  return (await points(guarded.store)) && !(await points(beside));
}

/** `reference` of the securityContext in the text of a Binary; undefined: it has none. One without a reference is one of nobody. */
function securityContextIn(text: Buffer): string | undefined {
  const { securityContext } = parseJson(text, STORED_JSON).resource;
  if (securityContext === undefined) return undefined;
  const reference = isObject(securityContext) ? securityContext['reference'] : undefined;
  return typeof reference === 'string' ? reference : '';
}

const pointingOf = new WeakMap<SearchParameters, readonly string[]>();

/** Types whose resources hold bytes by an attachment. */
export function pointingTypes({
  parameters,
  definitions,
}: Pick<Indexing, 'parameters' | 'definitions'>): readonly string[] {
  let types = pointingOf.get(parameters);
  if (!types) {
    types = definitions.resourceTypes.filter(type => parameters.get(type, ATTACHMENT)?.url === ATTACHMENT_URL);
    pointingOf.set(parameters, types);
  }
  return types;
}
