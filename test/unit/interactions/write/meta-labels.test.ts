/** Labels as sets: https://hl7.org/fhir/R4/resource.html#tags, #tag-updates, and what of them a stored text has. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { print } from '../../../../src/fhir/json/print.js';
import type { JsonObject } from '../../../../src/fhir/resource.js';
import { addLabels, keep, keptOf, removeLabels } from '../../../../src/interactions/write/meta-labels.js';
import type { Version } from '../../../../src/store/store.js';

const label = (code: string, more: JsonObject = {}): JsonObject => ({ system: 'urn:s', code, ...more });
const stored = (text: string): Version => ({
  type: 'Patient',
  id: '1',
  version: 1,
  updated: 0,
  method: 'POST',
  patients: [],
  text: Buffer.from(text),
});

describe('adding labels', () => {
  it('keeps the order of what was there, and what is added follows', () => {
    const meta = { versionId: '1', tag: [label('b'), label('a')], profile: ['p'] };
    const more = { tag: [label('c'), label('a')], security: [label('R')], profile: ['q', 'p'] };
    assert.deepEqual(addLabels(meta, more), {
      versionId: '1',
      tag: [label('b'), label('a'), label('c')],
      profile: ['p', 'q'],
      security: [label('R')],
    });
  });

  it('gives the meta itself where nothing is added, also by its own result', () => {
    const meta = { tag: [label('a', { display: 'A' })], profile: ['p'] };
    assert.equal(addLabels(meta, { tag: [label('a')], profile: ['p'] }), meta);
    const once = addLabels(meta, { tag: [label('z')] });
    assert.notEqual(once, meta);
    assert.equal(addLabels(once, { tag: [label('z')] }), once);
  });

  it('compares by system and code; display and version given count, those left out stay', () => {
    const meta = { tag: [label('a', { display: 'old', version: '1' })] };
    assert.deepEqual(addLabels(meta, { tag: [label('a', { display: 'new' })] }).tag, [
      label('a', { display: 'new', version: '1' }),
    ]);
    assert.deepEqual(addLabels(meta, { tag: [{ system: 'urn:t', code: 'a' }, { code: 'a' }] }).tag, [
      ...meta.tag,
      { system: 'urn:t', code: 'a' },
      { code: 'a' },
    ]);
  });

  it('takes labels without a code for the same only if they are equal', () => {
    const meta = { tag: [{ display: 'x' }] };
    assert.deepEqual(addLabels(meta, { tag: [{ display: 'y' }, { display: 'x' }] }).tag, [
      { display: 'x' },
      { display: 'y' },
    ]);
  });

  it('adds a label that is given twice once, and leaves twins that were there', () => {
    assert.deepEqual(addLabels({}, { tag: [label('a'), label('a')] }), { tag: [label('a')] });
    const twins = { tag: [label('a'), label('a')] };
    assert.equal(addLabels(twins, { tag: [label('a')] }), twins);
  });

  it('changes neither side', () => {
    const [meta, more] = [{ tag: [label('a')] }, { tag: [label('a', { display: 'A' }), label('b')] }];
    const before = JSON.stringify([meta, more]);
    addLabels(meta, more);
    assert.equal(JSON.stringify([meta, more]), before);
  });
});

describe('removing labels', () => {
  it('takes away what has the system and code, whatever its display, and an empty list with it', () => {
    const meta = { versionId: '1', tag: [label('a', { display: 'A' }), label('b')], security: [label('R')] };
    assert.deepEqual(removeLabels(meta, { tag: [label('a')], security: [label('R', { display: 'r' })] }), {
      versionId: '1',
      tag: [label('b')],
    });
  });

  it('gives the meta itself where nothing of it is there', () => {
    const meta = { tag: [label('a')] };
    assert.equal(removeLabels(meta, { tag: [label('b'), { code: 'a' }], profile: ['p'] }), meta);
  });

  it('keeps extensions of profiles at their profile', () => {
    const own = { extension: [{ url: 'urn:x', valueCode: 'x' }] };
    const meta = { profile: ['p', 'q', 'r'], _profile: [null, own, null] };
    assert.deepEqual(removeLabels(meta, { profile: ['p'] }), { profile: ['q', 'r'], _profile: [own, null] });
    assert.deepEqual(removeLabels(meta, { profile: ['q'] }), { profile: ['p', 'r'] });
  });
});

describe('what an update keeps', () => {
  it('are tags and security labels, of meta alone', () => {
    const text = `{"resourceType":"Patient","id":"1","contained":[{"resourceType":"Basic","meta":{"tag":[{"code":"no"}]}}],"meta":{"versionId":"1","profile":["p"],"security":[{"code":"R"}],"tag":[{"code":"a"}]}}`;
    assert.deepEqual(keptOf(stored(text))?.labels, { security: [{ code: 'R' }], tag: [{ code: 'a' }] });
  });

  it('is nothing where meta has none, whatever the rest of the resource says', () => {
    for (const text of [
      '{"resourceType":"Patient","id":"1","meta":{"versionId":"1","profile":["p"]}}',
      '{"resourceType":"Patient","id":"1","meta":{"versionId":"1"},"contained":[{"resourceType":"Basic","meta":{"tag":[{"code":"no"}]}}]}',
      '{"resourceType":"CapabilityStatement","id":"1","meta":{"versionId":"1"},"rest":[{"security":{"cors":true}}]}',
    ])
      assert.equal(keptOf(stored(text)), undefined, text);
    const { text: _, ...tombstone } = stored('');
    assert.equal(keptOf(tombstone), undefined);
  });

  it('is found wherever meta stands, and whatever its strings hold', () => {
    const labels = { tag: [{ code: 'a', display: 'quote " brace } backslash \\' }] };
    const meta = JSON.stringify({ versionId: '1', lastUpdated: '2026-01-01T00:00:00.000Z', ...labels });
    for (const text of [
      `{"resourceType":"Patient","id":"1","meta":${meta},"name":[{"family":"\\"tag\\""}]}`,
      `{"meta":${meta},"resourceType":"Patient","id":"1"}`,
      `{"resourceType":"Patient","name":[{"family":"{"}],"id":"1","meta" : ${meta}}`,
    ]) {
      assert.doesNotThrow(() => JSON.parse(text), text);
      assert.deepEqual(keptOf(stored(text))?.labels, labels, text);
    }
  });

  it('has its digits', () => {
    const text =
      '{"resourceType":"Patient","id":"1","meta":{"tag":[{"extension":[{"url":"urn:x","valueDecimal":1.00}],"code":"a"}]}}';
    const kept = keptOf(stored(text))!;
    assert.match(print(kept.labels, kept.decimals), /"valueDecimal":1\.00/);
  });

  it('comes before what the update gives; profiles are those of the update', () => {
    const kept = { labels: { tag: [label('a')], security: [label('R')] }, decimals: undefined };
    assert.deepEqual(keep({ source: 'urn:x', tag: [label('b')], profile: ['p'] }, kept), {
      source: 'urn:x',
      tag: [label('a'), label('b')],
      security: [label('R')],
      profile: ['p'],
    });
    assert.deepEqual(keep(undefined, kept), kept.labels);
  });
});
