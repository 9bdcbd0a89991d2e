/** The import rules of the house: who may know whom. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Part of src → parts it may import, besides itself. A part is a folder, or an adapter inside `store`. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  fhir: ['platform'],
  search: ['fhir', 'platform'],
  terminology: ['search', 'fhir', 'platform'],
  validation: ['search', 'fhir', 'platform'],
  store: ['search', 'fhir', 'platform'],
  'store/mongo': ['store', 'search', 'fhir', 'platform'],
  'store/embedded': ['store', 'search', 'fhir', 'platform'],
  identity: ['search', 'fhir', 'platform'],
  access: ['identity', 'store', 'search', 'fhir', 'platform'],
  audit: ['identity', 'store', 'search', 'fhir', 'platform'],
  conformance: ['validation', 'terminology', 'store', 'search', 'fhir', 'platform'],
  interactions: [
    'conformance',
    'access',
    'audit',
    'identity',
    'terminology',
    'validation',
    'store',
    'search',
    'fhir',
    'platform',
  ],
  http: ['interactions', 'identity', 'validation', 'search', 'fhir', 'platform'],
  cli: [
    'http',
    'interactions',
    'conformance',
    'access',
    'identity',
    'validation',
    'store',
    'search',
    'fhir',
    'platform',
  ],
  main: [
    'access',
    'audit',
    'cli',
    'conformance',
    'http',
    'interactions',
    'identity',
    'store',
    'store/mongo',
    'store/embedded',
    'terminology',
    'search',
    'fhir',
    'platform',
  ],
};

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(name =>
  name.endsWith('.ts'),
);

function partOf(file: string): string {
  const path = file.replaceAll('\\', '/');
  if (/^store\/(mongo|embedded)\//.test(path)) return path.split('/').slice(0, 2).join('/');
  return path.includes('/') ? path.split('/')[0]! : path.replace(/\.ts$/, '');
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, 'src', file), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, target]) =>
    relative(join(root, 'src'), join(root, 'src', file, '..', target!)),
  );
}

describe('imports', () => {
  it('finds the sources', () => assert.ok(files.length > 40));

  it('go upward only', () => {
    const wrong = files.flatMap(file => {
      const from = partOf(file);
      const allowed = ALLOWED[from];
      if (!allowed) return [`${file}: no rule for the part ${from}`];
      return importsOf(file)
        .map(partOf)
        .filter(to => to !== from && !allowed.includes(to))
        .map(to => `${file} imports ${to}`);
    });
    assert.deepEqual(wrong, []);
  });

  it('lets main alone construct the adapters', () => {
    const users = files.filter(file => importsOf(file).some(to => /^store\/(mongo|embedded)\//.test(to)));
    assert.deepEqual([...new Set(users.map(partOf))].toSorted(), ['main', 'store/embedded', 'store/mongo']);
  });

  it('keeps every file below 500 lines', () => {
    const long = files.filter(file => readFileSync(join(root, 'src', file), 'utf8').split('\n').length > 500);
    assert.deepEqual(long, []);
  });
});
