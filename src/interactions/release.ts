/**
 * From stored versions to what a client sees: attachment bytes put back, `_summary` and `_elements` applied, bytes of
 * a Binary opened. https://hl7.org/fhir/R4/search.html#summary
 */
import { restoreBase64 } from '../fhir/base64.js';
import { FhirError } from '../fhir/error.js';
import { parseJson } from '../fhir/json.js';
import { isMediaType, prefersContent } from '../fhir/media-type.js';
import { print } from '../fhir/print.js';
import { type SummaryForm, summarise } from '../search/summary.js';
import type { BlobLink, Version } from '../store/store.js';
import type { Engine, Result, View } from './interaction.js';

/** Depth and length were limited when the text came in. */
const TRUSTED = { maxDepth: 200 };

async function collect(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

async function open(engine: Engine, hash: string) {
  const blob = await engine.store.blobs.get(hash);
  if (!blob) throw new FhirError('fault', 'Bytes of this resource are missing in the store.');
  return blob;
}

/** The exact JSON that was stored, whole again. No promise where nothing was taken out: a page has many such rows. */
export function wholeText(engine: Engine, row: Pick<Version, 'text' | 'blobs'>): Buffer | Promise<Buffer> {
  const text = row.text ?? Buffer.alloc(0);
  return row.blobs?.length ? restored(engine, text, row.blobs) : text;
}

async function restored(engine: Engine, text: Buffer, blobs: readonly BlobLink[]): Promise<Buffer> {
  const lifted = [];
  for (const { at, hash } of blobs) lifted.push({ at, bytes: await collect((await open(engine, hash)).bytes) });
  return restoreBase64(text, lifted);
}

/** The text as the client asked to see it; `_elements` wins where both are given. */
export function viewText(engine: Engine, row: Version, view: View | undefined): Buffer | Promise<Buffer> {
  const form = formOf(view);
  return form === undefined ? wholeText(engine, row) : summarised(engine, row, form);
}

/** The same of a text that is whole. */
export function viewOf(engine: Engine, text: Buffer, view: View | undefined): Buffer {
  const form = formOf(view);
  return form === undefined ? text : printSummary(engine, text, form);
}

// What a summary leaves out need not be fetched; bytes of attachments are never part of a summary.
const summarised = async (engine: Engine, row: Version, form: SummaryForm): Promise<Buffer> =>
  printSummary(engine, form === 'true' ? row.text! : await wholeText(engine, row), form);

function printSummary({ definitions }: Engine, text: Buffer, form: SummaryForm): Buffer {
  const { resource, decimals } = parseJson(text, TRUSTED);
  const shown = summarise(resource, form, definitions, decimals);
  return Buffer.from(print(shown.resource, shown.decimals));
}

function formOf(view: View | undefined): SummaryForm | undefined {
  if (view?.elements !== undefined) return { elements: view.elements };
  const summary = view?.summary;
  return summary === 'true' || summary === 'text' || summary === 'data' ? summary : undefined;
}

/** The bytes of a Binary with their media type; undefined where `accepted` prefers the resource. */
export async function openBinary(engine: Engine, row: Version, accepted: readonly string[]): Promise<Result['binary']> {
  const { contentType: given, data } = parseJson(row.text!, TRUSTED).resource;
  // What was stored before it was looked at may be none.
  const contentType = typeof given === 'string' && isMediaType(given) ? given : 'application/octet-stream';
  if (!prefersContent(accepted, contentType)) return undefined;
  const link = row.blobs?.[0];
  if (link) return { contentType, size: link.size, bytes: (await open(engine, link.hash)).bytes };
  const inline = Buffer.from(typeof data === 'string' ? data : '', 'base64');
  return { contentType, size: inline.length, bytes: once(inline) };
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
