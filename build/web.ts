/**
 * Puts the console (src/web) into dist/web: files whose names have a hash of what is in them, each beside its forms for `Content-Encoding: br` and
 * `gzip`, the page that loads them, and the licences of the packages that are inside. Fails where a file is larger than it may be.
 * https://esbuild.github.io/api/
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build, type Metafile, type Plugin } from 'esbuild';
import { licences } from './licences.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TO = join(ROOT, 'dist', 'web');
const KB = 1024;

/** Bytes of gzip, by what is loaded together. */
const LIMITS = {
  'JavaScript of the first load': 60 * KB,
  'CSS of the first load': 12 * KB,
  'the viewer of documents': 200 * KB,
  'the worker of the viewer': 380 * KB,
} as const;

type Loaded = keyof typeof LIMITS;

const outputOf = ({ outputs }: Metafile, entry: string): string | undefined =>
  Object.keys(outputs).find(path => outputs[path]!.entryPoint === entry);

/** A file and what it cannot run without. */
function withImports({ outputs }: Metafile, path: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(path)) return found;
  found.add(path);
  for (const { path: other, kind } of outputs[path]?.imports ?? [])
    if (kind === 'import-statement' && outputs[other]) withImports({ inputs: {}, outputs }, other, found);
  return found;
}

const read = (path: string): Buffer => readFileSync(join(ROOT, path));
const packed = (bytes: Buffer): Buffer => gzipSync(bytes, { level: 9 });
const sizeOf = (paths: Iterable<string>): number =>
  [...paths].reduce((sum, path) => sum + packed(read(path)).length, 0);

function checkSize(what: Loaded, paths: Iterable<string>): void {
  const size = sizeOf(paths);
  const limit = LIMITS[what];
  process.stdout.write(`console: ${what} ${(size / KB).toFixed(1)} KB of ${limit / KB} (gzip)\n`);
  if (size <= limit) return;
  process.stderr.write(`${what} must not be larger than ${limit / KB} KB (gzip): see LIMITS in build/web.ts.\n`);
  process.exitCode = 1;
}

function compress(path: string): void {
  const bytes = readFileSync(path);
  const quality = {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  };
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, quality));
  writeFileSync(`${path}.gz`, packed(bytes));
}

const VIEWER = 'src/web/screens/document/viewer.tsx';
const WORKER = 'node_modules/pdfjs-dist/build/pdf.worker.min.mjs';
const hasViewer = existsSync(join(ROOT, VIEWER));

/** Makes the module `docs:requests` of the files in docs/requests, in their order. */
const docsRequests: Plugin = {
  name: 'docs-requests',
  setup(each) {
    each.onResolve({ filter: /^docs:requests$/ }, ({ path }) => ({ path, namespace: 'docs' }));
    each.onLoad({ filter: /.*/, namespace: 'docs' }, () => {
      const folder = join(ROOT, 'docs', 'requests');
      const files = readdirSync(folder).toSorted();
      const contents = files.map(name => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
      return { contents: JSON.stringify(contents), loader: 'json' };
    });
  },
};

/** Makes the module `rules:denial-grounds` of those that the server knows, so that both name the same. */
const denialGrounds: Plugin = {
  name: 'denial-grounds',
  setup(each) {
    each.onResolve({ filter: /^rules:denial-grounds$/ }, ({ path }) => ({ path, namespace: 'rules' }));
    each.onLoad({ filter: /.*/, namespace: 'rules' }, () => {
      const file = join(ROOT, 'profiles', 'release', 'rules', 'refusal-grounds.json');
      const grounds = JSON.parse(readFileSync(file, 'utf8')) as Record<
        string,
        { of: string[]; display: { en: string } }
      >;
      const contents = Object.entries(grounds).flatMap(([code, { of, display }]) =>
        of.includes('denial') ? [{ code, display: display.en }] : [],
      );
      return { contents: JSON.stringify(contents), loader: 'json' };
    });
  },
};

rmSync(TO, { recursive: true, force: true });
mkdirSync(TO, { recursive: true });
const { metafile } = await build({
  absWorkingDir: ROOT,
  entryPoints: ['src/web/main.tsx', 'src/web/style/style.css', ...(hasViewer ? [WORKER] : [])],
  outdir: 'dist/web',
  ...{ entryNames: '[name]-[hash]', chunkNames: '[name]-[hash]', outExtension: { '.js': '.js' } },
  ...{ bundle: true, splitting: true, format: 'esm', platform: 'browser', target: 'es2022', minify: true },
  ...{ jsx: 'automatic', jsxImportSource: 'preact', define: { 'process.env.NODE_ENV': '"production"' } },
  ...{ tsconfig: 'src/web/tsconfig.json', legalComments: 'none', logLevel: 'warning', metafile: true },
  plugins: [docsRequests, denialGrounds],
});
const main = outputOf(metafile, 'src/web/main.tsx')!;
const style = Object.keys(metafile.outputs).find(path => /\/style-[^/]*\.css$/.test(path))!;
const worker = hasViewer ? outputOf(metafile, WORKER) : undefined;
const first = withImports(metafile, main);
checkSize('JavaScript of the first load', first);
checkSize('CSS of the first load', [style]);
const viewer = outputOf(metafile, VIEWER);
if (viewer !== undefined)
  checkSize(
    'the viewer of documents',
    [...withImports(metafile, viewer)].filter(path => !first.has(path)),
  );
if (worker !== undefined) checkSize('the worker of the viewer', [worker]);

const address = (path: string): string => `/console/${basename(path)}`;
const page = readFileSync(join(ROOT, 'src/web/index.html'), 'utf8')
  .replace('{{style}}', address(style))
  .replace('{{worker}}', worker === undefined ? '' : address(worker))
  .replace(
    '{{preloads}}',
    [...first]
      .filter(path => path !== main)
      .map(path => `<link rel="modulepreload" href="${address(path)}">`)
      .join(''),
  )
  .replace('{{main}}', address(main));
for (const path of Object.keys(metafile.outputs)) compress(join(ROOT, path));
writeFileSync(join(TO, 'index.html'), page);
writeFileSync(join(TO, 'licences.txt'), licences(metafile, ROOT));
