/**
 * Puts what a process or a thread begins with into few files, because Node takes a millisecond for each module that it loads: the server
 * has five hundred, and packages that every start loads (AT_EVERY_START) three hundred. Other packages stay outside. Written are
 *
 *     dist/app/main.js    the server, for bin/; what is imported on demand lies beside it, and the licences of packages that are inside
 *     dist/programs/      the programs that tests start as processes
 *     dist/tools/         programs of one file for machines that have Node and nothing else
 *     dist/src/…          the modules that threads begin with, in their own places
 *
 * With --apart the modules stay apart, and the same files only lead to them: coverage of a file that was made of many counts what never ran.
 *
 * Source maps lead back to src (`node --enable-source-maps`). https://esbuild.github.io/api/
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { licences } from './licences.js';

const APART = process.argv.includes('--apart');
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Imported by no other module: what stands in their places is theirs alone. */
const THREADS = [
  'src/features/documents/read/thread.ts',
  'src/features/release/package/read/thread.ts',
  'src/interactions/response/form-worker.ts',
  'src/store/embedded/reader.ts',
  'src/store/embedded/writer.ts',
  'src/validation/gate/thread.ts',
];

/** Packages of many modules that every start loads, or every start with its store; what they need is with them. */
const AT_EVERY_START: ReadonlySet<string> = new Set([
  'express',
  'file-type',
  'helmet',
  'jose',
  'mongodb',
  'prom-client',
  'saxes',
]);

/** Modules that look for files beside themselves find them as if each were still where the compiler puts it. */
const inTheirPlaces = (folder: string): Plugin => ({
  name: 'in-their-places',
  setup(made) {
    made.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const place = relative(folder, join(ROOT, 'dist', relative(ROOT, path))).replace(/\.ts$/, '.js');
      const url = `new URL(${JSON.stringify(place.replaceAll('\\', '/'))}, import.meta.url).href`;
      return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' };
    });
  },
});

/**
 * Express loads a reader of bodies with it, which loads tables of encodings: half a megabyte that every start would read. This server
 * reads bodies itself (src/http/body.ts), and asks Express for none of its readers.
 */
const withoutBodyReader: Plugin = {
  name: 'without-body-reader',
  setup(made) {
    made.onResolve({ filter: /^body-parser$/ }, ({ path }) => ({ path, namespace: 'left-out' }));
    made.onLoad({ filter: /^/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {};', loader: 'js' }));
  },
};

/** Leaves all other packages outside. */
const withPackages: Plugin = {
  name: 'with-packages',
  setup(made) {
    made.onResolve({ filter: /^[^./]/ }, ({ path, importer, kind }) =>
      kind === 'entry-point' || importer.includes('/node_modules/') || AT_EVERY_START.has(path)
        ? undefined
        : { path, external: true },
    );
  },
};

const LICENCES = 'LICENSES.txt';

/** What CommonJS in a module asks for. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

interface Written {
  /** Relative to dist. Nothing else is in it, unless it is one file that is written. */
  readonly folder: string;
  readonly entries: readonly string[];
  /** Whether what is imported on demand, or by several, gets files of its own. */
  readonly splitting: boolean;
}

/** `entries`: paths of sources. All files lie in one folder, without folders in it: addresses are relative to it. */
async function bundle({ folder, entries, splitting }: Written): Promise<void> {
  const to = join(ROOT, 'dist', folder);
  if (APART && splitting) return lead(to, entries);
  const plugins = [inTheirPlaces(to), ...(splitting ? [withoutBodyReader, withPackages] : [])];
  const packages = splitting ? { plugins, banner: { js: REQUIRE } } : { plugins, packages: 'external' as const };
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [...entries],
    outdir: to,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    ...{ format: 'esm', platform: 'node', target: 'node20' },
    ...(APART ? {} : { bundle: true, splitting, ...packages }),
    ...{ sourcemap: 'linked', sourcesContent: false, legalComments: 'none', logLevel: 'warning', metafile: true },
  });
  if (!splitting) return;
  writeFileSync(join(to, LICENCES), licences(metafile, ROOT));
  const written = new Set([LICENCES, ...Object.keys(metafile.outputs).map(path => basename(path))]);
  for (const name of readdirSync(to)) if (!written.has(name)) rmSync(join(to, name), { recursive: true });
}

/** Files that do what the modules do, without them. */
function lead(to: string, entries: readonly string[]): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  for (const entry of entries) {
    const module = relative(to, join(ROOT, 'dist', entry))
      .replaceAll('\\', '/')
      .replace(/\.ts$/, '.js');
    writeFileSync(join(to, basename(module)), `export * from '${module}';\n`);
  }
}

/** An installation has none of the tests. */
const SUPPORT = join(ROOT, 'test', 'support');
const programs = existsSync(SUPPORT) ? readdirSync(SUPPORT).filter(name => name.endsWith('-program.ts')) : [];

/** Whoever does not trust this server reads it: with names, and nothing imported but Node. */
async function tool(name: string): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: [`src/tools/${name}.ts`],
    outfile: join(ROOT, 'dist', 'tools', `${name}.mjs`),
    ...{ format: 'esm', platform: 'node', target: 'node20', bundle: true, treeShaking: true },
    ...{ legalComments: 'none', logLevel: 'warning', external: ['node:*'] },
  });
}

await bundle({ folder: 'app', entries: ['src/main.ts'], splitting: true });
for (const thread of THREADS) await bundle({ folder: dirname(thread), entries: [thread], splitting: false });
if (programs.length > 0)
  await bundle({ folder: 'programs', entries: programs.map(name => `test/support/${name}`), splitting: true });
await tool('verify-audit');
