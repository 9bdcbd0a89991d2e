/** A name means one thing: what a file exports, no other file defines. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { definedNames, parseSource, readSources, repeatedNames, type Source } from '../../build/sources.js';

/** The adapters are parallel: what does the same in both, and is never seen beside the other, has the same name. */
const isParallel = (files: readonly string[]): boolean =>
  files.length === 2 &&
  ['store/embedded/', 'store/mongo/'].every(adapter => files.some(file => file.startsWith(adapter)));

/** Names that are exported somewhere and defined in several files, with these. */
const doubles = (sources: ReadonlyMap<string, Source>): string[] =>
  [...repeatedNames(sources)]
    .filter(([name, files]) => files.some(file => definedNames(sources.get(file)!.body).exported.has(name)))
    .filter(([, files]) => !isParallel(files))
    .map(([name, files]) => `${name}: ${files.join(', ')}`);

describe('names', () => {
  const sources = readSources();

  it('finds those of the sources', () => {
    assert.ok(sources.size > 300);
    assert.ok(definedNames(sources.get('fhir/error.ts')!.body).exported.has('FhirError'));
  });

  it('are exported by one file, and defined in no other', () => assert.deepEqual(doubles(sources), []));

  it('are so in the console, too', () => {
    const ofConsole = readSources('console');
    assert.ok(ofConsole.size > 20);
    assert.deepEqual(doubles(ofConsole), []);
  });

  const planted = (files: Readonly<Record<string, string>>) =>
    doubles(new Map(Object.entries(files).map(([file, text]) => [file, parseSource(file, text)])));

  const rows: [what: string, own: string, other: string][] = [
    ['a function and a constant', 'export function twice() {}', 'export const twice = 2;'],
    ['what the other file keeps to itself', 'export class twice {}', 'let twice;'],
    ['a type', 'export type twice = 1;', 'export interface twice {}'],
    ['an export by its name', 'const twice = 1;\nexport { twice };', 'function twice() {}'],
    ['what is taken apart', 'export const { a: [twice] } = it;', 'const { b, ...twice } = it;'],
  ];
  for (const [what, own, other] of rows)
    it(`finds a double: ${what}`, () => {
      assert.deepEqual(planted({ 'a.ts': own, 'b/c.ts': other }), ['twice: a.ts, b/c.ts']);
      assert.equal(planted({ 'store/mongo/a.ts': own, 'store/mongo/b.ts': other }).length, 1);
      assert.equal(planted({ 'store/mongo/a.ts': own, 'store/b.ts': other }).length, 1);
      assert.equal(
        planted({ 'store/embedded/a.ts': own, 'store/mongo/a.ts': other, 'store/mongo/b.ts': other }).length,
        1,
      );
    });

  it('lets a file import, pass on and hide names of others, and each of two adapters have its own', () => {
    const text = 'export const once = 1;';
    const others = [
      "import { once } from './a.js';\nexport const f = () => once;",
      "export { once } from './a.js';",
      "export * from './a.js';",
      'export const g = (once: number) => once;',
    ];
    for (const other of others) assert.deepEqual(planted({ 'a.ts': text, 'b.ts': other }), [], other);
    assert.deepEqual(planted({ 'a.ts': 'const once = 1;', 'b.ts': 'const once = 2;' }), []);
    assert.deepEqual(planted({ 'store/embedded/a.ts': text, 'store/mongo/b.ts': text }), []);
  });
});
