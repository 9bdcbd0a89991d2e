/**
 * From stored versions to what a client sees: `_summary` and `_elements` applied, bytes of a Binary opened. Base64 of
 * attachments stays beside the texts (text.ts). https://hl7.org/fhir/R4/search.html#summary
 */
import { createHash } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { essenceOf, isMediaType, mayBeShown, wantedForm } from '../../fhir/media-type.js';
import type { SummaryForm } from '../../search/summary.js';
import type { BlobLink, Version } from '../../store/store.js';
import type { Engine } from '../engine.js';
import type { RawContent, View } from '../interaction.js';
import type { Text } from '../../fhir/content/holes.js';
import { openBlob, whole } from './text.js';

/** The exact JSON that was stored, with everything that belongs into it. */
export const wholeText = (engine: Engine, row: Pick<Version, 'text' | 'blobs'>): Promise<Buffer> =>
  whole(engine.store, storedText(row));

/** The exact JSON that was stored. */
export const storedText = ({ text = Buffer.alloc(0), blobs }: Pick<Version, 'text' | 'blobs'>): Text =>
  blobs?.length ? { text, blobs } : { text };

/** What a write gives back; `holes`: where stored bytes belong. */
export const shownText = (text: Buffer | undefined, blobs: readonly BlobLink[] | undefined): Partial<Text> =>
  text ? { text, ...(blobs ? { blobs } : {}) } : {};

/**
 * The text as the client asked to see it; `_elements` wins where both are given. No promise where nothing has to be
 * looked up or taken elsewhere: a page has many such rows.
 */
export function viewText(
  engine: Engine,
  row: Pick<Version, 'text' | 'blobs'>,
  view: View | undefined,
): Text | Promise<Text> {
  const form = formOf(view);
  return form === undefined ? storedText(row) : engine.forms.give(storedText(row), { as: 'summary', of: form });
}

/** The same of a text that is whole. */
export function viewWhole(engine: Engine, text: Buffer, view: View | undefined): Text | Promise<Text> {
  const form = formOf(view);
  return form === undefined ? { text } : engine.forms.give({ text }, { as: 'summary', of: form });
}

/** Undefined: resources are shown as they are. */
export function formOf(view: View | undefined): SummaryForm | undefined {
  if (view?.elements !== undefined) return { elements: view.elements };
  const summary = view?.summary;
  return summary === 'true' || summary === 'text' || summary === 'data' ? summary : undefined;
}

/**
 * The bytes of a Binary under their media type; undefined where the client prefers the resource. Throws `not-acceptable` where it
 * accepts neither. Nothing is read before it is opened.
 */
export function rawContent(
  { store }: Pick<Engine, 'store'>,
  row: Version,
  { content, inline }: { readonly content: readonly string[]; readonly inline?: true },
): Omit<RawContent, 'fileName'> | undefined {
  const { contentType: given, data } = parseJson(row.text!, STORED_JSON).resource;
  // What was stored before it was looked at may be none.
  const contentType = typeof given === 'string' && isMediaType(given) ? given : 'application/octet-stream';
  const form = wantedForm(content, contentType);
  if (form === undefined) throw notOfThatType(contentType);
  if (form === 'resource') return undefined;
  const named = {
    contentType,
    inline: inline === true && mayBeShown(contentType),
  };
  const link = row.blobs?.[0];
  if (link) {
    const { size, hash } = link;
    return { size, hash, open: async range => (await openBlob(store, hash, range)).bytes, ...named };
  }
  const bytes = Buffer.from(typeof data === 'string' ? data : '', 'base64');
  const hash = createHash('sha256').update(bytes).digest('hex');
  return {
    size: bytes.length,
    hash,
    open: async ({ start, end } = { start: 0, end: bytes.length - 1 }) => once(bytes.subarray(start, end + 1)),
    ...named,
  };
}

const notOfThatType = (contentType: string): FhirError =>
  new FhirError(
    'not-acceptable',
    `This Binary is ${essenceOf(contentType)}: accept that type, or application/fhir+json or application/fhir+xml for the resource.`,
    { expression: 'http.Accept' },
  );

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
