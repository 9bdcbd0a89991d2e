/**
 * Whether an export of the trail is what was sealed: every deed hashed anew and the trees over them compared with what was sealed, signed and
 * anchored, every event's text made anew from its deed. It knows nothing of a server or a store, so that it runs on any machine
 * (tools/verify-audit.mjs).
 *
 * It reads the lines once, in their order. What it keeps is 48 bytes for each row, a frontier for each stream, and what is said of
 * streams before they come; a million deeds take less than a minute of one core. Whatever the lines are, it ends with findings.
 */
import { Frontier, type Hash, HASH_BYTES } from '../../store/ledger.js';
import { eventsOfDeed } from '../trail/parts.js';
import { AnchorCheck, type KeptAnchor } from './anchor-check.js';
import { BeforeCheck } from './before-check.js';
import { ClockCheck } from './clock-check.js';
import { readLedgerEntry, readRoot } from './entry.js';
import { EntryCheck, type EntryPlace } from './entry-check.js';
import { EventCheck, type PlacedDeed } from './event-check.js';
import {
  EXPORT_VERSION,
  type ExportedRow,
  type ExportHeader,
  type ExportLine,
  LinesDigest,
  readExportLine,
} from './export-line.js';
import { TrailFindings } from './finding.js';
import type { FileLine } from './lines.js';
import { type Checkpoint, type NoteKey, streamOfOrigin } from './note.js';
import { ReceivedCheck } from './received-check.js';
import { bytesInBase64, ShapeBook } from './shape-book.js';
import { Signers } from './signers.js';
import { StreamBook } from './stream-book.js';
import type { HeadSource } from './stream-heads.js';
import { type SeenByWitness, WitnessCheck } from './witness-check.js';

export interface VerifyOptions {
  /** Texts of keys that are trusted; none: those that the export lists. */
  readonly keys?: readonly string[];
  readonly anchors?: readonly KeptAnchor[];
  /** Witnesses that are trusted. */
  readonly witnesses?: readonly NoteKey[];
}

export interface VerifiedTrail {
  readonly findings: TrailFindings;
  /** Undefined: it is no export that this program knows. */
  readonly header: ExportHeader | undefined;
  readonly counts: {
    readonly lines: number;
    readonly streams: number;
    readonly rows: number;
    readonly deeds: number;
    readonly events: number;
    readonly checkpoints: number;
    readonly anchors: number;
  };
  /** By a witness that is trusted; undefined: none has. */
  readonly seen: SeenByWitness | undefined;
}

export async function verifyTrail(lines: AsyncIterable<FileLine>, options: VerifyOptions = {}): Promise<VerifiedTrail> {
  const verifier = new TrailVerifier(options);
  for await (const line of lines) if (!verifier.line(line)) break;
  return verifier.end();
}

class TrailVerifier {
  readonly #findings = new TrailFindings();
  readonly #signers: Signers;
  readonly #streams: StreamBook;
  readonly #anchors: AnchorCheck;
  readonly #witness: WitnessCheck;
  readonly #entries: EntryCheck;
  readonly #shapes = new ShapeBook();
  readonly #clock: ClockCheck;
  readonly #before: BeforeCheck;
  readonly #events: EventCheck;
  readonly #received: ReceivedCheck;
  #header: ExportHeader | undefined;
  #end: Extract<ExportLine, { kind: 'end' }> | undefined;
  readonly #digest = new LinesDigest();
  #hasReturns = false;
  #line = 0;
  #lines = 0;
  #rows = 0;
  #deeds = 0;
  #told = 0;
  /** ms since 1970, of the deeds that are what was sealed. */
  #newest = -Infinity;
  #checkpoints = 0;

