/**
 * The lines of an export of the trail: a JSON object each, bytes as base64. What whoever exports writes and whoever verifies reads is
 * said here once; the order of lines stands in docs/audit.md.
 */
import { createHash } from 'node:crypto';
import { isObject, type JsonObject } from '../../fhir/resource.js';
import { type MaybeJson, readRoot } from './entry.js';

export const EXPORT_KIND = 'audit-export';
export const EXPORT_VERSION = 1;

/** Deeds that were sealed together. `hashes`: of leaves whose deeds were removed. */
export interface ExportedRow {
  /** Absent, with `first` and `root`, of rows that are older than the ledger. */
  readonly stream?: string;
  readonly first?: number;
  /** ms since 1970 of the newest deed. */
  readonly last: number;
  readonly root?: string;
  readonly deeds?: readonly string[];
  readonly hashes?: readonly string[];
}

export interface ExportHeader {
  readonly chartroom: typeof EXPORT_KIND;
  readonly version: number;
  readonly base: string;
  /** ISO times; null: from the beginning, to the end. */
  readonly from: string | null;
  readonly to: string | null;
  readonly made: string;
  /** Whether the texts of events stand behind each row. */
  readonly texts: boolean;
}

export type ExportLine =
  | { readonly kind: 'header'; readonly header: ExportHeader }
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'shape'; readonly shape: string }
  /** The right edge of a stream's tree before its first row here. */
  | { readonly kind: 'frontier'; readonly stream: string; readonly size: number; readonly perfect: readonly string[] }
  /** Hashes of leaves as they were kept beside the deeds, one after the other. */
  | { readonly kind: 'tile'; readonly stream: string; readonly from: number; readonly hashes: string }
  | { readonly kind: 'row'; readonly row: ExportedRow }
  /** The text of an AuditEvent of the row before. */
  | { readonly kind: 'event'; readonly event: string; readonly of: string }
  /** The text of an AuditEvent that is a resource. */
  | { readonly kind: 'received'; readonly received: string }
  | { readonly kind: 'checkpoint'; readonly checkpoint: string }
  /** What a witness has signed last, and the notes of the anchors that it was shown; `begun`: the log that it is shown since and has not signed yet. */
  | {
      readonly kind: 'witnessed';
      readonly witnessed: string;
      readonly shown: readonly string[];
      readonly begun?: string | undefined;
    }
  | { readonly kind: 'anchor'; readonly anchor: string; readonly heads: readonly string[] }
  /** `lines`: with this one; `sha256`: of those before, in hex (LinesDigest). Nobody has signed it: it finds damage, no malice. */
  | {
      readonly kind: 'end';
      readonly rows: number;
      readonly events: number;
      readonly lines: number;
      readonly sha256: string;
    };

/** The digest of lines, each with a line feed behind it. */
export class LinesDigest {
  readonly #hash = createHash('sha256');
  #lines = 0;

  add(text: string): void {
    this.#lines += 1;
    this.#hash.update(text).update('\n');
  }

  /** The lines up to now, once. */
  taken(): { readonly lines: number; readonly sha256: string } {
    return { lines: this.#lines, sha256: this.#hash.digest('hex') };
  }
}

/** The text of a line, without its end. */
export function exportLineText(line: ExportLine): string {
  switch (line.kind) {
    case 'header':
      return JSON.stringify(line.header);
    case 'row':
      return JSON.stringify({ row: line.row });
    case 'frontier':
    case 'tile':
    case 'end': {
      const { kind, ...members } = line;
      return JSON.stringify({ [kind]: members });
    }
    default: {
      const { kind: _kind, ...members } = line;
      return JSON.stringify(members);
    }
  }
}

/** Undefined: it is no line of an export. */
export function readExportLine(text: string): ExportLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // A member that stands twice, or is written otherwise, would be read otherwise by others.
  if (!isObject(value) || JSON.stringify(value) !== text) return undefined;
  const name = Object.keys(READERS).find(kind => Object.hasOwn(value, kind));
  return name === undefined ? undefined : READERS[name]!(value);
}

const isText = (value: MaybeJson): value is string => typeof value === 'string';
const areTexts = (value: MaybeJson): value is string[] => Array.isArray(value) && value.every(isText);
const isWhole = (value: MaybeJson): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isTime = (value: MaybeJson): value is string => isText(value) && !Number.isNaN(Date.parse(value));

/** By the member that only lines of a kind have. */
const READERS: Readonly<Record<string, (line: JsonObject) => ExportLine | undefined>> = {
  chartroom: readHeader,
  key: ({ key }) => (isText(key) ? { kind: 'key', key } : undefined),
  shape: ({ shape }) => (isText(shape) ? { kind: 'shape', shape } : undefined),
  frontier: ({ frontier }) => {
    if (!isObject(frontier ?? null)) return undefined;
    const { stream, size, perfect } = frontier as JsonObject;
    return isText(stream) && isWhole(size) && areTexts(perfect)
      ? { kind: 'frontier', stream, size, perfect }
      : undefined;
  },
  tile: ({ tile }) => {
    if (!isObject(tile ?? null)) return undefined;
    const { stream, from, hashes } = tile as JsonObject;
    return isText(stream) && isWhole(from) && isText(hashes) ? { kind: 'tile', stream, from, hashes } : undefined;
  },
  row: ({ row }) => (isObject(row ?? null) ? readRow(row as JsonObject) : undefined),
  event: ({ event, of }) => (isText(event) && isText(of) ? { kind: 'event', event, of } : undefined),
  received: ({ received }) => (isText(received) ? { kind: 'received', received } : undefined),
  checkpoint: ({ checkpoint }) => (isText(checkpoint) ? { kind: 'checkpoint', checkpoint } : undefined),
  witnessed: ({ witnessed, shown, begun }) =>
    isText(witnessed) && areTexts(shown) && (begun === undefined || isText(begun))
      ? { kind: 'witnessed', witnessed, shown, begun }
      : undefined,
  anchor: ({ anchor, heads }) => (isText(anchor) && areTexts(heads) ? { kind: 'anchor', anchor, heads } : undefined),
  end: ({ end }) => {
    if (!isObject(end ?? null)) return undefined;
    const { rows, events, lines, sha256 } = end as JsonObject;
    return isWhole(rows) && isWhole(events) && isWhole(lines) && isText(sha256)
      ? { kind: 'end', rows, events, lines, sha256 }
      : undefined;
  },
};

function readHeader({ chartroom, version, base, from, to, made, texts }: JsonObject): ExportLine | undefined {
  const isRight =
    chartroom === EXPORT_KIND &&
    isWhole(version) &&
    isText(base) &&
    [from, to].every(time => time === null || isTime(time)) &&
    isTime(made) &&
    typeof texts === 'boolean';
  if (!isRight) return undefined;
  return {
    kind: 'header',
    header: { chartroom: EXPORT_KIND, version, base, from, to, made, texts } as ExportHeader,
  };
}

function readRow(row: JsonObject): ExportLine | undefined {
  const { stream, first, last, root, deeds, hashes } = row;
  const isSealed = isText(stream) && isWhole(first) && readRoot(root) !== undefined;
  const isOld = stream === undefined && first === undefined && root === undefined;
  const leaves = deeds ?? hashes;
  const isRight =
    (isSealed || (isOld && hashes === undefined)) &&
    Number.isSafeInteger(last) &&
    (deeds === undefined || hashes === undefined) &&
    areTexts(leaves) &&
    leaves.length > 0;
  return isRight ? { kind: 'row', row: row as unknown as ExportedRow } : undefined;
}
