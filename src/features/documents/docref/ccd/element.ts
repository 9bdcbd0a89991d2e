/** Elements of CDA as text: https://www.w3.org/TR/xml/. Texts and values are escaped here and nowhere else. */
import { escapeAttribute } from '../../../../fhir/xml/xhtml.js';

/** No characters of XML 1.0. */
const NO_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;

/** Text between tags. */
export const cdaText = (text: string): string => escapeAttribute(text.replace(NO_XML, ' '));

export type CdaAttributes = Readonly<Record<string, string | undefined>>;

/** Attributes without a value are left out, and so is content that is undefined; content is XML. */
export function cda(name: string, attributes: CdaAttributes, ...content: readonly (string | undefined)[]): string {
  let tag = `<${name}`;
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) tag += ` ${key}="${cdaText(value)}"`;
  const inside = content.join('');
  return inside === '' ? `${tag}/>` : `${tag}>${inside}</${name}>`;
}

/** `root`, and the version as `extension`. */
export type Template = readonly [root: string, extension?: string];

export const templateIds = (...templates: readonly Template[]): string =>
  templates.map(([root, extension]) => cda('templateId', { root, extension })).join('');

/** https://terminology.hl7.org/CodeSystem-v3-NullFlavor.html: no information, unknown, other, not applicable. */
export type NullFlavor = 'NI' | 'UNK' | 'OTH' | 'NA';
