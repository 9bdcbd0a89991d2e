import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, describe, it } from 'mocha';
import { inSources } from '../../../src/platform/source-frames.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-frames-'));
after(() => rmSync(folder, { recursive: true }));

const urlOf = (name: string): string => pathToFileURL(join(folder, name)).href;

describe('frames of a stack', () => {
  it('name the sources, by the map beside the file', () => {
    // Line 1, column 1 comes from line 3, column 5 of the first source: https://tc39.es/ecma426/#sec-mappings
    const map = { version: 3, sources: ['../src/told.ts'], names: [], mappings: 'AAEI' };
    writeFileSync(join(folder, 'made.js.map'), JSON.stringify(map));
    const told = new URL('../src/told.ts', urlOf('made.js')).href;
    assert.equal(
      inSources(`at tell (${urlOf('made.js')}:1:1)\nat ${urlOf('made.js')}:1:1`),
      `at tell (${told}:3:5)\nat ${told}:3:5`,
    );
  });

  it('stay as they are without one, with one that is broken, and where nothing is a place', () => {
    writeFileSync(join(folder, 'broken.js.map'), '{');
    for (const text of [
      `at ${urlOf('none.js')}:1:1`,
      `at ${urlOf('broken.js')}:1:1`,
      'at node:fs:1:1',
      'at <anonymous>',
    ])
      assert.equal(inSources(text), text);
  });

  it('of this test lead to its source', () => {
    assert.match(inSources(new Error('here').stack!), /test\/unit\/platform\/source-frames\.test\.ts:\d+:\d+/);
  });

  it('are those that Node finds, wherever in a file', () => {
    const url = new URL(import.meta.url).href;
    const lines = readFileSync(new URL(url), 'utf8').split('\n');
    const map = new SourceMap(JSON.parse(readFileSync(new URL(`${url}.map`), 'utf8')) as SourceMapPayload);
    let compared = 0;
    for (const [line, text] of lines.entries())
      for (let column = 0; column < text.length; column++) {
        const entry = map.findEntry(line, column);
        if (!('originalSource' in entry) || entry.generatedLine !== line) continue;
        const { href } = new URL(entry.originalSource, url);
        const place = `${href}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
        assert.equal(inSources(`${url}:${line + 1}:${column + 1}`), place, text);
        compared++;
      }
    assert.ok(compared > 500, String(compared));
  });

  it('stay as they are behind the end, and where the map says nonsense', () => {
    for (const [name, mappings] of [
      ['short.js', 'AAEI'],
      ['nonsense.js', '!!,é;~'],
      ['open.js', 'AAEI,gg'],
    ] as const) {
      writeFileSync(join(folder, `${name}.map`), JSON.stringify({ version: 3, sources: [], names: [], mappings }));
      assert.equal(inSources(`at ${urlOf(name)}:1:1`), `at ${urlOf(name)}:1:1`);
      assert.equal(inSources(`at ${urlOf(name)}:99:1`), `at ${urlOf(name)}:99:1`);
    }
  });
});
