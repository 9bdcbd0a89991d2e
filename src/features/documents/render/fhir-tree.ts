/**
 * A FHIR document as a tree of elements, whether it is JSON or XML (https://hl7.org/fhir/R4/xml.html): as far as a page shows it. A primitive is an
 * attribute `value`, a resource an element with the name of its type, a narrative the elements of its `div`.
 */
import { isObject, itemsOf, type Json, type JsonObject } from '../../../fhir/resource.js';
import { FHIR } from '../../../fhir/xml/shape.js';
import { XHTML } from '../../../fhir/xml/xhtml.js';
import { type CdaElement, childAt, childrenNamed, readCdaXml, UnreadableXml, type Wanted } from '../read/cda-xml.js';
import type { ReadLimits } from '../read/document-metadata.js';

export interface FhirDocument {
  readonly composition: CdaElement;
  /** Of the Bundle. */
  readonly identifier: CdaElement | undefined;
  /** What a Reference leads to within the document. */
  readonly target: (reference: CdaElement | undefined) => CdaElement | undefined;
}

export const valueAt = (element: CdaElement | undefined, ...names: readonly string[]): string | undefined =>
  childAt(element, ...names)?.attributes.get('value');

/** What is shown of resources beside the Composition. */
const SHOWN = new Set(['name', 'deviceName', 'birthDate', 'gender', 'text']);

function forFhirPage(path: readonly string[]): Wanted {
  const [root, , , type, child] = path;
  if (root !== 'Bundle') return 'skip';
  return child === undefined || type === 'Composition' || SHOWN.has(child) ? 'keep' : 'skip';
}

const fhirName = (uri: string, local: string): string | undefined =>
  uri === FHIR || uri === XHTML ? local : undefined;

/** Undefined: it is no document. Throws UnreadableXml. */
export function documentInXml(text: string, limits: ReadLimits): FhirDocument | undefined {
  const bundle = readCdaXml(text, limits, forFhirPage, fhirName);
  const entries = childrenNamed(bundle, 'entry').map(entry => ({
    fullUrl: valueAt(entry, 'fullUrl'),
    resource: (): CdaElement | undefined => firstIn(childAt(entry, 'resource')),
  }));
  const composition = entries[0]?.resource();
  if (valueAt(bundle, 'type') !== 'document' || composition?.name !== 'Composition') return undefined;
  return { composition, identifier: childAt(bundle, 'identifier'), target: targetIn(entries) };
}

const firstIn = (element: CdaElement | undefined): CdaElement | undefined =>
  element?.children.find(child => typeof child !== 'string');

/** The same of JSON that was parsed. */
export function documentInJson(bundle: Json, limits: ReadLimits): FhirDocument | undefined {
  if (!isObject(bundle) || bundle['resourceType'] !== 'Bundle' || bundle['type'] !== 'document') return undefined;
  const entries = itemsOf(bundle['entry'])
    .filter(isObject)
    .map(entry => ({
      fullUrl: typeof entry['fullUrl'] === 'string' ? entry['fullUrl'] : undefined,
      resource: (): CdaElement | undefined => {
        const { resource } = entry;
        return isObject(resource) ? resourceTree(resource, limits) : undefined;
      },
    }));
  const composition = entries[0]?.resource();
  if (composition?.name !== 'Composition') return undefined;
  const { identifier } = bundle;
  return {
    composition,
    identifier: isObject(identifier) ? treeOf('identifier', identifier, limits, 0) : undefined,
    target: targetIn(entries),
  };
}

/** Of other resources than the Composition as much as is shown. */
function resourceTree(resource: JsonObject, limits: ReadLimits): CdaElement {
  const { resourceType, ...members } = resource;
  const name = typeof resourceType === 'string' ? resourceType : '';
  const shown = Object.entries(members).filter(([key]) => name === 'Composition' || SHOWN.has(key));
  return treeOf(name, Object.fromEntries(shown), limits, 0);
}

/** Throws UnreadableXml for what is nested too deeply. */
function treeOf(name: string, value: Json, limits: ReadLimits, depth: number): CdaElement {
  if (depth > limits.depth) throw new UnreadableXml('The document cannot be read.');
  if (name === 'div' && typeof value === 'string') return readCdaXml(value, limits, () => 'keep', fhirName);
  if (!isObject(value))
    return {
      name,
      attributes: new Map([['value', typeof value === 'string' ? value : JSON.stringify(value)]]),
      children: [],
    };
  const children = Object.entries(value).flatMap(([key, inner]) =>
    // Where a value has only an extension, its place holds null.
    [inner]
      .flat()
      .filter(one => one !== null)
      .map(one => treeOf(key, one, limits, depth + 1)),
  );
  return { name, attributes: new Map(), children };
}

interface DocumentPart {
  readonly fullUrl: string | undefined;
  resource(): CdaElement | undefined;
}

/** By its fullUrl, whole or from its type on. https://hl7.org/fhir/R4/bundle.html#references */
function targetIn(entries: readonly DocumentPart[]): FhirDocument['target'] {
  return element => {
    const reference = valueAt(element, 'reference');
    if (reference === undefined || reference === '') return undefined;
    return entries
      .find(({ fullUrl }) => fullUrl !== undefined && (fullUrl === reference || fullUrl.endsWith(`/${reference}`)))
      ?.resource();
  };
}
