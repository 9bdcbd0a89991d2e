/** Documents read from their bytes: the same as the driver reads, of all types that we store. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { BSON } from 'mongodb';
import { readDocument } from '../../../src/store/mongo/bson.js';

const bytesOf = (document: object): Buffer => Buffer.from(BSON.serialize(document));

const DOCUMENTS: readonly object[] = [
  {},
  { _id: 'Pa2760l12d4wbv05', t: 'Pa', v: 1, u: 1.7e12, n: 893_353_180_454_912, m: 'PUT', p: ['a', 'b'], d: -9e15 },
  {
    x: Buffer.from('{"resourceType":"Patient"}'),
    b: [
      { a: 7, h: 'abc', s: 1e10 },
      { a: 2 ** 31, h: '', s: 0 },
    ],
  },
  { x: Buffer.alloc(0), z: true, y: false, k: [], s: { Obaa: 'ünï', '€': null }, h: null },
  { long: 'x'.repeat(100_000), ü: 'ü', nested: { a: { b: { c: [[1, [2]], { d: 0.5 }] } } } },
  { low: -1, high: 2 ** 31 - 1, beyond: 2 ** 31, part: 0.1, least: Number.MIN_VALUE, many: Array(1000).fill('k') },
];

describe('documents of MongoDB from their bytes', () => {
  it('are what the driver reads', () => {
    for (const document of DOCUMENTS) {
      const bytes = bytesOf(document);
      assert.deepEqual(readDocument(bytes), BSON.deserialize(bytes, { promoteBuffers: true }));
    }
  });

  it('have whole numbers of 64 bits as numbers', () => {
    assert.deepEqual(readDocument(bytesOf({ n: BSON.Long.fromNumber(2 ** 50) })), { n: 2 ** 50 });
  });

  it('are refused where they hold what is never written', () => {
    assert.throws(() => readDocument(bytesOf({ at: new Date() })), /a type that it never writes/);
  });
});
