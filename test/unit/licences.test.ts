import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, describe, it } from 'mocha';
import { licences } from '../../build/licences.js';

const root = mkdtempSync(join(tmpdir(), 'chartroom-licences-'));
after(() => rmSync(root, { recursive: true }));

const APP = fileURLToPath(new URL('../../app/', import.meta.url));

describe('licences of packages', () => {
  it('are those of each that is inside, with each version', () => {
    const inputs = [
      'node_modules/b/x.js',
      'node_modules/@a/c/lib/y.js',
      'node_modules/b/node_modules/@a/c/z.js',
      'src/m.ts',
    ];
    for (const [index, path] of inputs.slice(0, 3).entries()) {
      const folder = join(root, ['node_modules/b', 'node_modules/@a/c', 'node_modules/b/node_modules/@a/c'][index]!);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ version: `1.${index}`, license: 'MIT' }));
      writeFileSync(join(folder, index === 0 ? 'LICENCE.md' : 'license'), `Text of ${path}\n`);
    }
    writeFileSync(join(root, 'node_modules/b/NOTICE'), 'To be kept.');
    const text = licences({ inputs: Object.fromEntries(inputs.map(path => [path, { bytes: 1, imports: [] }])) }, root);
    assert.deepEqual(
      text.split('\n').filter(line => /\S/.test(line) && !/^-+$/.test(line)),
      [
        ...['@a/c 1.1 (MIT)', `Text of ${inputs[1]}`, '@a/c 1.2 (MIT)', `Text of ${inputs[2]}`],
        ...['b 1.0 (MIT)', `Text of ${inputs[0]}`, 'To be kept.'],
      ],
    );
  });

  it('lie beside the server, of all that is in it', function () {
    const maps = readdirSync(APP).filter(name => name.endsWith('.map'));
    if (maps.length === 0) {
      process.stdout.write('      skipped: built with its modules apart, there is no package in it\n');
      this.skip();
    }
    const inside = new Set<string>();
    for (const name of maps)
      for (const source of (JSON.parse(readFileSync(join(APP, name), 'utf8')) as { sources: string[] }).sources) {
        const found = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1];
        if (found !== undefined) inside.add(found);
      }
    assert.ok(inside.has('express'), [...inside].join(' '));
    const text = readFileSync(join(APP, 'LICENSES.txt'), 'utf8');
    for (const name of inside)
      assert.ok(
        text.split('\n').some(line => line.startsWith(`${name} `) && line.endsWith(')')),
        name,
      );
  });
});
