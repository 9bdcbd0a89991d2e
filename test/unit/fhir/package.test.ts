/** Conformance resources from folders, Bundles and packages. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { after, describe, it } from 'mocha';
import { readProfiles } from '../../../src/fhir/package.js';
import { tarOf, tgzOf } from '../../support/guide-packages.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-profiles-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let folders = 0;
async function read(files: Readonly<Record<string, string | Buffer>>) {
  const own = mkdtempSync(join(folder, `${folders++}-`));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(own, name), content);
  const found = [];
  for await (const { from, resource } of readProfiles(own, new Set(['SearchParameter'])))
    found.push([from, resource['id']]);
  return found;
}

const parameter = (id: string) => JSON.stringify({ resourceType: 'SearchParameter', id });

describe('reading profiles', () => {
  it('gives nothing where there is no folder', async () => {
    const found = [];
    for await (const each of readProfiles(join(folder, 'none'), new Set(['SearchParameter']))) found.push(each);
    assert.deepEqual(found, []);
  });

  it('gives single resources and those of Bundles, by file name, and passes over all else', async () => {
    const bundle = { resourceType: 'Bundle', entry: [{ resource: { resourceType: 'Patient', id: 'p' } }, {}] };
    assert.deepEqual(
      await read({
        'b.json': parameter('one'),
        'a.json': JSON.stringify({
          ...bundle,
          entry: [...bundle.entry, ...['two', 'three'].map(id => ({ resource: JSON.parse(parameter(id)) as object }))],
        }),
        'package.json': '{"name":"SearchParameter"}',
        'list.json': '["SearchParameter"]',
        'readme.md': parameter('text'),
      }),
      [
        ['a.json', 'two'],
        ['a.json', 'three'],
        ['b.json', 'one'],
      ],
    );
  });

  it('passes over folders, whatever their name', async () => {
    const own = mkdtempSync(join(folder, 'folders-'));
    for (const name of ['a.tgz', 'b.json']) mkdirSync(join(own, name));
    writeFileSync(join(own, 'c.json'), parameter('one'));
    const found = [];
    for await (const each of readProfiles(own, new Set(['SearchParameter']))) found.push(each.from);
    assert.deepEqual(found, ['c.json']);
  });

  it('gives what lies at the top of a package, whatever the length of its name', async () => {
    const long = `package/${'x'.repeat(150)}.json`;
    const pax = `${long.length + 10} path=${long}\n`;
    const found = await read({
      'a.tgz': tgzOf(
        tarOf('package/', '', '5'),
        tarOf('package/package.json', '{"name":"x"}'),
        tarOf('package/SearchParameter-a.json', parameter('a')),
        tarOf('package/example/SearchParameter-b.json', parameter('b')),
        tarOf('package/StructureDefinition-c.json', `{"resourceType":"StructureDefinition","id":"c"}`),
        tarOf('././@LongLink', `${long}\0`, 'L'),
        tarOf(long, parameter('d')),
        tarOf('PaxHeader/x', pax, 'x'),
        tarOf('x', parameter('e')),
        tarOf('package/big.json', `{"resourceType":"SearchParameter","id":"big","x":"${'y'.repeat(9_000_000)}"}`),
        tarOf('package/last.json', parameter('last')),
      ),
    });
    assert.deepEqual(
      found.map(([, id]) => id),
      ['a', 'd', 'e', 'last'],
    );
    assert.equal(found[0]?.[0], 'a.tgz: package/SearchParameter-a.json');
  });

  const broken: [what: string, name: string, content: () => string | Buffer][] = [
    ['JSON that is none', 'a.json', () => '{"resourceType":"SearchParameter"'],
    ['a package that is no gzip', 'a.tgz', () => 'text'],
    ['a package that ends early', 'a.tgz', () => gzipSync(tarOf('package/a.json', parameter('a')).subarray(0, 520))],
    ['a gzip that was cut', 'a.tgz', () => tgzOf(tarOf('package/a.json', parameter('a'))).subarray(0, 60)],
    ['a gzip of something else', 'a.tgz', () => gzipSync(Buffer.alloc(2000, 'no tar '))],
    ['JSON in a package that is none', 'a.tgz', () => tgzOf(tarOf('package/a.json', '"SearchParameter"{'))],
  ];
  for (const [what, name, content] of broken)
    it(`says which file holds ${what}`, async () => {
      await assert.rejects(read({ [name]: content() }), (error: Error) => {
        assert.equal(error.name, 'ConfigError');
        assert.ok(error.message.includes(name), error.message);
        return true;
      });
    });
});
