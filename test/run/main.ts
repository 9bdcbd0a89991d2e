/**
 * Runs the tests in several processes side by side, each with a MongoDB server of its own:
 *
 *     node dist/test/run/main.js [--full] [--jobs N] [--weigh] [part of a file's name ...]
 *
 * Every test/<kind>/**\/*.test.ts is run, at the depth of every change or, with --full, at full depth and with the kinds and
 * the files (full-only.json) that only a full run has; such a file also runs where a part of its name is given. The longest files go first (weights.json, which --weigh writes anew), and whoever is free takes
 * the next. What they write goes to a file system in memory where there is one with room. The last lines are mocha's (`N passing`); the status is 0 only if tests ran and none failed.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { availableParallelism, freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type CountedVerdict, Lane } from './lane.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const WEIGHTS = join(ROOT, 'test', 'run', 'weights.json');
/** Files that take long for what they add to others of their kind. */
const FULL_ONLY = join(ROOT, 'test', 'run', 'full-only.json');
const KINDS = ['unit', 'contract', 'conformance', 'property', 'flow', 'attack', 'browser'];
const FULL_KINDS = [...KINDS, 'oracle'];
/** Lighter files go in any order and are not in the table; a file that is new counts as this heavy. In seconds of CPU. */
const LIGHT = 2;

/** Bytes that all lanes write at most, with a MongoDB server each. */
const ROOM = 8 * 1024 ** 3;

type Done = CountedVerdict & { readonly file: string };

const say = (text: string) => process.stdout.write(`${text}\n`);
const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;
const cpuOf = ({ cpu }: Done) => (cpu === undefined ? '–' : seconds(cpu / 1000)).padStart(8);

/** By the sources, not by dist, where files lie on that have no source any more. Names are relative to the project. */
const filesOf = (kinds: readonly string[], parts: readonly string[]): string[] =>
  kinds
    .flatMap(kind =>
      readdirSync(join(ROOT, 'test', kind), { recursive: true, encoding: 'utf8' }).map(
        name => `test/${kind}/${name.replaceAll('\\', '/')}`,
      ),
    )
    .filter(name => name.endsWith('.test.ts') && (parts.length === 0 || parts.some(part => name.includes(part))));

function tell(verdict: Done): void {
  const { file, output } = verdict;
  const counts = [
    `${verdict.passing} passing`,
    ...(verdict.pending > 0 ? [`${verdict.pending} pending`] : []),
    ...(verdict.failing > 0 ? [`${verdict.failing} FAILING`] : []),
  ];
  say(`${seconds(verdict.milliseconds).padStart(8)} ${cpuOf(verdict)}  ${file}: ${counts.join(', ')}`);
  if (output !== '') say(output.trimEnd());
}

/** In ms of CPU, or of time where that is not known. */
const costliness = ({ cpu, milliseconds }: Done): number => (cpu === undefined ? milliseconds : cpu / 1000);

function summarise(done: readonly Done[], milliseconds: number): number {
  const sum = (of: 'passing' | 'failing' | 'pending') => done.reduce((total, one) => total + one[of], 0);
  const slowest = done.toSorted((a, b) => costliness(b) - costliness(a)).slice(0, 20);
  say('\n  The costliest files (time, CPU):');
  for (const one of slowest) say(`${seconds(one.milliseconds).padStart(10)} ${cpuOf(one)}  ${one.file}`);
  for (const { file, failures } of done) if (failures !== '') say(`\n  Failures in ${file}:\n${failures}`);
  const cpu = done.reduce((total, one) => total + (one.cpu ?? 0), 0);
  say(`\n  ${sum('passing')} passing (${seconds(milliseconds)}${cpu > 0 ? `, ${seconds(cpu / 1000)} of CPU` : ''})`);
  if (sum('pending') > 0) say(`  ${sum('pending')} pending`);
  if (sum('failing') > 0) say(`  ${sum('failing')} failing`);
  if (sum('passing') + sum('failing') === 0) say('  No test ran.');
  return sum('failing') === 0 && sum('passing') > 0 ? 0 : 1;
}

/** One line a file, the heaviest first. */
function weigh(done: readonly Done[]): void {
  const heavy = done
    .map(one => [one.file, Math.round(costliness(one) / 1000)] as const)
    .filter(([, weight]) => weight >= LIGHT)
    .toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  writeFileSync(WEIGHTS, `${JSON.stringify(Object.fromEntries(heavy), null, 2)}\n`);
}

/**
 * Where temporary files go: to a disk there are far more writes that wait than in a server that works. Programs are started from
 * there, too, and a package that is installed.
 */
function temporaryFolder(): string {
  const memory = '/dev/shm';
  try {
    const mounted = readFileSync('/proc/mounts', 'utf8').split('\n');
    const [, , kind, options = ''] = mounted.findLast(line => line.split(' ')[1] === memory)?.split(' ') ?? [];
    const { bavail, bsize } = statfsSync(memory);
    const fits = Math.min(bavail * bsize, freemem()) >= ROOM;
    return kind === 'tmpfs' && fits && !/\b(?:noexec|ro)\b/.test(options) ? memory : tmpdir();
  } catch {
    return tmpdir();
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { full: { type: 'boolean' }, weigh: { type: 'boolean' }, jobs: { type: 'string' } },
  });
  const started = performance.now();
  const weights = JSON.parse(readFileSync(WEIGHTS, 'utf8')) as Partial<Record<string, number>>;
  const weightOf = (file: string) => weights[file] ?? LIGHT;
  const left = new Set(
    values.full || positionals.length > 0 ? [] : (JSON.parse(readFileSync(FULL_ONLY, 'utf8')) as string[]),
  );
  const queue = filesOf(values.full ? FULL_KINDS : KINDS, positionals)
    .filter(file => !left.has(file))
    .toSorted((a, b) => weightOf(b) - weightOf(a));
  const jobs = Math.min(Number(values.jobs ?? availableParallelism() + 1), queue.length);
  const folder = mkdtempSync(join(values.full ? tmpdir() : temporaryFolder(), 'chartroom-run-'));
  // A MongoDB server that was told to end writes for a moment longer.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));
  const lanes: Lane[] = [];
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      queue.length = 0;
      for (const lane of lanes) lane.abandon();
    });
  const env = { ...process.env, TMPDIR: folder, ...(values.full ? { CHARTROOM_TEST_DEPTH: 'full' } : {}) };
  const done: Done[] = [];
  const work = async (lane: Lane): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const verdict = await lane.run(join(ROOT, 'dist', file.replace(/\.ts$/, '.js')));
      done.push({ file, ...verdict });
      tell(done.at(-1)!);
    }
    const rest = (await lane.end()).trimEnd();
    if (rest !== '') say(rest);
  };
  for (let n = 0; n < jobs; n++) lanes.push(new Lane(join(folder, `lane-${n}`), env));
  await Promise.all(lanes.map(work));
  if (values.weigh) weigh(done);
  return summarise(done, performance.now() - started);
}

process.exitCode = await main();
