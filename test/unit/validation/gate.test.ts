/** The compiled gate with what V8 has made of it, without, and with what V8 has made of another text. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Resource } from '../../../src/fhir/resource.js';
import { type Gate, readGate } from '../../../src/validation/gate/gate.js';

const BUILT = new URL('../../../r4/', import.meta.url);
const NAMES = ['validators.cjs', 'validators.v8'] as const;

describe('the compiled gate', () => {
  let folder = '';
  const file = (name: (typeof NAMES)[number]) => join(folder, name);
  const read = () => readGate(pathToFileURL(`${folder}/`));

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'chartroom-gate-'));
    for (const name of NAMES) copyFileSync(new URL(name, BUILT), file(name));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** It accepts and refuses, also of types that were not compiled ahead. */
  const works = (gate: Gate): void => {
    assert.ok(gate({ resourceType: 'Patient', id: 'a', birthDate: '2000' }));
    assert.ok(!gate({ resourceType: 'Patient', id: 'a', birthDate: 'x' }));
    assert.ok(
      gate({ resourceType: 'Slot', schedule: { reference: 'Schedule/a' }, status: 'free', start: NOW, end: NOW }),
    );
    assert.ok(
      !gate({ resourceType: 'Slot', schedule: { reference: 'Schedule/a' }, status: 'full', start: NOW, end: NOW }),
    );
  };
  const NOW = '2026-01-01T00:00:00Z';

  it('is not compiled again where it was compiled by this version of Node', () => {
    // In a process of its own: other tests set flags of V8, by which it would be compiled otherwise.
    const module = new URL('../../../src/validation/gate/gate.js', import.meta.url).href;
    const program = `import { readGate } from '${module}'; process.stdout.write(String(readGate().usedCompiled));`;
    const { NODE_V8_COVERAGE: _, NODE_OPTIONS: __, ...env } = process.env;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { env, encoding: 'utf8' });
    assert.equal(stdout, 'true');
    works(read().gate);
  });

  it('is compiled where nothing stands beside it', () => {
    rmSync(file('validators.v8'));
    const { gate, usedCompiled } = read();
    assert.equal(usedCompiled, false);
    works(gate);
  });

  it('is compiled where V8 refuses what stands beside it', () => {
    // Another text, which V8 does not remember, with the head of another version.
    const text = Buffer.concat([readFileSync(file('validators.cjs')), Buffer.from('// end')]);
    const compiled = readFileSync(file('validators.v8'));
    createHash('sha256').update(text).digest().copy(compiled);
    compiled.fill(0, 32, 60);
    writeFileSync(file('validators.cjs'), text);
    writeFileSync(file('validators.v8'), compiled);
    const { gate, usedCompiled } = read();
    assert.equal(usedCompiled, false);
    works(gate);
  });

  it('is not what was compiled of another text, though it is as long', () => {
    const text = readFileSync(file('validators.cjs'), 'latin1');
    const other = text.replace('validateInner(resource, false);', 'validateInner(resource, true );');
    assert.ok(other !== text && other.length === text.length);
    writeFileSync(file('validators.cjs'), other, 'latin1');
    const { gate, usedCompiled } = read();
    assert.equal(usedCompiled, false);
    const nested: Resource = { resourceType: 'Patient', contained: [{ resourceType: 'Patient', id: 'b' }] };
    assert.ok(!gate(nested));
    assert.ok(readGate().gate(nested));
  });
});
