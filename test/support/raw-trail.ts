/** The trail of a store as somebody sees it who reaches past the server: its rows with what finds them, what proves them, and how to change all of it. */
import { Binary, type Document, MongoClient } from 'mongodb';
import { blobBytes, connect, type SqlValue } from '../../src/store/embedded/connection.js';
import { partAt } from '../../src/store/embedded/deed-parts.js';
import { deedDigestHead } from '../../src/store/deeds.js';
import { digestOf } from '../../src/store/digest.js';

export interface RawRow {
  readonly sequence: number;
  readonly last: number;
  readonly events: number;
  readonly bytes: Buffer;
  readonly digest: Buffer;
  readonly keys: readonly number[];
  readonly seal?: { readonly stream: string; readonly first: number; readonly root: Buffer } | undefined;
}

export interface RawTrail {
  readonly rows: ReadonlyMap<number, RawRow>;
  readonly notes: ReadonlyMap<string, Buffer>;
  readonly shapes: ReadonlyMap<number, string>;
  /** Events that others have sent, as they are stored, by any name. */
  readonly received: ReadonlyMap<string, Buffer>;
}

/** What is changed of it; undefined: it is taken away. */
export type RawChanges = { readonly [part in keyof RawTrail]?: ReadonlyMap<RawKey<part>, RawValue<part> | undefined> };
type RawKey<Part extends keyof RawTrail> = RawTrail[Part] extends ReadonlyMap<infer Key, unknown> ? Key : never;
type RawValue<Part extends keyof RawTrail> = RawTrail[Part] extends ReadonlyMap<unknown, infer Value> ? Value : never;

export interface RawAccess {
  read(): Promise<RawTrail>;
  write(changes: RawChanges): Promise<void>;
  close(): Promise<void>;
}

/** With the digest that a careful hand writes. */
export const redigested = (row: RawRow): RawRow => ({
  ...row,
  digest: digestOf(deedDigestHead(row.last, row.events), row.bytes),
});

/** What undoes changes. */
export function undoing(trail: RawTrail, changes: RawChanges): RawChanges {
  const before = <K, V>(kept: ReadonlyMap<K, V>, changed: ReadonlyMap<K, unknown> = new Map()) =>
    new Map([...changed.keys()].map(key => [key, kept.get(key)] as const));
  return {
    rows: before(trail.rows, changes.rows),
    notes: before(trail.notes, changes.notes),
    shapes: before(trail.shapes, changes.shapes),
    received: before(trail.received, changes.received),
  };
}

export function embeddedTrail(file: string): RawAccess {
  const raw = connect(file);
  const all = (text: string) => raw.prepare(text).all();
  return {
    async read() {
      const keys = new Map<number, number[]>();
      for (const [key, sequence] of all('SELECT key,sequence FROM deed_key')) {
        const known = keys.get(sequence as number);
        if (known) known.push(key as number);
        else keys.set(sequence as number, [key as number]);
      }
      const rows = all('SELECT sequence,last,events,x,c,stream,first,root FROM deed').map(
        ([sequence, last, events, x, c, stream, first, root]): RawRow => ({
          ...{ sequence: sequence as number, last: last as number, events: events as number },
          ...{ bytes: blobBytes(x)!, digest: blobBytes(c)!, keys: keys.get(sequence as number) ?? [] },
          ...(stream === null
            ? {}
            : { seal: { stream: stream as string, first: first as number, root: blobBytes(root)! } }),
        }),
      );
      return {
        rows: new Map(rows.map(row => [row.sequence, row])),
        notes: new Map(
          all('SELECT name,value FROM ledger').map(([name, value]) => [name as string, blobBytes(value)!]),
        ),
        shapes: new Map(all('SELECT id,text FROM deed_shape').map(([id, text]) => [id as number, text as string])),
        received: new Map(
          all("SELECT n,x FROM resource WHERE t='AuditEvent'").map(([id, x]) => [String(id), blobBytes(x)!]),
        ),
      };
    },
    async write({ rows = new Map(), notes = new Map(), shapes = new Map(), received = new Map() }) {
      const run = (text: string, ...values: SqlValue[]): number => raw.prepare(text).run(...values);
      raw.atomic(() => {
        for (const sequence of rows.keys()) {
          run('DELETE FROM deed WHERE sequence=?', sequence);
          run('DELETE FROM deed_key WHERE sequence=?', sequence);
        }
        for (const row of rows.values()) {
          if (!row) continue;
          const { sequence, last, events, bytes, digest, seal } = row;
          run(
            'INSERT INTO deed(sequence,last,events,x,c,stream,first,root) VALUES(?,?,?,?,?,?,?,?)',
            ...[sequence, last, events, bytes, digest],
            ...(seal ? [seal.stream, seal.first, seal.root] : [null, null, null]),
          );
          const part = partAt(raw, last);
          for (const key of row.keys)
            run('INSERT INTO deed_key(part,key,last,sequence) VALUES(?,?,?,?)', part, key, last, sequence);
        }
        for (const [name, value] of notes) {
          run('DELETE FROM ledger WHERE name=?', name);
          if (value) run('INSERT INTO ledger(name,value) VALUES(?,?)', name, value);
        }
        for (const [id, text] of shapes) {
          run('DELETE FROM deed_shape WHERE id=?', id);
          if (text !== undefined) run('INSERT INTO deed_shape(id,text) VALUES(?,?)', id, text);
        }
        // It is hidden where it is to be away, as its keys would stay.
        for (const [id, x] of received) run('UPDATE resource SET x=? WHERE n=?', x ?? null, Number(id));
      });
    },
    async close() {
      raw.close();
    },
  };
}

