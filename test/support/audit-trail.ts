/** A trail with its ledger in memory, made with the same parts as that of a server, and exported by the same program. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { AuditRecord } from '../../src/audit/event.js';
import type { LedgerEntry } from '../../src/audit/ledger/entry.js';
import {
  exportTrail,
  type ExportAsked,
  type SourceSealedRow,
  type TrailSource,
} from '../../src/audit/ledger/export.js';
import { type ExportLine, exportLineText, LinesDigest, readExportLine } from '../../src/audit/ledger/export-line.js';
import { fileLines } from '../../src/audit/ledger/lines.js';
import {
  anchorsOrigin,
  checkpointText,
  cosignature,
  keyText,
  ledgerName,
  leafOfNote,
  signNote,
  streamOrigin,
} from '../../src/audit/ledger/note.js';
import { type VerifiedTrail, type VerifyOptions, verifyTrail } from '../../src/audit/ledger/verify.js';
import type { WitnessedLog } from '../../src/audit/ledger/witness.js';
import { createDeedMaker } from '../../src/audit/trail/deed.js';
import { newId } from '../../src/platform/ids.js';
import { type Deed, type DeedShape, deedRow } from '../../src/store/deeds.js';
import { deedOfEntry } from '../../src/store/ledger-entry.js';
import { Frontier, type Hash, leafHash, treeRoot } from '../../src/store/ledger.js';
import { createHash } from 'node:crypto';
import type { Random } from './random.js';

const BASE = 'https://fhir.example.org/fhir';
export const LEDGER = ledgerName(BASE);
const PATIENTS = ['anna-1', 'ben-2', 'carl-3', 'dora-4', 'emil-5'];

export interface LedgerKey {
  readonly text: string;
  readonly secret: KeyObject;
}

export function newLedgerKey(): LedgerKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { text: keyText({ name: LEDGER, publicKey }), secret: privateKey };
}

const digestOf = (shape: DeedShape): Buffer => createHash('sha256').update(shape.text).digest();
export const leafOf = ({ shape, bytes }: Pick<Deed, 'shape' | 'bytes'>): Hash => leafHash(digestOf(shape), bytes);

interface MemoryStream {
  readonly id: string;
  readonly key: LedgerKey;
  readonly tree: Frontier;
  readonly leaves: Hash[];
  readonly rows: SourceSealedRow[];
  readonly notes: string[];
}

export class MemoryTrail {
  readonly keys: LedgerKey[];
  readonly shapes = new Map<number, DeedShape>();
  readonly streams: MemoryStream[] = [];
  readonly old: { readonly last: number; readonly bytes: Uint8Array; readonly deeds: readonly Deed[] }[] = [];
  readonly received: string[] = [];
  readonly anchors: { readonly note: string; readonly heads: readonly string[] }[] = [];
  witnessed: WitnessedLog | undefined;
  readonly random: Random;
  now = Date.UTC(2030, 0, 1, 8);
  readonly #make = createDeedMaker();

  constructor(random: Random) {
    this.random = random;
    this.keys = [newLedgerKey()];
  }

  /** A deed of what somebody has done. */
  deed(at = this.now): Deed {
    const { random } = this;
    const isRead = random.chance(0.5);
    const patients = PATIENTS.filter(() => random.chance(0.4));
    const record: AuditRecord = {
      ...{ at, base: BASE, address: random.pick(['10.0.0.1', '10.0.0.2']), requestId: `r${random.below(1e9)}` },
      ...{ outcome: random.pick(['0', '0', '4'] as const), request: `GET ${BASE}/Patient?family=Alpha` },
      principal: { name: random.pick(['anna', 'ben']), role: 'reader' },
      patients: isRead ? [random.pick(PATIENTS)] : patients,
      ...(isRead
        ? { interaction: 'read', pattern: 'read', data: { type: 'Patient', id: random.pick(PATIENTS), version: 1 } }
        : { interaction: 'search-type', pattern: 'query' }),
    };
    return this.#make(record);
  }

  /** The deed of an event that was received. */
  receipt(text: string): Deed {
    const { id } = JSON.parse(text) as { id: string };
    const value = createHash('sha256').update(text).digest('hex');
    return this.#make({
      ...{ at: this.now, base: BASE, address: '10.0.0.3', requestId: 'received', outcome: '0', request: '' },
      ...{ principal: { name: 'gateway', role: 'writer' }, interaction: 'create', pattern: 'create', patients: [] },
      data: { type: 'AuditEvent', id, version: 1 },
      details: [{ type: 'sha-256', value }],
    });
  }

  open(id = newId(this.now), key = this.keys.at(-1)!): MemoryStream {
    const heads = this.streams.map(({ id: stream, tree }) => ({
      ...{ stream, size: tree.size, root: tree.root().toString('base64') },
    }));
    const stream = { id, key, tree: new Frontier(), leaves: [], rows: [], notes: [] };
    this.streams.push(stream);
    this.entry(stream, { what: 'opened', stream: id, key: key.text, process: 'test', heads });
    return stream;
  }

  entry(stream: MemoryStream, entry: LedgerEntry): void {
    this.write(stream, [deedOfEntry(JSON.stringify(entry), this.now)]);
  }

  /** A group. */
  write({ tree, leaves, rows }: MemoryStream, deeds: readonly Deed[]): void {
    for (const { shape } of deeds) this.shapes.set(shape.id, shape);
    const row = deedRow(deeds);
    const first = tree.size;
    for (const deed of deeds) {
      leaves.push(leafOf(deed));
      tree.add(leafOf(deed));
    }
    rows.push({ first, root: tree.root(), last: row.last, bytes: row.bytes });
  }

  sign({ id, tree, notes, key }: MemoryStream, by = key): void {
    const head = { origin: streamOrigin(LEDGER, id), size: tree.size, root: tree.root(), extensions: [] };
    notes.push(signNote(checkpointText(head), LEDGER, by.secret));
  }

  anchor(by = this.keys.at(-1)!): void {
    const heads = this.streams
      .map(({ id, tree }) =>
        checkpointText({ origin: streamOrigin(LEDGER, id), size: tree.size, root: tree.root(), extensions: [] }),
      )
      .toSorted();
    const root = treeRoot(heads.map(head => leafHash(Buffer.from(head))));
    const extensions = [new Date(this.now).toISOString()];
    const anchor = { origin: `${LEDGER}/anchor`, size: heads.length, root, extensions };
    this.anchors.push({ note: signNote(checkpointText(anchor), LEDGER, by.secret), heads });
  }

  /** Shows all anchors to a witness, which signs. */
  show(name: string, secret: KeyObject, seconds = BigInt(Math.floor(this.now / 1000))): void {
    const leaves = this.anchors.map(({ note }) => leafOfNote(note));
    const head = { origin: anchorsOrigin(LEDGER), size: leaves.length, root: treeRoot(leaves), extensions: [] };
    const note = signNote(checkpointText(head), LEDGER, this.keys.at(-1)!.secret);
    const signed = note + cosignature(note, name, secret, seconds);
    this.witnessed = { note: signed, shown: this.anchors.map(anchor => anchor.note), begun: undefined };
  }

  source(): TrailSource {
    const of = (id: string) => this.streams.find(stream => stream.id === id)!;
    return {
      base: BASE,
      keys: async () => this.keys.map(({ text }) => text),
      shapes: async () => [...this.shapes.values()],
      anchors: () => streamed(this.anchors),
      witnessed: async () => this.witnessed,
      streams: async () => this.streams.map(({ id, tree }) => ({ stream: id, size: tree.size })),
      unsealed: () => streamed(this.old),
      sealed: (id, from) => {
        const { rows } = of(id);
        const at = rows.findLastIndex(({ first }) => first <= from);
        return streamed(rows.slice(Math.max(0, at)));
      },
      tile: async (id, number) => {
        const leaves = of(id).leaves.slice(number * 256, (number + 1) * 256);
        return leaves.length === 256 ? Buffer.concat(leaves) : undefined;
      },
      checkpoints: id => streamed(of(id).notes),
      received: () => streamed(this.received),
    };
  }

  async export(asked: Partial<ExportAsked> = {}): Promise<ExportLine[]> {
    const lines: ExportLine[] = [];
    for await (const text of exportTrail(this.source(), { made: this.now, texts: false, ...asked }))
      lines.push(readExportLine(text)!);
    return lines;
  }
}

