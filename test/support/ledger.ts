/** The streams of a store recounted row by row: places without gaps, and the root that each row says. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { DeedReader } from '../../src/store/deed-bytes.js';
import { type DeedShape, deedsIn } from '../../src/store/deeds.js';
import { type Hash, leafHash, treeRoot } from '../../src/store/ledger.js';
import type { LedgerNote, LedgerNotes, SealPlace, SealedDeedRow } from '../../src/store/seals.js';
import type { Store } from '../../src/store/store.js';

export interface CountedStream {
  readonly stream: string;
  readonly deeds: readonly Buffer[];
  readonly leaves: readonly Hash[];
  readonly rows: number;
}

/** `shapeOf`: of deeds that do not say their shape. */
export async function countStreams(
  store: Pick<Store, 'deeds'>,
  shapeOf?: (deed: Buffer) => DeedShape | undefined,
): Promise<CountedStream[]> {
  const texts = new Map((await store.deeds.shapes()).map(({ id, text }) => [id, text]));
  const textOf = (deed: Buffer): string => shapeOf?.(deed)?.text ?? texts.get(new DeedReader(deed).number())!;
  const streams: { stream: string; deeds: Buffer[]; leaves: Hash[]; rows: number }[] = [];
  for await (const { seal, bytes, altered } of sealedRows(store)) {
    assert.ok(!altered);
    let last = streams.at(-1);
    if (last?.stream !== seal.stream) streams.push((last = { stream: seal.stream, deeds: [], leaves: [], rows: 0 }));
    assert.equal(seal.first, last.leaves.length, 'no place is left out, and none is taken twice');
    for (const each of deedsIn(bytes)) {
      const deed = Buffer.from(each);
      last.deeds.push(deed);
      last.leaves.push(leafHash(createHash('sha256').update(textOf(deed)).digest(), deed));
    }
    last.rows += 1;
    assert.deepEqual(Buffer.from(seal.root), treeRoot(last.leaves));
  }
  assert.deepEqual(
    streams.map(({ stream }) => stream),
    await store.deeds.streams(),
  );
  for (const { deeds, stream } of streams) {
    const opened = entryIn(deeds[0]!);
    assert.deepEqual([opened['what'], opened['stream']], ['opened', stream]);
  }
  return streams;
}

export async function* sealedRows({ deeds }: Pick<Store, 'deeds'>, limit = 7): AsyncGenerator<SealedDeedRow> {
  for (let after: SealPlace | undefined; ; ) {
    const rows = await deeds.sealed({ after, limit });
    yield* rows;
    if (rows.length < limit) return;
    const { stream, first } = rows.at(-1)!.seal;
    after = [stream, first];
  }
}

/** What a deed of the ledger says. */
export function entryIn(deed: Uint8Array): Readonly<Record<string, unknown>> {
  const reader = new DeedReader(deed);
  reader.number();
  reader.number();
  reader.text();
  return reader.json() as Readonly<Record<string, unknown>>;
}

/** What a ledger keeps beside the rows, in memory. */
export const notesIn = (notes: Map<string, LedgerNote>): LedgerNotes => ({
  keep: async kept => kept.forEach(note => notes.set(note.name, note)),
  find: async ({ prefix, after = '', newestFirst, limit }) => {
    const names = [...notes.keys()].filter(name => name.startsWith(prefix) && name > after).toSorted();
    return (newestFirst ? names.toReversed() : names).slice(0, limit).map(name => notes.get(name)!);
  },
  drop: async names => names.forEach(name => notes.delete(name)),
});
