/** Images that a document brings along: PNG, JPEG and GIF of 1 MB at most, that are what they say. Nothing is loaded from elsewhere. */
import { type CdaElement, childAt, textWithin } from '../read/cda-xml.js';

/** By their first bytes. */
const SIGNATURES: readonly (readonly [contentType: string, head: RegExp])[] = [
  ['image/png', /^\x89PNG\r\n\x1a\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8[79]a/],
];
/** Bytes. */
const LARGEST = 1024 * 1024;

/** A data URL of the bytes; undefined where they are none of those types, or more than `most`. */
export function imageUrl(bytes: Buffer, most: number = LARGEST): string | undefined {
  if (bytes.length > most) return undefined;
  const head = bytes.toString('latin1', 0, 8);
  const type = SIGNATURES.find(([, signature]) => signature.test(head))?.[0];
  return type && `data:${type};base64,${bytes.toString('base64')}`;
}

/** Bytes in base64, with white space among it; undefined where it is no base64. */
export function fromBase64(text: string): Buffer | undefined {
  const packed = text.replaceAll(/\s+/g, '');
  const bytes = Buffer.from(packed, 'base64');
  // Buffer passes over what is no base64.
  return bytes.toString('base64').replace(/=+$/, '') === packed.replace(/=+$/, '') ? bytes : undefined;
}

/** The images of observationMedia and regionOfInterest elements below `root`, by their IDs. */
export function imagesOf(root: CdaElement): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const look = (element: CdaElement, ids: readonly string[]): void => {
    const { name, attributes, children } = element;
    const id = name === 'observationMedia' || name === 'regionOfInterest' ? attributes.get('ID') : undefined;
    const names = id === undefined ? ids : [...ids, id];
    if (name === 'observationMedia') {
      const value = childAt(element, 'value');
      const bytes = value?.attributes.get('representation') === 'B64' ? fromBase64(textWithin(value) ?? '') : undefined;
      const url = bytes && imageUrl(bytes);
      if (url !== undefined) for (const one of names) found.set(one, url);
      return;
    }
    for (const child of children) if (typeof child !== 'string') look(child, names);
  };
  look(root, []);
  return found;
}
