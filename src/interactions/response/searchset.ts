/** Entries of a searchset: rows as the client wants to see them, and outcomes. https://hl7.org/fhir/R4/bundle.html#searchset */
import type { Issue } from '../../fhir/error.js';
import { outcomeText } from '../../fhir/outcome.js';
import { newUuid } from '../../platform/ids.js';
import type { ListedVersion } from '../../store/listing.js';
import type { BundleEntry } from './bundle.js';
import type { Engine } from '../engine.js';
import type { View } from '../interaction.js';
import { formOf, viewText } from './resource-text.js';

/** Bytes that are parsed and printed before others have their turn. */
const TURN = 128 * 1024;

export async function rowEntries(
  engine: Engine,
  rows: Iterable<ListedVersion>,
  { summary, elements }: { readonly [K in keyof View]: View[K] | undefined },
  mode: 'match' | 'include',
): Promise<BundleEntry[]> {
  const view: View = { ...(summary === undefined ? {} : { summary }), ...(elements === undefined ? {} : { elements }) };
  const entries: BundleEntry[] = [];
  const search = { mode };
  const plain = formOf(view) === undefined;
  let worked = 0;
  for (const row of rows) {
    const shown = viewText(engine, row, view);
    const text = 'then' in shown ? await shown : shown;
    entries.push({ fullUrl: `${engine.settings.base}/${row.type}/${row.id}`, ...text, search });
    if (plain) continue;
    worked += row.text!.length;
    if (worked > TURN) {
      worked = 0;
      await new Promise(setImmediate);
    }
  }
  return entries;
}

export const outcomeEntry = (issues: readonly Issue[]): BundleEntry => ({
  fullUrl: `urn:uuid:${newUuid()}`,
  text: outcomeText(issues),
  search: { mode: 'outcome' },
});
