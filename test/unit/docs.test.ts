/** The documents say what is: settings as the table in the code has them, links that lead somewhere. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { DQ_RULES } from '../../src/features/intake/vocabulary.js';
import { readProcesses } from '../../src/features/work/process.js';
import { featureSettings } from '../../src/main.js';
import { configTable } from '../../src/platform/config-table.js';
import { MODIFIERS } from '../../src/search/modifier.js';
import { processesText } from '../support/process-table.js';
import { taskProfile } from '../support/task-profile.js';

const ROOT = new URL('../../../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, ROOT), 'utf8');
const documents = (folder: string) =>
  readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => `${folder}${name}`);

describe('the documents', () => {
  it('docs/running.md holds the table of settings as `chartroom config --markdown` prints it', () => {
    const [, table] = /<!-- settings:[^\n]*-->\n(.*?)<!-- \/settings -->/s.exec(read('docs/running.md')) ?? [];
    assert.equal(table?.trim(), configTable(featureSettings()));
    assert.doesNotMatch(table, /\| `(?:undefined|null|\[object \w+\])` \|/);
  });

  it('docs/records-desk.md holds the processes as their files have them', () => {
    const [, text] = /<!-- processes -->\n(.*?)<!-- \/processes -->/s.exec(read('docs/records-desk.md')) ?? [];
    assert.equal(text?.trim(), processesText(readProcesses(new URL('profiles/work/processes/', ROOT))));
  });

  it('profiles/work/structures has the Task of each process as its table says', () => {
    const processes = [...readProcesses(new URL('profiles/work/processes/', ROOT)).values()];
    const names = readdirSync(new URL('profiles/work/structures/', ROOT));
    assert.deepEqual(names.toSorted(), processes.map(({ code }) => `structuredefinition-task-${code}.json`).toSorted());
    for (const process of processes) {
      const text = read(`profiles/work/structures/structuredefinition-task-${process.code}.json`);
      assert.deepEqual(JSON.parse(text), taskProfile(process));
    }
  });

  it('docs/records-desk.md holds the rules of data quality as the server has them', () => {
    const [, text] = /<!-- quality rules -->\n(.*?)<!-- \/quality rules -->/s.exec(read('docs/records-desk.md')) ?? [];
    const rows = Object.entries(DQ_RULES).map(
      ([code, { display, severity }]) => `| \`${code}\` | ${display} | ${severity} |`,
    );
    assert.equal(text?.trim(), ['| rule | what it says | weight |', '|---|---|---|', ...rows].join('\n'));
  });

  it('docs/searching.md names the modifiers of every type of parameter', () => {
    const rows = [...read('docs/searching.md').matchAll(/^\| ([\w, `]+) \| `(:[^`]+)` \|/gm)];
    const told = rows.flatMap(([, types, modifiers]) =>
      types!.split(', ').map(type => [type.replace('`near`', 'special'), modifiers!.toLowerCase()]),
    );
    const offered = Object.entries(MODIFIERS).map(([type, names]) => [type, names.map(name => `:${name}`).join(' ')]);
    assert.deepEqual(Object.fromEntries(told), Object.fromEntries(offered));
  });

  it('docs/access.md names the operations that administrators alone may ask for', () => {
    const roles = JSON.parse(read('profiles/roles.json')) as Record<string, { operations: readonly string[] }>;
    const others = new Set(
      Object.entries(roles).flatMap(([role, { operations }]) => (role.startsWith('admin') ? [] : operations)),
    );
    const defined = readdirSync(new URL('profiles/', ROOT))
      .filter(name => name.startsWith('operationdefinition-'))
      .map(name => (JSON.parse(read(`profiles/${name}`)) as { code: string }).code);
    const [, told = ''] = /only `admin`(.*?)\n\n/s.exec(read('docs/access.md')) ?? [];
    const named = [...told.matchAll(/`\$([\w-]+)`/g)].map(([, code]) => code!);
    assert.deepEqual(named.toSorted(), defined.filter(code => !others.has(code)).toSorted());
  });

  it('SECURITY.md names a test that there is for each row of its table of threats', () => {
    const [, table = ''] = /\n## Who attacks[^\n]*\n(.*?)\n## /s.exec(read('SECURITY.md')) ?? [];
    const rows = table.split('\n').filter(line => line.startsWith('| '));
    assert.ok(rows.length > 30, String(rows.length));
    for (const row of rows.slice(1)) {
      const [, who, by, , shown = ''] = row.split(/ ?\| ?/);
      const files = [...shown.matchAll(/test\/[\w/-]+/g)].map(([name]) => name);
      assert.ok(files.length > 0, `${who}, ${by}: no test is named`);
      const texts = files.map(name => {
        const there = [`${name}.test.ts`, `${name}.ts`].find(file => existsSync(new URL(file, ROOT)));
        assert.ok(there, `${who}: there is no ${name}`);
        return read(there);
      });
      for (const [, title] of shown.matchAll(/"([^"]+)"/g))
        assert.ok(
          texts.some(text => text.includes(title!)),
          `${who}: nothing is called ${title} in ${files.join(', ')}`,
        );
    }
  });

  it('ARCHITECTURE.md names every folder of src with its files', () => {
    const [, map = ''] = /<!-- map[^\n]*-->\n(.*?)<!-- \/map -->/s.exec(read('ARCHITECTURE.md')) ?? [];
    const told = [...map.matchAll(/^\| ((?:[\w-]+\/)*) \| (.*?) \|$/gm)].flatMap(([, folder, names]) =>
      names!.split(', ').map(name => `${folder}${name}`),
    );
    const there = readdirSync(new URL('src/', ROOT), { recursive: true, encoding: 'utf8' })
      .map(name => name.replaceAll('\\', '/'))
      .filter(name => /\.tsx?$/.test(name) && !name.endsWith('.d.ts'))
      .map(name => name.replace(/\.tsx?$/, ''));
    assert.deepEqual(told.toSorted(), there.toSorted());
  });

  it('ARCHITECTURE.md explains thirty words at most', () => {
    const [, words = ''] = /\n## Words\n(.*?)\n## /s.exec(read('ARCHITECTURE.md')) ?? [];
    const count = words.split('\n').filter(line => line.startsWith('| ')).length - 1;
    assert.ok(count > 0 && count <= 30, String(count));
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
