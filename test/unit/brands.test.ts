/** User-access brands: the examples of the guide are taken, and what apps could not use keeps the server from starting. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { brandRoutes } from '../../src/compose/brands.js';
import type { OutsideAnswer, OutsideCall } from '../../src/interactions/engine.js';
import { ConfigError } from '../../src/platform/config.js';

const brand = {
  resourceType: 'Organization',
  name: 'House',
  telecom: [{ system: 'url', value: 'https://house.example.org' }],
};
const endpoint = { resourceType: 'Endpoint', status: 'active', address: 'https://house.example.org/fhir' };
const bundle = (entry: readonly object[] = [brand, endpoint], more: object = {}) => ({
  ...{ resourceType: 'Bundle', type: 'collection', timestamp: '2026-01-01T00:00:00Z' },
  entry: entry.map((resource, i) => ({ fullUrl: `https://house.example.org/${i}`, resource })),
  ...more,
});

describe('user-access brands', () => {
  let folder = '';
  before(() => (folder = mkdtempSync(join(tmpdir(), 'chartroom-brands-'))));
  after(() => rmSync(folder, { recursive: true }));
  const of = (content: unknown) => {
    const brands = join(folder, 'brands.json');
    writeFileSync(brands, JSON.stringify(content));
    return brandRoutes({ brands });
  };
  const ask = (content: unknown, header?: string): OutsideAnswer =>
    of(content)[0]!.route.answer({ header: () => header } as unknown as OutsideCall) as OutsideAnswer;

  it('are none where the settings name no file', () => assert.deepEqual(brandRoutes({ brands: '' }), []));

  it('are served to anybody, as they are, and not again to who has them', () => {
    const [{ route } = assert.fail()] = of(bundle());
    assert.deepEqual([route.who, route.headers!['Access-Control-Allow-Origin']], ['anybody', '*']);
    assert.deepEqual(JSON.parse(String(ask(bundle()).body)), bundle());
    const tag = route.headers!['ETag']!;
    for (const header of [tag, tag.slice(2), `"x", ${tag}`, '*']) assert.equal(ask(bundle(), header).status, 304);
    assert.equal(ask(bundle([brand]), tag).status, undefined);
  });

  const wrong: [what: string, content: unknown, fault: RegExp][] = [
    ['a list', [], /no Bundle/],
    ['another resource', { resourceType: 'Organization' }, /no Bundle/],
    ['a Bundle of another type', bundle(undefined, { type: 'searchset' }), /collection/],
    ['a Bundle without its time', bundle(undefined, { timestamp: undefined }), /timestamp/],
    ['an empty Bundle', bundle([]), /no entry/],
    ['an entry without a resource', bundle(undefined, { entry: [{}] }), /entry\[0\]: it has no resource/],
    ['a patient', bundle([brand, { resourceType: 'Patient' }]), /entry\[1\]: brands are/],
    ['a brand without a name', bundle([{ ...brand, name: undefined }]), /Organization\.name/],
    ['a brand that is nowhere', bundle([{ ...brand, telecom: [] }]), /telecom/],
    ['an endpoint that is no URL', bundle([{ ...endpoint, address: 'x' }]), /Endpoint\.address/],
  ];
  for (const [what, content, fault] of wrong)
    it(`are not ${what}`, () =>
      assert.throws(
        () => of(content),
        error => error instanceof ConfigError && fault.test(error.message),
      ));

  it('are a file that is there', () =>
    assert.throws(() => brandRoutes({ brands: join(folder, 'none.json') }), ConfigError));
});
