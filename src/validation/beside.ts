/**
 * Reading XML and validating, beside the event loop where they take long: in a worker thread (thread.ts), with limits of
 * memory and time. XML costs twenty times as much as JSON of the same size, narratives are XML, and finding words for
 * the faults of a large resource takes far longer than finding that it has some.
 */
import type { Definitions } from '../fhir/definitions.js';
import { FhirError, type Issue, type Kind } from '../fhir/error.js';
import { type JsonLimits, readJson } from '../fhir/json/json.js';
import { print } from '../fhir/json/print.js';
import type { Parsed } from '../fhir/resource.js';
import { parseXml } from '../fhir/xml/read.js';
import { createPool, type Pool, TaskStopped } from '../platform/pool.js';
import { remember, validateStructure } from './structure.js';

export type ThreadTask =
  | { readonly do: 'read-xml'; readonly bytes: Uint8Array<ArrayBuffer>; readonly limits: JsonLimits }
  | { readonly do: 'validate'; readonly bytes: Uint8Array<ArrayBuffer> };

/** What a thread answers; an error is told in its parts, as threads share no classes. */
export type ThreadAnswer =
  | { readonly json: Uint8Array<ArrayBuffer> }
  | { readonly issues: readonly Issue[] }
  | { readonly refused: { readonly kind: Kind; readonly message: string; readonly issues: readonly Issue[] } };

/** Bytes of XML that are read at once. */
const MAX_INLINE_XML = 32 * 1024;

/** MB of heap: a body of 16 MB, its text, its objects, and its text as JSON. */
const MEMORY = 128;

let validationPool: Pool<ThreadTask, ThreadAnswer> | undefined;

/** Threads start when they are needed, and end when they are not. */
const threads = (): Pool<ThreadTask, ThreadAnswer> =>
  (validationPool ??= createPool({
    module: new URL('./thread.js', import.meta.url),
    threads: 1,
    memory: MEMORY,
    time: 30_000,
  }));

async function ask(task: ThreadTask): Promise<ThreadAnswer> {
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

/** Larger buffers are nobody else's, and move to a thread as they are; of a smaller one a copy moves. */
const COPIED = 1024 * 1024;
const own = (bytes: Buffer): Uint8Array<ArrayBuffer> =>
  bytes.length < COPIED
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
  const { json } = (await ask({ do: 'read-xml', bytes: own(bytes), limits: counts })) as Extract<
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
export async function validate(
  { resource, decimals, text, large }: Parsed,
  definitions: Definitions,
): Promise<readonly Issue[]> {
  if (!large) return validateStructure(resource, definitions, decimals);
  const bytes = own(Buffer.from(text ?? print(resource, decimals)));
  return ((await ask({ do: 'validate', bytes })) as Extract<ThreadAnswer, { issues: unknown }>).issues;
}

/** Looks at a large resource now, so that `isStructured` need not do so on the event loop. */
export async function lookBeside(parsed: Parsed, definitions: Definitions): Promise<void> {
  if (parsed.large) remember(parsed.resource, (await validate(parsed, definitions)).length === 0);
}
