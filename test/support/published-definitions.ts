/** The StructureDefinitions of R4 and of the packages in ../shared, and how one finds another. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Resource } from '../../src/fhir/resource.js';
import type { FindDefinition, StructureDefinition, StructureHead } from '../../src/fhir/structure-definition.js';
import { readArchive } from './shared.js';

const CORE = 'hl7.fhir.r4.core-4.0.1';

interface Published {
  /** `url` and `url|version` → definition. */
  readonly byCanonical: Map<string, StructureDefinition>;
  /** Packages that it depends on, as `name-version`. */
  readonly needs: readonly string[];
}

export function openPublished(folders: readonly string[]) {
  const packages = new Map<string, Published>();
  for (const folder of folders)
    for (const file of readdirSync(folder).toSorted())
      if (file.endsWith('.tgz')) packages.set(basename(file, '.tgz'), readPublished(join(folder, file)));

  /** The package, those that it depends on in any depth, R4, and at last all others. */
  function* inOrder(origin: string | undefined): Generator<string> {
    const seen = new Set<string>(origin === undefined ? [] : [origin]);
    for (const name of seen) {
      if (!packages.has(name)) continue;
      yield name;
      for (const other of packages.get(name)!.needs) seen.add(other);
    }
    for (const name of [CORE, ...packages.keys()]) if (!seen.has(name)) yield name;
  }

  const find: FindDefinition = async (type, canonical, from) => {
    if (type !== 'StructureDefinition') return undefined;
    for (const origin of inOrder(from)) {
      const resource = packages.get(origin)?.byCanonical.get(canonical);
      if (resource) return { resource, origin };
    }
    return undefined;
  };
  return {
    names: [...packages.keys()].filter(name => name !== CORE),
    core: CORE,
    of: (name: string): StructureDefinition[] => [...new Set(packages.get(name)?.byCanonical.values())],
    find: find as (...args: Parameters<FindDefinition>) => Promise<{ resource: StructureDefinition; origin: string }>,
  };
}

function readPublished(file: string): Published {
  const byCanonical = new Map<string, StructureDefinition>();
  let needs: string[] = [];
  for (const { name, text } of readArchive(file)) {
    if (name === 'package/package.json') {
      const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
      needs = Object.entries(dependencies).map(([other, version]) => `${other}-${version}`);
    }
    if (!/^package\/[^/]+\.json$/.test(name) || !text.includes('"StructureDefinition"')) continue;
    const resource = JSON.parse(text) as Resource;
    if (resource.resourceType !== 'StructureDefinition') continue;
    const { url, version } = resource as unknown as StructureHead;
    byCanonical.set(url, resource as StructureDefinition);
    byCanonical.set(`${url}|${version}`, resource as StructureDefinition);
  }
  return { byCanonical, needs };
}
