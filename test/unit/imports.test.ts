/** The import rules of the house: who may know whom. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Part of src → parts it may import, besides itself. A part is a folder, or an adapter: a folder inside `store`. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  fhir: ['platform'],
  search: ['fhir', 'platform'],
  terminology: ['search', 'fhir', 'platform'],
  validation: ['terminology', 'search', 'fhir', 'platform'],
  store: ['search', 'fhir', 'platform'],
  'store/mongo': ['store', 'search', 'fhir', 'platform'],
  'store/embedded': ['store', 'search', 'fhir', 'platform'],
  'store/s3': ['store', 'search', 'fhir', 'platform'],
  identity: ['outgoing', 'store', 'search', 'fhir', 'platform'],
  access: ['identity', 'store', 'search', 'fhir', 'platform'],
  audit: ['identity', 'store', 'search', 'fhir', 'platform'],
  outgoing: ['fhir', 'platform'],
  live: ['jobs', 'store', 'search', 'fhir', 'platform'],
  jobs: ['store', 'identity', 'search', 'fhir', 'platform'],
  feed: ['live', 'jobs', 'store', 'search', 'fhir', 'platform'],
  conformance: ['live', 'jobs', 'validation', 'terminology', 'store', 'search', 'fhir', 'platform'],
  interactions: [
    'conformance',
    'feed',
    'jobs',
    'live',
    'outgoing',
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
  // Of platform a feature needs threads: what reads hostile bytes may not hold the event loop. Nothing in it leads to the data.
  features: [
    'interactions',
    'feed',
    'jobs',
    'live',
    'outgoing',
    'validation',
    'terminology',
    'search',
    'fhir',
    'platform',
  ],
  harness: ['http', 'interactions', 'conformance', 'terminology', 'store', 'search', 'fhir', 'platform'],
  http: ['interactions', 'identity', 'validation', 'search', 'fhir', 'platform'],
  // A program of one file: what it imports is in it.
  tools: ['audit'],
  // A program for browsers: of the server it may know types, and nothing that runs.
  web: [],
  cli: [
    'audit',
    'http',
    'interactions',
    'conformance',
    'outgoing',
    'jobs',
    'access',
    'identity',
    'validation',
    'store',
    'search',
    'fhir',
    'platform',
  ],
  compose: [
    'cli',
    'conformance',
    'interactions',
    'feed',
    'access',
    'audit',
    'outgoing',
    'identity',
    'terminology',
    'validation',
    'store',
    'search',
    'fhir',
    'platform',
  ],
  main: [
    'compose',
    'features',
    'harness',
    'access',
    'audit',
    'cli',
    'conformance',
    'feed',
    'http',
    'interactions',
    'jobs',
    'live',
    'outgoing',
    'identity',
    'store',
    'store/mongo',
    'store/s3',
    'store/embedded',
    'terminology',
    'validation',
    'search',
    'fhir',
    'platform',
  ],
};

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(name =>
  /\.tsx?$/.test(name),
);

function partOf(file: string): string {
  const path = file.replaceAll('\\', '/');
  if (/^store\/[^/]+\//.test(path)) return path.split('/').slice(0, 2).join('/');
  return path.includes('/') ? path.split('/')[0]! : path.replace(/\.ts$/, '');
}

/** Its own folder is a part of its own: one feature knows nothing of another one. */
const nameOfFeature = (file: string): string | undefined => /^features\/([^/]+)\//.exec(file)?.[1];

/** Those of types alone, of which nothing is left in a program for browsers. */
const TYPES_ALONE = /^import type [^;]*;/gm;

function importsIn(file: string, text: string): string[] {
  const counted = partOf(file) === 'web' ? text.replaceAll(TYPES_ALONE, '') : text;
  return [...counted.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, target]) =>
    relative(join(root, 'src'), join(root, 'src', file, '..', target!)),
  );
}

const importsOf = (file: string): string[] => importsIn(file, readFileSync(join(root, 'src', file), 'utf8'));

