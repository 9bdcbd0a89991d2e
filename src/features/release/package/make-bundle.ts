/**
 * A package as a Bundle of type document: a Composition that lists the items, a DocumentReference and a Binary of each. Written as it is made.
 * https://hl7.org/fhir/R4/documents.html, https://hl7.org/fhir/R4/bundle.html
 */
import { createHash } from 'node:crypto';
import { itemFileName } from './file-names.js';
import { type FormMaking, redactedItem } from './make-pdf.js';
import { ENGLISH, type ItemOutcome, type MadeForm, type PackageItem, type PackageOrder } from './order.js';
import { checkedBytes, withEnd } from './source-bytes.js';

export async function* makeBundle(making: FormMaking): AsyncGenerator<Uint8Array, MadeForm> {
  const { order, digest } = making;
  const named = (use: string): string => uuidOf(`${digest}:${use}`);
  const bundle = {
    ...{ resourceType: 'Bundle', type: 'document', timestamp: order.released },
    identifier: { system: 'urn:ietf:rfc:3986', value: named('bundle') },
  };
  const composition = compositionOf(order, named);
  yield Buffer.from(`${JSON.stringify(bundle).slice(0, -1)},"entry":[${entryText(named('composition'), composition)}`);
  const outcomes: ItemOutcome[] = [];
  for (const [at, item] of order.items.entries()) {
    const isOriginal = (item.redactions ?? []).length === 0;
    const contentType = isOriginal ? item.contentType : 'application/pdf';
    const file = itemFileName({ title: item.title, contentType }, at);
    const reference = referenceOf(item, { contentType, title: file, url: named(`binary-${at}`) });
    yield Buffer.from(`,${entryText(named(`document-${at}`), reference)}`);
    const binary = JSON.stringify({
      fullUrl: named(`binary-${at}`),
      resource: { resourceType: 'Binary', contentType },
    });
    yield Buffer.from(`,${binary.slice(0, -2)}`);
    const bytes = isOriginal ? originalOf(item) : redactedItem(making, item, at);
    outcomes.push({ ...(yield* inBase64(bytes)), file });
    yield Buffer.from('}}');
  }
  yield Buffer.from(']}');
  return { items: outcomes };
}

const entryText = (fullUrl: string, resource: object): string => JSON.stringify({ fullUrl, resource });

/** The same one for the same text, in the form of a name-based UUID (RFC 9562, version 8). */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return `urn:uuid:${parts.join('-')}`;
}

function compositionOf(order: PackageOrder, named: (use: string) => string): object {
  const words = order.words ?? ENGLISH;
  const lines = [order.purpose, ...order.notices].map(line => `<p>${xhtml(line)}</p>`);
  return {
    ...{ resourceType: 'Composition', status: 'final', date: order.released, title: words.title },
    identifier: { value: order.trackingId },
    type: { coding: [{ system: 'http://loinc.org', code: '11503-0', display: 'Medical records' }] },
    subject: { display: order.patient.join(', ') },
    author: [{ display: order.sender.join(', ') }],
    section: [
      {
        title: words.contents,
        text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${lines.join('')}</div>` },
        entry: order.items.map((_, at) => ({ reference: named(`document-${at}`) })),
      },
    ],
  };
}

const xhtml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function referenceOf(item: PackageItem, attachment: object): object {
  const { id, title, type, author, notices } = item;
  return {
    ...{ resourceType: 'DocumentReference', identifier: [{ value: id }], status: 'current' },
    ...(type ? { type: { text: type } } : {}),
    ...(author ? { author: [{ display: author }] } : {}),
    description: [title, ...(notices ?? [])].join('\n'),
    content: [{ attachment }],
  };
}

async function* originalOf(item: PackageItem): AsyncGenerator<Uint8Array, ItemOutcome> {
  yield* checkedBytes(item);
  const { id, title, sha256, size, contentType } = item;
  return { id, title, sha256: sha256.toLowerCase(), size, contentType, state: 'attached' };
}

/** As the member `data`, which an empty file has not got: in parts of three bytes, which have no filling between them. */
async function* inBase64<End>(parts: AsyncGenerator<Uint8Array, End>): AsyncGenerator<Uint8Array, End> {
  let rest = Buffer.alloc(0);
  let isBegun = false;
  const written = (text: string): Buffer => {
    const begins = !isBegun && text !== '';
    isBegun ||= begins;
    return Buffer.from(begins ? `,"data":"${text}` : text);
  };
  const ended = withEnd(parts);
  for await (const part of ended.parts) {
    const bytes = Buffer.concat([rest, part]);
    const whole = bytes.length - (bytes.length % 3);
    yield written(bytes.toString('base64', 0, whole));
    rest = bytes.subarray(whole);
  }
  yield written(rest.toString('base64'));
  if (isBegun) yield Buffer.from('"');
  return ended.end();
}
