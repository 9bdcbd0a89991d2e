/**
 * Referential integrity, where it is asked for (CHARTROOM_INTEGRITY): what a write refers to exists, and what is referred to
 * is not deleted. https://hl7.org/fhir/R4/http.html#integrity (servers may reject), #delete ("referential integrity")
 *
 * All changes of an interaction are judged together: what the same commit creates is there, what it deletes is not. What
 * was found goes to the commit as `mustExist`, that nothing refers to what is deleted as `mustNotMatch`, so that neither side
 * of a race slips through.
 *
 * Choices: a reference to a version needs that version, and a resource that is not deleted. A URN that names nothing, and an
 * address below our own base at which no resource can be, dangle. References to elsewhere and by identifier are never
 * looked at, nor is whether the type is one that the element allows. Audit events tell what was and are free to name it.
 * What refers to a resource is found as referrers.ts says. Whether something is there that whoever writes may not see is not
 * told: a reference to it is taken as it is, and so is one that names nothing of a type of which they see a part. What they
 * may not see protects what it refers to all the same, but it is neither named nor counted.
 */
import { FhirError, type Issue } from '../../fhir/error.js';
import { readJson, STORED_JSON } from '../../fhir/json/json.js';
import { type LiteralReference, literalReferences } from '../../fhir/literal-references.js';
import { parseReference } from '../../fhir/reference.js';
import type { Absence, Change, FoundIds, ResourceName, Version } from '../../store/store.js';
import { entryAt, placeOf } from '../response/transaction-response.js';
import type { Context, Engine } from '../engine.js';
import type { Outcome, Result } from '../interaction.js';
import { findReferring, referrerQueries } from './referrers.js';
import { TRAIL } from '../search/types-named.js';

/** References that one answer complains about, and resources that it names. */
const MAX_ISSUES_TOLD = 20;
const MAX_NAMES_TOLD = 10;
/** Texts that are looked at before others get a turn. */
const TEXTS_A_TURN = 64;
/** What refers to a deleted resource is counted up to here. */
const COUNTED = 100;

const localName = ({ type, id }: ResourceName): string => `${type}/${id}`;

/**
 * Judges what is about to be committed. `enforce`: throws `unprocessable` for references that name nothing, `conflict` for
 * deletions of what is referred to, and adds to what the commit depends on. `warn`: adds warnings to the result.
 * What refers to types that whoever writes may not see is taken as it is.
 */
export async function checkIntegrity(context: Context, { cascades, entries, ...outcome }: Outcome): Promise<Outcome> {
  const { engine } = context;
  const { integrity } = engine.settings;
  const { changes = [] } = outcome;
  if (integrity === 'off' || changes.length === 0) return outcome;
  const place: Placing = (of, expression) => {
    const at = entries?.get(localName(of));
    return at === undefined ? expression : placeOf(entryAt(at), expression);
  };
  const { dangling, present } = await lookUpTargets(context, changes, place);
  const deleted = changes.filter(({ text, replaces }) => text === undefined && replaces?.text !== undefined);
  const left =
    deleted.length > 0 ? await stillReferenced(context, deleted, changes, place, cascades === true) : undefined;
  if (integrity === 'warn') return warned(engine, outcome, dangling, left);
  if (dangling.length > 0)
    throw new FhirError('unprocessable', 'Some references name nothing that exists here.', {
      issues: dangling.slice(0, MAX_ISSUES_TOLD).map(one => ({ ...danglingIssue(one), severity: 'error' })),
    });
  if (left) throw new FhirError('conflict', left.text, { issues: [{ ...left, severity: 'error' }] });
  const absent = referrerQueries(engine, deleted, changes).map(
    (query, i): Absence => ({ uniquenessKey: `refers to ${localName(deleted[0]!)} ${i}`, ...query }),
  );
  return {
    ...outcome,
    ...(present.length > 0 ? { mustExist: [...(outcome.mustExist ?? []), ...present] } : {}),
    ...(absent.length > 0 ? { mustNotMatch: [...(outcome.mustNotMatch ?? []), ...absent] } : {}),
  };
}

/** What the rules have against changes: as errors where they are enforced. Nothing is made a condition of. */
export async function integrityIssues(context: Context, changes: readonly Change[]): Promise<readonly Issue[]> {
  const { integrity } = context.engine.settings;
  if (integrity === 'off') return [];
  const place: Placing = (_, expression) => expression;
  const { dangling } = await lookUpTargets(context, changes, place);
  const deleted = changes.filter(({ text }) => text === undefined);
  const left = deleted.length > 0 ? await stillReferenced(context, deleted, changes, place, false) : undefined;
  const issues = [...dangling.slice(0, MAX_ISSUES_TOLD).map(danglingIssue), ...(left ? [left] : [])];
  return integrity === 'warn' ? issues : issues.map(issue => ({ ...issue, severity: 'error' }));
}

type LocalTarget = Extract<ReturnType<typeof parseReference>, { readonly kind: 'local' }>;

/** Where something is, seen from the whole interaction: entries of a transaction are named. */
type Placing = (of: ResourceName, expression: string) => string;

interface Looked {
  /** In the order of the changes. */
  readonly dangling: readonly LiteralReference[];
  /** What others than this commit have put there. */
  readonly present: readonly ResourceName[];
}

