/**
 * The resources that `chartroom validate` looks at: lines of NDJSON, whole files, entries of Bundles. Documents and messages are looked at as
 * the one thing that they are; of other Bundles each entry is. Memory is bounded by the longest line and the largest file that the
 * settings allow.
 */
import type { Definitions } from '../fhir/definitions.js';
import { FhirError, type Issue } from '../fhir/error.js';
import { type JsonLimits, readJson } from '../fhir/json/json.js';
import { readLines } from '../fhir/json/lines.js';
import type { SourceText } from '../fhir/place-issues.js';
import { isObject, itemsOf, type Json, type Parsed, type Resource } from '../fhir/resource.js';
import { readXml } from '../validation/gate/beside.js';
import { openSource, readWhole, type SourceFile } from './import-sources.js';

/** One resource, or why none could be read. */
export interface ValidateItem {
  readonly file: string;
  /** Of NDJSON; from 1. */
  readonly line?: number;
  /** Of a Bundle; from 0, as in an expression. */
  readonly entry?: number;
  readonly parsed?: Parsed;
  readonly faults?: readonly Issue[];
  readonly source?: SourceText;
}

export interface ItemLimits extends JsonLimits {
  /** Bytes of a line, and of a file that is one resource. */
  readonly maxBody: number;
  readonly maxBundle: number;
}

/** Name of standard input. */
export const STDIN = '-';

type Reading = { readonly definitions: Definitions; readonly limits: ItemLimits };

/** `wholeBundles`: each Bundle is looked at as a whole, too. */
export async function* itemsIn(
  source: SourceFile,
  reading: Reading,
  wholeBundles: boolean,
): AsyncGenerator<ValidateItem> {
  if (source.path === STDIN) {
    yield* itemsOfBytes(await readAll(process.stdin as AsyncIterable<Buffer>, reading), reading, wholeBundles);
    return;
  }
  const { path, form } = source;
  try {
    if (form === 'ndjson') yield* itemsOfLines(path, openSource(source).bytes, reading, wholeBundles);
    else {
      const bytes = await readWhole(openSource(source), reading.limits.maxBundle);
      yield* itemsOfFile({ file: path }, form, bytes, reading, wholeBundles);
    }
  } catch (error) {
    // What an archive or a stream says about itself is no word for a person.
    const text = 'The file cannot be read to its end. Is it whole?';
    const known = error instanceof FhirError ? error : new FhirError('invalid', text, { cause: error });
    yield { file: path, faults: known.issues };
  }
}

/** JSON, XML or NDJSON, told apart by how it begins. */
async function* itemsOfBytes(bytes: Buffer, reading: Reading, wholeBundles: boolean): AsyncGenerator<ValidateItem> {
  const head = bytes
    .subarray(0, 1024)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (head.startsWith('<')) yield* itemsOfFile({ file: STDIN }, 'xml', bytes, reading, wholeBundles);
  else if (isLine(bytes)) yield* itemsOfLines(STDIN, once(bytes), reading, wholeBundles);
  else yield* itemsOfFile({ file: STDIN }, 'json', bytes, reading, wholeBundles);
}

/** Whether the first line is JSON by itself, and something comes behind it. */
function isLine(bytes: Buffer): boolean {
  const end = bytes.indexOf(10);
  if (end < 0 || bytes.subarray(end).toString('utf8').trim() === '') return false;
  try {
    JSON.parse(bytes.subarray(0, end).toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

const readAll = (bytes: AsyncIterable<Buffer>, { limits }: Reading): Promise<Buffer> =>
  readWhole({ bytes, read: () => 0 }, limits.maxBundle);

async function* itemsOfLines(
  file: string,
  bytes: AsyncIterable<Buffer>,
  reading: Reading,
  wholeBundles: boolean,
): AsyncGenerator<ValidateItem> {
  const { maxBody } = reading.limits;
  for await (const { line, bytes: text } of readLines(bytes, maxBody))
    if (text) yield* itemsOfFile({ file, line }, 'json', text, reading, wholeBundles);
    else {
      const error = new FhirError('too-large', `The line has more than ${maxBody} bytes (CHARTROOM_MAX_BODY).`);
      yield { file, line, faults: error.issues };
    }
}

async function* itemsOfFile(
  where: Pick<ValidateItem, 'file' | 'line'>,
  format: SourceText['format'],
  bytes: Buffer,
  { definitions, limits }: Reading,
  wholeBundles: boolean,
): AsyncGenerator<ValidateItem> {
  const source = { format, text: bytes.toString('utf8'), at: '' };
  let parsed: Parsed;
  try {
    parsed = format === 'json' ? await readJson(bytes, limits) : await readXml(bytes, definitions, limits);
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    yield { ...where, faults: error.issues, source: { ...source, text: '' } };
    return;
  }
  const entries = entriesApart(parsed.resource);
  if (!entries || wholeBundles) yield { ...where, parsed, source };
  for (const [entry, value] of (entries ?? []).entries()) {
    const resource = isObject(value) ? value['resource'] : undefined;
    if (!isObject(resource)) continue;
    const at = `entry[${entry}].resource`;
    const own = { resource: resource as Resource, decimals: parsed.decimals };
    yield { ...where, entry, parsed: own, source: { ...source, at } };
  }
}

/** Of a Bundle whose entries are nothing to each other. */
const entriesApart = ({ resourceType, type, entry }: Resource): readonly Json[] | undefined =>
  resourceType === 'Bundle' && type !== 'document' && type !== 'message' ? itemsOf(entry) : undefined;
