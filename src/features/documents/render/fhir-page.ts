/**
 * A FHIR document as a page: its header as a table, and the narratives of the Composition and its sections, which have to hold all that was attested.
 * https://hl7.org/fhir/R4/documents.html#presentation
 */
import { type CdaElement, childAt, childrenNamed, decodeXml } from '../read/cda-xml.js';
import type { ReadLimits } from '../read/document-metadata.js';
import { documentInJson, documentInXml, type FhirDocument, valueAt } from './fhir-tree.js';
import { headerTable, nameText } from './header-table.js';
import { htmlText } from '../../../platform/html.js';
import { type NarrativeGround, narrativeGround, narrativeHtml } from './narrative.js';
import { htmlPage } from '../../../interactions/response/shown-page.js';
import { narrativeOfDiv } from './xhtml-narrative.js';

/** Undefined: it is none. Throws UnreadableXml and TooMuchHtml. */
export function fhirXmlPage(bytes: Uint8Array, limits: ReadLimits): string | undefined {
  const found = documentInXml(decodeXml(bytes), limits);
  return found && fhirPage(found);
}

/** The same; text that is no JSON is none, too. */
export function fhirJsonPage(text: string, limits: ReadLimits): string | undefined {
  if (!/^\uFEFF?\s*\{/.test(text)) return undefined;
  let parsed;
  try {
    parsed = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
  const found = documentInJson(parsed, limits);
  return found && fhirPage(found);
}

function fhirPage(document: FhirDocument): string {
  const { composition, target } = document;
  const title = valueAt(composition, 'title') ?? 'Document';
  const images = new Map<string, string>();
  const ground = narrativeGround(images);
  const own = [target(childAt(composition, 'subject')), composition].map(one => divHtml(one, ground, images));
  const sections = childrenNamed(composition, 'section').map(one => sectionHtml(one, ground, images, 2));
  const body = [`<h1>${htmlText(title)}</h1>`, headerOf(document), ...own, ...sections].join('');
  return htmlPage(title, body, pageLanguage(composition));
}

const pageLanguage = (composition: CdaElement): string | undefined => {
  const language = valueAt(composition, 'language');
  return language !== undefined && /^[A-Za-z\d-]{1,35}$/.test(language) ? language : undefined;
};

function sectionHtml(section: CdaElement, ground: NarrativeGround, images: Map<string, string>, level: number): string {
  const title = valueAt(section, 'title') ?? conceptWords(childAt(section, 'code'));
  return [
    '<section>',
    title === undefined ? '' : `<h${level}>${htmlText(title)}</h${level}>`,
    divHtml(section, ground, images),
    ...childrenNamed(section, 'section').map(inner => sectionHtml(inner, ground, images, Math.min(level + 1, 6))),
    '</section>',
  ].join('');
}

/** The narrative of a resource or a section. */
function divHtml(of: CdaElement | undefined, ground: NarrativeGround, images: Map<string, string>): string {
  const div = childAt(of, 'text', 'div');
  return div ? narrativeHtml(narrativeOfDiv(div, images), ground) : '';
}

const conceptWords = (concept: CdaElement | undefined): string | undefined =>
  valueAt(concept, 'text') ?? valueAt(concept, 'coding', 'display') ?? valueAt(concept, 'coding', 'code');

const valuesAt = (element: CdaElement, name: string): readonly string[] =>
  childrenNamed(element, name).flatMap(child => child.attributes.get('value') ?? []);

/** The name of a person, an organization or a device. */
function nameIn(resource: CdaElement | undefined): string | undefined {
  const name = childAt(resource, 'name') ?? childAt(resource, 'deviceName', 'name');
  if (!name) return undefined;
  const [text, family] = [valueAt(name, 'text'), valueAt(name, 'family')];
  const [prefix, given, suffix] = (['prefix', 'given', 'suffix'] as const).map(key => valuesAt(name, key));
  const parts = { prefix: [...prefix!], given: [...given!], suffix: [...suffix!] };
  return (
    name.attributes.get('value') ??
    nameText({ ...parts, ...(text === undefined ? {} : { text }), ...(family === undefined ? {} : { family }) })
  );
}

function headerOf({ composition, identifier, target }: FhirDocument): string {
  const party = (reference: CdaElement | undefined): string | undefined =>
    nameIn(target(reference)) ?? valueAt(reference, 'display');
  const subject = childAt(composition, 'subject');
  const patient = target(subject);
  const authors = childrenNamed(composition, 'author').flatMap(author => party(author) ?? []);
  return headerTable([
    ['Patient', party(subject)],
    ['Birth date', valueAt(patient, 'birthDate')],
    ['Gender', valueAt(patient, 'gender')],
    ['Kind', conceptWords(childAt(composition, 'type'))],
    ['Status', valueAt(composition, 'status')],
    ['Created', valueAt(composition, 'date')],
    ['Authors', authors.join('; ')],
    ['Kept by', party(childAt(composition, 'custodian'))],
    ['Confidentiality', valueAt(composition, 'confidentiality')],
    ['Document id', valueAt(identifier, 'value')],
  ]);
}