async function lookUpTargets({ engine, view }: Context, changes: readonly Change[], place: Placing): Promise<Looked> {
  const { definitions, settings, builtIn } = engine;
  const own = new Map(changes.map(change => [localName(change), change]));
  const read = new Map<string, Promise<Version | undefined>>();
  const present = new Map<string, ResourceName>();
  const currentOf = (target: ResourceName): Promise<Version | undefined> => {
    const name = localName(target);
    let row = read.get(name);
    if (!row) read.set(name, (row = view.read(target.type, target.id)));
    return row;
  };
  const isThere = async (type: string, id: string, version: number): Promise<boolean> => {
    const row = await view.read(type, id, version);
    return row ? row.text !== undefined : view.showsPartOf(type);
  };
  const isLocalThere = async (target: LocalTarget): Promise<boolean> => {
    const { type, id, version } = target;
    if (!definitions.resourceTypes.includes(type)) return false;
    // Whether it is there must not be told.
    if (!view.shows(type)) return true;
    const mine = own.get(localName(target));
    const row = mine ?? (await currentOf(target));
    if (!row) return (version === undefined && builtIn.has(localName(target))) || view.showsPartOf(type);
    if (!row.text) return false;
    // What stands in the trail stays, and the trail makes its events when they are read: a commit cannot wait for them.
    if (!mine && type !== TRAIL) present.set(localName(target), { type, id });
    if (version === undefined || version === String(row.version)) return true;
    return /^[1-9]\d{0,14}$/.test(version) && isThere(type, id, Number(version));
  };
  const exists = async ({ text, contained }: LiteralReference): Promise<boolean> => {
    const target = parseReference(text, settings.bases);
    switch (target?.kind) {
      case undefined:
      case 'urn':
        return false;
      case 'contained':
        return target.id === '' || contained.has(target.id);
      case 'url':
        return !settings.bases.some(base => target.url.startsWith(`${base}/`));
      case 'local':
        return isLocalThere(target);
    }
  };
  const references: LiteralReference[] = [];
  for (const [i, change] of changes.entries()) {
    if (i % TEXTS_A_TURN === TEXTS_A_TURN - 1) await new Promise(setImmediate);
    const { type, text } = change;
    // A look at the bytes spares those without any a parse.
    if (!text || type === TRAIL || !text.includes('"reference"')) continue;
    const { resource } = await readJson(text, STORED_JSON);
    for (const one of literalReferences(resource, definitions))
      references.push({ ...one, expression: place(change, one.expression) });
  }
  const found = await Promise.all(references.map(exists));
  return { dangling: references.filter((_, i) => !found[i]), present: [...present.values()] };
}

/**
 * That something refers to the deleted and does not change with them; undefined: nothing does. `cascades`: what may be seen
 * goes with them, and what of it has come meanwhile is met by running again.
 */
async function stillReferenced(
  { engine, view }: Context,
  deleted: readonly Change[],
  changes: readonly Change[],
  place: Placing,
  cascades: boolean,
): Promise<Issue | undefined> {
  // The rule holds for everybody, whatever they see.
  const all = await findReferring(engine, engine.store, deleted, changes, COUNTED);
  const isSeen = ({ type }: ResourceName): boolean => view.shows(type) && !view.showsPartOf(type);
  const seen = all.found.every(isSeen) ? all : await findReferring(engine, view, deleted, changes, COUNTED);
  const hides = seen.found.length < all.found.length;
  if (all.found.length === 0 || (cascades && !hides)) return undefined;
  if (seen.found.length === 0 && engine.settings.integrity === 'warn') return undefined;
  return {
    severity: 'warning',
    code: 'conflict',
    text: seen.found.length > 0 ? toldOf(seen) : 'Resources that this role may not see refer to what is deleted.',
    expression: place(deleted[0]!, 'http.url'),
    detail: 'still-referenced',
  };
}

function toldOf({ found, complete }: FoundIds): string {
  const names = found.map(localName).toSorted();
  const more = names.length - MAX_NAMES_TOLD;
  const others = complete ? (more > 0 ? ` and ${more} more` : '') : ` and more than ${more} more`;
  return `Other resources refer to what is deleted: ${names.slice(0, MAX_NAMES_TOLD).join(', ')}${others}. Change or delete them first, or use _cascade=delete.`;
}

const danglingIssue = ({ expression }: LiteralReference): Issue => ({
  severity: 'warning',
  // R4 has this code for "the reference provided was not found".
  code: 'not-found',
  text: 'This reference names nothing that exists here: create its target first, or in the same transaction.',
  expression,
  detail: 'dangling-reference',
});

function warned(
  engine: Engine,
  outcome: Outcome,
  dangling: readonly LiteralReference[],
  left: Issue | undefined,
): Outcome {
  const issues = [...dangling.slice(0, MAX_ISSUES_TOLD).map(danglingIssue), ...(left ? [left] : [])];
  if (issues.length === 0) return outcome;
  engine.log.warn(
    { dangling: dangling.length, stillReferenced: left !== undefined },
    'A write leaves references that name nothing',
  );
  const add = (result: Result): Result => ({ ...result, issues: [...(result.issues ?? []), ...issues] });
  const { complete } = outcome;
  return {
    ...outcome,
    result: add(outcome.result),
    ...(complete ? { complete: async () => add(await complete(issues)) } : {}),
  };
}
