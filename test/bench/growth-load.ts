/** Fills a store through its port: resources are extracted here, one after the other, and committed in large pieces. */
import type { Change, Store } from '../../src/store/store.js';
import type { Resource } from '../../src/fhir/resource.js';
import { entriesOf } from '../support/changes.js';
import { patientId, record } from './growth-population.js';

/** Changes of one commit, and commits under way: memory stays bounded. */
const PIECE = 500;
const UNDER_WAY = 4;
/** Resources of a step of the load rate. */
export const STEP = 100_000;
const START = Date.UTC(2026, 0, 2);

export interface Loaded {
  readonly resources: number;
  /** Resources per second of each full step. */
  readonly rates: readonly number[];
}

function changeOf(resource: Resource, updated: number, patient: string): Change {
  const meta = { ...(resource['meta'] as object), versionId: '1', lastUpdated: new Date(updated).toISOString() };
  return {
    type: resource.resourceType,
    id: resource['id'] as string,
    version: 1,
    updated,
    method: 'POST',
    text: Buffer.from(JSON.stringify({ ...resource, meta })),
    patients: [patient],
    entries: entriesOf(resource),
  };
}

/** Adds patients `from` … `to` - 1. `counted`: resources that are there already. */
export async function fill(store: Store, from: number, to: number, counted: number): Promise<Loaded> {
  let resources = counted;
  const rates: number[] = [];
  let began = performance.now();
  const under = new Set<Promise<void>>();
  let piece: Change[] = [];
  const send = async (): Promise<void> => {
    const changes = piece;
    piece = [];
    const sent = store.commit({ changes }).finally(() => under.delete(sent));
    under.add(sent);
    if (under.size >= UNDER_WAY) await Promise.race(under);
  };
  for (let index = from; index < to; index++)
    for (const resource of record(index)) {
      piece.push(changeOf(resource, START + resources++, patientId(index)));
      if (piece.length === PIECE) await send();
      if (resources % STEP === 0) {
        const now = performance.now();
        rates.push((STEP * 1000) / (now - began));
        began = now;
      }
    }
  await send();
  await Promise.all(under);
  return { resources, rates };
}
