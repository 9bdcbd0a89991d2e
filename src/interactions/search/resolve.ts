/**
 * From a condition as the client meant it to one that a store can answer: chains, `_has`, hierarchies, value sets and
 * words become lists of codes or names, in two steps and inside out (docs/adr/0008). What has more answers than fit
 * into a query stays open: the store is asked for what is left, and each of its rows is looked at by `match` (post-filter.ts).
 * https://hl7.org/fhir/R4/search.html#chaining, #has, #token, #reference
 */
import { scopesNeeded } from '../../access/scopes.js';
import { FhirError } from '../../fhir/error.js';
import { tokensFor } from '../../search/parse-token.js';
import { all, any, NO_RESOURCE, type Test, type Where } from '../../search/query.js';
import { partOf } from '../../search/scope.js';
import { isOneOf, leadsElsewhere, refersTo, type Separated, separate, withIds } from '../../search/separate.js';
import type { ResourceName } from '../../store/store.js';
import { terminologyOf } from '../terminology.js';
import { checkTime, type Ground, inTime, isHeld, select } from './post-filter.js';

/** Parts of a hierarchy that are followed. */
const MAX_HIERARCHY = 10_000;
const MAX_LEVELS = 30;
/** Links of all chains of a search, each to one type. */
const MAX_LINKS = 100;

/** Throws FhirError `forbidden` where the condition looks into a type that may not be seen, `too-costly` for too many links. */
export async function resolve(ground: Ground, types: readonly string[], where: Where): Promise<Separated> {
  // Nearly every search: nothing to ask before the store itself.
  if (!leadsElsewhere(where)) return separate(where);
  const within = typesWithin(where);
  if (within.length > MAX_LINKS)
    throw new FhirError('too-costly', `A search may look into ${MAX_LINKS} types by chains at most: name the types.`);
  if (!within.every(type => ground.view.shows(type)))
    throw new FhirError('forbidden', 'This role may not search by the contents of all types that are named.', {
      scope: scopesNeeded(ground.principal, within, 's'),
    });
  return separate(
    await resolveLinks(ground.until === undefined ? inTime(ground) : ground, types, withoutUnseen(ground, where)),
  );
}

/** The condition without the optional links to types that may not be seen. */
function withoutUnseen({ view }: Ground, where: Where): Where {
  const within = (each: Where): Where => {
    switch (each.kind) {
      case 'all':
        return all(...each.of.map(within));
      case 'any':
        return any(...each.of.map(within));
      case 'not':
        return { kind: 'not', of: within(each.of) };
      case 'of':
      case 'has':
        return { ...each, where: within(each.where) };
      case 'chain':
        return each.optional && !view.shows(each.to) ? NO_RESOURCE : { ...each, where: within(each.where) };
      default:
        return each;
    }
  };
  return within(where);
}

/** Types that a condition looks into for certain, besides those searched. */
export function typesWithin(where: Where): readonly string[] {
  switch (where.kind) {
    case 'all':
    case 'any':
      return where.of.flatMap(typesWithin);
    case 'not':
      return typesWithin(where.of);
    case 'of':
      return typesWithin(where.where);
    case 'chain':
      return where.optional ? [] : [where.to, ...typesWithin(where.where)];
    case 'has':
      return [where.from, ...typesWithin(where.where)];
    default:
      return [];
  }
}

/** The condition with everything in it that can be a short list as one; the rest is left open. */
export async function resolveLinks(ground: Ground, types: readonly string[], where: Where): Promise<Where> {
  checkTime(ground);
  const each = (parts: readonly Where[]) => Promise.all(parts.map(part => resolveLinks(ground, types, part)));
  switch (where.kind) {
    case 'all':
      return settleAll(ground, types, where.of);
    case 'any':
      return any(...(await each(where.of)));
    case 'not':
      return { kind: 'not', of: await resolveLinks(ground, types, where.of) };
    case 'of':
      return { ...where, where: await resolveLinks(ground, [where.type], where.where) };
    case 'param':
      return settleTest(ground, types, where.code, where.test);
    case 'chain': {
      const inner = await resolveLinks(ground, [where.to], where.where);
      // What a resource holds is nowhere else: each row is looked into.
      if (isHeld(ground, types, where.code)) return { ...where, where: inner };
      const found = await namesOf(ground, [where.to], inner);
      return found ? refersTo(where.code, found) : { ...where, where: inner };
    }
    case 'has': {
      const inner = await resolveLinks(ground, [where.from], where.where);
      const { where: asked, rest } = separate(inner);
      if (rest) return { ...where, where: inner };
      const { found, complete } = await ground.view.findIds(
        { types: [where.from], where: asked },
        ground.engine.settings.joinLimit,
        where.code,
      );
      return complete ? isOneOf(types, found) : { ...where, where: inner };
    }
    case 'words': {
      const { found, complete, sure } = await ground.view.searchText(
        { ...where, types },
        ground.engine.settings.joinLimit,
      );
      if (!complete) return where;
      return sure ? isOneOf(types, found) : all(isOneOf(types, found), where);
    }
    case 'present':
      return where;
  }
}