  constructor({ keys = [], anchors = [], witnesses = [] }: VerifyOptions) {
    const findings = this.#findings;
    this.#signers = new Signers(findings, keys);
    this.#streams = new StreamBook(findings);
    this.#clock = new ClockCheck(findings);
    this.#before = new BeforeCheck(findings);
    this.#events = new EventCheck(findings);
    this.#received = new ReceivedCheck(findings, this.#before);
    const [streams, signers, clock, before] = [this.#streams, this.#signers, this.#clock, this.#before];
    this.#entries = new EntryCheck({ findings, streams, signers, clock, before, received: this.#received });
    const tell = (head: Checkpoint, source: HeadSource): void =>
      streams.claim(streamOfOrigin(head.origin), head, source);
    this.#anchors = new AnchorCheck(findings, signers, tell, anchors);
    this.#witness = new WitnessCheck(findings, signers, witnesses);
  }

  /** False: nothing further need be read. */
  line({ number, text, hasReturn }: FileLine): boolean {
    this.#line = number;
    this.#lines += 1;
    this.#hasReturns ||= hasReturn;
    const line = text === undefined ? undefined : readExportLine(text);
    if (line?.kind !== 'end') this.#digest.add(text ?? '');
    if (!this.#header) {
      if (line?.kind === 'header' && line.header.version === EXPORT_VERSION) this.#header = line.header;
      else this.#findings.add('malformed', { line: number }, 'This is no export of an audit trail that is known here.');
      return this.#header !== undefined;
    }
    if (!line) this.#findings.add('malformed', { line: number }, 'This line is none that an export has.');
    else if (this.#end) this.#findings.add('inserted', { line: number }, 'There are lines behind the end.');
    else this.#take(line);
    return true;
  }

  #take(line: ExportLine): void {
    const place = { line: this.#line };
    if (line.kind !== 'event') this.#events.finish();
    switch (line.kind) {
      case 'header':
        return void this.#findings.add('inserted', place, 'There is a second beginning.');
      case 'key':
        return this.#signers.list(line.key, this.#line);
      case 'shape':
        if (!this.#shapes.add(line.shape)) this.#findings.add('malformed', place, 'This is no shape of deeds.');
        return undefined;
      case 'frontier':
        return this.#frontier(line);
      case 'tile':
        return this.#tile(line);
      case 'row':
        return this.#row(line.row);
      case 'event':
        return this.#events.event(line.of, line.event, this.#line);
      case 'received':
        this.#told += 1;
        return this.#received.received(line.received, this.#line);
      case 'checkpoint':
        return this.#checkpoint(line.checkpoint);
      case 'witnessed':
        return this.#witness.witnessed(line, this.#line);
      case 'anchor':
        this.#witness.anchor(line.anchor);
        return this.#anchors.anchor(line.anchor, line.heads, this.#line);
      case 'end':
        this.#end = line;
    }
  }

  end(): VerifiedTrail {
    const header = this.#header;
    if (header) {
      this.#events.finish();
      const time = (text: string | null, other: number): number => (text === null ? other : Date.parse(text));
      const made = Date.parse(header.made);
      const isWhole = header.to === null;
      const told = { from: time(header.from, -Infinity), to: Math.min(time(header.to, Infinity), made) };
      this.#anchors.end(told.from, told.to);
      this.#witness.end(told);
      this.#received.end(isWhole && header.from === null, Math.max(made, this.#newest));
      this.#before.end(isWhole && header.from === null);
      this.#entries.end();
      const isOlder = this.#anchors.isYounger(made);
      this.#streams.end({ isWhole, isFromStart: header.from === null, isOlder }, this.#signers);
      this.#signers.end();
      this.#endOfLines();
    }
    return {
      findings: this.#findings,
      header,
      counts: {
        ...{ lines: this.#lines, streams: this.#streams.count, rows: this.#rows, deeds: this.#deeds },
        ...{ events: this.#told, checkpoints: this.#checkpoints, anchors: this.#anchors.count },
      },
      seen: this.#witness.seen,
    };
  }

  #endOfLines(): void {
    const findings = this.#findings;
    const place = { line: this.#line };
    if (this.#hasReturns)
      findings.warn(
        'malformed',
        { line: 1 },
        'Lines end as another program ends them: somebody has opened and stored the file.',
      );
    if (!this.#end) {
      findings.add('cut', place, 'The export has no end: it was cut here, or its last line was taken out.');
      return;
    }
    const differences = [
      ['lines', this.#end.lines, this.#lines],
      ['rows', this.#end.rows, this.#rows],
      ['events', this.#end.events, this.#told],
    ] as const;
    const wrong = differences.find(([what, said, found]) => said !== found && (what === 'lines' || !findings.blames));
    if (!wrong) return this.#compareDigest(this.#end.sha256);
    const [what, said, found] = wrong;
    findings.add(
      found < said ? 'missing' : 'inserted',
      place,
      `The last line says that there are ${said} ${what}, and there are ${found}.`,
    );
  }

  /** What changed a line that says nothing of deeds is found by this alone. */
  #compareDigest(sha256: string): void {
    if (this.#digest.taken().sha256 !== sha256 && !this.#findings.blames)
      this.#findings.add(
        'altered',
        { line: this.#line },
        'A line is another one than was written, by the digest of the last line.',
      );
  }

  #frontier({ stream, size, perfect }: Extract<ExportLine, { kind: 'frontier' }>): void {
    const hashes = perfect.map(readRoot);
    try {
      if (hashes.some(hash => !hash)) throw new RangeError('No hash.');
      const edge = new Frontier(size, hashes as Hash[]);
      if (this.#streams.of(stream).check.hasBegun) throw new RangeError('Within the stream.');
      this.#streams.of(stream).check.begin(edge);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#findings.add('malformed', { line: this.#line, stream }, 'This is no edge of a tree where one can be.');
    }
  }

  #tile({ stream, from, hashes }: Extract<ExportLine, { kind: 'tile' }>): void {
    const bytes = bytesInBase64(hashes);
    if (bytes && bytes.length > 0 && bytes.length % HASH_BYTES === 0)
      this.#streams.of(stream).check.keepTile(from, bytes);
    else this.#findings.add('malformed', { line: this.#line, stream }, 'These are no hashes.');
  }

  #row(row: ExportedRow): void {
    this.#rows += 1;
    const { stream, first, root } = row;
    const parts = (row.deeds ?? row.hashes)!.map(bytesInBase64);
    const place = { line: this.#line, ...(stream === undefined ? {} : { stream, index: first! }) };
    if (parts.some(part => !part || (row.hashes && part.length !== HASH_BYTES)))
      return void this.#findings.add('malformed', place, 'This row has bytes that are none.');
    const bytes = parts as Buffer[];
    this.#deeds += bytes.length;
    const leaves = row.hashes ? bytes : bytes.map(deed => this.#shapes.leafOf(deed));
    const unfounded = leaves.findIndex(leaf => !leaf);
    if (unfounded !== -1) {
      const which = stream === undefined ? place : { stream, index: first! + unfounded };
      this.#findings.add('unfounded-shape', which, 'The shape of this deed is not there: it cannot be read.');
    }
    if (stream === undefined) {
      this.#before.row(leaves, row.last, place);
      return this.#read(bytes, row, () => place);
    }
    const { check } = this.#streams.of(stream);
    const isGood = check.row({ first: first!, root: readRoot(root)!, last: row.last, leaves });
    if (row.hashes) this.#entries.without(stream, first!, first! + bytes.length);
    else this.#read(bytes, row, at => ({ stream, index: first! + at }), isGood);
  }

  /** Reads the deeds of a row. Of those that are not what was sealed nothing is taken for granted. */
  #read(
    bytes: readonly Buffer[],
    { last, stream }: ExportedRow,
    placeOf: (at: number) => PlacedDeed['place'],
    isGood = true,
  ): void {
    const deeds: PlacedDeed[] = [];
    let newest = -Infinity;
    for (const [at, deed] of bytes.entries()) {
      const kept = this.#shapes.read(deed);
      const place = placeOf(at);
      if (!kept) {
        if (isGood && this.#shapes.leafOf(deed)) this.#findings.add('malformed', place, 'This deed cannot be read.');
        continue;
      }
      deeds.push({ kept, place });
      newest = Math.max(newest, kept.at);
      this.#told += eventsOfDeed(kept);
      if (stream === undefined || !isGood) continue;
      this.#clock.deed(stream, place.index!, kept.at);
      this.#newest = Math.max(this.#newest, kept.at);
      if (kept.record) this.#received.deed(kept.record);
      const entry = kept.entry === undefined ? undefined : readLedgerEntry(kept.entry);
      if (place.index === 0 || entry) this.#entries.entry(entry, place as EntryPlace, kept.at);
    }
    if (isGood && deeds.length === bytes.length && newest !== last)
      this.#findings.add('altered', placeOf(bytes.length - 1), 'The row says another time than its newest deed.');
    if (this.#header!.texts) this.#events.expect(deeds);
  }

  #checkpoint(note: string): void {
    this.#checkpoints += 1;
    const placeOf = (checkpoint?: Checkpoint) => ({
      line: this.#line,
      ...(checkpoint ? { stream: streamOfOrigin(checkpoint.origin), index: Math.max(0, checkpoint.size - 1) } : {}),
    });
    const opened = this.#signers.open(note, placeOf);
    if (!opened) return;
    this.#streams.signed(opened, placeOf(opened.checkpoint));
  }
}