function wrongImports(file: string, imports: readonly string[]): string[] {
  const from = partOf(file);
  const allowed = ALLOWED[from];
  if (!allowed) return [`${file}: no rule for the part ${from}`];
  return imports
    .filter(to => (partOf(to) === from ? nameOfFeature(to) !== nameOfFeature(file) : !allowed.includes(partOf(to))))
    .map(to => `${file} imports ${to}`);
}

/** Files of interactions/ that know the store behind the view, and what for. */
const KNOW_THE_STORE: Readonly<Record<string, string>> = {
  'engine.ts': 'names it',
  'handing-out.ts': 'keeps links that were handed out, and opens the bytes that one of them leads to',
  'lives.ts': 'keeps a record of each process',
  'perform.ts': 'commits',
  'recording.ts': 'commits what is recorded by itself',
  'write/prepare.ts': 'stores attachments',
  'write/integrity.ts': 'protects what is referred to from everybody, whatever they see',
  'response/text.ts': 'reads attachments of what was seen',
  'write/bytes-in-use.ts': 'protects the bytes of documents from everybody, whatever they see',
  'write/hook-ground.ts': 'reads bytes of what was seen',
  'response/release.ts': 'changes bytes that a text shows already',
  'response/resource-text.ts': 'reads attachments of what was seen',
  'operations/import.ts': 'keeps the file that is to be loaded',
  'operations/purge.ts': 'tells which attachments are gone',
  'trail-years.ts': 'removes what is old on the account of the server itself',
};
/** The engine's store, by its name or taken apart; its type; and a call of what reads. */
const STORE =
  /(?<!\.)\.store\b|\{[^{}]*\bstore\b[^{}]*\}\s*(?::[^=;)]*\b(?:Engine|Context|Caller|Ground)\b|=\s*[\w.]*\bengine\b)|\bStore\b/;
