/** What goes along from scans to a document of their pages, and that it is made of the version that is superseded. docs/records-desk.md */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { findingsOfArranged } from '../../src/features/intake/arrange/carried.js';
import { scanHook, type ScanGround } from '../../src/features/intake/scan-hook.js';
import { type DqFinding, findingInput, SCAN_TASK, scanStateConcept } from '../../src/features/intake/vocabulary.js';
import type { HookedWrite } from '../../src/interactions/write/hooks.js';

const taskWith = (...findings: DqFinding[]) => ({ resourceType: 'Task', input: findings.map(findingInput) });
const onPage = (code: DqFinding['code'], page: number): DqFinding => ({
  ...{ code, expression: '' },
  value: { valuePositiveInt: page },
});

it('tells a finding about a page where that page is, and nowhere else (S4)', () => {
  const tasks = new Map([
    ['a', taskWith(onPage('DQ-page-skewed', 3), onPage('DQ-page-turned', 2), onPage('DQ-not-looked-at', 4))],
  ]);
  const found = (...numbers: number[]) =>
    findingsOfArranged(
      numbers.map(number => ({ scan: 'a', number, turn: number === 2 ? 90 : 0, at: '' })),
      tasks,
      [],
    ).map(({ code, value }) => [code, ...Object.values(value ?? {})]);
  assert.deepEqual(found(4, 3), [['DQ-page-skewed', 2], ['DQ-not-looked-at'], ['DQ-rearranged']]);
  assert.deepEqual(found(1, 2), [['DQ-not-looked-at'], ['DQ-rearranged']]);
});

it('supersedes a scan as it was when its pages were read, and no other version of it', async () => {
  const commit = {};
  const stored = (resource: object, version: number) => ({
    id: 'd',
    version,
    text: Buffer.from(JSON.stringify(resource)),
  });
  const task = {
    resourceType: 'Task',
    code: { coding: [{ ...SCAN_TASK }] },
    focus: { reference: 'DocumentReference/d' },
    businessStatus: scanStateConcept('pending-index'),
  };
  const write = {
    ...{ commit, id: 't', before: stored(task, 1), beside: () => undefined },
    resource: { ...task, businessStatus: scanStateConcept('rearranged') },
    view: { read: () => Promise.resolve(stored({ resourceType: 'DocumentReference', status: 'current' }, 4)) },
  };
  const superseded = async (arranged: ScanGround['arranged']) => {
    const ground = { bases: [], arranged } as unknown as ScanGround;
    const prepared = await scanHook(ground).prepare!(write as unknown as HookedWrite);
    const [companion] = prepared?.companions ?? [];
    return companion && 'ifMatch' in companion ? companion.ifMatch : undefined;
  };
  assert.deepEqual(await superseded(new WeakMap([[commit, new Map([['t', '3']])]])), ['3']);
  assert.deepEqual(await superseded(new WeakMap()), ['4']);
});
