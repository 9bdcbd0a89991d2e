/**
 * Definitions in a file, one JSON line each, and an index that says where each stands: a definition is read and parsed when it is asked
 * for, by its offset, so that thousands of them cost a start nothing but the index. build/structures.ts writes R4's own; those of guides are
 * written when a guide is added (guide-files.ts).
 *
 * Reading is synchronous: a line of a local file is there in some ten microseconds, and a checker that is being compiled asks for many.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { createLruCache } from '../platform/lru-cache.js';
import { DEFINITION_TYPES } from './compact-definition.js';
import { PACKAGE_LIMITS } from './package.js';
import { isObject, itemsOf, type Resource } from './resource.js';
import type { Origin } from './structure-definition.js';

/** Another one: indexes and lines are written anew. */
export const DEFINITIONS_FORMAT = 2;

/** Definitions that are kept parsed, of each file: some 15 KB each. */
const KEPT = 200;
/** Bytes: longer lines are parsed whenever they are asked for. Whoever needs a large code system keeps what it makes of it. */
const MOST_KEPT = 512 * 1024;

/** Where one definition stands, and what is known of it without reading it. */
export interface DefinitionRow {
  readonly type: string;
  readonly url: string;
  readonly version: string | undefined;
  readonly id: string | undefined;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  readonly length: number;
  /** Of a profile on a resource type: that type. */
  readonly profileOf: string | undefined;
  /** Where the whole of it stands, packed, in the file of those. */
  readonly whole: { readonly offset: number; readonly length: number } | undefined;
}

/** The index as JSON. */
export interface DefinitionsIndex {
  readonly format: number;
  /** In the order of the lines: type, url, version, id, bytes of the line, profileOf, bytes of the whole as it is packed. */
  readonly rows: readonly (readonly [string, string, string | null, string | null, number, string | null, number?])[];
}

/** What a definition is published as: all of it, or, where nothing else is kept, what checkers read. */
export interface WholeDefinition {
  readonly resource: Resource;
  readonly complete: boolean;
}

/** Where definitions come from that are found by their canonical. */
export interface DefinitionSource {
  readonly origin: Origin;
  /** Without a version: the one that this source means by it. */
  find(type: string, url: string, version?: string): Resource | undefined | Promise<Resource | undefined>;
}

export class DefinitionFile implements DefinitionSource {
  readonly origin: Origin;
  readonly #file: string | URL;
  readonly #whole: string | undefined;
  readonly #rows: readonly DefinitionRow[];
  readonly #byUrl = new Map<string, DefinitionRow[]>();
  readonly #parsed = createLruCache<Resource | undefined>(KEPT);

  /** `whole`: the file of what is packed. */
  constructor(origin: Origin, file: string | URL, index: DefinitionsIndex, whole?: string) {
    this.origin = origin;
    this.#file = file;
    this.#whole = whole;
    this.#rows = rowsOfIndex(index);
    for (const row of this.#rows) {
      const key = `${row.type} ${row.url}`;
      const same = this.#byUrl.get(key);
      if (same) same.push(row);
      else this.#byUrl.set(key, [row]);
    }
  }

  get rows(): readonly DefinitionRow[] {
    return this.#rows;
  }

  /** In the order of the file. */
  rowsOf(type: string): readonly DefinitionRow[] {
    return this.#rows.filter(row => row.type === type);
  }

  /** The first with this id. */
  byId(type: string, id: string): DefinitionRow | undefined {
    return this.#rows.find(row => row.id === id && row.type === type);
  }

  /** All versions that are here of one canonical, in the order of the file. */
  versions(type: string, url: string): readonly DefinitionRow[] {
    return this.#byUrl.get(`${type} ${url}`) ?? [];
  }

  /** Undefined where it is not here. Of several with one url the first is meant. */
  find(type: string, url: string, version?: string): Resource | undefined {
    const row = this.versions(type, url).find(each => version === undefined || each.version === version);
    return row && this.read(row);
  }

  /** Undefined where the file is gone: whoever took a guide away while the server runs has made it unknown. The resource is shared: nobody may change it. */
  read(row: DefinitionRow): Resource | undefined {
    const parse = () => {
      const text = bytesAt(this.#file, row)?.toString('utf8');
      return text === undefined ? undefined : (JSON.parse(text) as Resource);
    };
    return row.length > MOST_KEPT ? parse() : this.#parsed.get(String(row.offset), parse);
  }

  /** With everything that only people read, where that is kept. Undefined where the file is gone. */
  async readWhole(row: DefinitionRow): Promise<WholeDefinition | undefined> {
    if (this.#whole === undefined || !row.whole) {
      const resource = this.read(row);
      return resource && { resource, complete: false };
    }
    const packed = bytesAt(this.#whole, row.whole);
    if (!packed) return undefined;
    const text = await inflated(packed, { maxOutputLength: PACKAGE_LIMITS.resource });
    return { resource: JSON.parse(text.toString('utf8')) as Resource, complete: true };
  }
}

const inflated = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflateRaw);

/** Undefined where there is no such file. */
function bytesAt(name: string | URL, { offset, length }: { offset: number; length: number }): Buffer | undefined {
  let file: number;
  try {
    file = openSync(name, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; ) {
      const read = readSync(file, bytes, at, length - at, offset + at);
      if (read === 0) throw new Error('A file of definitions is shorter than its index says.');
      at += read;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

function rowsOfIndex({ rows }: DefinitionsIndex): DefinitionRow[] {
  let offset = 0;
  let packed = 0;
  return rows.map(([type, url, version, id, length, profileOf, whole]) => {
    const row: DefinitionRow = {
      ...{ type, url, offset, length },
      version: version ?? undefined,
      id: id ?? undefined,
      profileOf: profileOf ?? undefined,
      whole: whole === undefined ? undefined : { offset: packed, length: whole },
    };
    offset += length + 1;
    packed += whole ?? 0;
    return row;
  });
}

/** One line, without its end, and its row of the index. Undefined for what has no url, or is of a type that nobody reads. */
export function definitionLine(
  definition: Resource,
): { line: Buffer; row: DefinitionsIndex['rows'][number] } | undefined {
  const { resourceType, url, version, id } = definition;
  if (!DEFINITION_TYPES.has(resourceType) || typeof url !== 'string' || url === '') return undefined;
  const line = Buffer.from(JSON.stringify(definition));
  return {
    line,
    row: [
      resourceType,
      url,
      typeof version === 'string' ? version : null,
      typeof id === 'string' ? id : null,
      line.length,
      profiledType(definition) ?? null,
    ],
  };
}

function profiledType({ resourceType, derivation, kind, type, snapshot, differential }: Resource): string | undefined {
  if (resourceType !== 'StructureDefinition' || derivation !== 'constraint' || kind !== 'resource') return undefined;
  const whole = [snapshot, differential].some(view => isObject(view) && itemsOf(view['element']).length > 0);
  return whole && typeof type === 'string' ? type : undefined;
}
