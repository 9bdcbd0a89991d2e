/**
 * Packages that were damaged, or made to do harm: each is refused in words, or what is left of it can be read, and the folder holds nothing
 * but what the list names.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, it } from 'mocha';
import { guideFiles } from '../../src/fhir/guide-files.js';
import { addGuide } from '../../src/fhir/guide-install.js';
import { readGuideList } from '../../src/fhir/guide-list.js';
import { openGuides } from '../../src/fhir/guides.js';
import { depthOf } from '../support/depth.js';
import { packageOf, tarOf, temporaryFolder, valueSetOf } from '../support/guide-packages.js';
import { createRandom, type Random } from '../support/random.js';

const profile = {
  ...{
    resourceType: 'StructureDefinition',
    id: 'p',
    url: 'http://example.org/StructureDefinition/p',
    version: '1.0.0',
  },
  ...{ name: 'P', status: 'active', kind: 'resource', abstract: false, type: 'Patient', derivation: 'constraint' },
  snapshot: {
    element: [
      { id: 'Patient', path: 'Patient', min: 0, max: '*', short: 'x', constraint: [{ key: 'a', severity: 'error' }] },
      { id: 'Patient.name', path: 'Patient.name', type: [{ code: 'HumanName', _code: { extension: [] } }] },
    ],
  },
};
const ORIGINAL = packageOf({
  ...{ name: 'one.guide', version: '1.0.0', dependencies: { 'two.guide': '1.0.x' } },
  resources: [profile, valueSetOf('http://example.org/ValueSet/one', '1.0.0', 'a', 'b')],
  entries: [tarOf('package/link.json', '', '2', '/etc/passwd'), tarOf('package/other/deep.json', '{}')],
});
const UNPACKED = gunzipSync(ORIGINAL);

/** What stands in the place of a JSON value. */
const VALUES = ['null', '7', '"x"', '[]', '{}', '[[]]', '[null]', '{"extension":"x"}', '-1e999', '"\\u0000"'];

/** Bytes of the archive, of the gzip, or values of the JSON in it. */
function damaged(random: Random): Buffer {
  const kind = random.below(4);
  if (kind === 0) {
    const bytes = Buffer.from(ORIGINAL);
    for (let count = 1 + random.below(4); count > 0; count--) bytes[random.below(bytes.length)] = random.below(256);
    return random.chance(0.3) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
  }
  const bytes = Buffer.from(UNPACKED);
  if (kind === 1) {
    for (let count = 1 + random.below(6); count > 0; count--) bytes[random.below(bytes.length)] = random.below(256);
    return gzipSync(random.chance(0.3) ? bytes.subarray(0, random.below(bytes.length)) : bytes, { level: 1 });
  }
  if (kind === 2) {
    // Headers alone: names, sizes and kinds of entries.
    const head = 512 * random.below(bytes.length / 512);
    bytes.write(random.pick(['99999999999', '-1', '00000000010', 'x', '77777777777']), head + 124);
    bytes[head + 156] = random.pick([0, 48, 49, 50, 53, 76, 120, 255]);
    return gzipSync(bytes, { level: 1 });
  }
  const broken = JSON.stringify(profile).replaceAll(/"[^"]*"|\d+|true|false/g, value =>
    random.chance(0.08) ? random.pick(VALUES) : value,
  );
  return packageOf({ name: 'one.guide', version: '1.0.0', entries: [tarOf('package/broken.json', broken)] });
}

describe('damaged packages', () => {
  const root = temporaryFolder();

  it('are refused in words, or read as far as they can be', async () => {
    const random = createRandom(20_261_129);
    const outcomes = { refused: 0, added: 0 };
    const most = depthOf('GUIDES');
    for (let at = 0; at < most; at++) {
      const place = join(root, 'one');
      const folder = join(place, 'guides');
      mkdirSync(place);
      writeFileSync(join(place, 'p.tgz'), damaged(random));
      try {
        await addGuide(folder, join(place, 'p.tgz'), { registry: undefined, first: false });
        outcomes.added++;
      } catch (error) {
        assert.equal((error as Error).name, 'ConfigError', `${at}: ${(error as Error).stack}`);
        outcomes.refused++;
      }
      const list = readGuideList(folder);
      const named = list.flatMap(guide => Object.values<string>({ ...guideFiles(folder, guide) }));
      const there = readdirSync(folder).map(name => join(folder, name));
      assert.deepEqual(there.filter(name => !name.endsWith('guides.lock.json')).toSorted(), named.toSorted(), `${at}`);
      const guides = await openGuides(folder, () => assert.fail(`${at}: made anew`));
      for (const { definitions } of guides.all)
        for (const row of definitions.rows) {
          assert.equal(definitions.read(row)?.['url'], row.url, `${at}`);
          assert.equal((await definitions.readWhole(row))?.resource['url'], row.url, `${at}`);
        }
      rmSync(place, { recursive: true });
    }
    // Both ways were gone.
    assert.ok(outcomes.refused > most / 20 && outcomes.added > most / 20, JSON.stringify(outcomes));
  });
});
