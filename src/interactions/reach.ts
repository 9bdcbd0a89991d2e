/**
 * What a permission reaches, ready for stores: conditions that lead to other resources (`patient.organization=…`, `_has`, value sets)
 * become lists of names and codes, once a request, as those of a search do (search/resolve.ts). Whoever made the rule meant all
 * resources, so that they are looked up whatever the caller sees.
 */
import { type Permission, type Restrictions, UNRESTRICTED } from '../access/permission.js';
import { createView } from '../access/view.js';
import { FhirError } from '../fhir/error.js';
import type { Where } from '../search/query.js';
import { leadsElsewhere } from '../search/separate.js';
import type { Caller, Engine } from './engine.js';
import { resolve } from './search/resolve.js';

/** Names and codes that one condition may come to. */
const MOST_LISTED = 20_000;

/** Throws `too-costly` where a condition comes to more than a query can have. */
export function settledPermission(
  { engine, settled }: Caller,
  permission: Permission,
): Promise<Permission> | Permission {
  if (!permission.joins) return permission;
  let made = settled?.get(permission);
  if (!made) settled?.set(permission, (made = settle(engine, permission)));
  return made ?? settle(engine, permission);
}

async function settle(engine: Engine, permission: Permission): Promise<Permission> {
  const { parameters, definitions, terminology, settings } = engine;
  const { bases, queryTimeout } = settings;
  const ground = {
    engine: { parameters, definitions, terminology, settings: { bases, queryTimeout, joinLimit: MOST_LISTED } },
    view: createView(engine, UNRESTRICTED, undefined),
    closed: true as const,
  };
  const known = new Map<Where, Promise<Where>>();
  const look = async (type: string, where: Where): Promise<Where> => {
    const { where: closed, rest } = await resolve(ground, [type], where);
    if (rest) throw tooBroad();
    return closed;
  };
  // Parts that lead nowhere stay the objects that they are: some are known by them (access/row-rule.ts).
  const together = async (type: string, parts: readonly Where[]): Promise<Where> => ({
    kind: 'all',
    of: await Promise.all(parts.map(async part => (await ready(type, part)) as Where)),
  });
  const ready = (type: string, seen: 'hidden' | Where): 'hidden' | Where | Promise<Where> => {
    if (seen === 'hidden' || !leadsElsewhere(seen)) return seen;
    if (seen.kind === 'all') return together(type, seen.of);
    let made = known.get(seen);
    if (!made) known.set(seen, (made = look(type, seen)));
    return made;
  };
  const settled = new Map<Restrictions, Restrictions>();
  for (const each of new Set(Object.values(permission.reach))) {
    const pairs = [...each].map(async ([type, seen]) => [type, await ready(type, seen)] as const);
    settled.set(each, new Map(await Promise.all(pairs)));
  }
  const { c, r, u, d, s } = permission.reach;
  const of = (each: Restrictions): Restrictions => settled.get(each)!;
  return {
    ...permission,
    joins: false,
    reach: { c: of(c), r: of(r), u: of(u), d: of(d), s: of(s) },
    unsettled: permission.reach,
  };
}

const tooBroad = (): FhirError =>
  new FhirError(
    'too-costly',
    `What this permission reaches leads to more than ${MOST_LISTED} other resources, or to what no store can list: its condition must be narrower.`,
    { detail: 'permission-too-broad' },
  );
