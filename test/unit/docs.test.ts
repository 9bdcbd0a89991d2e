/** The documents say what is: settings as the table in the code has them, links that lead somewhere. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { configTable } from '../../src/platform/config.js';

const ROOT = new URL('../../../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, ROOT), 'utf8');
const documents = (folder: string) =>
  readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => `${folder}${name}`);

describe('the documents', () => {
  it('docs/running.md holds the table of settings as `chartroom config --markdown` prints it', () => {
    const [, table] = /<!-- settings:[^\n]*-->\n(.*?)<!-- \/settings -->/s.exec(read('docs/running.md')) ?? [];
    assert.equal(table?.trim(), configTable());
  });

  const files = [
    ...readdirSync(ROOT).filter(name => name.endsWith('.md')),
    ...documents('docs/'),
    ...documents('seed/'),
  ];
  for (const file of files)
    it(`${file}: every link leads to a file`, () => {
      const links = [...read(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? '');
      const local = links.filter(link => !/^[a-z]+:/.test(link) && !link.startsWith('#'));
      const broken = local.filter(link => !existsSync(new URL(link.replace(/#.*$/, ''), new URL(file, ROOT))));
      assert.deepEqual(broken, []);
    });
});
