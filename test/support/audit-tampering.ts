/** Ways to tamper with an export of the trail, each with the place where it must be found. */
import type { KeptAnchor } from '../../src/audit/ledger/anchor-check.js';
import type { ExportedRow, ExportLine } from '../../src/audit/ledger/export-line.js';
import type { FindingCode, TrailFinding } from '../../src/audit/ledger/finding.js';
import { checkpointText, openCheckpoint, signNote } from '../../src/audit/ledger/note.js';
import { ShapeBook } from '../../src/audit/ledger/shape-book.js';
import { Frontier, leafHash, treeRoot } from '../../src/store/ledger.js';
import { ended, LEDGER, type LedgerKey, type MemoryTrail, newLedgerKey, textOfExport } from './audit-trail.js';
import type { Random } from './random.js';

export interface Tampered {
  readonly bytes: string | Uint8Array;
  /** One of these is found … */
  readonly codes: readonly FindingCode[];
  /** … there: in this stream between these deeds, in this line, or at what has this name. */
  readonly stream?: string;
  readonly from?: number;
  readonly to?: number;
  readonly id?: string;
  readonly keys?: readonly string[];
  readonly anchors?: readonly KeptAnchor[];
}

/** Whether a finding is where it must be. */
export function isPlaced(
  { where }: TrailFinding,
  { stream, from = 0, to = Infinity, id }: Pick<Tampered, 'stream' | 'from' | 'to' | 'id'>,
): boolean {
  if (id !== undefined) return where.id === id;
  if (stream === undefined) return true;
  if (where.stream !== stream) return false;
  return where.index === undefined || (where.index <= to && (where.to ?? where.index) >= from);
}

interface Tampering {
  readonly trail: MemoryTrail;
  readonly lines: ExportLine[];
  readonly random: Random;
}

type SealedRow = Required<Pick<ExportedRow, 'stream' | 'first' | 'root' | 'deeds'>> & ExportedRow;
type RowLine = ExportLine & { readonly kind: 'row'; row: ExportedRow };

const isSealed = (line: ExportLine): line is RowLine & { row: SealedRow } =>
  line.kind === 'row' && line.row.stream !== undefined;

const placeOf = ({ stream, first, deeds }: SealedRow) => ({ stream, from: first, to: first + deeds.length - 1 });

function rowOf({ lines, random }: Tampering, fits: (row: SealedRow) => boolean = () => true) {
  const rows = lines.flatMap((line, at) => (isSealed(line) && fits(line.row) ? [{ at, row: line.row }] : []));
  return random.pick(rows);
}

/** With another row in its place; its end says what is there. */
const withRow = ({ lines }: Tampering, at: number, row: ExportedRow): string =>
  textOfExport(ended(lines.with(at, { kind: 'row', row })));

/** As the last line says it. */
const eventsIn = (lines: readonly ExportLine[]): number => {
  const end = lines.at(-1);
  return end?.kind === 'end' ? end.events : 0;
};

const otherByte = (text: string, random: Random): string => {
  const bytes = Buffer.from(text, 'base64');
  const at = random.below(bytes.length);
  bytes[at] = bytes[at]! ^ (1 + random.below(255));
  return bytes.toString('base64');
};

const ALTERED: readonly FindingCode[] = ['altered', 'unfounded-shape', 'malformed'];

/** The last stream: no other one knows how it goes on. */
const lastStream = ({ trail }: Tampering): string => trail.streams.at(-1)!.id;

