/** Ways to tamper with the trail in a store, past the server, each with the place where it must be found. */
import type { FindingCode } from '../../src/audit/ledger/finding.js';
import { checkpointText, openCheckpoint, signNote } from '../../src/audit/ledger/note.js';
import { ShapeBook } from '../../src/audit/ledger/shape-book.js';
import { deedRow, deedsIn } from '../../src/store/deeds.js';
import { Frontier } from '../../src/store/ledger.js';
import { newLedgerKey } from './audit-trail.js';
import { type RawChanges, type RawRow, type RawTrail, redigested } from './raw-trail.js';
import type { Random } from './random.js';

export interface StoreTampered {
  readonly changes: RawChanges;
  /** One of these is found … */
  readonly codes: readonly FindingCode[];
  /** … there: in this stream between these deeds, or at what has this name. */
  readonly stream?: string;
  readonly from?: number;
  readonly to?: number;
  readonly id?: string;
}

interface Tampering {
  readonly trail: RawTrail;
  readonly random: Random;
  /** Name of the ledger in its notes. */
  readonly ledger: string;
}

type SealedRow = RawRow & { readonly seal: NonNullable<RawRow['seal']> };
const isSealed = (row: RawRow): row is SealedRow => row.seal !== undefined;

const deedsOf = (row: RawRow): Uint8Array[] => deedsIn(row.bytes);
const withDeeds = (row: RawRow, deeds: readonly Uint8Array[]): RawRow => {
  const bytes = deedRow(deeds.map(each => ({ at: row.last, events: 0, bytes: each, keys: [] }))).bytes;
  return redigested({ ...row, bytes: Buffer.from(bytes) });
};

const placeOf = (row: SealedRow) => {
  const { stream, first } = row.seal;
  return { stream, from: first, to: first + deedsOf(row).length - 1 };
};

const sealedIn = ({ trail }: Tampering): SealedRow[] => [...trail.rows.values()].filter(isSealed);
const pickRow = (given: Tampering, fits: (row: SealedRow) => boolean = () => true): SealedRow =>
  given.random.pick(sealedIn(given).filter(fits));
const isLong = (row: SealedRow): boolean => deedsOf(row).length > 1;

/** The rows of a stream, in their order. */
const streamOf = (given: Tampering, stream: string): SealedRow[] =>
  sealedIn(given)
    .filter(({ seal }) => seal.stream === stream)
    .toSorted((a, b) => a.seal.first - b.seal.first);

const put = (...rows: readonly RawRow[]): RawChanges => ({
  rows: new Map(rows.map(row => [row.sequence, row])),
});
const take = (...rows: readonly RawRow[]): RawChanges => ({
  rows: new Map(rows.map(({ sequence }) => [sequence, undefined])),
});

function otherByte(bytes: Uint8Array, random: Random): Buffer {
  const other = Buffer.from(bytes);
  const at = random.below(other.length);
  other[at] = other[at]! ^ (1 + random.below(255));
  return other;
}

const newSequence = ({ trail }: Tampering): number => Math.max(...trail.rows.keys()) + 1;

function booked({ trail }: Tampering): ShapeBook {
  const shapes = new ShapeBook();
  for (const text of trail.shapes.values()) shapes.add(text);
  return shapes;
}

/** Rows of a stream, with roots that follow from their deeds. */
function resealed(given: Tampering, rows: readonly SealedRow[]): SealedRow[] {
  const shapes = booked(given);
  const tree = new Frontier();
  return rows.map(row => {
    for (const deed of deedsOf(row)) tree.add(shapes.leafOf(deed)!);
    return { ...row, seal: { ...row.seal, root: tree.root() } };
  });
}

const ALTERED: readonly FindingCode[] = ['altered', 'unfounded-shape', 'malformed'];

