/** Entries of a searchset: rows as the client wants to see them, and outcomes. https://hl7.org/fhir/R4/bundle.html#searchset */
import { randomUUID } from 'node:crypto';
import type { Issue } from '../fhir/error.js';
import { outcomeText } from '../fhir/outcome.js';
import type { Version } from '../store/store.js';
import type { BundleEntry } from './bundle.js';
import type { Engine, View } from './interaction.js';
import { viewText } from './release.js';

export async function rowEntries(
  engine: Engine,
  rows: readonly Version[],
  { summary, elements }: { readonly [K in keyof View]: View[K] | undefined },
  mode: 'match' | 'include',
): Promise<BundleEntry[]> {
  const view: View = { ...(summary === undefined ? {} : { summary }), ...(elements === undefined ? {} : { elements }) };
  const entries: BundleEntry[] = [];
  const search = { mode };
  for (const row of rows) {
    const text = viewText(engine, row, view);
    entries.push({
      fullUrl: `${engine.settings.base}/${row.type}/${row.id}`,
      text: Buffer.isBuffer(text) ? text : await text,
      search,
    });
  }
  return entries;
}

export const outcomeEntry = (issues: readonly Issue[]): BundleEntry => ({
  fullUrl: `urn:uuid:${randomUUID()}`,
  text: outcomeText(issues),
  search: { mode: 'outcome' },
});
