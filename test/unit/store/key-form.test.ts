/** The form of keys is the one that ENCODING numbers: stores whose keys have another number are indexed anew. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'mocha';
import type { EntryValue, IndexEntry } from '../../../src/search/entry.js';
import { encode } from '../../../src/store/encode.js';
import { createIndexCatalog } from '../../../src/store/index-catalog.js';
import { ENCODING } from '../../../src/store/index-layout.js';
import { layout } from '../../support/changes.js';

type Place<K extends EntryValue['kind']> = readonly [
  type: string,
  parameter: string,
  ...values: Extract<EntryValue, { kind: K }>[],
];
const amount = { low: 5.35, high: 5.45, system: 'http://unitsofmeasure.org', code: 'mg', unit: 'milligram' };
const WITHIN_A_DAY = { low: 1_700_000_000_000, high: 1_700_000_000_999 };

/** Something of every kind. */
const ENTRIES: { readonly [K in EntryValue['kind']]: Place<K> } = {
  string: ['Patient', 'family', { kind: 'string', raw: 'Müller  Ä', norm: 'muller a' }],
  token: ['Observation', 'code', { kind: 'token', system: 'http://loinc.org', code: '1234-5' }],
  text: ['Observation', 'code', { kind: 'text', norm: 'body weight' }],
  'media-type': ['DocumentReference', 'contenttype', { kind: 'media-type', type: 'image/png' }],
  'of-type': ['Patient', 'identifier', { kind: 'of-type', system: 'urn:types', code: 'MR', value: '1' }],
  position: ['Location', 'near', { kind: 'position', latitude: 52.1, longitude: 4.9 }],
  date: [
    'Observation',
    'date',
    { kind: 'date', ...WITHIN_A_DAY },
    { kind: 'date', low: 0, high: Number.MAX_SAFE_INTEGER },
  ],
  number: [
    'RiskAssessment',
    'probability',
    { kind: 'number', low: 0.5, high: 0.5 },
    { kind: 'number', low: 1, high: 2 },
  ],
  quantity: [
    'Observation',
    'value-quantity',
    { kind: 'quantity', ...amount },
    { kind: 'quantity', ...amount, high: 5.35, base: { unit: 'g', low: 0.00535, high: 0.00535 } },
  ],
  reference: ['Observation', 'subject', { kind: 'reference', type: 'Patient', id: 'a', version: '2' }],
  url: ['Observation', 'subject', { kind: 'url', url: 'http://a.example/Patient/1' }],
  identifier: ['Observation', 'subject', { kind: 'identifier', system: 'urn:a', value: '1' }],
  held: ['Bundle', 'composition', { kind: 'held', resource: { resourceType: 'Composition' } }],
  uri: ['ValueSet', 'url', { kind: 'uri', value: 'http://a.example/v', version: '1.0' }],
  composite: [
    'Observation',
    'code-value-quantity',
    {
      kind: 'composite',
      parts: [[{ kind: 'token', system: 'http://loinc.org', code: '1234-5' }], [{ kind: 'quantity', ...amount }]],
    },
  ],
};

describe('the form of keys', () => {
  it('is that of its number', () => {
    const catalog = createIndexCatalog();
    const keys = Object.values(ENTRIES).map(([type, parameter, ...values]) => {
      const entries = values.map((value): IndexEntry => ({ parameter, ...value }));
      catalog.add(encode(layout, type, entries, catalog).missing);
      return encode(layout, type, entries, catalog).keys;
    });
    const digest = createHash('sha256').update(JSON.stringify(keys)).digest('hex').slice(0, 16);
    const remedy = 'Keys have another form: raise ENCODING (store/index-layout.ts), and write both down here.';
    assert.deepEqual([ENCODING, digest], [5, 'b2c148dc47f62a00'], remedy);
  });
});
