/**
 * Names that the entries of a transaction give each other: `urn:uuid:…`, `urn:oid:…` or addresses elsewhere (fullUrl),
 * and conditional references (`Patient?identifier=…`). https://hl7.org/fhir/R4/http.html#trules,
 * https://hl7.org/fhir/R4/bundle.html#references
 *
 * Rewritten are Reference.reference, every element of type uri, url, oid or uuid that is such a name as a whole or up to
 * a fragment (never a string: Identifier.value stays; never a canonical: R4 says so), and links and images of narratives.
 * A Bundle inside (a document) keeps its names: references are never resolved outside of the Bundle they stand in. Where
 * the names stand is found once and kept with their first text, so that a transaction that has to run again starts from
 * what the client sent.
 */
import type { Definitions } from '../../fhir/definitions.js';
import type { Json, JsonObject, Resource } from '../../fhir/resource.js';

/** A place in a resource that may have to be rewritten. */
export interface Site {
  readonly parent: JsonObject;
  readonly key: string;
  /** Set where the parent's member is an array. */
  readonly index?: number;
  /** As the client sent it. */
  readonly text: string;
  readonly as: 'reference' | 'uri' | 'xhtml';
}

/** What a name stands for. */
export interface Named {
  /** `Type/id` */
  readonly target: string;
  /** The one that it has after the transaction, where that is known before. */
  readonly version?: number;
  /** It is the address under which this server knows it anyway. */
  readonly own?: true;
}
export interface Names {
  get(name: string): Named | undefined;
  /** Code units with which one of them begins: most strings of a resource begin otherwise. */
  readonly starts: ReadonlySet<number>;
}

const URIS = new Set(['uri', 'url', 'oid', 'uuid']);
const LINK = /(\s(?:href|src)\s*=\s*)("([^"]*)"|'([^']*)')/g;
const surveyed = new WeakMap<Resource, readonly Site[]>();

/** `root`: base of the entry's own fullUrl, for relative references. */
export function sitesOf(
  resource: Resource,
  definitions: Definitions,
  names: Names,
  root: string | undefined,
): readonly Site[] {
  let sites = surveyed.get(resource);
  if (!sites) {
    sites = findSites(
      resource,
      definitions,
      text => mayBe(text, names, root) && renamed(text, names, root) !== undefined,
    );
    surveyed.set(resource, sites);
  }
  return sites;
}

const surveyedPatches = new WeakMap<object, readonly Site[]>();

/** The same of a JSON Patch: References among the values that it writes, and texts that it writes to a `reference`. */
export function sitesOfPatch(operations: Json, definitions: Definitions): readonly Site[] {
  if (!Array.isArray(operations)) return [];
  let sites = surveyedPatches.get(operations);
  if (!sites) {
    const alone = operations.flatMap((each): Site[] => {
      if (typeof each !== 'object' || each === null || Array.isArray(each)) return [];
      const { path, value } = each;
      const isReference = typeof path === 'string' && path.endsWith('/reference') && typeof value === 'string';
      return isReference ? [{ parent: each, key: 'value', text: value, as: 'reference' }] : [];
    });
    sites = [...findSites({ resourceType: '', operations }, definitions, () => false), ...alone];
    surveyedPatches.set(operations, sites);
  }
  return sites;
}

/** Longer strings are no addresses, but notes and bytes. */
const LONGEST_NAME = 2048;

function mayBe(text: string, { starts }: Names, root: string | undefined): boolean {
  const first = text.charCodeAt(0);
  return (starts.has(first) || (root !== undefined && first >= 65 && first <= 90)) && text.length <= LONGEST_NAME;
}

/** References are found by their key alone; types are looked up only where another string is one of the names. */
function findSites(resource: Resource, definitions: Definitions, isName: (text: string) => boolean): readonly Site[] {
  const sites: Site[] = [];
  let others = false;
  const visit = (value: JsonObject): void => {
    if (value['resourceType'] === 'Bundle') return;
    for (const key in value) {
      const inner = value[key]!;
      if (typeof inner === 'string') {
        if (key === 'reference') {
          if (!inner.startsWith('#')) sites.push({ parent: value, key, text: inner, as: 'reference' });
        } else others ||= key === 'div' ? /\s(?:href|src)\s*=/.test(inner) : isName(inner);
      } else if (Array.isArray(inner)) {
        for (const item of inner)
          if (typeof item === 'object' && item !== null) visit(item as JsonObject);
          else if (typeof item === 'string') others ||= isName(item);
      } else if (typeof inner === 'object' && inner !== null) visit(inner);
    }
  };
  visit(resource);
  if (others) findTyped(resource, resource.resourceType, definitions, sites);
  return sites;
}