async function* streamed<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

export const textOfExport = (lines: readonly ExportLine[]): string =>
  lines.map(line => `${exportLineText(line)}\n`).join('');

/** As whoever changes an export carefully ends it: with the counts and the digest that it has now. */
export function ended(lines: readonly ExportLine[], events?: number): ExportLine[] {
  const [before, end] = [lines.filter(({ kind }) => kind !== 'end'), lines.find(({ kind }) => kind === 'end')];
  const digest = new LinesDigest();
  for (const line of before) digest.add(exportLineText(line));
  const told = end?.kind === 'end' ? end.events : 0;
  const rows = before.filter(({ kind }) => kind === 'row').length;
  const { lines: count, sha256 } = digest.taken();
  return [...before, { kind: 'end', rows, events: events ?? told, lines: count + 1, sha256 }];
}

export const verifyText = (text: string | Uint8Array, options: VerifyOptions = {}): Promise<VerifiedTrail> =>
  verifyTrail(fileLines(streamed([Buffer.from(text)])), options);

/** Several streams, one of a process that died, one under another key, anchors; with what is older than the ledger. */
export function sampleTrail(random: Random, size = 40): MemoryTrail {
  const trail = new MemoryTrail(random);
  for (let at = 0; at < 3; at++) {
    const deeds = [trail.deed(), trail.deed()];
    for (const { shape } of deeds) trail.shapes.set(shape.id, shape);
    trail.old.push({ last: trail.now, bytes: deedRow(deeds).bytes, deeds });
    trail.now += 10;
  }
  for (let at = 0; at < 2; at++) trail.received.push(receivedEvent(trail));
  trail.now += 10;
  const [first, second] = [trail.open(), trail.open()];
  const before = [
    ...trail.old.flatMap(({ deeds }) => deeds.map(leafOf)),
    ...trail.received.map(text => leafHash(Buffer.from(text))),
  ];
  const through = (JSON.parse(trail.received.at(-1)!) as { id: string }).id;
  const root = treeRoot(before).toString('base64');
  trail.entry(first, { what: 'before', rows: 3, events: 2, root, through, until: new Date(trail.now).toISOString() });
  fill(trail, [first, second], size);
  const text = receivedEvent(trail);
  trail.write(first, [trail.receipt(text)]);
  trail.received.push(text);
  trail.anchor();
  trail.entry(first, { what: 'closed' });
  trail.sign(first);
  // The second ends without a word, and with deeds that nobody has signed.
  trail.write(second, [trail.deed(), trail.deed()]);
  const third = trail.open();
  const head = { size: second.tree.size, root: second.tree.root().toString('base64') };
  trail.entry(third, { what: 'recovered', stream: second.id, ...head });
  fill(trail, [third], size);
  trail.sign(third);
  trail.anchor();
  return trail;
}

function fill(trail: MemoryTrail, streams: readonly MemoryStream[], rows: number): void {
  for (let at = 0; at < rows; at++) {
    const stream = trail.random.pick(streams);
    trail.now += trail.random.below(400);
    trail.write(
      stream,
      Array.from({ length: 1 + trail.random.below(4) }, () => trail.deed(trail.now - trail.random.below(3))).toSorted(
        (a, b) => a.at - b.at,
      ),
    );
    if (trail.random.chance(0.2)) trail.sign(stream);
    if (trail.random.chance(0.1)) trail.anchor();
  }
  for (const stream of streams) trail.sign(stream);
}

function receivedEvent(trail: MemoryTrail): string {
  trail.now += 5;
  const meta = { lastUpdated: new Date(trail.now).toISOString() };
  return JSON.stringify({ resourceType: 'AuditEvent', id: newId(trail.now), meta, outcome: '0' });
}
