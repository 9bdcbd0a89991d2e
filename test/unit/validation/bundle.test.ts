/** Rules of Bundles beside the constraints: one a row, each beside a Bundle that is right. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { JsonObject } from '../../../src/fhir/resource.js';
import { createBundleCheck } from '../../../src/validation/content/bundle.js';
import { inShort, runCheck } from '../../support/resource-check.js';

const check = createBundleCheck(loadDefinitions());

const found = async (bundle: JsonObject): Promise<string[]> =>
  inShort(await runCheck(check, 'Bundle', bundle)).map(each => each.replace('Bundle.', ''));

const bundle = (type: string, entry: JsonObject[], more: JsonObject = {}): JsonObject => ({
  resourceType: 'Bundle',
  type,
  entry,
  ...more,
});

const REST = 'http://example.org/fhir';
const entry = (resource: JsonObject, fullUrl?: string, more: JsonObject = {}): JsonObject => ({
  ...(fullUrl === undefined ? {} : { fullUrl }),
  resource,
  ...more,
});
const resource = (type: string, id?: string, more: JsonObject = {}): JsonObject => ({
  resourceType: type,
  ...(id === undefined ? {} : { id }),
  ...more,
});
/** An entry with the address of its resource. */
const at = (type: string, id: string, more: JsonObject = {}): JsonObject =>
  entry(resource(type, id, more), `${REST}/${type}/${id}`);
const to = (reference: string): JsonObject => ({ reference });