export const STORE_TAMPERINGS: Readonly<Record<string, (given: Tampering) => StoreTampered>> = {
  'edits a deed': given => {
    const row = pickRow(given);
    const deeds = deedsOf(row);
    const which = given.random.below(deeds.length);
    const edited = withDeeds(row, deeds.with(which, otherByte(deeds[which]!, given.random)));
    const isCareful = given.random.chance(0.5);
    return { changes: put(isCareful ? edited : { ...edited, digest: row.digest }), codes: ALTERED, ...placeOf(row) };
  },
  'edits the bytes of a row': given => {
    const row = pickRow(given);
    const edited = redigested({ ...row, bytes: otherByte(row.bytes, given.random) });
    return { changes: put(edited), codes: [...ALTERED, 'missing', 'moved'], ...placeOf(row) };
  },
  'breaks off a row': given => {
    const row = pickRow(given);
    const bytes = row.bytes.subarray(0, given.random.below(row.bytes.length));
    const codes: readonly FindingCode[] = [...ALTERED, 'missing', 'truncated'];
    return { changes: put(redigested({ ...row, bytes })), codes, ...placeOf(row) };
  },
  'leaves out a deed': given => {
    const row = pickRow(given, isLong);
    const deeds = deedsOf(row).toSpliced(given.random.below(deedsOf(row).length), 1);
    return { changes: put(withDeeds(row, deeds)), codes: ['altered'], ...placeOf(row) };
  },
  'puts in a deed': given => {
    const row = pickRow(given);
    const deed = given.random.pick(deedsOf(pickRow(given)));
    const deeds = deedsOf(row).toSpliced(given.random.below(deedsOf(row).length + 1), 0, deed);
    return { changes: put(withDeeds(row, deeds)), codes: ALTERED, ...placeOf(row) };
  },
  'swaps deeds': given => {
    const row = pickRow(given, isLong);
    const [first, ...others] = deedsOf(row);
    return { changes: put(withDeeds(row, [...others, first!])), codes: ['altered'], ...placeOf(row) };
  },
  'swaps what two rows say': given => {
    const one = pickRow(given, ({ seal }) => streamOf(given, seal.stream).length > 1);
    const two = pickRow(given, ({ sequence, seal }) => sequence !== one.sequence && seal.stream === one.seal.stream);
    const swapped = (row: RawRow, { bytes, events, keys }: RawRow): RawRow =>
      redigested({ ...row, bytes, events, keys });
    // The later one may be hidden behind the first.
    const early = two.seal.first < one.seal.first ? two : one;
    return {
      changes: put(swapped(one, two), swapped(two, one)),
      codes: [...ALTERED, 'missing', 'moved'],
      ...placeOf(early),
    };
  },
  'edits a root': given => {
    const row = pickRow(given);
    const root = otherByte(row.seal.root, given.random);
    return { changes: put({ ...row, seal: { ...row.seal, root } }), codes: ['altered'], ...placeOf(row) };
  },
  'edits the time of a row': given => {
    const row = pickRow(given);
    const last = row.last + (given.random.chance(0.5) ? 1 : -86_400_000);
    return { changes: put(redigested({ ...row, last })), codes: ['altered'], ...placeOf(row) };
  },
  'edits a place': given => {
    const row = pickRow(given);
    const first = row.seal.first + 1000 + given.random.below(1000);
    const codes: readonly FindingCode[] = ['missing', 'moved', 'truncated'];
    return { changes: put({ ...row, seal: { ...row.seal, first } }), codes, ...placeOf(row) };
  },
  'takes a row away': given => {
    const row = pickRow(given);
    return { changes: take(row), codes: ['missing', 'truncated'], ...placeOf(row) };
  },
  'takes the seal of a row away': given => {
    const row = pickRow(given);
    const { seal: _seal, ...rest } = row;
    return { changes: put(rest), codes: ['missing', 'truncated'], ...placeOf(row) };
  },
  'cuts the end of a stream': given => {
    const row = pickRow(given, ({ seal }) => seal.first > 0);
    const { stream, first } = row.seal;
    const rows = streamOf(given, stream).filter(({ seal }) => seal.first >= first);
    const codes: readonly FindingCode[] = ['truncated', 'missing'];
    return { changes: take(...rows), codes, stream, from: first, to: Infinity };
  },
  'takes a stream away with all that is signed of it': given => {
    const { stream } = pickRow(given).seal;
    const notes = [...given.trail.notes.keys()].filter(name => name.includes(stream));
    return {
      changes: { ...take(...streamOf(given, stream)), notes: new Map(notes.map(name => [name, undefined])) },
      codes: ['missing', 'truncated', 'unknown-key', 'bad-signature'],
      stream,
    };
  },
  'puts in a row without a seal': given => {
    const { seal: _seal, ...row } = pickRow(given);
    return { changes: put({ ...row, sequence: newSequence(given) }), codes: ['inserted'] };
  },
  // Of one under way nobody can tell until it is signed.
  'puts in a row behind the end of a stream': given => {
    const shapes = booked(given);
    const isEnd = (row: SealedRow): boolean => shapes.read(deedsOf(row).at(-1)!)?.entry?.includes('"closed"') === true;
    const { stream } = pickRow(given, isEnd).seal;
    const rows = streamOf(given, stream);
    const last = rows.at(-1)!;
    const first = last.seal.first + deedsOf(last).length;
    const row = pickRow(given);
    const replayed = { ...row, sequence: newSequence(given), seal: { ...row.seal, stream, first } };
    const whole = resealed(given, [...rows, replayed]);
    return { changes: put(whole.at(-1)!), codes: ['inserted'], stream, from: first, to: Infinity };
  },
  'writes the end of a stream anew': given => {
    const row = pickRow(given, ({ seal }) => seal.first > 0);
    const { stream } = row.seal;
    const rows = streamOf(given, stream);
    const deeds = [...deedsOf(row), given.random.pick(deedsOf(pickRow(given)))].slice(1);
    const changed = { ...row, ...withDeeds(row, deeds) } as SealedRow;
    if (changed.bytes.equals(row.bytes)) return STORE_TAMPERINGS['edits a root']!(given);
    const anew = resealed(
      given,
      rows.map(each => (each === row ? changed : each)),
    );
    return { changes: put(...anew), codes: ['altered', 'fork'], stream };
  },
  'signs a checkpoint with another key': given => {
    const other = newLedgerKey();
    const names = [...given.trail.notes.keys()].filter(name => name.startsWith('checkpoint/'));
    const name = given.random.pick(names);
    const { text } = openCheckpoint(given.trail.notes.get(name)!.toString(), []);
    const notes = new Map([[name, Buffer.from(signNote(text, given.ledger, other.secret))]]);
    if (given.random.chance(0.5)) notes.set('key/zzzzzzzz', Buffer.from(other.text));
    return { changes: { notes }, codes: ['bad-signature', 'unknown-key'], stream: name.split('/')[1]! };
  },
  'edits a checkpoint': given => {
    const names = [...given.trail.notes.keys()].filter(name => name.startsWith('checkpoint/'));
    const name = given.random.pick(names);
    const note = given.trail.notes.get(name)!.toString();
    const { text, checkpoint } = openCheckpoint(note, []);
    const size = checkpoint.size + 1 + given.random.below(9);
    const edited = note.replace(text, checkpointText({ ...checkpoint, size }));
    const notes = new Map([[name, Buffer.from(edited)]]);
    const codes: readonly FindingCode[] = ['bad-signature', 'truncated', 'missing', 'malformed'];
    return { changes: { notes }, codes, stream: name.split('/')[1]! };
  },
  'edits a shape': given => {
    const [id, text] = given.random.pick([...given.trail.shapes].filter(([, each]) => each.includes('"outcome"')));
    const shapes = new Map([[id, text.replace('"outcome":"', '"outcome":"1')]]);
    return { changes: { shapes }, codes: ['unfounded-shape', 'altered'] };
  },
  'takes a shape away': given => {
    const [id] = given.random.pick([...given.trail.shapes]);
    return { changes: { shapes: new Map([[id, undefined]]) }, codes: ['unfounded-shape'] };
  },
  'hides a row from searches': given => {
    const row = pickRow(given, ({ keys }) => keys.length > 0);
    const left = given.random.chance(0.3) ? [] : row.keys.toSpliced(given.random.below(row.keys.length), 1);
    const shapes = booked(given);
    const first = shapes.read(deedsOf(row)[0]!)!;
    return { changes: put({ ...row, keys: left }), codes: ['hidden-from-search'], id: `AuditEvent/${first.id}` };
  },
  'says that a row has another number of events': given => {
    const row = pickRow(given, ({ events }) => events > 0);
    const events = given.random.chance(0.5) ? 0 : row.events + 1;
    const first = booked(given).read(deedsOf(row)[0]!)!;
    return { changes: put(redigested({ ...row, events })), codes: ['altered'], id: `AuditEvent/${first.id}` };
  },
  'edits an event that was received': given => {
    const [name, x] = given.random.pick([...given.trail.received]);
    const { id } = JSON.parse(x.toString()) as { readonly id: string };
    const edited = Buffer.from(x.toString().replace('elsewhere', 'somewhere'));
    return { changes: { received: new Map([[name, edited]]) }, codes: ['altered'], id };
  },
};
