/** R4's own concept maps, and those that replace them. https://hl7.org/fhir/R4/terminologies-conceptmaps.html */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Resource } from '../../../src/fhir/resource.js';
import type { ConceptMap } from '../../../src/terminology/resources.js';
import { createTerminology } from '../../../src/terminology/terminology.js';
import { translate } from '../../../src/terminology/translate.js';

const SYSTEM = 'http://hl7.org/fhir/contact-point-use';
const URL = 'http://hl7.org/fhir/ConceptMap/cm-contact-point-use-v3';

const own: ConceptMap = {
  resourceType: 'ConceptMap',
  url: URL,
  group: [{ source: SYSTEM, target: 'http://example.org/x', element: [{ code: 'home', target: [{ code: 'mine' }] }] }],
};

const about = (maps: readonly ConceptMap[]) =>
  createTerminology(
    (type, by) =>
      Promise.resolve(
        maps.find(each => type === 'ConceptMap' && 'url' in by && each.url === by.url) as unknown as Resource,
      ),
    { bases: [], list: type => Promise.resolve(type === 'ConceptMap' ? (maps as unknown as Resource[]) : []) },
  ).resources.once();

const codesOf = async (maps: readonly ConceptMap[]): Promise<string[]> => {
  const question = { codings: [{ system: SYSTEM, code: 'home' }], reverse: false, bothEnds: false };
  const answer = await translate(about(maps), undefined, { ...question, dependencies: new Set() });
  return [...JSON.stringify(answer).matchAll(/"code":"([^"]+)"/g)].map(([, code]) => code!).toSorted();
};

describe('concept maps', () => {
  it('of R4 are found by their canonical, and by the code system', async () => {
    const sources = about([]);
    const [found] = await sources.conceptMaps({ url: URL });
    assert.equal(found?.version, '4.0.1');
    assert.deepEqual(await sources.conceptMaps({ url: URL, version: '9' }), []);
    assert.ok((await sources.conceptMaps({ maps: SYSTEM })).length >= 2);
    assert.deepEqual(await sources.conceptMaps({ maps: 'http://example.org/none' }), []);
    assert.ok((await codesOf([])).includes('H'));
  });

  it('that are stored come before those of R4 with the same canonical', async () => {
    const [found] = await about([own]).conceptMaps({ url: URL });
    assert.deepEqual(found, own);
    const codes = await codesOf([own]);
    assert.ok(codes.includes('mine') && !codes.includes('H'), codes.join());
  });
});
