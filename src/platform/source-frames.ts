/**
 * Frames of a stack by the sources that they come from, for people: what runs is one file (build/bundle.ts), whose source map lies beside
 * it. It is read when the first frame is asked for, or before by `warmFrames`. A map has a hundred thousand places; Node's `SourceMap` makes an object of each, which holds
 * everybody for a third of a second. Here it is passed over once, in a fifth of that, and only lines that are asked for are looked at.
 * https://tc39.es/ecma426/#sec-mappings
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What the map of a file says. */
interface MapOfFile {
  readonly sources: readonly string[];
  readonly mappings: string;
  /** Where each line of the file begins: its place in `mappings`, and the source, its line and its column that differences are counted from. */
  readonly lines: Int32Array;
}

/** Where a reader of `mappings` is; lines and columns are counted from 0. */
interface MapReader {
  readonly mappings: string;
  at: number;
  source: number;
  line: number;
  column: number;
}

const NUMBERS_A_LINE = 4;
const LINE_END = 59;
const SEGMENT_END = 44;
/** By code of a character: the digit of base 64 that it is. */
const DIGITS = new Int8Array(128).fill(-1);
const BASE_64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
for (let digit = 0; digit < BASE_64.length; digit++) DIGITS[BASE_64.charCodeAt(digit)] = digit;

const maps = new Map<string, MapOfFile | undefined>();

/** Undefined: there is none, as of a package, or it cannot be read. */
function mapOf(url: string): MapOfFile | undefined {
  if (maps.has(url)) return maps.get(url);
  let map: MapOfFile | undefined;
  try {
    map = readMap(readFileSync(`${fileURLToPath(url)}.map`, 'utf8'));
  } catch {
    map = undefined;
  }
  maps.set(url, map);
  return map;
}

/** Throws where it is none. */
function readMap(text: string): MapOfFile {
  const { sources, mappings } = JSON.parse(text) as Pick<MapOfFile, 'sources' | 'mappings'>;
  const reader: MapReader = { mappings, at: 0, source: 0, line: 0, column: 0 };
  const lines: number[] = [];
  while (reader.at <= mappings.length) {
    lines.push(reader.at, reader.source, reader.line, reader.column);
    readLine(reader, -1);
  }
  return { sources, mappings, lines: Int32Array.from(lines) };
}

type SourcePlace = Pick<MapReader, 'source' | 'line' | 'column'>;

/**
 * Goes on behind the end of the line, or, where that is not needed, less far. A segment is up to five numbers in VLQ: columns of the file since the
 * last one, and as differences source, line, column and name. Returns the place of the last one that is not behind the column of the file.
 */
function readLine(reader: MapReader, before: number): SourcePlace | undefined {
  const { mappings } = reader;
  let [here, field, value, shift] = [0, 0, 0, 0];
  let found: SourcePlace | undefined;
  for (;;) {
    const character = mappings.charCodeAt(reader.at++);
    const isEnd = character === LINE_END || reader.at > mappings.length;
    if (isEnd || character === SEGMENT_END) {
      if (here > before && before >= 0) return found;
      if (field > 0 && here <= before) found = { source: reader.source, line: reader.line, column: reader.column };
      if (isEnd) return found;
      field = 0;
      value = 0;
      shift = 0;
      continue;
    }
    const digit = DIGITS[character] ?? -1;
    value |= (digit & 31) << shift;
    shift += 5;
    if (digit >= 32) continue;
    const by = value & 1 ? -(value >>> 1) : value >>> 1;
    if (field === 0) here += by;
    else if (field === 1) reader.source += by;
    else if (field === 2) reader.line += by;
    else if (field === 3) reader.column += by;
    field++;
    value = 0;
    shift = 0;
  }
}

function sourceOf({ mappings, lines }: MapOfFile, line: number, column: number): SourcePlace | undefined {
  const [at, source, ...from] = lines.subarray(line * NUMBERS_A_LINE, (line + 1) * NUMBERS_A_LINE);
  if (at === undefined) return undefined;
  return readLine({ mappings, at, source: source!, line: from[0]!, column: from[1]! }, column);
}

/** Text with places of the form `file:///….js:line:column`, counted from 1; those that no map knows are left as they are. */
export const inSources = (stack: string): string =>
  stack.replaceAll(/(file:\/\/[^\s()]+\.js):(\d+):(\d+)/g, (place, url: string, line: string, column: string) => {
    const map = mapOf(url);
    const found = map && sourceOf(map, Number(line) - 1, Number(column) - 1);
    const source = found && map.sources[found.source];
    if (source === undefined) return place;
    return `${new URL(source, url).href}:${found!.line + 1}:${found!.column + 1}`;
  });

/** Reads the map of what runs, so that the first error need not wait for it. */
export const warmFrames = (): void => void inSources(new Error('warm').stack ?? '');
