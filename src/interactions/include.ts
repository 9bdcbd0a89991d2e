/**
 * What `_include` and `_revinclude` add to a page: https://hl7.org/fhir/R4/search.html#revinclude. Works on stored rows, for
 * every store alike: what the results refer to is read by name, what refers to them is one search per type.
 *
 * Choices: a reference to a version brings that version; what is deleted, elsewhere or unknown is left out; a canonical
 * brings the resources that have its URL. `*` passes over types that the caller may not see, and over the audit trail,
 * which grows with every look: it is included where it is named.
 */
import { FhirError } from '../fhir/error.js';
import { parseJson } from '../fhir/json.js';
import type { Resource } from '../fhir/resource.js';
import type { EntryValue } from '../search/entry.js';
import type { SearchParameter } from '../search/parameters.js';
import type { Include } from '../search/parse-include.js';
import { any, type Where } from '../search/query.js';
import { refersTo } from '../search/separate.js';
import type { Version } from '../store/store.js';
import type { Engine } from './interaction.js';

export interface Included {
  readonly rows: readonly Version[];
  /** There was more than a page may hold. */
  readonly cut: boolean;
}

/** Rounds of `:iterate`. */
const MAX_ROUNDS = 10;

const keyOf = ({ type, id, version }: Version): string => `${type}/${id}/${version}`;

/** Throws FhirError `forbidden` where an include names one of the types `without`. */
export async function include(
  engine: Engine,
  matches: readonly Version[],
  includes: readonly Include[],
  without: readonly string[],
): Promise<Included> {
  if (includes.some(({ from, to }) => [from, to].some(type => type !== undefined && without.includes(type))))
    throw new FhirError('forbidden', 'This role may not include resources of all types that are named.');
  const seen = new Set(matches.map(keyOf));
  const rows: Version[] = [];
  const search = { engine, without, room: engine.settings.maxIncluded };
  let from = matches;
  let cut = false;
  for (let round = 0; from.length > 0 && round < MAX_ROUNDS; round++) {
    const asked = round === 0 ? includes : includes.filter(({ iterate }) => iterate);
    const added: Version[] = [];
    for (const one of asked) {
      const found = await (one.reverse ? referring(search, from, one) : referred(search, from, one));
      cut ||= found.cut;
      for (const row of found.rows) {
        if (seen.has(keyOf(row)) || without.includes(row.type)) continue;
        if (rows.length === search.room) {
          cut = true;
          break;
        }
        seen.add(keyOf(row));
        rows.push(row);
        added.push(row);
      }
    }
    from = added;
  }
  return { rows, cut };
}

interface Search {
  readonly engine: Engine;
  readonly without: readonly string[];
  readonly room: number;
}

/** Parsed once for all includes of a search. */
const parsed = new WeakMap<Version, Resource>();
function resourceOf(row: Version): Resource {
  let resource = parsed.get(row);
  if (!resource) {
    resource = parseJson(row.text!, { maxDepth: 200 }).resource;
    parsed.set(row, resource);
  }
  return resource;
}

/** The reference parameters of a type that the include means. */
function parametersOf({ parameters }: Engine, type: string, { code }: Include): readonly SearchParameter[] {
  if (code !== undefined) {
    const one = parameters.get(type, code);
    return one ? [one] : [];
  }
  return [...parameters.of(type).values()].filter(parameter => parameter.type === 'reference');
}

async function referred({ engine }: Search, rows: readonly Version[], one: Include): Promise<Included> {
  const wanted = new Map<string, { type: string; id: string; version?: string }>();
  const urls = new Map<string, { url: string; version?: string; types: readonly string[] }>();
  for (const row of rows) {
    if (one.from !== undefined && one.from !== row.type) continue;
    for (const parameter of parametersOf(engine, row.type, one))
      for (const value of referencesOf(engine, row, parameter)) {
        if (value.kind === 'reference' && (one.to ?? value.type) === value.type)
          wanted.set(`${value.type}/${value.id}/${value.version ?? ''}`, value);
        else if (value.kind === 'url')
          urls.set(value.url, { ...value, types: one.to === undefined ? parameter.targets : [one.to] });
      }
  }
  const found = await Promise.all(
    [...wanted.values()].map(({ type, id, version }) => readOne(engine, type, id, version)),
  );
  for (const canonical of urls.values()) found.push(...(await byUrl(engine, canonical)));
  return { rows: found.filter(row => row?.text !== undefined).map(row => row!), cut: false };
}

function referencesOf(engine: Engine, row: Version, parameter: SearchParameter): readonly EntryValue[] {
  // What the store keeps beside each row anyway: no need to look into the text.
  if (parameter.code === 'patient') return row.patients.map(id => ({ kind: 'reference', type: 'Patient', id }));
  const out: EntryValue[] = [];
  const resource = resourceOf(row);
  parameter.read(resource, { root: resource, out, bases: engine.settings.bases });
  return out;
}

async function readOne({ definitions, store }: Engine, type: string, id: string, version: string | undefined) {
  if (!definitions.resourceTypes.includes(type)) return undefined;
  if (version === undefined) return store.read(type, id);
  return /^[1-9]\d{0,14}$/.test(version) ? store.read(type, id, Number(version)) : undefined;
}

/** At most the ten newest of each type: a URL should name one. */
async function byUrl(
  engine: Engine,
  { url, version, types }: { readonly url: string; readonly version?: string; readonly types: readonly string[] },
): Promise<Version[]> {
  const found: Version[] = [];
  for (const type of types) {
    if (engine.parameters.get(type, 'url')?.type !== 'uri') continue;
    const where: Where[] = [{ kind: 'param', code: 'url', test: { kind: 'uri', mode: 'exact', value: url } }];
    if (version !== undefined && engine.parameters.get(type, 'version'))
      where.push({ kind: 'param', code: 'version', test: { kind: 'token', any: [{ code: version }] } });
    const { rows } = await engine.store.find({ types: [type], where: { kind: 'all', of: where }, sort: [], limit: 10 });
    found.push(...rows);
  }
  return found;
}

async function referring({ engine, without, room }: Search, rows: readonly Version[], one: Include): Promise<Included> {
  const targets = rows.filter(({ type }) => one.to === undefined || one.to === type);
  const types = one.from === undefined ? engine.definitions.resourceTypes : [one.from];
  if (targets.length === 0) return { rows: [], cut: false };
  const found = await Promise.all(
    types
      .filter(type => !without.includes(type) && (one.from === type || type !== 'AuditEvent'))
      .map(async (type): Promise<Included> => {
        const links = parametersOf(engine, type, one).flatMap(({ code, targets: may }) => {
          const possible = targets.filter(target => may.length === 0 || may.includes(target.type));
          return possible.length > 0 ? [refersTo(code, possible)] : [];
        });
        if (links.length === 0) return { rows: [], cut: false };
        const page = await engine.store.find({ types: [type], where: any(...links), sort: [], limit: room });
        return { rows: page.rows, cut: page.more };
      }),
  );
  return { rows: found.flatMap(page => page.rows), cut: found.some(page => page.cut) };
}