/** So few rows are sooner looked at than everything that may refer to them is asked. */
const NARROW = 50;

/** Where the rest of a conjunction is narrow, its reverse chains are left open. */
async function settleAll(ground: Ground, types: readonly string[], of: readonly Where[]): Promise<Where> {
  const plain = await Promise.all(
    of.filter(part => part.kind !== 'has').map(part => resolveLinks(ground, types, part)),
  );
  const reverse = of.filter(part => part.kind === 'has');
  const rest = all(...plain);
  const narrow =
    !ground.closed &&
    reverse.length > 0 &&
    plain.length > 0 &&
    !leadsElsewhere(rest) &&
    (await ground.view.count({ types, where: separate(rest).where }, NARROW)).exact;
  const links = reverse.map(async (part): Promise<Where> => {
    if (!narrow) return resolveLinks(ground, types, part);
    return { ...part, where: await resolveLinks(ground, [part.from], part.where) };
  });
  return all(...plain, ...(await Promise.all(links)));
}

async function settleTest(ground: Ground, types: readonly string[], code: string, test: Test): Promise<Where> {
  if (test.kind === 'hierarchy') return settleHierarchy(ground, types, code, test);
  if (test.kind === 'concept') {
    const codes = await terminologyOf(ground).codesOf(test);
    // Several types share a parameter only where it reads the same.
    const values = tokensFor(ground.engine.parameters.get(types[0]!, code)!, codes);
    return values.length === 0 ? NO_RESOURCE : { kind: 'param', code, test: { kind: 'token', any: values } };
  }
  return { kind: 'param', code, test };
}

/** The resource and its parts, or the wholes that it is a part of, level by level. */
async function settleHierarchy(
  ground: Ground,
  types: readonly string[],
  code: string,
  { mode, to }: Test & { kind: 'hierarchy' },
): Promise<Where> {
  const targets =
    to.type === undefined ? types.flatMap(type => ground.engine.parameters.get(type, code)?.targets ?? []) : [to.type];
  const found: Where[] = [];
  for (const type of new Set(targets)) {
    const link = partOf(type, ground.engine.parameters);
    if (link === undefined) continue;
    const ids = new Set([to.id]);
    let level: readonly string[] = [to.id];
    for (let depth = 0; level.length > 0; depth++) {
      if (depth > MAX_LEVELS || ids.size > MAX_HIERARCHY) throw hierarchyTooLarge(type);
      const next = await ground.view.findIds(
        mode === 'below'
          ? {
              types: [type],
              where: refersTo(
                link,
                level.map(id => ({ type, id })),
              ),
            }
          : { types: [type], where: withIds(level) },
        MAX_HIERARCHY,
        mode === 'below' ? undefined : link,
      );
      if (!next.complete) throw hierarchyTooLarge(type);
      level = next.found.filter(one => one.type === type && !ids.has(one.id)).map(({ id }) => id);
      for (const id of level) ids.add(id);
    }
    found.push(
      refersTo(
        code,
        [...ids].map(id => ({ type, id })),
      ),
    );
  }
  return any(...found);
}

const hierarchyTooLarge = (type: string) =>
  new FhirError('too-costly', `The hierarchy of this ${type} is too large to be searched.`);

/** Names of the resources that satisfy a settled condition; undefined: more than a few. */
async function namesOf(
  ground: Ground,
  types: readonly string[],
  where: Where,
): Promise<readonly ResourceName[] | undefined> {
  const { where: asked, rest } = separate(where);
  if (rest) return select(ground, types, { where: asked, rest }, ground.engine.settings.joinLimit);
  const { found, complete } = await ground.view.findIds({ types, where: asked }, ground.engine.settings.joinLimit);
  return complete ? found : undefined;
}
