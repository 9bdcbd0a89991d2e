/**
 * The tables of the embedded store and the steps that bring an older file up to date. The layout and the reasons for it
 * are measured; in short:
 *
 * - `resource` holds the current version of each resource, a tombstone included (f and x are NULL then). `id` is type and
 *   id in one (encodeId). `n` is the creation number: given by the writer, never changes, the last part of every order.
 * - `f` holds all index keys of the resource as JSON, `{"k":[0,…],"g":[0,…],"f":[0,…]}`, so that any key is found by
 *   instr(f, ',"key"') and an update knows which keys to take away. The 0 gives the first key its comma; it is no
 *   text, so that no range of texts contains it.
 * - `entry` holds the indexed keys: k keys with the main date in `d`, g keys with d = 0, so that a point of either is in
 *   its order already.
 * - `version` holds replaced versions only; `until` is when the successor came.
 * - `held` says which resources refer, in any version, to bytes kept apart: the last one erased takes them with it, unless
 *   `until` of `blob` keeps them.
 * - `deed` holds the audit trail, `deed_key` what finds its rows in the order of their times, in parts of time (deed-parts.ts), `ledger` what proves them.
 * - `x` is the exact text, last, so that filters do not read its overflow pages.
 */
import { FhirError } from '../../fhir/error.js';
import type { Connection } from './connection.js';

/** page_size counts only in a new file, and only before the first table. */
export const PRAGMAS = [
  'page_size=8192',
  'journal_mode=WAL',
  'synchronous=FULL',
  'foreign_keys=OFF',
  'cache_size=-65536',
  'temp_store=MEMORY',
  'wal_autocheckpoint=8000',
  'journal_size_limit=67108864',
] as const;

