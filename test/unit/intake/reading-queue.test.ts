/** The queue of scans that are to be read: a round tries each once, whatever nothing can be written on. docs/records-desk.md */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { nextWanted, type PassedScans, passedWith } from '../../../src/features/intake/machine-text/reading-queue.js';
import type { Resource } from '../../../src/fhir/resource.js';
import type { Parameters } from '../../../src/interactions/interaction.js';

/** Scans of commits with three each. */
const scans = Array.from({ length: 130 }, (_, at): Resource => {
  const lastUpdated = new Date(Date.UTC(2026, 0, 1) + Math.floor(at / 3)).toISOString();
  return { resourceType: 'DocumentReference', id: `s${at}`, meta: { versionId: '1', lastUpdated } };
});

const found = async (parameters: Parameters): Promise<readonly Resource[]> => {
  const of = new Map(parameters);
  const from = of.get('_lastUpdated')?.slice(2) ?? '';
  const since = scans.filter(({ meta }) => (meta as { lastUpdated: string }).lastUpdated >= from);
  return since.slice(0, Number(of.get('_count')));
};

describe('the queue of scans that are to be read', () => {
  it('passes over any number that cannot be written, each once in a round, and comes to an end', async () => {
    let passed: PassedScans | undefined;
    const tried: string[] = [];
    for (let times = 0; times < 2 * scans.length; times++) {
      const next = await nextWanted(found, passed);
      if (!next) break;
      tried.push(next.id);
      passed = passedWith(passed, next, 1000 + times);
      assert.ok(passed.ids.length <= 3);
    }
    assert.deepEqual(
      tried,
      scans.map(({ id }) => id),
    );
    assert.equal(passed?.until, 601_000);
  });
});
