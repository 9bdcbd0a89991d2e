/**
 * What refers to a resource, as queries that an index answers: the reference search parameters in force whose targets include
 * its type. Integrity, cascades and purges ask it.
 *
 * Choices: the audit trail refers to everything that ever was and never counts; a Provenance counts like any other
 * resource. A reference that no search parameter reads (in an extension, a contained resource) is not found.
 */
import type { StoreView } from '../../access/view.js';
import { all, type Query, type Where } from '../../search/query.js';
import { isOneOf, refersTo } from '../../search/separate.js';
import type { FoundIds, ResourceName } from '../../store/store.js';
import type { Engine } from '../engine.js';

type ReferenceParameters = Pick<Engine, 'definitions' | 'parameters'>;

/** Names in one query: each is looked up by every parameter that can lead to it. */
const NAMES_A_QUERY = 100;

/** Everything that refers to one of `names` matches one of these, save what is in `except`. */
export function referrerQueries(
  engine: ReferenceParameters,
  names: readonly ResourceName[],
  except: readonly ResourceName[],
): Pick<Query, 'types' | 'where'>[] {
  return [...idsByType(names)].flatMap(([target, ids]) =>
    idsInPieces(ids).map(piece => {
      const named = piece.map(id => ({ type: target, id }));
      const links = linksTo(engine, target);
      const types = [...new Set(links.map(({ type }) => type))];
      const of = links.map(({ type, code }): Where => ({ kind: 'of', type, where: refersTo(code, named) }));
      const others = except.filter(({ type }) => types.includes(type));
      const where: Where = { kind: 'any', of };
      return {
        types,
        where: others.length > 0 ? all(where, { kind: 'not', of: isOneOf(types, others) }) : where,
      };
    }),
  );
}

/** At most `limit` of what in `reader`, the store or a view of it, refers to one of `names` and is not in `except`. */
export async function findReferring(
  engine: ReferenceParameters,
  reader: Pick<StoreView, 'findIds'>,
  names: readonly ResourceName[],
  except: readonly ResourceName[],
  limit: number,
): Promise<FoundIds> {
  const found = new Map<string, ResourceName>();
  for (const query of referrerQueries(engine, names, except)) {
    const part = await reader.findIds(query, limit);
    for (const name of part.found) found.set(`${name.type}/${name.id}`, name);
    if (!part.complete || found.size > limit) return { found: [...found.values()].slice(0, limit), complete: false };
  }
  return { found: [...found.values()], complete: true };
}

function linksTo({ definitions, parameters }: ReferenceParameters, target: string): { type: string; code: string }[] {
  return definitions.resourceTypes
    .filter(type => type !== 'AuditEvent')
    .flatMap(type =>
      [...parameters.of(type).values()]
        .filter(({ type: kind, targets }) => kind === 'reference' && (targets.length === 0 || targets.includes(target)))
        .map(({ code }) => ({ type, code })),
    );
}

function idsByType(names: readonly ResourceName[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { type, id } of names) {
    const ids = found.get(type);
    if (ids) ids.push(id);
    else found.set(type, [id]);
  }
  return found;
}

const idsInPieces = (ids: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(ids.length / NAMES_A_QUERY) }, (_, i) =>
    ids.slice(i * NAMES_A_QUERY, (i + 1) * NAMES_A_QUERY),
  );
