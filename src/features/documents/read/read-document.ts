/**
 * Reads documents in a thread, with limits of time and memory: whatever a file does to its reader, it costs the metadata of that file, and
 * neither an upload nor the process.
 */
import { FhirError } from '../../../fhir/error.js';
import { copyInPieces } from '../../../platform/pieces.js';
import { createPool, type Pool, type PoolOptions, TaskStopped } from '../../../platform/pool.js';
import { type DocumentMetadata, READ_LIMITS } from './document-metadata.js';

export interface ReadingTask {
  readonly do: 'metadata' | 'page' | 'body' | 'blank';
  /** As `contentTypeOf` tells it. */
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A file that a document holds, with its type as the document says it. */
export interface BodyFile {
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** HTML in UTF-8, metadata, numbers of pages, or a file, as was asked. */
export type ReadingAnswer = DocumentMetadata | Uint8Array<ArrayBuffer> | readonly number[] | BodyFile | undefined;

export const READING_POOL: PoolOptions = { module: new URL('./thread.js', import.meta.url), memory: 256, time: 5000 };

let readingPool: Pool<ReadingTask, ReadingAnswer> | undefined;

/** Types whose readers need the whole file: what leads to the rest stands at the end, or anywhere. */
const WHOLE = new Set(['application/pdf', 'image/tiff']);
const READABLE = new Set([...WHOLE, 'application/xml', 'application/dicom', 'image/jpeg', 'image/png']);

/** Bytes from the beginning that `documentMetadata` wants of a file of this type (contentTypeOf) and size; 0: it cannot read it. */
export function wantedBytes(contentType: string | undefined, size: number): number {
  if (contentType === undefined || !READABLE.has(contentType)) return 0;
  if (WHOLE.has(contentType)) return size <= READ_LIMITS.bytes ? size : 0;
  return Math.min(size, READ_LIMITS.header);
}

/**
 * What a document says of itself. `bytes`: as many as `wantedBytes` says, which stay as they are; `contentType`: as `contentTypeOf` found
 * it. Undefined where it can tell nothing: another type, a damaged, encrypted or hostile file. It throws nothing.
 */
export async function documentMetadata(
  bytes: Uint8Array,
  contentType: string | undefined,
  pool: Pool<ReadingTask, ReadingAnswer> = (readingPool ??=
    createPool(READING_POOL)),
): Promise<DocumentMetadata | undefined> {
  const wanted = wantedBytes(contentType, bytes.length);
  if (contentType === undefined || wanted === 0) return undefined;
  const found = await runReading(pool, 'metadata', bytes.subarray(0, wanted), contentType);
  return found instanceof Uint8Array || isPages(found) || isBodyFile(found) ? undefined : found;
}

const isBodyFile = (answer: ReadingAnswer): answer is BodyFile => answer !== undefined && 'bytes' in answer;
const isPages = (answer: ReadingAnswer): answer is readonly number[] => Array.isArray(answer);

/** Numbers of the pages of a scan that are blank (blank.ts), from 1; none where nobody can tell. It throws nothing. */
export async function blankPages(
  bytes: Uint8Array,
  contentType: string,
  pool: Pool<ReadingTask, ReadingAnswer> = (readingPool ??=
    createPool(READING_POOL)),
): Promise<readonly number[]> {
  if (bytes.length > READ_LIMITS.bytes) return [];
  const found = await runReading(pool, 'blank', bytes, contentType);
  return isPages(found) ? found : [];
}

/** Pages that are made or wait for it: more would keep whoever comes last waiting for a minute, if all of them are hostile. */
const MOST_PAGES = 16;
let pagesUnderWay = 0;

/**
 * A document as a page of HTML in UTF-8 (render/pages.ts says which can be shown), safe under PAGE_POLICY. Undefined where there is none:
 * another type, a file that is damaged, hostile or too large. Throws `throttled` where too many are asked for.
 */
export async function documentPage(
  bytes: Uint8Array,
  contentType: string,
  pool: Pool<ReadingTask, ReadingAnswer> = (readingPool ??=
    createPool(READING_POOL)),
): Promise<Buffer | undefined> {
  const page = await readInTurn(pool, 'page', bytes, contentType);
  return page instanceof Uint8Array ? Buffer.from(page.buffer) : undefined;
}

/** The file that a CDA document holds instead of sections. Undefined where it holds none that can be read. Throws as `documentPage`. */
export async function documentBody(
  bytes: Uint8Array,
  contentType: string,
  pool: Pool<ReadingTask, ReadingAnswer> = (readingPool ??=
    createPool(READING_POOL)),
): Promise<BodyFile | undefined> {
  const body = await readInTurn(pool, 'body', bytes, contentType);
  return isBodyFile(body) ? body : undefined;
}

async function readInTurn(
  pool: Pool<ReadingTask, ReadingAnswer>,
  what: 'page' | 'body',
  bytes: Uint8Array,
  contentType: string,
): Promise<ReadingAnswer> {
  if (bytes.length > READ_LIMITS.bytes) return undefined;
  if (pagesUnderWay >= MOST_PAGES)
    throw new FhirError('throttled', 'Too many pages are being made. Try again.', { retryAfter: 5 });
  pagesUnderWay++;
  try {
    return await runReading(pool, what, bytes, contentType);
  } finally {
    pagesUnderWay--;
  }
}

async function runReading(
  pool: Pool<ReadingTask, ReadingAnswer>,
  what: ReadingTask['do'],
  bytes: Uint8Array,
  contentType: string,
): Promise<ReadingAnswer> {
  const copy = await copyInPieces(bytes);
  try {
    return await pool.run({ do: what, contentType, bytes: copy }, [copy.buffer]);
  } catch (error) {
    if (error instanceof TaskStopped) return undefined;
    throw error;
  }
}
