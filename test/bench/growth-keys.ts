/** How many B-tree keys a resource of Synthea's mix costs, by type, from the encoder alone. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Resource } from '../../src/fhir/resource.js';
import { encode } from '../../src/store/encode.js';
import { createIndexCatalog } from '../../src/store/index-catalog.js';
import { entriesOf, layout } from '../support/changes.js';
import { readText, shared } from '../support/shared.js';
import { table } from './report.js';

/** `_id`, `{t,u,n}`, `{u,n}`, `{t,n}`: every resource has them. */
const ALWAYS = 4;

interface Sum {
  resources: number;
  k: number;
  g: number;
  f: number;
}

/** Undefined where the data is not there. */
export function syntheaKeys(): string | undefined {
  const folder = shared('data', 'synthea-bench', 'ndjson');
  if (folder === undefined) return undefined;
  const facts = createIndexCatalog();
  const sums = new Map<string, Sum>();
  const add = (name: string, k: number, g: number, f: number): void => {
    const sum = sums.get(name) ?? { resources: 0, k: 0, g: 0, f: 0 };
    sums.set(name, { resources: sum.resources + 1, k: sum.k + k, g: sum.g + g, f: sum.f + f });
  };
  for (const file of readdirSync(folder))
    for (const line of readText(join(folder, file)).split('\n')) {
      if (line === '') continue;
      const resource = JSON.parse(line) as Resource;
      const { keys, missing } = encode(layout, resource.resourceType, entriesOf(resource), facts);
      facts.add(missing);
      for (const name of ['(all)', resource.resourceType])
        add(name, keys.byDate.length, keys.byArrival.length, keys.filterOnly.length);
    }
  const mean = (sum: number, { resources }: Sum) => (sum / resources).toFixed(2);
  const rows = [...sums]
    .toSorted(([, a], [, b]) => b.resources - a.resources)
    .map(([name, sum]) => [
      name,
      String(sum.resources),
      mean(sum.k, sum),
      mean(sum.g, sum),
      mean(sum.k + sum.g + ALWAYS * sum.resources, sum),
      mean(sum.f, sum),
    ]);
  return table(['type', 'resources', 'k', 'g', 'B-tree keys', 'filter only'], rows);
}