type DeedDocument = Document & { readonly _id: number };

export async function mongoTrail(url: string): Promise<RawAccess> {
  const client = await MongoClient.connect(url, { promoteBuffers: true });
  const [deed, ledger, shape, resource] = [
    client.db().collection<DeedDocument>('deed'),
    client.db().collection<Document & { readonly _id: string }>('ledger'),
    client.db().collection<Document & { readonly _id: number }>('deedShape'),
    client.db().collection('resource'),
  ];
  /** As they were written. */
  const sent = new Map<string, Document>();
  return {
    async read() {
      const rows = (await deed.find().toArray()).map(
        ({ _id, l, e, k, x, c, s, f, r }): RawRow => ({
          ...{ sequence: _id, last: Number(l), events: Number(e), keys: k as number[], bytes: x as Buffer },
          digest: c as Buffer,
          ...(s === undefined ? {} : { seal: { stream: s as string, first: Number(f), root: r as Buffer } }),
        }),
      );
      for (const document of await resource.find().toArray())
        if ((document['x'] as Buffer | undefined)?.includes('"AuditEvent"')) sent.set(String(document._id), document);
      return {
        rows: new Map(rows.map(row => [row.sequence, row])),
        notes: new Map((await ledger.find().toArray()).map(({ _id, x }) => [_id, x as Buffer])),
        shapes: new Map((await shape.find().toArray()).map(({ _id, text }) => [_id, text as string])),
        received: new Map([...sent].map(([id, document]) => [id, document['x'] as Buffer])),
      };
    },
    async write({ rows = new Map(), notes = new Map(), shapes = new Map(), received = new Map() }) {
      // One place of a stream is never there twice, not even for a moment.
      if (rows.size > 0) await deed.deleteMany({ _id: { $in: [...rows.keys()] } });
      const documents = [...rows.values()].flatMap(row => {
        if (!row) return [];
        const { sequence, last, events, keys, bytes, digest, seal } = row;
        const sealed = seal ? { s: seal.stream, f: seal.first, r: new Binary(seal.root) } : {};
        const content = { l: last, e: events, k: [...keys], x: new Binary(bytes), c: new Binary(digest) };
        return [{ _id: sequence, ...content, ...sealed }];
      });
      if (documents.length > 0) await deed.insertMany(documents);
      for (const [_id, value] of notes)
        if (value) await ledger.replaceOne({ _id }, { x: new Binary(value) }, { upsert: true });
        else await ledger.deleteOne({ _id });
      for (const [_id, text] of shapes)
        if (text === undefined) await shape.deleteOne({ _id });
        else await shape.replaceOne({ _id }, { text }, { upsert: true });
      for (const [id, x] of received) {
        const document = sent.get(id)!;
        if (x) await resource.replaceOne({ _id: document._id }, { ...document, x: new Binary(x) }, { upsert: true });
        else await resource.deleteOne({ _id: document._id });
      }
    },
    close: () => client.close(),
  };
}
