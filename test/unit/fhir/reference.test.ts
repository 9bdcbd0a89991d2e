import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseCanonical, parseReference } from '../../../src/fhir/reference.js';

const BASES = ['http://fhir.example/r4', 'https://alias.example/fhir'];

describe('parseReference', () => {
  const eve = { kind: 'local', type: 'Patient', id: 'eve' };
  const rows: readonly [text: string, target: object | undefined][] = [
    ['Patient/eve', eve],
    ['Patient/eve/_history/3', { ...eve, version: '3' }],
    ['http://fhir.example/r4/Patient/eve', eve],
    ['https://alias.example/fhir/Patient/eve/_history/3', { ...eve, version: '3' }],
    [
      'http://fhir.example/r4x/Patient/eve',
      { kind: 'url', url: 'http://fhir.example/r4x/Patient/eve', type: 'Patient' },
    ],
    [
      'http://fhir.example/r4/sub/Patient/eve',
      { kind: 'url', url: 'http://fhir.example/r4/sub/Patient/eve', type: 'Patient' },
    ],
    ['http://elsewhere.example/thing', { kind: 'url', url: 'http://elsewhere.example/thing' }],
    [
      'urn:uuid:9f8b3c1e-0000-4000-8000-000000000000',
      { kind: 'urn', url: 'urn:uuid:9f8b3c1e-0000-4000-8000-000000000000' },
    ],
    ['urn:oid:1.2.3', { kind: 'urn', url: 'urn:oid:1.2.3' }],
    ['#a', { kind: 'contained', id: 'a' }],
    ['eve', undefined],
    ['', undefined],
    ['/Patient/eve', undefined],
    ['x/Patient/eve', undefined],
    ['patient/eve', undefined],
    ['Patient/', undefined],
    ['Patient/eve/extra', undefined],
    [`Patient/${'x'.repeat(65)}`, undefined],
    ['Patient/a_b', undefined],
  ];
  for (const [text, target] of rows)
    it(`reads ${JSON.stringify(text.slice(0, 60))}`, () => assert.deepEqual(parseReference(text, BASES), target));

  it('knows no own URL without a base', () => {
    assert.equal(parseReference('http://fhir.example/r4/Patient/eve', [])?.kind, 'url');
  });
});

describe('parseCanonical', () => {
  it('takes the version apart and drops the fragment', () => {
    assert.deepEqual(parseCanonical('http://x.example/a'), { url: 'http://x.example/a' });
    assert.deepEqual(parseCanonical('http://x.example/a|1.0'), { url: 'http://x.example/a', version: '1.0' });
    assert.deepEqual(parseCanonical('http://x.example/a|1.0#part'), { url: 'http://x.example/a', version: '1.0' });
    assert.deepEqual(parseCanonical('http://x.example/a|'), { url: 'http://x.example/a' });
  });
});