const READING =
  /\bstore\s*\??\.\s*(?:read|history|countHistory|find|list|findIds|targetsOf|explain|count|searchText|scan)\s*\(/i;
/** What modules of Node and packages offer to ask another server with; of http, https and net what serves, types and pure functions are free. */
const ASKS_BY_MODULE =
  /import (?!type )(?:(?!['"]).)*?['"](?:node:)?(?:http2|tls|dgram|dns(?:\/promises)?|undici)['"]|import (?!type )(?:\w|\*|\{(?:(?!\}).)*?(?<!type )\b(?:request|get|Agent|globalAgent|ClientRequest|connect|createConnection|Socket)\b)(?:(?!['"]).)*?['"](?:node:)?(?:https?|net)['"]|(?:import|require)\s*\(\s*['"](?:node:)?(?:https?|http2|net|tls|dgram|dns(?:\/promises)?|undici)['"]/s;
const ASKS_BY_GLOBAL = /(?<![\w$])fetch\s*\(|\b(?:WebSocket|EventSource|XMLHttpRequest)\b/;
/** A file may have a `fetch` of its own. */
function asksOthers(text: string): boolean {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
  return ASKS_BY_MODULE.test(code) || (ASKS_BY_GLOBAL.test(code) && !/\bfetch\s*[:=]/.test(code));
}
/** Files outside of interactions/ and the adapters that read the store past the view, and why nobody learns from it what they may not see. */
const READ_THE_STORE: Readonly<Record<string, string>> = {
  'access/view.ts': 'is the view',
  'access/masked-search.ts':
    'looks which resources have labels of elements, within what may be seen, and tells the view a condition',
  'access/machine-texts.ts': 'looks whether there are texts of scans at all, and tells the view yes or no',
  'access/rests-on-others.ts': 'looks for what rows rest on, and tells the view yes or no',
  'access/binaries.ts': 'looks whether anything points at bytes, and tells the view yes or no',
  'audit/trail/pages.ts': 'is the store below the view, with the trail in it',
  'audit/trail/reads.ts': 'is the store below the view, with the trail in it',
  'audit/trail/sorted.ts': 'is the store below the view, with the trail in it',
  'audit/ledger/before.ts': 'seals what there was before the ledger',
  'audit/ledger/store-source.ts': 'exports the trail, for whoever runs the server',
  'cli/reindex.ts': 'indexes all, for whoever runs the server',
  'cli/seed.ts': 'looks whether anybody has asked for anything, for whoever runs the server',
  'cli/verify.ts': 'checks all, for whoever runs the server: names and digests, no content',
  'conformance/reindex-job.ts': 'indexes all by a custom parameter: its progress is a number of resources of a type',
  'conformance/reindex-plan.ts': 'counts resources of a type, for the progress of a job',
  'conformance/stored-canonicals.ts':
    'finds definitions and terminology; of those that are seen in part interactions/terminology.ts reads by the view',
  'conformance/stored-definitions.ts':
    'finds definitions that resources are validated by: they hold no record of anybody',
  'harness/harness-store.ts': 'stands before the store in test-harness mode, and answers nobody',
  'live/live-table.ts': 'keeps the search parameters in force, and who listens',
};
const READS_IT =
  /\b(?:store|kept|of)\s*\??\.\s*(?:read|history|countHistory|find|list|findIds|targetsOf|explain|count|searchText|scan)\s*\(/;
const codeOf = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$|'[^'\n]*'|`[^`]*`/gm, '');

describe('imports', () => {
  it('finds the sources', () => assert.ok(files.length > 40));

  it('go upward only', () => {
    const wrong = files.flatMap(file => wrongImports(file, importsOf(file)));
    assert.deepEqual(wrong, []);
  });

  it('give a feature the door and pure modules, and nobody but main a feature', () => {
    const own = 'features/one/index.ts';
    for (const to of ['features/one/page.js', 'interactions/perform.js', 'fhir/error.js', 'platform/pool.js'])
      assert.deepEqual(wrongImports(own, [to]), [], to);
    for (const to of ['features/two/index.js', 'access/view.js', 'audit/event.js', 'http/body.js', 'cli/index.js'])
      assert.equal(wrongImports(own, [to]).length, 1, to);
    for (const to of ['store/store.js', 'store/mongo/index.js', 'identity/principal.js', 'main.js'])
      assert.equal(wrongImports(own, [to]).length, 1, to);
    for (const from of ['http/app.ts', 'cli/serve.ts', 'interactions/perform.ts'])
      assert.equal(wrongImports(from, ['features/one/index.js']).length, 1, from);
    assert.deepEqual(wrongImports('main.ts', ['features/one/index.js']), []);
  });

  it('let a feature read by views alone, as the example does', () => {
    const sample = readFileSync(join(root, 'test/sample/welcome.ts'), 'utf8').replaceAll('../../src/', '../../');
    assert.ok(sample.split('\n').length <= 61);
    const imports = importsIn('features/welcome/index.ts', sample);
    assert.ok(imports.length >= 3);
    assert.deepEqual(wrongImports('features/welcome/index.ts', imports), []);
    const texts = files.filter(nameOfFeature).map(file => readFileSync(join(root, 'src', file), 'utf8'));
    for (const text of [sample, ...texts]) assert.ok(!STORE.test(codeOf(text)) && !READING.test(codeOf(text)));
  });

  it('loads the test-harness mode in one place, where it is on', () => {
    const users = files.filter(
      file => partOf(file) !== 'harness' && importsOf(file).some(to => partOf(to) === 'harness'),
    );
    assert.deepEqual(users, ['main.ts']);
    const text = readFileSync(join(root, 'src/main.ts'), 'utf8');
    assert.deepEqual(text.match(/^import (?!type ).*harness.*$/m), null);
    assert.match(text, /config\.harness === 'on' \? await openHarness/);
  });

  it('let the console know types of the server, and nobody the console', () => {
    const own = 'web/fhir/client.ts';
    const types = importsIn(
      own,
      "import type { A } from '../../http/app.js';\nimport type {\n  B,\n} from '../../main.js';",
    );
    assert.deepEqual(types, []);
    for (const text of ["import { a } from '../../fhir/error.js';", "const a = await import('../../main.js');"])
      assert.equal(wrongImports(own, importsIn(own, text)).length, 1, text);
    for (const from of ['http/app.ts', 'main.ts']) assert.equal(wrongImports(from, ['web/main.js']).length, 1, from);
  });

  it('let two files of the console ask the server', () => {
    const asking = files.filter(
      file => partOf(file) === 'web' && asksOthers(readFileSync(join(root, 'src', file), 'utf8')),
    );
    assert.deepEqual(asking.toSorted(), ['web/fhir/client.ts', 'web/session/smart.ts']);
  });

  it('lets main alone construct the adapters', () => {
    const users = files.filter(file => importsOf(file).some(to => partOf(to).startsWith('store/')));
    assert.deepEqual([...new Set(users.map(partOf))].toSorted(), ['main', 'store/embedded', 'store/mongo', 'store/s3']);
  });

  it('lets interactions read through their view alone', () => {
    const own = files.filter(file => partOf(file) === 'interactions');
    const read = (file: string) => codeOf(readFileSync(join(root, 'src', file), 'utf8'));
    const nameOf = (file: string) => relative('interactions', file).replaceAll('\\', '/');
    const users = own.filter(file => STORE.test(read(file))).map(nameOf);
    assert.deepEqual(users.toSorted(), Object.keys(KNOW_THE_STORE).toSorted());
    assert.deepEqual(
      own.filter(file => READING.test(read(file))),
      [],
    );
  });

  it('names who else reads the store past the view, and why', () => {
    const users = files.filter(
      file =>
        !/^(?:store|interactions)\//.test(file) && READS_IT.test(codeOf(readFileSync(join(root, 'src', file), 'utf8'))),
    );
    assert.deepEqual(users.toSorted(), Object.keys(READ_THE_STORE).toSorted());
  });

  it('sees a raw call, however it is written', () => {
    for (const text of [
      'await engine.store.find(query)',
      'await context.engine.store.blobs.get(hash)',
      'function f({ store, settings }: Engine) {}',
      'const { store } = context.engine;',
      'const { settings, store: raw } = engine;',
      "import type { Page, Store } from '../store/store.js';",
    ])
      assert.ok(STORE.test(codeOf(text)), text);
    assert.ok(READING.test('await store.read(type, id)'));
    for (const text of ['// engine.store', 'const store = await view.explain(query);', 'await view.find(query)'])
      assert.ok(!STORE.test(codeOf(text)) && !READING.test(codeOf(text)), text);
  });

  it('lets one room alone ask other servers', () => {
    // A browser asks this server alone: its policy (http/console.ts) has no other.
    const asking = files.filter(
      file => partOf(file) !== 'web' && asksOthers(readFileSync(join(root, 'src', file), 'utf8')),
    );
    assert.deepEqual(
      asking.toSorted(),
      ['resolver', 'scanner', 'send', 'syslog'].map(name => `outgoing/${name}.ts`),
    );
  });

  it('sees whoever asks another server, however it is written', () => {
    for (const text of [
      "import { request } from 'node:http';",
      "import { createServer, get as look } from 'http';",
      "import * as http from 'node:http';",
      "import http from 'node:http';",
      "import { request } from 'node:https';",
      "import { connect } from 'node:tls';",
      "import { connect, type Socket } from 'node:net';",
      "import { Agent } from 'undici';",
      "import { lookup } from 'node:dns/promises';",
      "const { request } = await import('node:https');",
      "const undici = require('undici');",
      'await fetch(url)',
      'globalThis.fetch (url)',
      'new WebSocket(url)',
      'new EventSource(url)',
    ])
      assert.ok(asksOthers(text), text);
    for (const text of [
      "import { createServer, type Server } from 'node:http';",
      "import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';",
      "import { validateHeaderName, STATUS_CODES } from 'node:http';",
      "import type { IncomingMessage, request } from 'node:http';",
      "import type { Socket } from 'node:net';",
      "import { isIP } from 'node:net';",
      '// fetch(url) would be wrong',
      'prefetch(url); this.prefetch(url)',
      'const fetch = async () => {}; await fetch()',
    ])
      assert.ok(!asksOthers(text), text);
  });

  it('keeps every file below 500 lines', () => {
    const long = files.filter(file => readFileSync(join(root, 'src', file), 'utf8').split('\n').length > 500);
    assert.deepEqual(long, []);
  });
});
