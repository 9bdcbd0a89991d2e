import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { createFindDefinition } from '../../../src/fhir/find-definition.js';
import { guideFiles } from '../../../src/fhir/guide-files.js';
import { addGuide, type Addition, removeGuide } from '../../../src/fhir/guide-install.js';
import { readGuideList } from '../../../src/fhir/guide-list.js';
import { type Guides, openGuides, verifyGuides } from '../../../src/fhir/guides.js';
import { loadStructures } from '../../../src/fhir/structures.js';
import {
  type MadePackage,
  packageOf,
  tarOf,
  temporaryFolder,
  valueSetOf,
  writePackage,
} from '../../support/guide-packages.js';
import { skipWithout } from '../../support/shared.js';

const URL_ONE = 'http://example.org/ValueSet/one';
const nobody = { registry: undefined, first: false };
const names = (addition: Addition) => addition.added.map(({ name, version }) => `${name}@${version}`);
const listOf = (folder: string) => readGuideList(folder).map(({ name, version }) => `${name}@${version}`);
const opened = (folder: string): Promise<Guides> => openGuides(folder, () => assert.fail('nothing is stale'));

const guide = (name: string, version: string, more: Partial<MadePackage> = {}): MadePackage => ({
  ...{ name, version, resources: [valueSetOf(URL_ONE, version, 'a')] },
  ...more,
});

