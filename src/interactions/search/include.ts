/**
 * What `_include` and `_revinclude` add to a page: https://hl7.org/fhir/R4/search.html#revinclude. Works on stored rows, for
 * every store alike: what the results refer to is read by name, what refers to them is one search per type.
 *
 * Choices: a reference to a version brings that version; what is deleted, elsewhere or unknown is left out; a canonical
 * brings the resources that have its URL. `*` passes over types that the caller may not see, and over the audit trail,
 * which grows with every look: it is included where it is named.
 */
import { withinBoth } from '../../access/permission.js';
import { scopesNeeded } from '../../access/scopes.js';
import { createView, type StoreView } from '../../access/view.js';
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import type { Resource } from '../../fhir/resource.js';
import { createBreather } from '../../platform/breather.js';
import type { EntryValue } from '../../search/entry.js';
import type { SearchParameter } from '../../search/parameters.js';
import type { SearchInclude } from '../../search/parse-include.js';
import { any, type Where } from '../../search/query.js';
import { refersTo } from '../../search/separate.js';
import type { Page, Version } from '../../store/store.js';
import type { Allowance, Context, Engine } from '../engine.js';
import { FREE, sizeOfRows } from '../response/allowance.js';

export interface Included {
  readonly rows: readonly Version[];
  /** There was more than a page may hold. */
  readonly cut: boolean;
}

/** Rounds of `:iterate`. */
const MAX_ROUNDS = 10;

const versionKey = ({ type, id, version }: Version): string => `${type}/${id}/${version}`;

/** Throws FhirError `forbidden` where an include names a type that may not be seen. */
export async function include(
  context: Context,
  matches: readonly Version[],
  includes: readonly SearchInclude[],
  allowance: Allowance,
): Promise<Included> {
  const { engine, permission, view } = context;
  const { masks } = permission;
  const { r, s } = permission.reach;
  // What is included is read; what is included because it refers to something is searched for, too.
  const read = r === s ? view : createView(engine, r, masks);
  const searched = r === s ? view : createView(engine, withinBoth(r, s), masks);
  for (const { from, to, reverse } of includes) {
    const [named, other] = reverse ? [from, to] : [to, from];
    if (
      (named !== undefined && !(reverse ? searched : read).shows(named)) ||
      (other !== undefined && !view.shows(other))
    )
      throw new FhirError('forbidden', 'This role may not include resources of all types that are named.', {
        scope: scopesNeeded(context.principal, named === undefined ? [] : [named], reverse ? 's' : 'r'),
      });
  }
  const search = new Search(context, { read, searched }, matches, allowance);
  const distinct = [...new Map(includes.map(one => [JSON.stringify(one), one])).values()];
  let from = matches;
  for (let round = 0; from.length > 0 && round < MAX_ROUNDS; round++) {
    const before = search.rows.length;
    for (const one of distinct)
      if (round === 0 || one.iterate)
        await (one.reverse ? addReferring(search, from, one) : addReferred(search, from, one));
    from = search.rows.slice(before);
  }
  return { rows: search.rows, cut: search.cut };
}

/** What was found so far, and how much more may be: nothing is read that there is no room for. */
class Search {
  readonly engine: Engine;
  /** Of what may be read. */
  readonly view: StoreView;
  /** Of what may be searched for, too. */
  readonly searched: StoreView;
  readonly allowance: Allowance;
  readonly rows: Version[] = [];
  cut = false;
  private readonly seen: Set<string>;
  private readonly until: number;

  constructor(
    { engine }: Context,
    { read, searched }: { readonly read: StoreView; readonly searched: StoreView },
    matches: readonly Version[],
    allowance: Allowance,
  ) {
    this.engine = engine;
    this.allowance = allowance;
    this.view = read;
    this.searched = searched;
    this.seen = new Set(matches.map(versionKey));
    this.until = performance.now() + engine.settings.queryTimeout;
  }

  /** Whether to go on: nothing is left out yet, and there is time. */
  get goesOn(): boolean {
    this.cut ||= performance.now() > this.until;
    return !this.cut;
  }

  get room(): number {
    return this.engine.settings.maxIncluded - this.rows.length;
  }

  /** Rows of the type that may come again. */
  met(type: string): number {
    let count = 0;
    for (const key of this.seen) if (key.startsWith(`${type}/`)) count++;
    return count;
  }

  add(found: readonly (Version | undefined)[]): void {
    for (const row of found) {
      if (row?.withheld !== undefined) this.cut = true;
      if (row?.text === undefined || this.seen.has(versionKey(row)) || !this.view.shows(row.type)) continue;
      const size = sizeOfRows([row]);
      if (this.room === 0 || size > this.allowance.left) {
        this.cut = true;
        return;
      }
      this.allowance.spend(size);
      this.seen.add(versionKey(row));
      this.rows.push(row);
    }
  }
}

/** Reads, or searches of a type each, that are under way together. */
const READS_TOGETHER = 50;
const SEARCHES_TOGETHER = 4;
/** Where resources are parsed on the event loop. */
const parseBreather = createBreather();

/** Parsed once for all includes of a search. */
const parsed = new WeakMap<Version, Resource>();
function resourceOf(row: Version): Resource {
  let resource = parsed.get(row);
  if (!resource) {
    resource = parseJson(row.text!, STORED_JSON).resource;
    parsed.set(row, resource);
  }
  return resource;
}

