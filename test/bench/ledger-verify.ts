/**
 * What it takes to verify a million events on one core with the single file: `npm run bench:ledger -- verify [events]`. The export is made up of reads and
 * searches, sixteen deeds a row, signed every thousand deeds.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  EXPORT_KIND,
  EXPORT_VERSION,
  type ExportLine,
  exportLineText,
  LinesDigest,
} from '../../src/audit/ledger/export-line.js';
import { checkpointText, signNote, streamOrigin } from '../../src/audit/ledger/note.js';
import { Frontier } from '../../src/store/ledger.js';
import { deedOfEntry } from '../../src/store/ledger-entry.js';
import { leafOf, LEDGER, MemoryTrail } from '../support/audit-trail.js';
import { createRandom } from '../support/random.js';

const PROGRAM = fileURLToPath(new URL('../../tools/verify-audit.mjs', import.meta.url));
const [DEEDS_A_ROW, DEEDS_A_CHECKPOINT, WRITTEN_AT_ONCE] = [16, 1000, 2000];

/** Gives how many deeds stand for at least so many events. */
function writeExport(file: string, events: number): number {
  const trail = new MemoryTrail(createRandom(1));
  const descriptor = openSync(file, 'wx', 0o600);
  const digest = new LinesDigest();
  const waiting: string[] = [];
  const put = (text: string): void => {
    waiting.push(text);
    if (waiting.length >= WRITTEN_AT_ONCE) writeSync(descriptor, `${waiting.splice(0).join('\n')}\n`);
  };
  const tell = (line: ExportLine): void => {
    const text = exportLineText(line);
    digest.add(text);
    put(text);
  };
  const [key] = trail.keys as [(typeof trail.keys)[0]];
  const made = new Date(trail.now + 86_400_000 * 365).toISOString();
  tell({
    kind: 'header',
    header: { chartroom: EXPORT_KIND, version: EXPORT_VERSION, base: 'x', from: null, to: null, made, texts: false },
  });
  tell({ kind: 'key', key: key.text });
  const stream = 'bench0stream00';
  const tree = new Frontier();
  const shapes = new Set<number>();
  const opened = { what: 'opened', stream, key: key.text, process: 'bench', heads: [] };
  let [row, told, rows] = [[deedOfEntry(JSON.stringify(opened), trail.now)], 0, 0];
  while (told < events || row.length > 0) {
    const first = tree.size;
    for (const { shape } of row)
      if (!shapes.has(shape.id)) {
        shapes.add(shape.id);
        tell({ kind: 'shape', shape: shape.text });
      }
    for (const deed of row) {
      tree.add(leafOf(deed));
      told += deed.events;
    }
    const deeds = row.map(({ bytes }) => Buffer.from(bytes).toString('base64'));
    tell({ kind: 'row', row: { stream, first, last: trail.now, root: tree.root().toString('base64'), deeds } });
    rows += 1;
    if (told >= events || Math.floor(tree.size / DEEDS_A_CHECKPOINT) > Math.floor(first / DEEDS_A_CHECKPOINT)) {
      const head = { origin: streamOrigin(LEDGER, stream), size: tree.size, root: tree.root(), extensions: [] };
      tell({ kind: 'checkpoint', checkpoint: signNote(checkpointText(head), LEDGER, key.secret) });
    }
    trail.now += 5;
    row = told < events ? Array.from({ length: DEEDS_A_ROW }, () => trail.deed()) : [];
  }
  const { lines, sha256 } = digest.taken();
  put(exportLineText({ kind: 'end', rows, events: told, lines: lines + 1, sha256 }));
  writeSync(descriptor, `${waiting.join('\n')}\n`);
  closeSync(descriptor);
  return tree.size;
}

/** `VmHWM` of a process, in MB; 0: it is gone. */
function mostMemory(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

export async function measureVerify(events: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-bench-'));
  const file = join(folder, 'trail.ndjson');
  const deeds = writeExport(file, events);
  const began = performance.now();
  const child = spawn(process.execPath, [PROGRAM, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  let [said, memory] = ['', 0];
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  const watching = setInterval(() => (memory = Math.max(memory, mostMemory(child.pid!))), 50);
  const [status] = (await once(child, 'exit')) as [number];
  clearInterval(watching);
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(
    `verify: ${events.toLocaleString('en')} events (${deeds.toLocaleString('en')} deeds, ${(statSync(file).size / 1e6).toFixed(0)} MB) in ` +
      `${seconds.toFixed(1)} s, ${memory.toFixed(0)} MB, status ${status}: ${said.trimEnd().split('\n').at(-1)}\n`,
  );
  rmSync(folder, { recursive: true, force: true });
  if (status !== 0) process.exitCode = 1;
}
