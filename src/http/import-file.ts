/**
 * The file of an $import, read from any place in it: NDJSON line by line, a Bundle whole. Its bytes are kept in the store.
 */
import { FhirError } from '../fhir/error.js';
import { MAX_DEPTH, readJson } from '../fhir/json/json.js';
import { readLines } from '../fhir/json/lines.js';
import type { Engine } from '../interactions/engine.js';
import type { ImportInput } from '../interactions/operations/import.js';
import { MOST_RESOURCES } from './bundle.js';
import { type BadLine, type Group, groupOf, type Item, itemOfLine } from './import-bundle.js';

/** Bytes of lines that are read for one transaction, at most one line more. */
const LINES_BYTES = 2 * 1024 * 1024;

/** A place in a file: bytes, or entries, and lines before it. */
export interface FilePlace {
  readonly at: number;
  readonly line: number;
}

/** What stands at a place, and where the next one begins. */
export interface Placed {
  readonly from: FilePlace;
  readonly next: FilePlace;
  readonly item: Item | BadLine;
}

export interface ImportFile {
  /** What a refused transaction leads to. */
  readonly refused: Group['refused'];
  readonly total: number | undefined;
  /** What stands there: `most` at a time, or all where it belongs together. None: the file is at its end. */
  read(from: FilePlace, most: number): Promise<readonly Placed[]>;
}

const importLimits = ({ settings: { maxArray, maxValues, maxBody } }: Engine) => ({
  ...{ maxArray, maxValues, maxBody, maxDepth: MAX_DEPTH },
  portable: true as const,
});

async function bytesOf({ store }: Engine, { hash, size }: ImportInput, at: number): Promise<AsyncIterable<Buffer>> {
  const found = await store.blobs.get(hash, { start: at, end: size - 1 });
  if (!found) throw new FhirError('not-found', 'The file is not kept any more: send it again.');
  return found.bytes;
}

const linesOf = (engine: Engine, input: ImportInput): ImportFile => ({
  refused: 'each',
  total: undefined,
  async read(from, most) {
    const limits = importLimits(engine);
    const placed: Placed[] = [];
    if (from.at >= input.size) return placed;
    for await (const { line, bytes, end } of readLines(await bytesOf(engine, input, from.at), limits.maxBody)) {
      const next = { at: from.at + end, line: from.line + line };
      const before = placed.at(-1)?.next ?? from;
      placed.push({ from: before, next, item: await itemOfLine(next.line, bytes, limits, engine) });
      if (placed.length >= most || end > LINES_BYTES) break;
    }
    return placed;
  },
});

async function readBundleFile(engine: Engine, input: ImportInput): Promise<Group> {
  const { maxBundle } = engine.settings;
  if (input.size > maxBundle)
    throw new FhirError(
      'too-large',
      `A file that is one Bundle may have ${maxBundle} bytes (CHARTROOM_MAX_BUNDLE). Split it, or send its resources as NDJSON.`,
    );
  const parts: Buffer[] = [];
  for await (const part of await bytesOf(engine, input, 0)) parts.push(part);
  const limits = importLimits(engine);
  const body = await readJson(Buffer.concat(parts), { ...limits, maxValues: MOST_RESOURCES * limits.maxValues });
  return groupOf(body, engine, () => false);
}

function bundleOf({ kind, refused, items }: Group): ImportFile {
  const isBatch = kind === 'batch';
  return {
    refused: isBatch ? 'each' : refused,
    total: items.length,
    async read({ at }, most) {
      const asked = isBatch ? items.slice(at, at + most) : items.slice(at);
      return asked.map((item, i) => ({
        from: { at: at + i, line: item.line },
        next: { at: at + i + 1, line: item.line },
        item,
      }));
    },
  };
}

/** Opens files. A Bundle that was read is there for the next step, unless its memory was needed meanwhile. */
export function createImportFiles() {
  let last: { readonly hash: string; readonly group: WeakRef<Group> } | undefined;
  return async (engine: Engine, input: ImportInput): Promise<ImportFile> => {
    if (input.form === 'ndjson') return linesOf(engine, input);
    const known = last?.hash === input.hash ? last.group.deref() : undefined;
    const group = known ?? (await readBundleFile(engine, input));
    last = { hash: input.hash, group: new WeakRef(group) };
    return bundleOf(group);
  };
}
