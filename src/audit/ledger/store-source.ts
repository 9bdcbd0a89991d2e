/** The trail of a store as what can be exported (export.ts): its rows, what the ledger keeps beside them, and events that are resources. */
import { createReadStream, existsSync } from 'node:fs';
import { ANY_RESOURCE, type Cursor } from '../../search/query.js';
import { tileName } from '../../store/lane.js';
import { hashesOfRemoved } from '../../store/deeds.js';
import { headOfRow, type LedgerNote, type SealedDeedRow } from '../../store/seals.js';
import type { Store } from '../../store/store.js';
import type { KeptAnchor } from './anchor-check.js';
import type { SourceRow, SourceSealedRow, TrailSource } from './export.js';
import { ANCHOR_NOTES, checkpointsOf, KEY_NOTES, notesUnder, textOfNote, WITNESSED } from './kept-notes.js';
import { fileLines } from './lines.js';
import { readAnchorLine } from './report.js';
import { witnessedLog } from './witness.js';

export interface StoredTrail {
  /** Without what the trail adds to it. */
  readonly store: Pick<Store, 'deeds' | 'find'>;
  readonly base: string;
  /** File of anchors, a line each; it need not be there. */
  readonly anchors: string;
}

/** A row is some kilobytes, seldom more. */
const ROWS_A_STEP = 32;
const RESOURCES_A_STEP = 100;

export function sourceOfStore({ store, base, anchors }: StoredTrail): TrailSource {
  const { deeds } = store;
  const notes = (prefix: string): AsyncGenerator<LedgerNote> => notesUnder(deeds.notes, prefix);
  return {
    base,
    async keys() {
      const keys: string[] = [];
      for await (const note of notes(KEY_NOTES)) keys.push(textOfNote(note));
      return keys;
    },
    shapes: () => deeds.shapes(),
    async *anchors() {
      if (existsSync(anchors)) yield* anchorsInFile(anchors);
      // Those of other processes, as far as they are kept.
      for (const kept of [ANCHOR_NOTES, WITNESSED])
        for await (const note of notes(kept)) {
          const anchor = readAnchorLine(textOfNote(note));
          if (anchor) yield anchor;
        }
    },
    witnessed: () => witnessedLog(deeds.notes),
    async streams() {
      const heads: { readonly stream: string; readonly size: number }[] = [];
      for (const stream of await deeds.streams()) {
        const [row] = await deeds.sealed({ stream, upTo: Number.MAX_SAFE_INTEGER, limit: 1 });
        if (row) heads.push({ stream, size: sizeAfter(row) });
      }
      return heads;
    },
    unsealed: () => unsealedIn(deeds),
    sealed: (stream, from) => sealedFrom(deeds, stream, from),
    async tile(stream, number) {
      const name = tileName(stream, number);
      const [note] = await deeds.notes.find({ prefix: name, limit: 1 });
      return note?.name === name ? note.value : undefined;
    },
    async *checkpoints(stream) {
      for await (const note of notes(checkpointsOf(stream))) yield textOfNote(note);
    },
    async *received() {
      const query = { types: ['AuditEvent'], where: ANY_RESOURCE, sort: [{ code: '_id', descending: false }] };
      for (let after: Cursor | undefined; ; ) {
        const page = await store.find({ ...query, limit: RESOURCES_A_STEP, ...(after ? { after } : {}) });
        for (const { text } of page.rows) if (text) yield text.toString();
        after = page.cursors.at(-1);
        if (!page.more || !after) return;
      }
    },
  };
}

/** What somebody has changed may have no deeds any more: then the next row tells of it. */
function sizeAfter(row: SealedDeedRow): number {
  try {
    return headOfRow(row).size;
  } catch {
    return row.seal.first + 1;
  }
}

async function* anchorsInFile(file: string): AsyncGenerator<Required<KeptAnchor>> {
  for await (const { text } of fileLines(createReadStream(file))) {
    const anchor = readAnchorLine(text ?? '');
    if (anchor) yield anchor;
  }
}

async function* unsealedIn(deeds: Store['deeds']): AsyncGenerator<SourceRow> {
  for (let after: readonly [number, number] | undefined; ; ) {
    const rows = await deeds.unsealed({ after, limit: ROWS_A_STEP });
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < ROWS_A_STEP) return;
    after = [last.last, last.sequence];
  }
}

async function* sealedFrom(deeds: Store['deeds'], stream: string, from: number): AsyncGenerator<SourceSealedRow> {
  let rows = await deeds.sealed({ stream, upTo: from, limit: 1 });
  for (;;) {
    for (const { seal, last, bytes } of rows) {
      const hashes = hashesOfRemoved(bytes);
      yield { first: seal.first, root: Buffer.from(seal.root), last, ...(hashes ? { hashes } : { bytes }) };
    }
    const after = rows.at(-1)?.seal.first ?? -1;
    rows = await deeds.sealed({ stream, after: [stream, after], limit: ROWS_A_STEP });
    if (rows.length === 0) return;
  }
}
