/**
 * The bytes of a document as they would be given out: of its first content that this server has (others are the same in another format,
 * https://hl7.org/fhir/R4/documentreference-definitions.html#DocumentReference.content). They are read as any client reads them, in the name of whoever asks.
 */
import { FhirError } from '../../fhir/error.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Caller } from '../../interactions/engine.js';
import { actingFor } from '../../interactions/feature.js';
import type { RawContent } from '../../interactions/interaction.js';
import { perform } from '../../interactions/perform.js';
import type { PackageItem, PageRedaction, ShownItem } from './package/order.js';

export interface DocumentBytes {
  readonly attachment: JsonObject;
  /** Id of the Binary. */
  readonly binary: string;
  readonly content: RawContent;
}

/** Undefined: there are none here that may be read. */
export async function bytesOfDocument(
  caller: Caller,
  document: Resource,
  bases: readonly string[],
): Promise<DocumentBytes | undefined> {
  for (const each of itemsOf(document['content'])) {
    const attachment = isObject(each) ? each['attachment'] : undefined;
    const url = isObject(attachment) ? attachment['url'] : undefined;
    const target = typeof url === 'string' ? parseReference(url, bases) : undefined;
    if (!isObject(attachment) || target?.kind !== 'local' || target.type !== 'Binary') continue;
    const content = await binaryContent(caller, target.id);
    if (content && content.size > 0) return { attachment, binary: target.id, content };
  }
  return undefined;
}

/** Of a Binary; undefined: there is none that may be read. */
export async function binaryContent(caller: Caller, id: string): Promise<RawContent | undefined> {
  const read = { kind: 'read', type: 'Binary', id, content: ['*/*'] } as const;
  return (await orNothing(perform(actingFor(caller, 'release'), read)))?.binary;
}

/** Undefined for what whoever asks may not have, or is not there. Throws where the server cannot say it. */
export async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof FhirError && NOT_HAD.has(error.kind)) return undefined;
    throw error;
  }
}

const NOT_HAD: ReadonlySet<string> = new Set(['not-found', 'deleted', 'forbidden', 'unprocessable', 'not-acceptable']);

/** What is said of an item beside its bytes. */
export interface ItemGiven {
  /** With its version. */
  readonly id: string;
  readonly document: Resource;
  readonly bytes: DocumentBytes;
  readonly notices: readonly string[];
  readonly redactions: readonly PageRedaction[];
}

/** The document as an item of a package. */
export function itemOfDocument(caller: Caller, { id, document, bytes, notices, redactions }: ItemGiven): PackageItem {
  const { attachment, binary, content } = bytes;
  const { description, type, date, author } = document;
  const text = (value: Json | undefined): string | undefined =>
    typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
  const typeText = saidConcept(type);
  const by = itemsOf(author)
    .flatMap(each => (isObject(each) ? (text(each['display']) ?? []) : []))
    .join(', ');
  return {
    id,
    title: text(description) ?? text(attachment['title']) ?? typeText ?? 'Document',
    ...(typeof date === 'string' ? { date: date.slice(0, 'yyyy-mm-dd'.length) } : {}),
    ...(typeText === undefined ? {} : { type: typeText }),
    ...(by === '' ? {} : { author: by }),
    contentType: content.contentType,
    size: content.size,
    sha256: content.hash,
    ...(notices.length > 0 ? { notices } : {}),
    ...(redactions.length > 0 ? { redactions } : {}),
    open: () => content.open(),
    shown: () => shownPageOf(caller, binary),
  };
}

/** What the server shows of XML and JSON. */
async function shownPageOf(caller: Caller, binary: string): Promise<ShownItem | undefined> {
  const operation = { kind: 'operation', operation: 'render', type: 'Binary', id: binary, safe: true } as const;
  const asked = perform(actingFor(caller, 'release'), { ...operation, parameters: [], lenient: false });
  const page = (await orNothing(asked))?.page;
  return page && { contentType: 'text/html; charset=utf-8', bytes: page.html };
}

/** `text`, else the first word of a coding. */
export function saidConcept(concept: Json | undefined): string | undefined {
  if (!isObject(concept)) return undefined;
  const codings = itemsOf(concept['coding']).filter(isObject);
  const said = [concept['text'], ...codings.map(each => each['display']), ...codings.map(each => each['code'])];
  return said.find(each => typeof each === 'string');
}
