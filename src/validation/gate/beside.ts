/**
 * Reads XML and validates resources; large ones in a worker thread (thread.ts), with limits of memory and time, so that
 * the event loop stays free. XML costs twenty times as much as JSON of the same size, narratives are XML, and explaining
 * the faults of a large resource takes far longer than finding that it has some.
 */
import type { Definitions } from '../../fhir/definitions.js';
import { FhirError, type Issue, type Kind } from '../../fhir/error.js';
import { type JsonLimits, readJson } from '../../fhir/json/json.js';
import { print } from '../../fhir/json/print.js';
import type { Parsed } from '../../fhir/resource.js';
import { parseXml } from '../../fhir/xml/read.js';
import { createPool, type Pool, TaskStopped } from '../../platform/pool.js';
import { rememberStructured, validateStructure } from './structure.js';

export type ThreadTask =
  | { readonly do: 'read-xml'; readonly bytes: Uint8Array<ArrayBuffer>; readonly limits: JsonLimits }
  | { readonly do: 'validate'; readonly bytes: Uint8Array<ArrayBuffer> };

/** The answer of a thread; an error is sent in its parts, because threads share no classes. */
export type ThreadAnswer =
  | { readonly json: Uint8Array<ArrayBuffer> }
  | { readonly issues: readonly Issue[] }
  | { readonly refused: { readonly kind: Kind; readonly message: string; readonly issues: readonly Issue[] } };

/** Bytes of XML up to which it is read on the event loop. */
const MAX_INLINE_XML = 32 * 1024;

/** MB of heap: a body of 16 MB, its text, its objects, and its text as JSON. */
const MEMORY = 128;

let validationPool: Pool<ThreadTask, ThreadAnswer> | undefined;

/** The threads start when they are needed, and end when they are idle. */
const threads = (): Pool<ThreadTask, ThreadAnswer> =>
  (validationPool ??= createPool({
    module: new URL('./thread.js', import.meta.url),
    threads: 1,
    memory: MEMORY,
    time: 30_000,
  }));

async function runInThread(task: ThreadTask): Promise<ThreadAnswer> {
  let answer: ThreadAnswer;
  try {
    answer = await threads().run(task, [task.bytes.buffer]);
  } catch (error) {
    if (!(error instanceof TaskStopped) || error.reason === 'fault') throw error;
    throw new FhirError('too-large', 'The body takes too long to read: send several smaller resources.', {
      detail: 'too-costly',
    });
  }
  if (!('refused' in answer)) return answer;
  const { kind, message, issues } = answer.refused;
  throw new FhirError(kind, message, { issues });
}

/** A buffer of this size is not shared and is transferred as it is; a smaller one may be part of a pool and is copied. */
const MIN_TRANSFERRED_BYTES = 1024 * 1024;
const transferable = (bytes: Buffer): Uint8Array<ArrayBuffer> =>
  bytes.length < MIN_TRANSFERRED_BYTES
    ? new Uint8Array(bytes)
    : new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);

/** The same resource as JSON; `bytes` may be gone afterwards. Throws what `parseXml` throws, and `too-large`. */
export async function jsonOfXml(bytes: Buffer, definitions: Definitions, limits: JsonLimits): Promise<Buffer> {
  if (bytes.length <= MAX_INLINE_XML) {
    const { resource, decimals } = parseXml(bytes, definitions, limits);
    return Buffer.from(print(resource, decimals));
  }
  const { maxDepth, maxArray = Infinity, maxValues = Infinity } = limits;
  const counts = { maxDepth, maxArray, maxValues };
  const { json } = (await runInThread({ do: 'read-xml', bytes: transferable(bytes), limits: counts })) as Extract<
    ThreadAnswer,
    { json: unknown }
  >;
  return Buffer.from(json.buffer, json.byteOffset, json.length);
}

/** Throws what `parseXml` throws, and `too-large`. */
export async function readXml(bytes: Buffer, definitions: Definitions, limits: JsonLimits): Promise<Parsed> {
  if (bytes.length <= MAX_INLINE_XML) return parseXml(bytes, definitions, limits);
  return readJson(await jsonOfXml(bytes, definitions, limits), limits);
}

/** As `validateStructure`; throws `too-large` where that would take too long. */
export async function validateBeside(
  { resource, decimals, text, large }: Parsed,
  definitions: Definitions,
): Promise<readonly Issue[]> {
  if (!large) return validateStructure(resource, definitions, decimals);
  const bytes = transferable(Buffer.from(text ?? print(resource, decimals)));
  return ((await runInThread({ do: 'validate', bytes })) as Extract<ThreadAnswer, { issues: unknown }>).issues;
}

/** Validates a large resource in a thread and keeps the result, so that `isStructured` need not do so on the event loop. */
export async function validateLargeAhead(parsed: Parsed, definitions: Definitions): Promise<void> {
  if (parsed.large) rememberStructured(parsed.resource, (await validateBeside(parsed, definitions)).length === 0);
}
