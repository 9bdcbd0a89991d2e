/**
 * What is committed is stamped by its own open stamp, or the horizon would pass it: a commit with changes names the stamp that
 * `updated` of them comes from, and nothing takes `updated` or the time of an event from the clock.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseSource, readSources } from '../../build/sources.js';

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;
const nameOf = (value: unknown): unknown => (isNode(value) ? (value['name'] ?? value['value']) : undefined);

/** The properties of an object as it is written. */
const propertiesOf = (value: unknown): readonly Node[] =>
  isNode(value) && Array.isArray(value['properties']) ? (value['properties'] as Node[]) : [];
const isEmptyList = (value: unknown): boolean =>
  isNode(value) && value['type'] === 'ArrayExpression' && (value['elements'] as unknown[]).length === 0;

/** `clock.now`, `engine.clock.now`. */
function asksClock(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(asksClock);
  if (!isNode(value)) return false;
  const { object } = value;
  const isClock = isNode(object) && (nameOf(object) === 'clock' || nameOf(object['property']) === 'clock');
  return (isClock && nameOf(value['property']) === 'now') || Object.values(value).some(asksClock);
}

function faultsIn(text: string): string[] {
  const faults: string[] = [];
  const look = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(look);
    if (!isNode(value) || Array.isArray(value)) return;
    const { callee } = value;
    if (value['type'] === 'CallExpression' && isNode(callee) && nameOf(callee['property']) === 'commit') {
      const properties = propertiesOf((value['arguments'] as unknown[])[0]);
      const changes = properties.find(each => nameOf(each['key']) === 'changes');
      const isStamped = properties.some(each => nameOf(each['key']) === 'stamp');
      if (changes && !isEmptyList(changes['value']) && !isStamped) faults.push('a commit of changes without its stamp');
    }
    const named = value['type'] === 'Property' ? nameOf(value['key']) : undefined;
    if ((named === 'updated' || named === 'at') && asksClock(value['value'])) faults.push(`${named} from the clock`);
    Object.values(value).forEach(look);
  };
  look(parseSource('a.ts', text).body);
  return faults;
}

describe('stamps', () => {
  it('are what everything is written with', () => {
    const known = new Set([
      // Matched against what is committed, and never written.
      'interactions/transaction/staged.ts: updated from the clock',
      // It commits what it is given.
      'jobs/board.ts: a commit of changes without its stamp',
    ]);
    const files = [...readSources()].filter(([file]) => !file.startsWith('store/'));
    const found = files.flatMap(([file, { text }]) => faultsIn(text).map(fault => `${file}: ${fault}`));
    assert.deepEqual(
      found.filter(fault => !known.has(fault)),
      [],
    );
    assert.ok(files.some(([, { text }]) => text.includes('.commit({ stamp')));
  });

  for (const text of [
    'await store.commit({ changes });',
    'await engine.store.commit({ changes: [...attached, ...events], messages });',
    'const one = { ...rest, updated: engine.clock.now() };',
    'record({ at: Math.max(clock.now(), 5) });',
  ])
    it(`are missed in: ${text}`, () => assert.equal(faultsIn(text).length, 1));

  it('are not asked of what stamps nothing', () => {
    for (const text of [
      'await store.commit({ changes: [], acknowledges });',
      'await store.commit({ stamp, changes });',
      'const one = { updated: stamp.now(), at: stamp.now() };',
      'const at = clock.now();',
      'clock = { ...clock, at: clock.at + ms };',
      'await session.commit();',
    ])
      assert.deepEqual(faultsIn(text), [], text);
  });
});