describe('adding a guide', () => {
  const root = temporaryFolder();
  let count = 0;
  const places = () => {
    const place = join(root, String(count++));
    mkdirSync(join(place, 'from'), { recursive: true });
    return { folder: join(place, 'guides'), from: join(place, 'from') };
  };

  it('keeps the package, its definitions compact and whole, and pins it', async () => {
    const { folder, from } = places();
    const file = writePackage(from, guide('one.guide', '1.0.0'));
    const { added, missing } = await addGuide(folder, file, nobody);
    assert.deepEqual([added.length, added[0]?.definitions, missing], [1, 1, []]);
    const [listed] = readGuideList(folder);
    assert.ok(listed);
    assert.deepEqual(readFileSync(guideFiles(folder, listed).tgz), readFileSync(file));
    const [{ definitions, origin } = assert.fail()] = (await opened(folder)).all;
    assert.equal(origin, 'one.guide@1.0.0');
    const found = definitions.find('ValueSet', URL_ONE);
    assert.equal(found?.['version'], '1.0.0');
    assert.equal('text' in found, false);
    const [row = assert.fail()] = definitions.rows;
    const whole = await definitions.readWhole(row);
    assert.deepEqual(whole, { resource: valueSetOf(URL_ONE, '1.0.0', 'a'), complete: true });
  });

  it('takes the same again, and refuses another content under a name that is there', async () => {
    const { folder, from } = places();
    const file = writePackage(from, guide('one.guide', '1.0.0'));
    await addGuide(folder, file, nobody);
    assert.equal((await addGuide(folder, file, nobody)).added[0]?.known, true);
    const before = readdirSync(folder).toSorted();
    const other = writePackage(from, guide('one.guide', '1.0.0', { resources: [] }));
    await assert.rejects(addGuide(folder, other, nobody), /one\.guide@1\.0\.0 is installed with another content/);
    assert.deepEqual(readdirSync(folder).toSorted(), before);
  });

  it('finds what a guide depends on beside it, patterns and circles, and names what is missing', async () => {
    const { folder, from } = places();
    writePackage(from, guide('two.guide', '1.0.3', { dependencies: { 'one.guide': '1.0.0', 'three.guide': '9.9.9' } }));
    writePackage(from, guide('two.guide', '1.0.10'));
    writePackage(from, guide('two.guide', '1.1.0'));
    writePackage(from, guide('other.guide', '2.0.0', { fhirVersions: ['5.0.0'] }));
    const wanted = {
      'two.guide': '1.0.x',
      'hl7.fhir.r4.core': '4.0.1',
      'four.guide': 'current',
      'other.guide': '2.0.0',
    };
    const file = writePackage(from, guide('one.guide', '1.0.0', { dependencies: wanted }));
    const addition = await addGuide(folder, file, nobody);
    assert.deepEqual(names(addition), ['one.guide@1.0.0', 'two.guide@1.0.10']);
    assert.deepEqual(
      addition.missing.map(({ name, version, why }) => `${name}@${version}: ${why}`),
      [
        'four.guide@current: it names no version that stays',
        'other.guide@2.0.0: other.guide 2.0.0 is not for R4 (4.0).',
      ],
    );
    const circle = await addGuide(folder, join(from, 'two.guide-1.0.3.tgz'), nobody);
    assert.deepEqual(names(circle), ['two.guide@1.0.3']);
    assert.deepEqual(
      circle.missing.map(({ name }) => name),
      ['three.guide'],
    );
    const guides = await opened(folder);
    assert.deepEqual(
      guides.all.map(({ missing }) => missing),
      [['four.guide@current', 'other.guide@2.0.0'], [], ['three.guide@9.9.9']],
    );
    assert.deepEqual(guides.dependencies('one.guide@1.0.0'), ['two.guide@1.0.10']);
    assert.deepEqual(guides.dependencies('two.guide@1.0.3'), ['one.guide@1.0.0', 'two.guide@1.0.10']);
  });

  it('goes before the others where that is asked for', async () => {
    const { folder, from } = places();
    await addGuide(folder, writePackage(from, guide('one.guide', '1.0.0')), nobody);
    await addGuide(folder, writePackage(from, guide('one.guide', '2.0.0')), nobody);
    assert.deepEqual(listOf(folder), ['one.guide@1.0.0', 'one.guide@2.0.0']);
    await addGuide(folder, writePackage(from, guide('one.guide', '3.0.0')), { ...nobody, first: true });
    assert.deepEqual(listOf(folder), ['one.guide@3.0.0', 'one.guide@1.0.0', 'one.guide@2.0.0']);
  });

  it('takes a folder as it is, or with its folder package, and follows no link', async () => {
    const { folder, from } = places();
    const files = join(from, 'package');
    mkdirSync(files);
    writeFileSync(
      join(from, 'secret.json'),
      JSON.stringify(valueSetOf('http://example.org/ValueSet/secret', '1', 's')),
    );
    writeFileSync(join(files, 'package.json'), JSON.stringify({ name: 'one.guide', version: '1.0.0' }));
    writeFileSync(join(files, 'a.json'), JSON.stringify(valueSetOf(URL_ONE, '1.0.0', 'a')));
    writeFileSync(
      join(files, `${'b'.repeat(120)}.json`),
      JSON.stringify(valueSetOf('http://example.org/ValueSet/b', '1', 'a')),
    );
    symlinkSync(join(from, 'secret.json'), join(files, 'link.json'));
    await addGuide(folder, from, nobody);
    const [listed] = readGuideList(folder);
    const [{ definitions } = assert.fail()] = (await opened(folder)).all;
    assert.deepEqual(
      definitions.rows.map(({ url }) => url),
      [URL_ONE, 'http://example.org/ValueSet/b'],
    );
    assert.equal((await addGuide(folder, files, nobody)).added[0]?.known, true);
    assert.deepEqual(readGuideList(folder), [listed]);
    await assert.rejects(addGuide(folder, join(root, 'none'), nobody), /is no file, no folder and no name/);
    await assert.rejects(addGuide(folder, root, nobody), /it has no package\.json/);
  });

  it('takes one away, and tells who needs it', async () => {
    const { folder, from } = places();
    writePackage(from, guide('two.guide', '1.0.0'));
    await addGuide(
      folder,
      writePackage(from, guide('one.guide', '1.0.0', { dependencies: { 'two.guide': '1.0.x' } })),
      nobody,
    );
    const before = await opened(folder);
    assert.deepEqual(await removeGuide(folder, 'two.guide@1.0.0'), { neededBy: ['one.guide@1.0.0'] });
    assert.deepEqual(listOf(folder), ['one.guide@1.0.0']);
    assert.ok(readdirSync(folder).every(name => !name.startsWith('two.')));
    // A server that goes on does not know it any more, and does not stumble over it.
    assert.equal(before.all[1]?.definitions.find('ValueSet', URL_ONE), undefined);
    await assert.rejects(removeGuide(folder, 'two.guide@1.0.0'), /There is no guide/);
    await assert.rejects(removeGuide(folder, '../one.guide@1.0.0'), /There is no guide/);
  });

  it('makes anew what another version made, and refuses a package that is not the one in the list', async () => {
    const { folder, from } = places();
    await addGuide(folder, writePackage(from, guide('one.guide', '1.0.0')), nobody);
    const files = guideFiles(folder, readGuideList(folder)[0]!);
    truncateSync(files.lines, 3);
    const told: string[] = [];
    const [{ definitions } = assert.fail()] = (await openGuides(folder, origin => told.push(origin))).all;
    assert.deepEqual(told, ['one.guide@1.0.0']);
    assert.equal(definitions.find('ValueSet', URL_ONE)?.['version'], '1.0.0');
    truncateSync(files.index, 0);
    copyFileSync(writePackage(from, guide('one.guide', '1.0.1')), files.tgz);
    await assert.rejects(
      openGuides(folder, () => {}),
      /one\.guide@1\.0\.0 is in the list, and .* holds something else/,
    );
  });

  it('verifies every byte', async () => {
    const { folder, from } = places();
    await addGuide(folder, writePackage(from, guide('one.guide', '1.0.0')), nobody);
    await addGuide(folder, writePackage(from, guide('two.guide', '1.0.0')), nobody);
    const damaged = async () => (await verifyGuides(folder)).map(verdict => verdict.damaged.length);
    assert.deepEqual(await damaged(), [0, 0]);
    const { whole } = guideFiles(folder, readGuideList(folder)[1]!);
    const bytes = readFileSync(whole);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(whole, bytes);
    assert.deepEqual(await damaged(), [0, 1]);
  });

  it('is done by one process at a time, and goes on after one that was ended', async () => {
    const { folder, from } = places();
    const file = writePackage(from, guide('one.guide', '1.0.0'));
    mkdirSync(folder);
    writeFileSync(join(folder, 'guides.busy'), String(process.pid));
    await assert.rejects(addGuide(folder, file, nobody), new RegExp(`Another process \\(${process.pid}\\)`));
    // No process has this number: it is larger than Linux gives.
    writeFileSync(join(folder, 'guides.busy'), '99999999');
    writeFileSync(join(folder, 'one.guide@1.0.0.0123456789abcdef.1.ndjson.77.part'), 'left over');
    const both = await Promise.allSettled([addGuide(folder, file, nobody), addGuide(folder, file, nobody)]);
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    assert.ok(!existsSync(join(folder, 'guides.busy')));
    assert.ok(!readdirSync(folder).some(name => name.endsWith('.part')));
  });

  it('refuses a list that cannot be understood', async () => {
    const { folder } = places();
    mkdirSync(folder);
    const entry = { name: 'one.guide', version: '1.0.0', sha256: '0'.repeat(64) };
    const wrong = [
      '{',
      '[]',
      JSON.stringify({ format: 2, guides: [] }),
      ...[{ name: '../up' }, { version: '../1' }, { version: '1.x' }, { sha256: 'ff' }].map(change =>
        JSON.stringify({ format: 1, guides: [{ ...entry, ...change }] }),
      ),
      JSON.stringify({ format: 1, guides: [entry, entry] }),
    ];
    for (const text of wrong) {
      writeFileSync(join(folder, 'guides.lock.json'), text);
      await assert.rejects(
        openGuides(folder, () => {}),
        { name: 'ConfigError' },
        text,
      );
    }
  });
});

