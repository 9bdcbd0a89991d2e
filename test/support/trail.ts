/** An audit trail of deeds that are committed directly, at chosen times, and a plain count of its events. */
import type { AuditEvent } from 'fhir/r4.js';
import type { AuditRecord } from '../../src/audit/event.js';
import type { Engine } from '../../src/interactions/engine.js';
import type { Random } from './random.js';
import { type Talk, walk } from './talk.js';

/** What a deed of a test says; the rest is as usual. */
export type TestDeed = Partial<AuditRecord> & Pick<AuditRecord, 'at'>;

/** Commits deeds, each as a deed of this server. */
export async function commitTrail({ store, record, settings }: Engine, deeds: readonly TestDeed[]): Promise<void> {
  for (let from = 0; from < deeds.length; from += 500) {
    const stamp = store.openStamp();
    try {
      const some = deeds.slice(from, from + 500).map(deed =>
        record({
          ...{ interaction: 'read', pattern: 'read', outcome: '0', principal: { role: 'clinician', name: 'dr-a' } },
          ...{
            address: '192.0.2.1',
            requestId: 'r',
            base: settings.base,
            request: 'GET /fhir/Patient/1',
            patients: [],
          },
          ...deed,
        }),
      );
      await store.commit({ stamp, changes: [], deeds: some });
    } finally {
      stamp.close();
    }
  }
}

const HOUR = 3_600_000;

/** Deeds of some users about some patients, in a few days from `start` (ms since 1970) on, of all kinds that questions tell apart. */
export function randomDeeds(random: Random, count: number, start: number, patients: readonly string[]): TestDeed[] {
  return Array.from({ length: count }, (): TestDeed => {
    const at = start + random.below(4 * 24) * HOUR + random.below(HOUR);
    const name = random.pick(['dr-a', 'dr-b', 'nurse,"c"', '=cmd|calc']);
    const purpose = random.pick(['TREAT', 'HOPERAT', undefined]);
    const glass = random.pick([undefined, undefined, patients[0]]);
    const principal = {
      ...{ role: random.pick(['clinician', 'reader']), name },
      ...(purpose === undefined ? {} : { purpose }),
      ...(glass === undefined ? {} : { glass }),
    };
    const whose = patients.filter(() => random.below(3) === 0);
    const common = { at, principal, patients: whose };
    switch (random.below(4)) {
      case 0:
        return { ...common, interaction: 'search-type', pattern: 'query', request: 'GET /fhir/Observation?code=1' };
      case 1:
        return {
          ...common,
          interaction: 'update',
          pattern: 'update',
          data: { type: 'Observation', id: 'o', version: 2 },
        };
      case 2:
        return { ...common, outcome: '4', why: random.pick(['forbidden', 'not-found']) };
      default:
        return { ...common, data: { type: 'Patient', id: whose[0] ?? 'nobody' } };
    }
  });
}

/** All events that a search finds, page by page. */
export async function allEvents(talk: Talk, query: string): Promise<AuditEvent[]> {
  const found: AuditEvent[] = [];
  for (const page of await walk<AuditEvent>(talk, await talk.search<AuditEvent>(`AuditEvent?_count=200&${query}`)))
    found.push(...(page.entry ?? []).flatMap(({ resource }) => resource ?? []));
  return found;
}
