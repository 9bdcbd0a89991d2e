/**
 * Finds definitions by their canonical over everything that has some: what is stored, guides in the order of their list, R4 itself.
 * https://hl7.org/fhir/R4/references.html#canonical
 *
 * Without a version, and asked for from within a guide, its own version is meant, then that of what it depends on; from within R4, R4's.
 * Once the version is clear, a stored definition of that very version still comes first: whoever stored it has replaced it. From
 * elsewhere the first source in the list that has any version decides. A version that is not known is never replaced by another. One that
 * is retired is meant only where no other source has one.
 */
import type { DefinitionSource } from './definition-file.js';
import { parseCanonical } from './reference.js';
import type { FindDefinition, FoundDefinition, Origin } from './structure-definition.js';

/** What is stored on this server. */
export const STORED: Origin = 'stored';

export interface DefinitionSources {
  /** In order: what is stored, guides, R4. Asked for at every look-up, because what is there may change. */
  readonly sources: () => readonly DefinitionSource[];
  /** Origins of what a guide depends on, nearest first. */
  readonly dependencies?: (from: Origin) => readonly Origin[];
}

export function createFindDefinition({ sources, dependencies = () => [] }: DefinitionSources): FindDefinition {
  return async (type, canonical, from) => {
    const { url, version } = parseCanonical(canonical);
    const all = sources();
    const stored = all.filter(({ origin }) => origin === STORED);
    const within = from === undefined || from === STORED ? [] : [from, ...dependencies(from)];
    const near = within.flatMap(origin => all.filter(source => source.origin === origin));
    if (version !== undefined) return firstWith([...stored, ...near, ...all], type, url, version);
    const own = await firstWith(near, type, url);
    if (!own) return firstWith(all, type, url);
    const meant = own.resource['version'];
    return (typeof meant === 'string' ? await firstWith(stored, type, url, meant) : undefined) ?? own;
  };
}

async function firstWith(
  sources: readonly DefinitionSource[],
  type: string,
  url: string,
  version?: string,
): Promise<FoundDefinition | undefined> {
  let retired: FoundDefinition | undefined;
  for (const source of sources) {
    const resource = await source.find(type, url, version);
    if (!resource) continue;
    if (resource['status'] !== 'retired') return { resource, origin: source.origin };
    retired ??= { resource, origin: source.origin };
  }
  return retired;
}