describe('a Bundle', () => {
  describe('has fullUrls that are absolute and agree with their resources', () => {
    const patient = resource('Patient', 'a');
    const rows: readonly [what: string, right: JsonObject, wrong: JsonObject, found: string[]][] = [
      ['absolute', entry(patient, `${REST}/Patient/a`), entry(patient, 'Patient/a'), ['full-url entry[0].fullUrl']],
      [
        'with the id',
        entry(patient, `${REST}/Patient/a`),
        entry(patient, `${REST}/Patient/b`),
        ['full-url entry[0].fullUrl'],
      ],
      [
        'with the type',
        entry(patient, `${REST}/Patient/a`),
        entry(patient, `${REST}/Person/a`),
        ['full-url entry[0].fullUrl'],
      ],
      [
        'of a resource that has an id',
        entry(patient, `${REST}/Patient/a`),
        entry(resource('Patient'), `${REST}/Patient/a`),
        ['full-url entry[0].fullUrl'],
      ],
      [
        'of a urn whatever the id',
        entry(patient, 'urn:uuid:8ce7db7b-9b9b-41ae-b1d7-3f2d1c728a13'),
        entry(patient),
        ['warning full-url entry[0]'],
      ],
      [
        'of other addresses',
        entry(patient, 'http://example.org/Guide/Patient-a.html'),
        entry(patient, '/a'),
        ['full-url entry[0].fullUrl'],
      ],
      ['without a resource', { fullUrl: `${REST}/Patient/a` }, { fullUrl: 'a' }, ['full-url entry[0].fullUrl']],
    ];
    for (const [what, right, wrong, expected] of rows)
      it(what, async () => {
        assert.deepEqual(await found(bundle('collection', [right])), []);
        assert.deepEqual(await found(bundle('collection', [wrong])), expected);
      });

    it('but for what is created', async () => {
      const request = (method: string): JsonObject => ({ request: { method, url: 'Patient' } });
      for (const type of ['batch', 'transaction']) {
        const of = (method: string): JsonObject[] => [
          entry(resource('Patient', 'x'), `${REST}/Patient/a`, request(method)),
        ];
        assert.deepEqual(await found(bundle(type, of('POST'))), [], type);
        assert.deepEqual(await found(bundle(type, of('PUT'))), ['full-url entry[0].fullUrl'], type);
        assert.deepEqual(await found(bundle(type, [entry(resource('Patient'), undefined, request('POST'))])), []);
      }
    });

    it('where entries refer to each other', async () => {
      for (const type of ['document', 'message', 'history'])
        assert.deepEqual(await found(bundle(type, [entry(resource('Patient'))])), ['full-url entry[0]'], type);
    });
  });

  it('has one link of a relation, and links to pages only where there are pages', async () => {
    const links = (...relations: string[]): JsonObject => ({
      link: relations.map(relation => ({ relation, url: 'http://a' })),
    });
    assert.deepEqual(await found(bundle('searchset', [], links('self', 'next', 'last', 'related', 'related'))), []);
    assert.deepEqual(await found(bundle('searchset', [], links('self', 'next', 'self'))), [
      'bundle-link link[2].relation',
    ]);
    for (const type of ['history', 'searchset'])
      assert.deepEqual(await found(bundle(type, [], links('first', 'previous'))), []);
    for (const type of ['document', 'message', 'collection', 'transaction', 'batch-response']) {
      assert.deepEqual(await found(bundle(type, [], links('self', 'stylesheet'))), [], type);
      assert.deepEqual(await found(bundle(type, [], links('next'))), ['bundle-link link[0].relation'], type);
    }
  });

  it('of results has outcomes that are outcomes, and matches with ids', async () => {
    const result = (mode: string, inner: JsonObject): JsonObject[] => [
      entry(inner, 'urn:uuid:a', { search: { mode } }),
    ];
    assert.deepEqual(await found(bundle('searchset', result('outcome', resource('OperationOutcome')))), []);
    assert.deepEqual(await found(bundle('searchset', result('outcome', resource('Patient', 'a')))), [
      'search-mode entry[0].resource',
    ]);
    assert.deepEqual(await found(bundle('searchset', result('match', resource('Patient', 'a')))), []);
    assert.deepEqual(await found(bundle('searchset', result('include', resource('Patient')))), [
      'search-id entry[0].resource',
    ]);
  });

  describe('that is a document', () => {
    const PARTS = ['subject', 'encounter', 'author', 'custodian'] as const;
    const target = at('Patient', 'p');
    const composition = (more: JsonObject): JsonObject => at('Composition', 'c', more);
    const missing = (path: string): string[] => [
      `reference-missing entry[0].resource.${path}`,
      'entry-unlinked entry[1]',
    ];
    const both = async (make: (reference: string) => JsonObject, path: string): Promise<void> => {
      assert.deepEqual(await found(bundle('document', [composition(make('Patient/p')), target])), [], path);
      const wrong = await found(bundle('document', [composition(make('Patient/q')), target]));
      assert.deepEqual(wrong, missing(path));
    };

    it('holds what its Composition refers to', async () => {
      for (const name of PARTS) {
        const many = name === 'author';
        await both(reference => ({ [name]: many ? [to(reference)] : to(reference) }), many ? 'author[0]' : name);
      }
      await both(reference => ({ attester: [{ party: to(reference) }] }), 'attester[0].party');
      await both(reference => ({ event: [{ detail: [to(reference)] }] }), 'event[0].detail[0]');
      await both(reference => ({ section: [{ entry: [to(reference)] }] }), 'section[0].entry[0]');
      await both(reference => ({ section: [{ focus: to(reference) }] }), 'section[0].focus');
      await both(
        reference => ({ section: [{ section: [{ author: [to(reference)] }] }] }),
        'section[0].section[0].author[0]',
      );
    });

    it('may refer to others from elsewhere, to contained resources, and say who is meant without a reference', async () => {
      const elsewhere = { relatesTo: [{ targetReference: to('http://a/Composition/1') }], subject: to('Patient/p') };
      assert.deepEqual(await found(bundle('document', [composition(elsewhere), target])), []);
      const contained = { contained: [resource('Patient', 'x')], subject: to('#x'), author: [{ display: 'a' }] };
      assert.deepEqual(await found(bundle('document', [composition(contained)])), []);
      const observation = at('Observation', 'o', { subject: to('Patient/elsewhere') });
      const entries = { section: [{ entry: [to('Observation/o')] }] };
      assert.deepEqual(await found(bundle('document', [composition(entries), observation])), []);
    });

    it('is followed by the fullUrls of both', async () => {
      const urn = 'urn:uuid:8ce7db7b-9b9b-41ae-b1d7-3f2d1c728a13';
      const patient = entry(resource('Patient', 'p'), urn);
      assert.deepEqual(await found(bundle('document', [composition({ subject: to(urn) }), patient])), []);
      assert.deepEqual(
        await found(bundle('document', [composition({ subject: to('Patient/p') }), patient])),
        missing('subject'),
      );
      const observation = at('Observation', 'o', {
        component: [{ valueQuantity: { value: 1 } }],
        focus: [to('Patient/p')],
      });
      const subject = { subject: to(urn), section: [{ entry: [to('Observation/o')] }] };
      assert.deepEqual(await found(bundle('document', [composition(subject), patient, observation])), [
        'reference-missing entry[2].resource.focus[0]',
      ]);
      const extended = at('Observation', 'o', { extension: [{ url: 'http://a', valueReference: to('Patient/p') }] });
      assert.deepEqual(await found(bundle('document', [composition(subject), patient, extended])), [
        'reference-missing entry[2].resource.extension[0].value',
      ]);
    });

    it('has no reference that may be either of two', async () => {
      const twice = [composition({ subject: to('Patient/p') }), target, target];
      assert.deepEqual((await found(bundle('document', twice)))[0], 'reference-missing entry[0].resource.subject');
    });

    it('has entries that are linked with its Composition, forward or backward', async () => {
      const forward = composition({ section: [{ entry: [to('Observation/o')] }] });
      const chain = [forward, at('Observation', 'o', { subject: to('Patient/p') }), target];
      assert.deepEqual(await found(bundle('document', chain)), []);
      const backward = at('Provenance', 'v', { target: [to('Patient/p')] });
      assert.deepEqual(await found(bundle('document', [...chain, backward])), []);
      const attachment = at('DocumentReference', 'd', {
        subject: to('Patient/p'),
        content: [{ attachment: { url: `${REST}/Binary/b` } }],
      });
      assert.deepEqual(await found(bundle('document', [...chain, attachment, at('Binary', 'b')])), []);
      assert.deepEqual(await found(bundle('document', [...chain, at('Binary', 'b')])), ['entry-unlinked entry[3]']);
    });
  });

  it('that is a message holds what its header is about', async () => {
    const header = (reference: string): JsonObject => at('MessageHeader', 'm', { focus: [to(reference)] });
    assert.deepEqual(await found(bundle('message', [header('Patient/p'), at('Patient', 'p'), at('Person', 'x')])), []);
    assert.deepEqual(await found(bundle('message', [header('Patient/q'), at('Patient', 'p')])), [
      'reference-missing entry[0].resource.focus[0]',
    ]);
  });

  it('of another type may refer to what it does not hold', async () => {
    for (const type of ['collection', 'searchset', 'transaction', 'history'])
      assert.deepEqual(
        await found(bundle(type, [at('Composition', 'c', { subject: to('Patient/q') }), at('Patient', 'p')])),
        [],
      );
  });
});