/** Elements of the types of URIs, and narratives. */
function findTyped(value: JsonObject, type: string, definitions: Definitions, sites: Site[]): void {
  for (const [key, inner] of Object.entries(value)) {
    const property = key.startsWith('_') ? undefined : definitions.property(type, key);
    const code = key.startsWith('_')
      ? 'Element'
      : (property?.element.children ?? (property?.type ?? property?.element.types[0])?.code);
    if (code === undefined || (type === 'Extension' && key === 'url')) continue;
    const as = URIS.has(code) ? 'uri' : code === 'xhtml' ? 'xhtml' : undefined;
    const each = (item: Json, index?: number) => {
      if (typeof item === 'string') {
        if (as) sites.push({ parent: value, key, text: item, as, ...(index === undefined ? {} : { index }) });
      } else if (typeof item === 'object' && item !== null && !Array.isArray(item)) {
        const own = code === 'Resource' && typeof item['resourceType'] === 'string' ? item['resourceType'] : code;
        if (own !== 'Bundle') findTyped(item, own, definitions, sites);
      }
    };
    if (Array.isArray(inner)) inner.forEach(each);
    else each(inner);
  }
}

/** What stands at the site now. */
export function textAt({ parent, key, index }: Site): string {
  const value = index === undefined ? parent[key] : (parent[key] as Json[])[index];
  return typeof value === 'string' ? value : '';
}

/** Puts the names back that the client sent, where a transaction begins again. */
export function restoreNames(resource: Resource): void {
  for (const site of surveyed.get(resource) ?? []) put(site, site.text);
}

/** Writes `text` at the site. */
export function put({ parent, key, index }: Site, text: string): void {
  if (index === undefined) parent[key] = text;
  else (parent[key] as Json[])[index] = text;
}

/** The text of a site with what its names stand for. */
export function rename({ text, as }: Site, names: Names, root: string | undefined): string {
  if (as !== 'xhtml') return renamed(text, names, root) ?? text;
  return text.replace(LINK, (whole, before: string, _quoted, double?: string, single?: string) => {
    const found = renamed(double ?? single ?? '', names, root);
    return found === undefined ? whole : `${before}"${found}"`;
  });
}

/** A fragment stays. A version becomes that of what is written now, except below an address of this server. */
function renamed(text: string, names: Names, root: string | undefined): string | undefined {
  const hash = text.indexOf('#');
  const [whole, fragment] = hash < 0 ? [text, ''] : [text.slice(0, hash), text.slice(hash)];
  const look = (name: string): string | undefined => {
    const found = names.get(name);
    if (found) return found.target + fragment;
    const at = name.lastIndexOf('/_history/');
    const versioned = at < 0 ? undefined : names.get(name.slice(0, at));
    if (!versioned || versioned.own) return undefined;
    return versioned.target + (versioned.version === undefined ? '' : `/_history/${versioned.version}`) + fragment;
  };
  return look(whole) ?? (root !== undefined && RELATIVE.test(whole) ? look(`${root}/${whole}`) : undefined);
}

const RELATIVE = /^[A-Z][A-Za-z]+\//;
const REST_ADDRESS = /^(https?:\/\/.+)\/[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/;

/** Base of an address that ends like `Type/id`. */
export const rootOf = (fullUrl: string | undefined): string | undefined => REST_ADDRESS.exec(fullUrl ?? '')?.[1];

/** Where a site is, as FHIRPath below the resource; for messages. */
export function pathTo(resource: Resource, site: Site): string {
  const look = (value: Json, path: string): string | undefined => {
    if (value === site.parent) return `${path}.${site.key}${site.index === undefined ? '' : `[${site.index}]`}`;
    if (typeof value !== 'object' || value === null) return undefined;
    for (const [key, inner] of Object.entries(value)) {
      const found = look(inner, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return look(resource, '')?.slice(1) ?? '';
}