/** The reference parameters of a type that the include means. */
function includedParameters({ parameters }: Engine, type: string, { code }: SearchInclude): readonly SearchParameter[] {
  if (code !== undefined) {
    const one = parameters.get(type, code);
    return one ? [one] : [];
  }
  return [...parameters.of(type).values()].filter(parameter => parameter.type === 'reference');
}

async function addReferred(search: Search, rows: readonly Version[], one: SearchInclude): Promise<void> {
  const { engine } = search;
  const wanted = new Map<string, { type: string; id: string; version?: string }>();
  const urls = new Map<string, { url: string; version?: string; types: readonly string[] }>();
  const note = (row: Version): void => {
    for (const parameter of includedParameters(engine, row.type, one))
      for (const value of valuesToFollow(engine, row, parameter)) {
        if (value.kind === 'reference' && (one.to ?? value.type) === value.type)
          wanted.set(`${value.type}/${value.id}/${value.version ?? ''}`, value);
        else if (value.kind === 'url')
          urls.set(value.url, { ...value, types: one.to === undefined ? parameter.targets : [one.to] });
      }
  };
  for (const row of rows) {
    if (one.from !== undefined && one.from !== row.type) continue;
    const others = parseBreather.before();
    if (others) await others;
    parseBreather.piece(() => note(row));
  }
  const names = [...wanted.values()];
  for (let at = 0; at < names.length && search.goesOn; at += READS_TOGETHER) {
    const reads = names
      .slice(at, at + READS_TOGETHER)
      .map(({ type, id, version }) => readOne(search, type, id, version));
    for (const row of await Promise.all(reads)) search.add([await withText(search, row)]);
  }
  for (const canonical of urls.values()) {
    if (!search.goesOn) return;
    search.add(await byUrl(search, canonical));
  }
}

function valuesToFollow(engine: Engine, row: Version, parameter: SearchParameter): readonly EntryValue[] {
  // What the store keeps beside each row anyway: no need to look into the text, unless that says less.
  if (parameter.code === 'patient' && !row.masked)
    return row.patients.map(id => ({ kind: 'reference', type: 'Patient', id }));
  const out: EntryValue[] = [];
  const resource = resourceOf(row);
  parameter.read(resource, { root: resource, out, bases: engine.settings.bases });
  return out;
}

async function readOne({ engine, view }: Search, type: string, id: string, version: string | undefined) {
  if (!engine.definitions.resourceTypes.includes(type)) return undefined;
  if (version === undefined) return view.read(type, id, undefined, INCLUDED_TOGETHER_BYTES);
  return /^[1-9]\d{0,14}$/.test(version) ? view.read(type, id, Number(version), INCLUDED_TOGETHER_BYTES) : undefined;
}

/** Bytes of a text that is read together with others. */
const INCLUDED_TOGETHER_BYTES = 32 * 1024;

/** What is larger is read by itself, where there is room for it. */
async function withText({ view, allowance }: Search, row: Version | undefined): Promise<Version | undefined> {
  if (row?.withheld === undefined || row.withheld > allowance.left) return row;
  if (row.withheld > FREE) await allowance.admit(2 * allowance.left);
  return view.read(row.type, row.id, row.version);
}

/** At most the ten newest of each type: a URL should name one. */
async function byUrl(
  { engine, searched: view }: Search,
  { url, version, types }: { readonly url: string; readonly version?: string; readonly types: readonly string[] },
): Promise<Version[]> {
  const found: Version[] = [];
  for (const type of types) {
    if (engine.parameters.get(type, 'url')?.type !== 'uri') continue;
    const where: Where[] = [{ kind: 'param', code: 'url', test: { kind: 'uri', mode: 'exact', value: url } }];
    if (version !== undefined && engine.parameters.get(type, 'version'))
      where.push({ kind: 'param', code: 'version', test: { kind: 'token', any: [{ code: version }] } });
    const { rows } = await view.find({ types: [type], where: { kind: 'all', of: where }, sort: [], limit: 10 });
    found.push(...rows);
  }
  return found;
}

async function addReferring(search: Search, rows: readonly Version[], one: SearchInclude): Promise<void> {
  const { engine, searched: view } = search;
  const targets = rows.filter(({ type }) => one.to === undefined || one.to === type);
  if (targets.length === 0) return;
  const types = (one.from === undefined ? engine.definitions.resourceTypes : [one.from]).filter(
    type => view.shows(type) && (one.from === type || type !== 'AuditEvent'),
  );
  const find = async (type: string): Promise<Page | undefined> => {
    const links = includedParameters(engine, type, one).flatMap(({ code, targets: may }) => {
      const possible = targets.filter(target => may.length === 0 || may.includes(target.type));
      return possible.length > 0 ? [refersTo(code, possible)] : [];
    });
    if (links.length === 0) return undefined;
    // One more than there is room for tells that there are more.
    const limit = search.room + search.met(type) + 1;
    const query = { types: [type], where: any(...links), sort: [], limit };
    const { left } = search.allowance;
    const page = await view.find({ ...query, bytes: Math.min(FREE, left) });
    if (page.next === undefined || left <= FREE) return page;
    await search.allowance.admit(2 * left);
    return view.find({ ...query, bytes: left });
  };
  for (let at = 0; at < types.length && search.goesOn; at += SEARCHES_TOGETHER)
    for (const page of await Promise.all(types.slice(at, at + SEARCHES_TOGETHER).map(find))) {
      search.add(page?.rows ?? []);
      if (page?.next !== undefined) search.cut = true;
    }
}