/** All roots of a stream, and hashes beside it, as they follow from its deeds; with a key also what is signed. */
function resealed(lines: readonly ExportLine[], stream: string, key?: LedgerKey): ExportLine[] {
  const shapes = new ShapeBook();
  for (const line of lines) if (line.kind === 'shape') shapes.add(line.shape);
  const tree = new Frontier();
  const roots = new Map<number, Buffer>();
  const leaves: Buffer[] = [];
  const sealed = lines.map(line => {
    if (!isSealed(line) || line.row.stream !== stream) return line;
    for (const deed of line.row.deeds) {
      const bytes = Buffer.from(deed, 'base64');
      leaves.push(shapes.leafOf(bytes) ?? leafHash(bytes));
      tree.add(leaves.at(-1)!);
    }
    roots.set(tree.size, tree.root());
    return { ...line, row: { ...line.row, root: tree.root().toString('base64') } };
  });
  const headOf = (text: string): string => {
    const { checkpoint } = openCheckpoint(`${text}\n`, []);
    const root = checkpoint.origin.endsWith(`/${stream}`) ? roots.get(checkpoint.size) : undefined;
    return root ? checkpointText({ ...checkpoint, root }) : text;
  };
  return sealed.map(line => {
    if (line.kind === 'tile' && line.stream === stream) {
      const kept = leaves.slice(line.from, line.from + 256);
      return { ...line, hashes: Buffer.concat(kept).toString('base64') };
    }
    if (!key) return line;
    if (line.kind === 'checkpoint') {
      const text = openCheckpoint(line.checkpoint, []).text;
      return { ...line, checkpoint: signNote(headOf(text), LEDGER, key.secret) };
    }
    if (line.kind !== 'anchor') return line;
    const heads = line.heads.map(headOf);
    const root = treeRoot(heads.map(head => leafHash(Buffer.from(head))));
    const { checkpoint } = openCheckpoint(line.anchor, []);
    return { ...line, heads, anchor: signNote(checkpointText({ ...checkpoint, root }), LEDGER, key.secret) };
  });
}

