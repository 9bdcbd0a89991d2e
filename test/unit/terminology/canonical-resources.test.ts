import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createCanonicalResources } from '../../../src/terminology/canonical-resources.js';
import type { LoadCanonical } from '../../../src/terminology/resources.js';
import { standardFrom } from '../../../src/terminology/standard.js';

const S = 'http://example.org/system';

const codeSystem = (codes: readonly string[], more: object = {}) => ({
  resourceType: 'CodeSystem' as const,
  url: S,
  content: 'complete',
  concept: codes.map(code => ({ code })),
  ...more,
});

const standard = standardFrom({ codeSystems: [codeSystem(['published'])], valueSets: [] });

/** `load` with the standard above; counts how often the standard is opened. */
function resources(load: LoadCanonical) {
  const counts = { opened: 0 };
  const found = createCanonicalResources(load, async () => {
    counts.opened += 1;
    return standard;
  });
  return { ...found, counts };
}

describe('canonical resources', () => {
  it('are those of the store before those of the standard', async () => {
    const stored = resources(async () => codeSystem(['stored']));
    assert.deepEqual((await stored.concepts(S))?.codes, ['stored']);
    assert.equal(stored.counts.opened, 0);
  });

  it('are those of the standard where the stored one has no concepts', async () => {
    const empty = codeSystem([], { content: 'not-present' });
    const found = resources(async () => empty);
    assert.deepEqual((await found.concepts(S))?.codes, ['published']);
    assert.deepEqual((await found.concepts(S))?.codes, ['published']);
    assert.equal(found.counts.opened, 1);
  });

  it('exist by their address alone', async () => {
    const found = resources(async () => undefined);
    assert.equal((await found.valueSet({ url: 'http://loinc.org/vs' }))?.url, 'http://loinc.org/vs');
    assert.equal(await found.valueSet({ url: 'http://example.org/nothing' }), undefined);
  });

  it('are parsed once for each version', async () => {
    let key = 'CodeSystem/a/1';
    let read = 0;
    const found = resources(async () => ({
      key,
      async read() {
        read += 1;
        return codeSystem([key]);
      },
    }));
    await found.concepts(S);
    await found.concepts(S);
    assert.equal(read, 1);
    key = 'CodeSystem/a/2';
    assert.deepEqual((await found.concepts(S))?.codes, [key]);
    assert.equal(read, 2);
  });

  it('are asked for once in one expansion', async () => {
    let loads = 0;
    const found = resources(async () => {
      loads += 1;
      return codeSystem(['a']);
    });
    const sources = found.once();
    await Promise.all([sources.concepts(S), sources.concepts(S)]);
    assert.equal(loads, 1);
    await found.once().concepts(S);
    assert.equal(loads, 2);
  });
});