/** Step i brings a file from version i to i + 1. Steps are never changed once released; new ones are added. */
const STEPS: readonly string[] = [
  `
  CREATE TABLE resource(
    n INTEGER PRIMARY KEY, id TEXT NOT NULL, t TEXT NOT NULL, v INT NOT NULL, u INT NOT NULL, m TEXT NOT NULL, p TEXT NOT NULL, b TEXT,
    d INT NOT NULL, e INT NOT NULL, s TEXT, w TEXT, f TEXT, x BLOB);
  CREATE UNIQUE INDEX resource_id ON resource(id);
  CREATE INDEX resource_u ON resource(t, u);
  CREATE INDEX resource_t ON resource(t) WHERE f IS NOT NULL;
  CREATE TABLE entry(key TEXT NOT NULL, d INT NOT NULL, n INT NOT NULL, PRIMARY KEY(key, d, n)) WITHOUT ROWID;
  CREATE TABLE sorted(p TEXT NOT NULL, s TEXT NOT NULL, n INT NOT NULL, PRIMARY KEY(p, s, n)) WITHOUT ROWID;
  CREATE TABLE version(
    n INT NOT NULL, v INT NOT NULL, t TEXT NOT NULL, u INT NOT NULL, until INT NOT NULL, m TEXT NOT NULL, p TEXT NOT NULL, b TEXT, x BLOB,
    PRIMARY KEY(n, v));
  CREATE INDEX version_u ON version(t, u, n, v);
  CREATE TABLE outbox(sequence INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, body TEXT NOT NULL);
  CREATE INDEX outbox_topic ON outbox(topic);
  CREATE TABLE fact(id TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE blob(i INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT UNIQUE, size INT NOT NULL);
  CREATE TABLE chunk(i INT NOT NULL, part INT NOT NULL, x BLOB NOT NULL, PRIMARY KEY(i, part));
  `,
  // Single values of the whole store: `placement`, by whose keys everything is indexed.
  'CREATE TABLE note(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;',
  // Full text search, see words.ts. `h` is the hash of the words; NULL: there is no row in `word`.
  `
  CREATE VIRTUAL TABLE word USING fts5(t, c, y, content='', contentless_delete=1, tokenize='ascii');
  ALTER TABLE resource ADD COLUMN h TEXT;
  `,
  `
  CREATE TABLE held(hash TEXT NOT NULL, n INT NOT NULL, PRIMARY KEY(hash, n)) WITHOUT ROWID;
  INSERT OR IGNORE INTO held(hash,n) SELECT j.value->>'hash',r.n FROM resource r, json_each(r.b) j WHERE r.b IS NOT NULL;
  INSERT OR IGNORE INTO held(hash,n) SELECT j.value->>'hash',r.n FROM version r, json_each(r.b) j WHERE r.b IS NOT NULL;
  CREATE INDEX held_n ON held(n);
  `,
  // Digest of a version (../digest.ts); NULL: it was written before there were any.
  'ALTER TABLE resource ADD COLUMN c BLOB; ALTER TABLE version ADD COLUMN c BLOB;',
  // Until when bytes are kept that no resource may refer to.
  'ALTER TABLE blob ADD COLUMN until INT; CREATE INDEX blob_until ON blob(until) WHERE until IS NOT NULL;',
  // Messages with a time before which they are late; NULL: due at once. These alone pay for the order of times.
  `
  ALTER TABLE outbox ADD COLUMN due INT;
  DROP INDEX outbox_topic;
  CREATE INDEX outbox_topic ON outbox(topic) WHERE due IS NULL;
  CREATE INDEX outbox_timed ON outbox(topic) WHERE due IS NOT NULL;
  CREATE INDEX outbox_due ON outbox(topic, due) WHERE due IS NOT NULL;
  `,
  // Checksum of a chunk (../blobs.ts); NULL: it was written before there were any. `at` of bytes: when they were put (ms, the machine's
  // clock), as long as nothing has referred to them; those of an older file that nothing refers to were put long ago.
  `
  ALTER TABLE chunk ADD COLUMN c BLOB;
  ALTER TABLE blob ADD COLUMN at INT;
  CREATE INDEX blob_at ON blob(at) WHERE at IS NOT NULL;
  UPDATE blob SET at=0 WHERE hash IS NOT NULL AND until IS NULL AND hash NOT IN (SELECT hash FROM held);
  `,
  // What is no resource, see ../records.ts.
  `
  CREATE TABLE record(
    kind TEXT NOT NULL, id TEXT NOT NULL, revision TEXT NOT NULL, together TEXT, expires INT, value TEXT NOT NULL,
    PRIMARY KEY(kind, id)) WITHOUT ROWID;
  CREATE INDEX record_together ON record(together) WHERE together IS NOT NULL;
  CREATE INDEX record_expires ON record(expires) WHERE expires IS NOT NULL;
  `,
  // The audit trail, see ../deeds.ts: rows of deeds, what finds them, and their shapes.
  `
  CREATE TABLE deed(sequence INTEGER PRIMARY KEY AUTOINCREMENT, last INT NOT NULL, events INT NOT NULL, x BLOB NOT NULL, c BLOB NOT NULL);
  CREATE INDEX deed_last ON deed(last, sequence, events);
  CREATE TABLE deed_key(key INT NOT NULL, last INT NOT NULL, sequence INT NOT NULL, PRIMARY KEY(key, last, sequence)) WITHOUT ROWID;
  CREATE TABLE deed_shape(id INTEGER PRIMARY KEY, text TEXT NOT NULL);
  `,
  // The ledger, see ../seals.ts: `stream`, `first` and `root` of a row are NULL where it was written before; what is kept beside them.
  `
  ALTER TABLE deed ADD COLUMN stream TEXT;
  ALTER TABLE deed ADD COLUMN first INT;
  ALTER TABLE deed ADD COLUMN root BLOB;
  CREATE UNIQUE INDEX deed_seal ON deed(stream, first) WHERE stream IS NOT NULL;
  CREATE INDEX deed_unsealed ON deed(last, sequence) WHERE stream IS NULL;
  CREATE TABLE ledger(name TEXT PRIMARY KEY, value BLOB NOT NULL);
  `,
  // Bytes that were moved to a bucket (../move-bytes.ts): `o` is the object, `c` the checksums of its chunks. `object`: those that no row may have.
  `
  ALTER TABLE blob ADD COLUMN o TEXT;
  ALTER TABLE blob ADD COLUMN c BLOB;
  CREATE INDEX blob_here ON blob(hash) WHERE o IS NULL AND size>262144;
  CREATE TABLE object(name TEXT PRIMARY KEY, at INT NOT NULL) WITHOUT ROWID;
  CREATE INDEX object_at ON object(at);
  `,
  // What lies in a bucket is asked for at every start.
  'CREATE INDEX blob_moved ON blob(hash) WHERE o IS NOT NULL;',
  // What finds deeds, in parts of time (deed-parts.ts): `sequence` is the newest row as the part began. What there is becomes one part.
  `
  CREATE TABLE deed_part(part INTEGER PRIMARY KEY, begins INT NOT NULL, sequence INT NOT NULL);
  CREATE INDEX deed_part_begins ON deed_part(begins);
  INSERT INTO deed_part(part,begins,sequence) VALUES(0,-8640000000000000,0);
  ALTER TABLE deed_key RENAME TO deed_key_whole;
  CREATE TABLE deed_key(part INT NOT NULL, key INT NOT NULL, last INT NOT NULL, sequence INT NOT NULL, PRIMARY KEY(part, key, last, sequence)) WITHOUT ROWID;
  INSERT INTO deed_key SELECT 0,key,last,sequence FROM deed_key_whole ORDER BY key,last,sequence;
  DROP TABLE deed_key_whole;
  `,
];

export const LAYOUT = STEPS.length;

/** Brings the layout up to date, in one transaction. Safe to repeat, and beside another process that does the same. */
export function migrate(connection: Connection, layoutHash: string): void {
  if (layoutVersion(connection) === LAYOUT) return;
  connection.atomic(() => {
    const version = layoutVersion(connection);
    if (version > LAYOUT)
      throw new FhirError(
        'unavailable',
        `The store file has layout ${version}; this server knows up to ${LAYOUT}. Start a newer server on it, or restore a backup.`,
      );
    if (version === 0 && Number(connection.prepare('SELECT count(*) FROM sqlite_schema').first()![0]) > 0)
      throw new FhirError('unavailable', 'The store file belongs to another program. Name another data folder.');
    for (const step of STEPS.slice(version)) connection.exec(step);
    if (version === 0) markReindexed(connection, layoutHash);
    connection.exec(`PRAGMA user_version=${LAYOUT}`);
  });
}

/** Resources are indexed by another key table than `layoutHash`: searches may miss until they are indexed anew. */
export const needsReindex = (connection: Connection, layoutHash: string): boolean =>
  connection.prepare("SELECT value FROM note WHERE name='placement'").first()?.[0] !== layoutHash;

/** Notes that every resource is indexed by `layoutHash` now. */
export function markReindexed(connection: Connection, layoutHash: string): void {
  connection.prepare("INSERT OR REPLACE INTO note(name,value) VALUES('placement',?)").run(layoutHash);
}

const layoutVersion = (connection: Connection): number => Number(connection.pragma('user_version')[0]![0]);