describe('a package that means harm', () => {
  const folder = temporaryFolder();
  let count = 0;
  const add = async (bytes: Buffer): Promise<Addition> => {
    const own = join(folder, String(count++));
    mkdirSync(own);
    writeFileSync(join(own, 'p.tgz'), bytes);
    return addGuide(join(own, 'guides'), join(own, 'p.tgz'), nobody);
  };
  const made = (...entries: readonly Buffer[]) => packageOf(guide('one.guide', '1.0.0', { entries }));

  it('loses what cannot be used, which is named, and keeps the rest', async () => {
    const good = JSON.stringify(valueSetOf('http://example.org/ValueSet/good', '1', 'a'));
    const { added } = await add(
      made(
        tarOf('package/../../evil.json', good),
        tarOf('/package/absolute.json', good),
        tarOf('package/link.json', '', '2', '/etc/passwd'),
        tarOf('package/hard.json', '', '1', 'package/package.json'),
        tarOf('package/broken.json', '{"resourceType":"ValueSet"'),
        tarOf('package/no-url.json', '{"resourceType":"ValueSet"}'),
        tarOf('package/twice.json', JSON.stringify(valueSetOf(URL_ONE, '1.0.0', 'b'))),
        tarOf(
          'package/deep.json',
          `{"resourceType":"ValueSet","url":"http://x/","x":${'['.repeat(5000)}${']'.repeat(5000)}}`,
        ),
        tarOf('package/na\u001bme.json', '{"resourceType":"ValueSet"}'),
        tarOf('package/huge.json', `{"resourceType":"ValueSet","url":"http://x/${'y'.repeat(9_000_000)}"}`),
        tarOf('package/patient.json', '{"resourceType":"Patient","extension":[{"url":"ValueSet"}]}'),
        tarOf('package/good.json', good),
      ),
    );
    assert.equal(added[0]?.definitions, 2);
    assert.deepEqual(
      added[0].leftOut.map(({ name, why }) => `${name}: ${why}`),
      [
        'package/link.json: a link',
        'package/hard.json: a link',
        'package/broken.json: it is no JSON of a resource',
        'package/no-url.json: it has no url',
        'package/twice.json: another one before it has this url and version',
        'package/deep.json: it is no JSON of a resource',
        'package/na?me.json: it has no url',
        'package/huge.json: too large',
      ],
    );
    assert.ok(!existsSync(join(folder, 'evil.json')));
  });

  const wrong: readonly (readonly [string, () => Buffer, RegExp])[] = [
    ['is no package', () => Buffer.from('text'), /cannot be unpacked/],
    [
      'has no manifest',
      () => packageOf(guide('one.guide', '1.0.0')).subarray(0, 0),
      /cannot be unpacked|is no FHIR package/,
    ],
    ['has a name that leads elsewhere', () => packageOf(guide('../../one', '1.0.0')), /names no package and version/],
    ['has a version that leads elsewhere', () => packageOf(guide('one.guide', '../1')), /names no package and version/],
    ['has a version that moves', () => packageOf(guide('one.guide', 'current')), /names no package and version/],
    ['is R4 itself', () => packageOf(guide('hl7.fhir.r4.core', '4.0.1')), /it is there already/],
    ['is for another FHIR', () => packageOf(guide('one.guide', '1.0.0', { fhirVersions: ['5.0.0'] })), /not for R4/],
    [
      'depends on what is no name',
      () => packageOf(guide('one.guide', '1.0.0', { dependencies: { '../x': '1.0.0' } })),
      /a dependency that cannot be understood/,
    ],
    ['ends early', () => made(tarOf('package/a.json', 'x'.repeat(5000)).subarray(0, 600)), /ends early|no tar archive/],
  ];
  for (const [what, bytes, message] of wrong)
    it(`is refused where it ${what}`, async () => {
      await assert.rejects(add(bytes()), (error: Error) => {
        assert.equal(error.name, 'ConfigError');
        assert.match(error.message, message);
        return true;
      });
    });
});