export const TAMPERINGS: Readonly<Record<string, (given: Tampering) => Tampered>> = {
  'edits a deed': given => {
    const { at, row } = rowOf(given);
    const which = given.random.below(row.deeds.length);
    const deeds = row.deeds.with(which, otherByte(row.deeds[which]!, given.random));
    return { bytes: withRow(given, at, { ...row, deeds }), codes: ALTERED, ...placeOf(row) };
  },
  'edits a deed, and seals all that follow anew': given => {
    const stream = lastStream(given);
    const { at, row } = rowOf(given, ({ stream: of, first }) => of === stream && first > 0);
    const deeds = [...row.deeds, row.deeds[0]!].slice(1);
    const deed = given.trail.deed().bytes;
    const lines = given.lines.with(at, {
      kind: 'row',
      row: { ...row, deeds: deeds.with(0, Buffer.from(deed).toString('base64')) },
    });
    // Anywhere between two checkpoints.
    return { bytes: textOfExport(ended(resealed(lines, stream))), codes: ALTERED, stream };
  },
  'leaves out a deed': given => {
    const { at, row } = rowOf(given, ({ deeds }) => deeds.length > 1);
    const deeds = row.deeds.toSpliced(given.random.below(row.deeds.length), 1);
    return { bytes: withRow(given, at, { ...row, deeds }), codes: ['altered'], ...placeOf(row) };
  },
  'puts in a deed': given => {
    const { at, row } = rowOf(given);
    const deed = Buffer.from(given.trail.deed().bytes).toString('base64');
    const deeds = row.deeds.toSpliced(given.random.below(row.deeds.length), 0, deed);
    return { bytes: withRow(given, at, { ...row, deeds }), codes: ALTERED, ...placeOf(row) };
  },
  'swaps deeds': given => {
    const { at, row } = rowOf(given, ({ deeds }) => deeds.length > 1);
    const deeds = [...row.deeds.slice(1), row.deeds[0]!];
    return { bytes: withRow(given, at, { ...row, deeds }), codes: ['altered'], ...placeOf(row) };
  },
  'edits a root': given => {
    const { at, row } = rowOf(given);
    const root = otherByte(row.root, given.random);
    return { bytes: withRow(given, at, { ...row, root }), codes: ['altered'], ...placeOf(row) };
  },
  'edits the time of a row': given => {
    const { at, row } = rowOf(given);
    const last = row.last + (given.random.chance(0.5) ? 1 : -86_400_000);
    return { bytes: withRow(given, at, { ...row, last }), codes: ['altered'], ...placeOf(row) };
  },
  'edits a place': given => {
    const { at, row } = rowOf(given);
    const first = row.first + 1 + given.random.below(100);
    return { bytes: withRow(given, at, { ...row, first }), codes: ['missing', 'moved'], ...placeOf(row) };
  },
  'leaves out a row': given => {
    const { at, row } = rowOf(given);
    const bytes = textOfExport(ended(given.lines.toSpliced(at, 1)));
    return { bytes, codes: ['missing', 'truncated'], ...placeOf(row) };
  },
  'swaps rows': given => {
    const stream = given.random.pick(given.trail.streams).id;
    const rows = given.lines.flatMap((line, at) =>
      isSealed(line) && line.row.stream === stream ? [{ at, line }] : [],
    );
    const which = given.random.below(rows.length - 1);
    const [one, two] = [rows[which]!, rows[which + 1]!];
    const bytes = textOfExport(ended(given.lines.with(one.at, two.line).with(two.at, one.line)));
    return { bytes, codes: ['moved'], ...placeOf(one.line.row) };
  },
  'puts a row in twice': given => {
    const { at, row } = rowOf(given);
    const isEvent = (place: number): boolean => given.lines[place]?.kind === 'event';
    let later = Math.min(at + 1 + given.random.below(5), given.lines.length - 1);
    // The events of another row stay behind it.
    while (isEvent(later)) later += 1;
    const lines = given.lines.toSpliced(later, 0, { kind: 'row', row });
    return { bytes: textOfExport(ended(lines)), codes: ['inserted'], ...placeOf(row) };
  },
  'puts in another row at a place that is taken': given => {
    const { at, row } = rowOf(given);
    const deeds = [Buffer.from(given.trail.deed().bytes).toString('base64')];
    const lines = given.lines.toSpliced(at + 1, 0, { kind: 'row', row: { ...row, deeds } });
    return { bytes: textOfExport(ended(lines)), codes: ['fork', 'inserted'], ...placeOf(row) };
  },
  'cuts the file': given => {
    const whole = Buffer.from(textOfExport(given.lines));
    const bytes = whole.subarray(0, given.random.below(whole.length - 1));
    return { bytes, codes: ['cut', 'malformed'] };
  },
  'cuts the end of a stream': given => {
    const { stream, first } = rowOf(given, row => row.first > 0).row;
    const lines = given.lines.filter(line => {
      if (line.kind === 'checkpoint') {
        const { checkpoint } = openCheckpoint(line.checkpoint, []);
        return !checkpoint.origin.endsWith(stream) || checkpoint.size <= first;
      }
      return line.kind !== 'row' || line.row.stream !== stream || line.row.first! < first;
    });
    const anchors = [given.trail.anchors.at(-1)!];
    return { bytes: textOfExport(ended(lines)), codes: ['truncated'], stream, from: first, to: Infinity, anchors };
  },
  'leaves out a stream': given => {
    const stream = given.random.pick(given.trail.streams).id;
    const lines = given.lines.filter(
      line =>
        !(line.kind === 'row' && line.row.stream === stream) &&
        !(line.kind === 'tile' && line.stream === stream) &&
        !(line.kind === 'checkpoint' && openCheckpoint(line.checkpoint, []).checkpoint.origin.endsWith(stream)),
    );
    return {
      bytes: textOfExport(ended(lines)),
      codes: ['missing', 'bad-signature', 'unknown-key', 'truncated'],
      stream,
    };
  },
  'signs a checkpoint with another key': given => {
    const other = newLedgerKey();
    const notes = given.lines.flatMap((line, at) => (line.kind === 'checkpoint' ? [{ at, line }] : []));
    const { at, line } = given.random.pick(notes);
    const { text, checkpoint } = openCheckpoint(line.checkpoint, []);
    const isListed = given.random.chance(0.5);
    const lines = given.lines.with(at, { kind: 'checkpoint', checkpoint: signNote(text, LEDGER, other.secret) });
    const bytes = textOfExport(ended(isListed ? lines.toSpliced(1, 0, { kind: 'key', key: other.text }) : lines));
    const stream = checkpoint.origin.slice(LEDGER.length + 1);
    const codes: FindingCode[] = ['bad-signature', 'unknown-key'];
    return { bytes, codes, stream, from: checkpoint.size - 1, to: checkpoint.size - 1 };
  },
  'signs all with another key': given => {
    const other = newLedgerKey();
    const lines = resealed(given.lines, lastStream(given), other).toSpliced(1, 0, { kind: 'key', key: other.text });
    const keys = given.random.chance(0.5) ? given.trail.keys.map(({ text }) => text) : [];
    return { bytes: textOfExport(ended(lines)), codes: ['unknown-key'], keys };
  },
  'writes a stream anew with its key': given => {
    const stream = lastStream(given);
    const { at, row } = rowOf(given, ({ stream: of, first }) => of === stream && first > 0);
    const deed = given.trail.deed(row.last);
    const deeds = row.deeds.with(row.deeds.length - 1, Buffer.from(deed.bytes).toString('base64'));
    const shape: ExportLine = { kind: 'shape', shape: deed.shape.text };
    const lines = given.lines.with(at, { kind: 'row', row: { ...row, deeds } }).toSpliced(at, 0, shape);
    const anchor = given.trail.anchors.at(-1)!;
    const bytes = textOfExport(ended(resealed(lines, stream, given.trail.keys[0])));
    if (given.random.chance(0.5)) return { bytes, codes: ['missing'], id: 'anchor', anchors: [{ note: anchor.note }] };
    return { bytes, codes: ['fork'], stream, from: row.first, to: Infinity, anchors: [anchor] };
  },
  'leaves out an anchor that was kept elsewhere': given => {
    const { anchor, heads } = given.random.pick(given.lines.filter(line => line.kind === 'anchor'));
    // Where nothing was done in between another anchor has the same heads.
    const same = JSON.stringify(heads);
    const lines = given.lines.filter(line => line.kind !== 'anchor' || JSON.stringify(line.heads) !== same);
    return { bytes: textOfExport(ended(lines)), codes: ['missing'], id: 'anchor', anchors: [{ note: anchor }] };
  },
  'edits a head of an anchor': given => {
    const anchors = given.lines.flatMap((line, at) => (line.kind === 'anchor' ? [{ at, line }] : []));
    const { at, line } = given.random.pick(anchors);
    const which = given.random.below(line.heads.length);
    const heads = line.heads.with(
      which,
      line.heads[which]!.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`),
    );
    return { bytes: textOfExport(ended(given.lines.with(at, { ...line, heads }))), codes: ['altered'] };
  },
  'edits the text of an event': given => {
    const events = given.lines.flatMap((line, at) => (line.kind === 'event' ? [{ at, line }] : []));
    const { at, line } = given.random.pick(events);
    const lines = given.lines.with(at, { ...line, event: line.event.replace(/"(anna|ben|GET)/, '"carl') + ' ' });
    const row = given.lines.slice(0, at).findLast(({ kind }) => kind === 'row') as RowLine;
    const place = isSealed(row) ? placeOf(row.row) : {};
    return { bytes: textOfExport(ended(lines)), codes: ['altered'], ...place };
  },
  'leaves out an event': given => {
    const events = given.lines.flatMap((line, at) => (line.kind === 'event' ? [at] : []));
    const bytes = textOfExport(ended(given.lines.toSpliced(given.random.pick(events), 1)));
    return { bytes, codes: ['missing', 'altered'] };
  },
  'puts in an event': given => {
    const events = given.lines.flatMap((line, at) => (line.kind === 'event' ? [at] : []));
    const line: ExportLine = { kind: 'event', event: '{"resourceType":"AuditEvent","id":"x"}', of: 'x' };
    return {
      bytes: textOfExport(ended(given.lines.toSpliced(given.random.pick(events), 0, line))),
      codes: ['inserted'],
      id: 'x',
    };
  },
  'edits an event that was received': given => {
    const events = given.lines.flatMap((line, at) => (line.kind === 'received' ? [{ at, line }] : []));
    const { at, line } = given.random.pick(events);
    const received = line.received.replace('"outcome":"0"', '"outcome":"4"');
    return { bytes: textOfExport(ended(given.lines.with(at, { ...line, received }))), codes: ['altered'] };
  },
  'leaves out an event that was received': given => {
    const events = given.lines.flatMap((line, at) => (line.kind === 'received' ? [at] : []));
    const bytes = textOfExport(ended(given.lines.toSpliced(given.random.pick(events), 1)));
    return { bytes, codes: ['missing'] };
  },
  'puts in an event as if others had sent it': given => {
    const { trail, lines, random } = given;
    const at = lines.findIndex(({ kind }) => kind === 'received');
    // Of a time before the end of the trail: what is younger may have come while the trail was read.
    const meta = { lastUpdated: new Date(trail.now).toISOString() };
    const received = JSON.stringify({ resourceType: 'AuditEvent', id: 'x', meta, outcome: random.pick(['0', '4']) });
    const [header, ...others] = lines as [ExportLine & { kind: 'header' }, ...ExportLine[]];
    const made = new Date(trail.now + 120_000).toISOString();
    const later: ExportLine[] = [{ kind: 'header', header: { ...header.header, made } }, ...others];
    return {
      bytes: textOfExport(ended(later.toSpliced(at, 0, { kind: 'received', received }), eventsIn(lines) + 1)),
      ...{ codes: ['inserted'], id: 'x' },
    };
  },
  'puts in an event that others have sent a second time': given => {
    const events = given.lines.flatMap((line, at) => (line.kind === 'received' ? [at] : []));
    const at = given.random.pick(events);
    const lines = given.lines.toSpliced(at, 0, given.lines[at]!);
    return { bytes: textOfExport(ended(lines, eventsIn(lines) + 1)), codes: ['inserted', 'altered'] };
  },
  'edits what is older than the ledger': given => {
    const rows = given.lines.flatMap((line, at) =>
      line.kind === 'row' && line.row.stream === undefined ? [{ at, row: line.row }] : [],
    );
    const { at, row } = given.random.pick(rows);
    const deeds = row.deeds!.with(0, Buffer.from(given.trail.deed(row.last).bytes).toString('base64'));
    const codes: FindingCode[] = ['altered', 'unfounded-shape', 'malformed'];
    return { bytes: withRow(given, at, { ...row, deeds }), codes };
  },
  'leaves out a shape': given => {
    const shapes = given.lines.flatMap((line, at) => (line.kind === 'shape' ? [at] : []));
    const bytes = textOfExport(ended(given.lines.toSpliced(given.random.pick(shapes), 1)));
    return { bytes, codes: ['unfounded-shape'] };
  },
  'leaves out the key': given => {
    const at = given.lines.findIndex(({ kind }) => kind === 'key');
    return { bytes: textOfExport(ended(given.lines.toSpliced(at, 1))), codes: ['unknown-key', 'bad-signature'] };
  },
  'edits a byte': given => {
    const bytes = Buffer.from(textOfExport(given.lines));
    const at = given.random.below(bytes.length);
    bytes[at] = bytes[at]! ^ (1 + given.random.below(255));
    return { bytes, codes: EVERYTHING };
  },
  'leaves out a line': given => {
    const at = given.random.below(given.lines.length);
    return { bytes: textOfExport(given.lines.toSpliced(at, 1)), codes: EVERYTHING };
  },
  'puts a line in twice': given => {
    const at = given.random.below(given.lines.length);
    return { bytes: textOfExport(given.lines.toSpliced(at, 0, given.lines[at]!)), codes: EVERYTHING };
  },
  'puts in a line that is none': given => {
    const lines = textOfExport(given.lines).split('\n');
    const at = 1 + given.random.below(lines.length - 2);
    const none = given.random.pick([
      '{}',
      '[]',
      'null',
      '{"row":{}}',
      '['.repeat(100_000),
      '{"tile":3}',
      '\u0000',
      'x'.repeat(1e6),
    ]);
    return { bytes: lines.toSpliced(at, 0, none).join('\n'), codes: ['malformed'] };
  },
};

const EVERYTHING: readonly FindingCode[] = [
  ...(['altered', 'missing', 'inserted', 'moved', 'truncated', 'bad-signature', 'unknown-key'] as const),
  ...(['fork', 'clock-backwards', 'unfounded-shape', 'cut', 'malformed'] as const),
];
