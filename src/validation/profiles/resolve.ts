/**
 * What a reference leads to inside the resource that is checked: a contained resource, or an entry of the Bundle around it.
 * https://hl7.org/fhir/R4/references.html#contained, https://hl7.org/fhir/R4/bundle.html#references
 *
 * A relative reference is resolved against the address of its own entry, where its fullUrl is one; a reference to a version finds that
 * version alone. Nothing outside is looked at.
 */
import type { Resource } from '../../fhir/resource.js';
import type { ResolvedTarget, ResourceSite } from '../run.js';

/** An address of REST: its base, type and id. https://hl7.org/fhir/R4/references.html#regex */
const REST_ADDRESS =
  /^(?<base>(?:https?:\/\/\S*?\/)|)(?<type>[A-Z][A-Za-z]+)\/(?<id>[A-Za-z0-9\-.]{1,64})(?:\/_history\/(?<version>[A-Za-z0-9\-.]{1,64}))?$/;

/** The type that a literal reference names, where it has the form of an address. */
export const typeInReference = (reference: string): string | undefined =>
  REST_ADDRESS.exec(withoutFragment(reference))?.groups!['type'];

const withoutFragment = (reference: string): string => {
  const hash = reference.indexOf('#');
  return hash > 0 ? reference.slice(0, hash) : reference;
};

export interface TargetResolver {
  resolve(reference: string, from: ResourceSite): ResolvedTarget;
}

const OUTSIDE: ResolvedTarget = { kind: 'outside' };
const MISSING: ResolvedTarget = { kind: 'missing' };
const AMBIGUOUS: ResolvedTarget = { kind: 'ambiguous' };

/** `sites` are all of the resource that is checked. */
export function createTargetResolver(sites: readonly ResourceSite[]): TargetResolver {
  let entries: SiteIndex | undefined;
  let containeds: SiteIndex | undefined;
  const contained = (id: string, from: ResourceSite): ResolvedTarget => {
    const container = from.as === 'contained' && from.outer ? from.outer : from;
    if (id === '') return { kind: 'found', site: container };
    containeds ??= indexSites(sites, 'contained', ({ resource }) => resource['id']);
    const found = containeds.get(container.resource)?.get(id) ?? [];
    if (found.length > 1) return AMBIGUOUS;
    return found[0] ? { kind: 'found', site: found[0] } : MISSING;
  };
  return {
    resolve(reference, from) {
      if (reference.startsWith('#')) return contained(reference.slice(1), from);
      for (let at: ResourceSite | undefined = from; at; at = at.outer) {
        if (at.as !== 'entry') continue;
        entries ??= indexSites(sites, 'entry', ({ fullUrl }) => fullUrl);
        const found = inBundle(reference, at, entries.get(at.outer!.resource) ?? new Map<string, ResourceSite[]>());
        if (found.kind !== 'outside') return found;
      }
      return OUTSIDE;
    },
  };
}

/** The sites inside a resource by what they are referred to with. */
type SiteIndex = ReadonlyMap<Resource, ReadonlyMap<string, readonly ResourceSite[]>>;

function indexSites(
  sites: readonly ResourceSite[],
  as: ResourceSite['as'],
  nameOf: (site: ResourceSite) => unknown,
): SiteIndex {
  const index = new Map<Resource, Map<string, ResourceSite[]>>();
  for (const site of sites) {
    const name = site.as === as ? nameOf(site) : undefined;
    if (typeof name !== 'string') continue;
    const { resource } = site.outer!;
    const known = index.get(resource) ?? new Map<string, ResourceSite[]>();
    index.set(resource, known);
    const same = known.get(name);
    if (same) same.push(site);
    else known.set(name, [site]);
  }
  return index;
}

/** `entry`: the entry that the reference stands in. */
function inBundle(
  reference: string,
  entry: ResourceSite,
  entries: ReadonlyMap<string, readonly ResourceSite[]>,
): ResolvedTarget {
  const plain = withoutFragment(reference);
  const parts = REST_ADDRESS.exec(plain)?.groups;
  let address = plain;
  if (parts) {
    const base = parts['base'] === '' ? REST_ADDRESS.exec(entry.fullUrl ?? '')?.groups?.['base'] : parts['base'];
    if (base === undefined) return OUTSIDE;
    address = `${base}${parts['type']}/${parts['id']}`;
  }
  const version = parts?.['version'];
  const all = entries.get(address) ?? [];
  const found = version === undefined ? all : all.filter(({ resource }) => versionOf(resource) === version);
  if (found.length > 1) return AMBIGUOUS;
  const [site] = found;
  if (site) return { kind: 'found', site };
  // A urn can mean nothing but what is in this Bundle.
  return plain.startsWith('urn:uuid:') || plain.startsWith('urn:oid:') ? MISSING : OUTSIDE;
}

function versionOf({ meta }: Resource): unknown {
  return typeof meta === 'object' && meta !== null && !Array.isArray(meta) ? meta['versionId'] : undefined;
}