describe('guides of several versions', () => {
  const folder = temporaryFolder();
  const TEST = 'http://hl7.org/fhir/test';

  it('are found as the nested packages of the official cases want it', async function () {
    const cases = skipWithout(this, 'data', 'validator-cases', 'files', 'nested-package-version-dependencies');
    const guides = join(folder, 'nested');
    await addGuide(guides, join(cases, 'hl7.fhir.test.versions#0.2.0.tgz'), nobody);
    // What the other package depends on is not at hand: it is made from what the cases say of it.
    const valueSet = valueSetOf(`${TEST}/ValueSet/package-version-test-valueset`, '0.1.0', 'a');
    const profile = {
      resourceType: 'StructureDefinition',
      ...{
        url: `${TEST}/StructureDefinition/package-version-test-profile`,
        version: '0.1.0',
        name: 'P',
        status: 'active',
      },
      ...{ kind: 'resource', abstract: false, type: 'Observation', derivation: 'constraint' },
      differential: { element: [{ id: 'Observation', path: 'Observation' }] },
    };
    const from = join(folder, 'from');
    mkdirSync(from);
    copyFileSync(join(cases, 'hl7.fhir.test.versions.other#0.1.0.tgz'), join(from, 'other.tgz'));
    writePackage(from, { name: 'hl7.fhir.test.versions', version: '0.1.0', resources: [valueSet, profile] });
    const addition = await addGuide(guides, join(from, 'other.tgz'), nobody);
    assert.deepEqual(names(addition), ['hl7.fhir.test.versions.other@0.1.0', 'hl7.fhir.test.versions@0.1.0']);

    const all = await opened(guides);
    const find = createFindDefinition({
      sources: () => [...all.all.map(({ definitions }) => definitions), loadStructures()],
      dependencies: origin => all.dependencies(origin),
    });
    const versionOf = async (type: string, url: string, within?: string) => {
      const found = await find(type, `${TEST}/${url}`, within);
      return found && `${found.origin} ${found.resource['version'] as string}`;
    };
    const other = 'hl7.fhir.test.versions.other@0.1.0';
    for (const [type, url] of [
      ['ValueSet', 'ValueSet/package-version-test-valueset'],
      ['StructureDefinition', 'StructureDefinition/package-version-test-profile'],
    ] as const) {
      assert.equal(await versionOf(type, url), 'hl7.fhir.test.versions@0.2.0 0.2.0');
      assert.equal(await versionOf(type, url, other), 'hl7.fhir.test.versions@0.1.0 0.1.0');
      assert.equal(await versionOf(type, url, 'hl7.fhir.test.versions@0.2.0'), 'hl7.fhir.test.versions@0.2.0 0.2.0');
      assert.equal(await versionOf(type, `${url}|0.1.0`), 'hl7.fhir.test.versions@0.1.0 0.1.0');
      assert.equal(await versionOf(type, `${url}|0.3.0`, other), undefined);
    }
    const patient = await find('StructureDefinition', 'http://hl7.org/fhir/StructureDefinition/Patient', other);
    assert.equal(patient?.origin, 'r4');
  });
});
