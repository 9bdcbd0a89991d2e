/**
 * Builds what is missing or stale, and nothing else: TypeScript → dist, then the generated artefacts (definitions,
 * validators) that dist needs. Plain JavaScript, because nothing is compiled yet when it runs.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const path = (...parts) => join(root, ...parts);

/** Newest change below a file or folder, in ms. */
function newest(at) {
  if (!existsSync(at)) return 0;
  const stat = statSync(at);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(at).map(name => newest(join(at, name))));
}

/** Runs a step unless its stamp is newer than everything it is made from. The stamp says when the step began: what changes meanwhile may have come too late. */
function step(name, sources, command, args, after = () => {}) {
  const stamp = path('dist', `.${name}`);
  if (name !== 'types' && !existsSync(args[0])) return;
  if (newest(stamp) > Math.max(...sources.map(source => newest(path(source))))) return;
  const began = new Date();
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.status !== 0) process.exit(done.status ?? 1);
  after();
  mkdirSync(path('dist'), { recursive: true });
  writeFileSync(stamp, '');
  utimesSync(stamp, began, began);
}

/** Takes away what was compiled from sources that are no more: a test of another place would run on. */
function prune(folder) {
  for (const name of existsSync(path('dist', folder)) ? readdirSync(path('dist', folder), { recursive: true }) : [])
    if (
      name.endsWith('.js') &&
      !['.ts', '.tsx', '.mjs'].some(end => existsSync(path(folder, name.replace(/\.js$/, end))))
    )
      rmSync(path('dist', folder, name));
}

const node = process.execPath;
const fresh = newest(path('dist', '.types')) === 0;
if (fresh) rmSync(path('dist'), { recursive: true, force: true });
const compiled = ['src', 'test', 'build', 'tsconfig.json', 'package-lock.json'];
step('types', compiled, node, [path('node_modules', 'typescript', 'bin', 'tsc'), '-p', path('tsconfig.json')], () =>
  ['src', 'test', 'build'].forEach(prune),
);
// Writes over what the compiler has written: whatever makes that stale makes this stale.
const [way, other] = process.argv.includes('--apart') ? ['apart', 'bundle'] : ['bundle', 'apart'];
// Packages are inside: an installation that changes them makes it stale, whatever stands in package-lock.json.
const installed = 'node_modules/.package-lock.json';
step(way, [...compiled, installed], node, [path('dist/build/bundle.js'), `--${way}`], () =>
  rmSync(path('dist', `.${other}`), { force: true }),
);
// The console: its types, then its files, which no other step needs. An installation may have no sources of it.
const web = [
  'src/web',
  'build/web.ts',
  'build/licences.ts',
  'profiles/release/rules',
  'tsconfig.json',
  'package-lock.json',
  installed,
];
const webTypes = path('src', 'web', 'tsconfig.json');
if (existsSync(webTypes)) {
  step('web-types', web, node, [path('node_modules', 'typescript', 'bin', 'tsc'), '-p', webTypes]);
  step('web', web, node, [path('dist/build/web.js')]);
}
const definitions = [
  ...['definitions', 'compact', 'code-lists', 'corrections', 'published'].map(name => `build/${name}.ts`),
  'src/terminology',
  'profiles/search',
];
step('definitions', [...definitions, 'package-lock.json'], node, [path('dist/build/definitions.js')]);
step(
  'validators',
  [
    ...definitions,
    'build/validators.ts',
    'build/schema.ts',
    'src/validation/gate/shape.ts',
    'src/validation/gate/checks.ts',
    'src/validation/gate/gate.ts',
    'package-lock.json',
  ],
  node,
  [path('dist/build/validators.js')],
);
step(
  'terminology',
  [
    'build/terminology.ts',
    'build/compact.ts',
    'build/corrections.ts',
    'build/iso-codes.ts',
    'build/published.ts',
    'src/terminology/resources.ts',
    'package-lock.json',
  ],
  node,
  [path('dist/build/terminology.js')],
);
step(
  'structures',
  [
    ...['structures', 'structure-corrections', 'corrections', 'published'].map(name => `build/${name}.ts`),
    'src/fhir/compact-definition.ts',
    'src/fhir/definition-file.ts',
    'profiles/search',
    'package-lock.json',
  ],
  node,
  [path('dist/build/structures.js')],
);
