/**
 * States of the whole file by name, each a file of its own beside it. Where little was touched since the state was there, those
 * resources alone are put back (put-back.ts). Else every table is emptied and copied by SQLite page by page: `INSERT INTO … SELECT *`
 * between tables of one schema does not look at rows, so that 20,000 resources take a fifth of a second. It is one transaction on a
 * connection of its own, which all others see like any other. In it nothing need be durable.
 *
 * The index catalog is no part of a state: it grows on, and what was kept earlier needs no more than it has. So a file of
 * states belongs to the store that it was made from, which the note `tests` of both tells.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../platform/folder.js';
import { noSuchSnapshot, ofAnotherStore } from '../snapshots.js';
import type { Snapshots } from '../store.js';
import { Touched } from '../touched.js';
import { type Connection, connect } from './connection.js';
import { createOwn } from './files.js';
import { putBackTouched } from './put-back.js';
import { PRAGMAS } from './schema.js';

export interface SnapshotSurroundings {
  readonly file: string;
  /** What is kept in memory of the store's content is made anew. */
  readonly renew: () => Promise<void>;
}

export interface OpenSnapshots extends Snapshots {
  close(): void;
}

/** Notes, catalog, records and shapes stay as they are; what full text search has is kept in tables of its own (word_…). */
const OURS = `SELECT name FROM sqlite_schema WHERE type='table' AND sql NOT LIKE 'CREATE VIRTUAL%'
  AND name NOT IN ('fact','note','record','deed_shape') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`;
/** Numbers of uploads are never given twice, whatever becomes of the blobs. */
const COUNTERS = `DELETE FROM main.sqlite_sequence WHERE name<>'blob'`;
const NOBODY_KNOWS = { name: undefined, touched: new Touched('unknown') } as const;
const FILES = ['', '-wal', '-shm', '-journal'];

/** Tables are copied as they are, those behind the index of words, too. */
function connectToCopy(file: string): Connection {
  const connection = connect(file, [...PRAGMAS, 'synchronous=OFF']);
  connection.writeShadowTables();
  return connection;
}

export function openSnapshots({ file, renew }: SnapshotSurroundings): OpenSnapshots {
  const folder = `${file}-snapshots`;
  const connection = connectToCopy(file);
  const tables = connection
    .prepare(OURS)
    .all()
    .map(([name]) => String(name));
  const fileOf = (name: string): string => join(folder, `${name}.db`);
  const remove = (path: string): void => {
    for (const suffix of FILES) rmSync(path + suffix, { force: true });
  };

  const wordTables = tables.filter(table => table.startsWith('word'));
  /** The snapshot that was there last, and what was touched since. */
  let last: { readonly name: string | undefined; readonly touched: Touched } = NOBODY_KNOWS;

  const copyFrom = (name: string, resources: readonly string[] | undefined, touched: Touched): void => {
    const path = fileOf(name);
    if (!existsSync(path)) throw noSuchSnapshot(name);
    connection.prepare('ATTACH ? AS kept').run(path);
    try {
      const differs = `SELECT 1 FROM main.note m WHERE name IN ('tests','placement') AND NOT EXISTS
        (SELECT 1 FROM kept.note k WHERE k.name=m.name AND k.value=m.value)`;
      if (layoutOf(connection, 'main') !== layoutOf(connection, 'kept') || connection.prepare(differs).first())
        throw ofAnotherStore(name);
      connection.atomic(() => {
        const whole = resources ? putBackTouched(connection, resources, touched, wordTables) : tables;
        for (const table of whole) connection.exec(`DELETE FROM main.${table}`);
        for (const table of whole) connection.exec(`INSERT INTO main.${table} SELECT * FROM kept.${table}`);
        connection.exec(COUNTERS);
        connection.exec(`INSERT INTO main.sqlite_sequence SELECT * FROM kept.sqlite_sequence WHERE name<>'blob'`);
      });
    } finally {
      connection.exec('DETACH kept');
    }
  };

  const empty = (): void =>
    connection.atomic(() => {
      for (const table of tables) if (!table.startsWith('word')) connection.exec(`DELETE FROM main.${table}`);
      connection.exec("INSERT INTO word(word) VALUES('delete-all')");
      connection.exec(COUNTERS);
    });

  return {
    async claim() {
      if (connection.prepare("SELECT 1 FROM note WHERE name='tests'").first()) return true;
      return connection.atomic(() => {
        if (connection.prepare('SELECT 1 FROM resource LIMIT 1').first()) return false;
        connection.prepare("INSERT INTO note(name,value) VALUES('tests',?)").run(randomUUID());
        return true;
      });
    },
    async take(name) {
      makeFolder(folder);
      const made = join(folder, `${name}.new`);
      remove(made);
      createOwn(made);
      connection.prepare('VACUUM INTO ?').run(made);
      remove(fileOf(name));
      renameSync(made, fileOf(name));
      last = { name, touched: new Touched() };
    },
    async restore(name) {
      const before = last;
      last = NOBODY_KNOWS;
      if (name === undefined) empty();
      else copyFrom(name, before.name === name ? before.touched.resources : undefined, before.touched);
      await renew();
      last = { name, touched: new Touched() };
    },
    // Rows of resources have numbers of their own.
    settle: () => Promise.resolve(),
    async list() {
      const names = existsSync(folder) ? readdirSync(folder) : [];
      return names.flatMap(each => (each.endsWith('.db') ? [each.slice(0, -3)] : [])).toSorted();
    },
    async drop(name) {
      const path = fileOf(name);
      if (!existsSync(path)) throw noSuchSnapshot(name);
      remove(path);
    },
    touched: by => last.touched.add(by),
    close: () => connection.close(),
  };
}

const layoutOf = (connection: Connection, schema: 'main' | 'kept'): unknown =>
  connection.pragma(`${schema}.user_version`)[0]?.[0];
