/**
 * A CDA document as a page: its header as a table, its sections with their narratives, and where its body is not XML what that is. Only the
 * narrative is shown, which CDA requires to hold everything that was attested (CDA R2 §1.2.3); entries are not.
 */
import { cdaMetadata } from '../read/cda.js';
import {
  type CdaElement,
  childAt,
  childrenNamed,
  decodeXml,
  readCdaXml,
  textWithin,
  type Wanted,
} from '../read/cda-xml.js';
import type { CodeableConcept, DocumentMetadata, ReadLimits } from '../read/document-metadata.js';
import { imagesOf, imageUrl } from './embedded-image.js';
import { headerTable, nameText } from './header-table.js';
import { htmlText } from '../../../platform/html.js';
import { type NarrativeGround, narrativeGround, narrativeHtml } from './narrative.js';
import { htmlPage } from '../../../interactions/response/shown-page.js';
import { unstructuredBody } from './unstructured-body.js';

/** What may hold an image below an entry. */
const TO_IMAGES = new Set([
  'entry',
  'organizer',
  'component',
  'act',
  'observation',
  'procedure',
  'entryRelationship',
  'regionOfInterest',
]);

/** Header, narratives, and of the entries what leads to images. */
function forPage(path: readonly string[]): Wanted {
  if (path.length === 1) return path[0] === 'ClinicalDocument' ? 'keep' : 'skip';
  const entry = path.indexOf('entry');
  if (path[1] !== 'component' || entry < 0 || path.includes('text')) return 'keep';
  const inner = path.slice(entry);
  const media = inner.indexOf('observationMedia');
  if (media >= 0) return inner.length <= media + 1 || inner[media + 1] === 'value' ? 'keep' : 'skip';
  return TO_IMAGES.has(path.at(-1)!) ? 'keep' : 'skip';
}

/** Throws UnreadableXml and TooMuchHtml. */
export function cdaPage(bytes: Uint8Array, limits: ReadLimits): string {
  const root = readCdaXml(decodeXml(bytes), limits, forPage);
  const metadata = cdaMetadata(root);
  const title = metadata.title ?? metadata.type?.coding?.[0]?.display ?? 'Document';
  const ground = narrativeGround(imagesOf(root));
  const sections = childrenNamed(childAt(root, 'component', 'structuredBody'), 'component');
  const body = sections.map(component => sectionHtml(childAt(component, 'section'), ground, 2)).join('');
  return htmlPage(
    title,
    `<h1>${htmlText(title)}</h1>${headerHtml(metadata)}${metadata.body === 'nonXMLBody' ? unstructuredHtml(root) : body}`,
    metadata.language,
  );
}

function sectionHtml(section: CdaElement | undefined, ground: NarrativeGround, level: number): string {
  if (!section) return '';
  const title = textWithin(childAt(section, 'title'));
  const text = childAt(section, 'text');
  const inner = childrenNamed(section, 'component').map(component =>
    sectionHtml(childAt(component, 'section'), ground, Math.min(level + 1, 6)),
  );
  return [
    '<section>',
    title === undefined ? '' : `<h${level}>${htmlText(title)}</h${level}>`,
    text ? narrativeHtml(text, ground) : '',
    ...inner,
    '</section>',
  ].join('');
}

function unstructuredHtml(root: CdaElement): string {
  const body = unstructuredBody(root);
  if (!body) return '<p><em>The content of this document is kept elsewhere.</em></p>';
  const { contentType, bytes } = body;
  if (contentType.startsWith('text/plain')) return `<pre>${htmlText(bytes.toString())}</pre>`;
  const url = imageUrl(bytes);
  if (url !== undefined) return `<p><img alt="" src="${url}"/></p>`;
  return `<p><em>The content of this document is a file of type ${htmlText(contentType.slice(0, 100))}, ${bytes.length} bytes: <span class="bold">$render?body=true</span> gives it.</em></p>`;
}

const conceptText = (concept: CodeableConcept | undefined): string | undefined =>
  concept?.text ?? concept?.coding?.[0]?.display ?? concept?.coding?.[0]?.code;

/** Who the document is about, who wrote it, when, and for what. */
function headerHtml(metadata: DocumentMetadata): string {
  const {
    patient,
    author = [],
    authenticator,
    custodian,
    context,
    creation,
    type,
    securityLabel,
    masterIdentifier,
  } = metadata;
  const people = author.flatMap(({ name, display, organization }) => {
    const who = (name && nameText(name)) ?? display;
    return [who, organization?.name].filter(part => part !== undefined).join(', ') || [];
  });
  const period = context?.period && [context.period.start ?? '', context.period.end ?? ''].join(' – ');
  return headerTable([
    ['Patient', patient?.name?.map(nameText).join(' / ')],
    ['Birth date', patient?.birthDate],
    ['Gender', patient?.gender],
    ['Patient ids', patient?.identifier.map(({ value }) => value).join(', ')],
    ['Kind', conceptText(type)],
    ['Created', creation],
    ['Authors', people.join('; ')],
    ['Signed by', authenticator?.name && nameText(authenticator.name)],
    ['Kept by', custodian?.name],
    ['Service', period],
    ['Facility', conceptText(context?.facilityType)],
    ['Confidentiality', conceptText(securityLabel?.[0])],
    ['Document id', masterIdentifier?.value],
  ]);
}
