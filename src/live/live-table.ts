/**
 * One table that every process knows: a few entries, made of stored resources of a type or of messages of a topic, and what
 * follows from all of them together. It is read when the server starts, and again where something has changed (live-tables.ts).
 *
 * It reads definitions, not records of anybody for somebody; therefore it reads the store itself, without an access decision.
 */
import { FhirError } from '../fhir/error.js';
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import type { Resource } from '../fhir/resource.js';
import { frames, type Log } from '../platform/log.js';
import type { Store } from '../store/store.js';

interface LiveTableParts<Source, Entry> {
  /** Small letters and hyphens; no two tables of the server, or of a feature, have the same. */
  readonly name: string;
  /** The entry that is made of what is stored; undefined: none. */
  entry(source: Source, key: string): Entry | undefined;
  /**
   * Puts into force what follows from all entries, by their key. `twice`: entries, as they were before, that have changed more than
   * once since: what followed from them may have been out of force for a moment. A FhirError that it throws (the store is away) is
   * met by whoever asked, and it is tried again; anything else is logged, and what was in force before stays.
   */
  exchange(entries: ReadonlyMap<string, Entry>, twice: readonly Entry[]): void | Promise<void>;
}

/** Entries are current resources of a type, by their id. That they change, the server notices itself. */
export interface TypeTable<Entry> extends LiveTableParts<Resource, Entry> {
  readonly type: string;
}

/**
 * Entries are messages in the outbox, by their number. Whoever changes them commits `LiveTables.messages` with it, and tells
 * `LiveTables.committed` afterwards.
 */
export interface TopicTable<Entry> extends LiveTableParts<string, Entry> {
  readonly topic: string;
}

export type LiveTable<Entry> = TypeTable<Entry> | TopicTable<Entry>;

/** No entries: that resources of a type have changed is told, and none of them is read. */
export interface ChangeTable {
  readonly name: string;
  readonly type: string;
  /** `ids`: of the resources; undefined: any may have. */
  changed(ids: readonly string[] | undefined): void;
}

/** Entries of a table of a topic, at most. */
const MAX_ENTRIES = 10_000;
/** Resources that are read at the same time. */
const READS_AT_ONCE = 16;

type TableStore = Pick<Store, 'read' | 'scan' | 'pendingMessages'>;

/** What this process knows of a table. */
export interface KnownTable {
  readonly name: string;
  readonly type: string | undefined;
  /** Reads everything, and puts it into force. */
  load(): Promise<void>;
  /** Reads these again, and puts what has become of them into force. By how often they changed, as far as it is known. */
  readAgain(changes: ReadonlyMap<string, number>): Promise<void>;
}

export function knowChanges(table: ChangeTable): KnownTable {
  const { name, type } = table;
  return {
    name,
    type,
    async load() {
      table.changed(undefined);
    },
    async readAgain(changes) {
      table.changed([...changes.keys()]);
    },
  };
}

export function knowTable<Entry>(table: LiveTable<Entry>, store: TableStore, log: Log): KnownTable {
  const { name } = table;
  let entries = new Map<string, Entry>();

  /** What a table makes of a single resource must not keep it from all others. */
  const keep = (into: Map<string, Entry>, key: string, make: () => Entry | undefined): void => {
    let entry: Entry | undefined;
    try {
      entry = make();
    } catch (error) {
      log.error({ table: name, at: frames(error) }, 'An entry of a table cannot be understood');
    }
    if (entry === undefined) into.delete(key);
    else into.set(key, entry);
  };
  const keepText = (of: TypeTable<Entry>, into: Map<string, Entry>, id: string, text: Buffer | undefined): void =>
    keep(into, id, () => text && of.entry(parseJson(text, STORED_JSON).resource, id));

  const readAll = async (): Promise<Map<string, Entry>> => {
    const found = new Map<string, Entry>();
    if ('type' in table) {
      for await (const { row } of store.scan({ type: table.type })) keepText(table, found, row.id, row.text);
      return found;
    }
    for (const { sequence, body } of await store.pendingMessages(table.topic, MAX_ENTRIES))
      keep(found, String(sequence), () => table.entry(body, String(sequence)));
    return found;
  };
  const exchange = async (twice: readonly Entry[]): Promise<void> => {
    try {
      await table.exchange(entries, twice);
    } catch (error) {
      if (error instanceof FhirError) throw error;
      log.error({ table: name, at: frames(error) }, 'A table cannot be put into force');
    }
  };
  const load = async (twice: readonly Entry[] = []): Promise<void> => {
    entries = await readAll();
    await exchange(twice);
  };

  return {
    name,
    type: 'type' in table ? table.type : undefined,
    load: () => load(),
    async readAgain(changes) {
      const ids = [...changes.keys()];
      const twice = ids.filter(id => changes.get(id)! > 1).flatMap(id => entries.get(id) ?? []);
      // The number of a message says nothing of the one that takes its place.
      if (!('type' in table)) return load(twice);
      for (let from = 0; from < ids.length; from += READS_AT_ONCE) {
        const some = ids.slice(from, from + READS_AT_ONCE);
        const rows = await Promise.all(some.map(id => store.read(table.type, id)));
        for (const [i, row] of rows.entries()) keepText(table, entries, some[i]!, row?.text);
      }
      await exchange(twice);
    },
  };
}
