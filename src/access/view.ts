/**
 * What a principal sees of the store: its reading half, narrowed to what the Decision about an interaction allows. What is
 * hidden looks as if it had never been there: it is not found, not counted, and not followed.
 *
 * A type without a restriction costs one look-up. What may be read of a type that has a condition:
 * - queries have it beside their own condition, so that totals and pages are right;
 * - a version, whether it is current or not, is there if it matches what it is indexed by now; of some rules if the newest one does, too (row-rule.ts);
 * - a deletion is there if the version before it is there; after an erasure nothing tells whose it was, and it is hidden;
 * - bytes are there if what stands for them is (binaries.ts): queries that find Binaries look at each of them;
 * - the text of a scan is there if the scan is, with all its elements (machine-texts.ts);
 * - what is told of documents is there if all of these documents are (documents-told.ts).
 * Of what is seen, elements whose labels are beyond whoever asks are left out (masking.ts), and nothing is found by them (masked-search.ts).
 *
 * Conditions are those that a store answers by itself: whoever decides has resolved chains, words and value sets.
 */
import { FhirError } from '../fhir/error.js';
import type { JsonObject } from '../fhir/resource.js';
import { asAsked, type Indexing } from '../search/index-resource.js';
import { match } from '../search/match.js';
import { all, any, ANY_RESOURCE, type Cursor, NO_RESOURCE, type Query, type Where } from '../search/query.js';
import { isOneOf, separate, withIds } from '../search/separate.js';
import { listingOf, NO_LISTING } from '../store/listing.js';
import type {
  Counted,
  Explanation,
  FoundIds,
  HistoryOf,
  HistoryQuery,
  Listing,
  Page,
  Store,
  StoreReads,
  TextMatches,
  Version,
  WordQuery,
} from '../store/store.js';
import { asksAboutNoBytes, guardsBytes, newestText, seesBytes } from './binaries.js';
import { DOCUMENT_TYPE } from './documents-told.js';
import { toldByPatients } from './patient-compartment.js';
import { LazyRestrictions } from './lazy-restrictions.js';
import { hasFewerLabels, isAboveSight, LABELS_ELEMENTS, mayLabelElements } from './inline-labels.js';
import { type AskedFor, findingWhatIsSeen, labelledTypes, WITHOUT_LABELLED } from './masked-search.js';
import { WITHOUT_MACHINE_TEXTS } from './machine-texts.js';
import { maskedText } from './masking.js';
import { isUnrestricted, type Masks, MOST_LIFTED, type Restrictions } from './permission.js';
import { RestsOnOthers } from './rests-on-others.js';
import { askedOfNewest, conditionOnTypes, rowParts } from './row-rule.js';
import { type LookedRows, visiblePage, visibleRows } from './visible-rows.js';

/** The reading half of the store port (store/store.ts), whose contracts hold for what may be seen. */
export interface StoreView extends Omit<StoreReads, 'sizes' | 'count'> {
  /** `sort`: of the search whose matches are counted. */
  count(query: AskedFor, limit?: number): Promise<Counted>;
  /** Whether anything of the type may be seen. */
  shows(type: string): boolean;
  /** Whether there may be resources of the type that are not seen, and others that are. */
  showsPartOf(type: string): boolean;
  /** The query of what may be seen, for a condition of a commit; undefined: nothing of its types may be. */
  narrow<Q extends Pick<Query, 'types' | 'where'>>(query: Q): Promise<Q | undefined>;
}

/** What a view needs: what it is a view of, and how resources are indexed, to decide a version by itself. */
export interface Viewed extends Indexing {
  readonly store: Omit<StoreReads, 'sizes'>;
}

export const NO_PAGE: Page = { rows: [], cursors: [], more: false };
const withPart = <Q extends Pick<Query, 'where'>>(query: Q, part: Where): Q => ({
  ...query,
  where: all(query.where, part),
});

/** Looked at already: those of a role are the same for every request. */
const answerable = new WeakSet<Restrictions>();

/** `masks`: what is left out of what is seen. Throws FhirError `fault` for a condition that a store cannot answer. */
export function createView(viewed: Viewed, restrictions: Restrictions, masks: Masks | undefined): StoreView {
  // Of those that are made when they are asked for, each is one.
  if (!answerable.has(restrictions) && !(restrictions instanceof LazyRestrictions)) {
    for (const restriction of restrictions.values())
      if (restriction !== 'hidden' && separate(restriction).rest)
        throw new FhirError('fault', 'The condition of an access decision is none that a store can answer.');
    answerable.add(restrictions);
  }
  return new RestrictedView(viewed, restrictions, masks);
}

/** What was last asked for by its id, is there, and is not seen: for the audit trail alone. */
export const hiddenBy = (view: StoreView): Version | undefined =>
  view instanceof RestrictedView ? view.hidden : undefined;

/** A class, because every request has one. */
class RestrictedView implements StoreView {
  readonly #viewed: Viewed;
  readonly #store: Viewed['store'];
  readonly #restrictions: Restrictions;
  readonly #masks: Masks | undefined;
  readonly #guards: boolean;
  readonly #open: boolean;
  /** On versions that cost a parse. */
  #verdicts: Map<Where, Map<string, boolean>> | undefined;
  #newest: { readonly name: string; readonly row: Version | undefined } | undefined;
  readonly #resting: RestsOnOthers;
  /** What was last asked for by its id, and is not seen. */
  hidden: Version | undefined;

  constructor(viewed: Viewed, restrictions: Restrictions, masks: Masks | undefined) {
    this.#viewed = viewed;
    this.#masks = masks;
    this.#store = viewed.store;
    this.#restrictions = restrictions;
    this.#guards = guardsBytes(restrictions);
    this.#open = isUnrestricted(restrictions);
    this.#resting = new RestsOnOthers({
      ...{ store: viewed.store, bases: viewed.settings.bases },
      masks: masks !== undefined,
      hidesDocuments: () => !this.#open && restrictions.has(DOCUMENT_TYPE),
      findDocuments: async ids => {
        const { found } = await this.findIds({ types: [DOCUMENT_TYPE], where: withIds(ids) }, ids.length);
        return found.map(({ id }) => id);
      },
      isVisible: row => this.#isVisible(row, true),
      isWhole: row => !this.#shown(row).masked,
    });
  }

  get mayMask(): boolean {
    return this.#masks !== undefined;
  }

  shows(type: string): boolean {
    return this.#restrictions.get(type) !== 'hidden';
  }

  showsPartOf(type: string): boolean {
    if (this.shows(type) && this.#resting.hidesTold([type])) return true;
    return this.#conditionOf(type) !== undefined || (this.#guards && type === 'Binary' && this.shows(type));
  }

  read(type: string, id: string, version?: number, most?: number): Promise<Version | undefined> {
    return this.#masks ||
      this.#restrictions.has(type) ||
      this.#resting.hidesTold([type]) ||
      (this.#guards && type === 'Binary')
      ? this.#readRestricted(type, id, version, most)
      : this.#store.read(type, id, version, most);
  }

  async #readRestricted(...[type, ...which]: Parameters<Store['read']>): Promise<Version | undefined> {
    const row = this.shows(type) ? await this.#store.read(type, ...which) : undefined;
    if (!row) await this.#asksAboutNothing(type, which[0]);
    if (!row || (await this.#isVisible(row, which[1] === undefined))) return row && this.#shown(row);
    this.hidden = row;
    return undefined;
  }

  /** Where there is nothing, as much is asked as about what is hidden. */
  async #asksAboutNothing(type: string, id: string): Promise<void> {
    if (type === 'Binary' && this.#guards && this.shows(type)) await asksAboutNoBytes(this.#viewed, this, id);
  }

  find(query: Query): Promise<Page> {
    return this.#masks ? this.#findMasked(query) : this.#find(query);
  }

  #find(query: Query): Promise<Page> {
    const narrowed = this.#narrowed(query);
    if (!narrowed) return Promise.resolve(NO_PAGE);
    return this.#looksAtRows(narrowed) ? visiblePage(this.#found(), narrowed) : this.#pageOf(narrowed);
  }

  async #pageOf(narrowed: Query): Promise<Page> {
    const page = await this.#store.find(narrowed);
    const { types } = narrowed;
    if (!this.#resting.hidesSome(types)) return page;
    if (!page.rows.some(({ text }) => text && this.#resting.mayHide(types, text))) return page;
    await this.#resting.lookFor(page.rows);
    for (const row of page.rows) if (!(await this.#isVisible(row, true))) return visiblePage(this.#found(), narrowed);
    return page;
  }

  async #findMasked(query: Query): Promise<Page> {
    return this.#shownPage(await this.#find(await this.#asSeen(query)));
  }

  async list(asked: Omit<Query, 'before'>): Promise<Listing> {
    const query = this.#masks ? await this.#asSeen(asked) : asked;
    const narrowed = this.#narrowed(query);
    if (!narrowed) return NO_LISTING;
    if (this.#looksAtRows(narrowed)) return listingOf(this.#shownPage(await visiblePage(this.#found(), narrowed)));
    const listing = await this.#store.list(narrowed);
    const isMasked = this.#masks && mayLabelElements(listing.texts);
    const hides = this.#resting.mayHide(narrowed.types, listing.texts);
    return isMasked || hides ? listingOf(this.#shownPage(await this.#pageOf(narrowed))) : listing;
  }

  async findIds(asked: Pick<Query, 'types' | 'where'>, limit: number, by?: string): Promise<FoundIds> {
    const query = this.#masks ? await this.#asSeen(asked) : asked;
    const narrowed = this.#narrowed(query);
    if (!narrowed) return { found: [], complete: true };
    const apart = await this.#lookedInto(narrowed, by !== undefined);
    if (apart === NO_RESOURCE) return this.#store.findIds(narrowed, limit, by);
    const others = withPart(narrowed, { kind: 'not', of: apart });
    const open = apart === ANY_RESOURCE ? undefined : await this.#store.findIds(others, limit, by);
    const found = new Map((open?.found ?? []).map(each => [`${each.type}/${each.id}`, each]));
    if (open?.complete === false) return open;
    const rest = withPart(narrowed, apart);
    for await (const { row } of visibleRows(this.#found(), { ...rest, sort: [] }))
      for (const name of by === undefined ? [row] : this.#referredTo(this.#shown(row), by)) {
        const { type, id } = name;
        if (found.size === limit && !found.has(`${type}/${id}`)) return { found: [...found.values()], complete: false };
        found.set(`${type}/${id}`, { type, id });
      }
    return { found: [...found.values()], complete: true };
  }

  /** Which of what a query finds must be looked at one by one. `refer`: to tell what it refers to, as far as that is seen. */
  async #lookedInto(narrowed: Pick<Query, 'types'>, refer: boolean): Promise<Where> {
    if (this.#looksAtRows(narrowed)) return ANY_RESOURCE;
    const isMasked = refer && (await this.#labelled(narrowed.types)).length > 0;
    const resting = await this.#resting.lookedAt(narrowed.types);
    return isMasked ? any(LABELS_ELEMENTS, resting) : resting;
  }

  /** Resources of this server that a row refers to by a parameter. */
  #referredTo(row: Version, code: string): readonly { readonly type: string; readonly id: string }[] {
    const { entries } = asAsked(this.#viewed, row, { kind: 'present', code });
    return entries.flatMap(entry => (entry.parameter === code && entry.kind === 'reference' ? [entry] : []));
  }

  async count(asked: AskedFor, limit = Infinity): Promise<Counted> {
    const { types, where } = this.#masks ? await this.#asSeen(asked) : asked;
    const narrowed = this.#narrowed({ types, where });
    if (!narrowed) return { count: 0, exact: true };
    const most = limit === Infinity ? undefined : limit;
    const apart = await this.#lookedInto(narrowed, false);
    if (apart === NO_RESOURCE) return this.#store.count(narrowed, most);
    const others = withPart(narrowed, { kind: 'not', of: apart });
    const open = apart === ANY_RESOURCE ? undefined : await this.#store.count(others, most);
    if (open?.exact === false) return open;
    let count = open?.count ?? 0;
    const rest = withPart(narrowed, apart);
    for await (const _ of visibleRows(this.#found(), { ...rest, sort: [] })) {
      if (count === limit) return { count, exact: false };
      count += 1;
    }
    return { count, exact: true };
  }

  explain(query: Query): Promise<Explanation> {
    return this.#store.explain(this.#narrowed(query) ?? { ...query, where: NO_RESOURCE });
  }

  /** It tells of types alone, and of those that may be seen what they refer to. */
  async targetsOf(type: string, code: string): Promise<readonly string[]> {
    return this.shows(type) ? this.#store.targetsOf(type, code) : [];
  }

  async searchText(query: WordQuery, limit: number): Promise<TextMatches> {
    const types = query.types.filter(type => this.shows(type));
    if (types.length === 0) return { found: [], complete: true, sure: true };
    const said = await this.#store.searchText({ ...query, types }, limit);
    const labelled = await this.#labelled(types);
    if (labelled.length === 0 && !types.some(type => this.showsPartOf(type))) return said;
    const seen = types.map(async type => {
      const named = said.found.filter(name => name.type === type);
      const isLabelled = labelled.includes(type);
      if (named.length === 0 || !(isLabelled || this.showsPartOf(type))) return named;
      const ids = withIds(named.map(({ id }) => id));
      const where = isLabelled ? all(ids, WITHOUT_LABELLED) : ids;
      return (await this.findIds({ types: [type], where }, named.length)).found;
    });
    return { ...said, found: (await Promise.all(seen)).flat() };
  }

  async *scan(options?: { readonly type?: string; readonly after?: Cursor }) {
    const isWhole = (type: string): boolean => !this.showsPartOf(type) && !this.#resting.hidesSome([type]);
    for await (const one of this.#store.scan(options))
      if (this.shows(one.row.type) && (isWhole(one.row.type) || (await this.#isVisible(one.row, true))))
        yield this.#masks ? { ...one, row: this.#shown(one.row) } : one;
  }

  async history(query: HistoryQuery): Promise<Page> {
    const narrowed = this.#historyOf(query);
    if (!narrowed) return NO_PAGE;
    if (!(await this.#mayFilter(narrowed))) return this.#shownPage(await this.#store.history(narrowed));
    const versions = this.#versions();
    let isAbsent = true;
    const isVisible = (row: Version): Promise<boolean> => {
      isAbsent = false;
      return versions.isVisible(row);
    };
    const page = await visiblePage({ ...versions, isVisible }, narrowed);
    const { type, id } = query;
    if (isAbsent && type !== undefined && id !== undefined) await this.#asksAboutNothing(type, id);
    return this.#shownPage(page);
  }

  async countHistory(of: HistoryOf): Promise<number> {
    const narrowed = this.#historyOf(of);
    if (!narrowed) return 0;
    if (!(await this.#mayFilter(narrowed))) return this.#store.countHistory(narrowed);
    let count = 0;
    for await (const _ of visibleRows(this.#versions(), narrowed)) count += 1;
    return count;
  }

  horizon(): number {
    return this.#store.horizon();
  }

  /** Those of the types of which single elements may be kept from whoever asks. */
  #labelled(types: readonly string[]): Promise<readonly string[]> | readonly string[] {
    return this.#masks ? labelledTypes(this.#store, types) : [];
  }

  /** A query that finds by what is seen of each resource. */
  async #asSeen<Q extends AskedFor>(query: Q): Promise<Q> {
    const labelled = await this.#labelled(query.types);
    if (labelled.length === 0) return query;
    const narrow = (where: Where): Where | undefined => this.#narrowed({ types: labelled, where }, true)?.where;
    const where = await findingWhatIsSeen(this.#viewed, query, labelled, narrow, row => this.#shown(row));
    return where === query.where ? query : { ...query, where };
  }

  /** A row without what is kept from whoever asks; itself where that is nothing. */
  #shown(row: Version): Version {
    const { text, blobs } = row;
    if (!this.#masks || !text || !mayLabelElements(text)) return row;
    const { lifted, asPatient, hides } = this.#masks;
    const lifts = lifted?.(row.type);
    const most = lifts && this.#masks.most !== 'V' && this.#holds(lifts, row) ? MOST_LIFTED : this.#masks.most;
    const holds = (where: Where): boolean => this.#holds(where, row);
    const isHidden = (labels: readonly JsonObject[]): boolean =>
      labels.some(label => isAboveSight(label, { most, asPatient })) || (hides?.(row, labels, holds) ?? false);
    const seen = maskedText(this.#viewed.definitions, { text, ...(blobs ? { blobs } : {}) }, isHidden);
    if (!seen) return row;
    const { blobs: _, ...rest } = row;
    return { ...rest, text: seen.text, ...(seen.blobs ? { blobs: seen.blobs } : {}), masked: true };
  }

  #shownPage(page: Page): Page {
    return this.#masks && page.rows.length > 0 ? { ...page, rows: page.rows.map(row => this.#shown(row)) } : page;
  }

  #conditionOf(type: string): Where | undefined {
    const restriction = this.#restrictions.get(type);
    return restriction === 'hidden' ? undefined : restriction;
  }

  async narrow<Q extends Pick<Query, 'types' | 'where'>>(query: Q): Promise<Q | undefined> {
    const seen = this.#resting.hidesTexts(query.types) ? withPart(query, WITHOUT_MACHINE_TEXTS) : query;
    const narrowed = this.#narrowedTo(this.#masks ? withPart(seen, WITHOUT_LABELLED) : seen);
    return narrowed && this.#resting.hidesTold(narrowed.types) ? this.#withoutHidden(narrowed) : narrowed;
  }

  /** The query without what it finds now and is told of hidden documents: no condition says which that is. */
  async #withoutHidden<Q extends Pick<Query, 'types' | 'where'>>(narrowed: Q): Promise<Q> {
    const hidden: Version[] = [];
    const isHidden = async (row: Version): Promise<boolean> => !(await this.#isVisible(row, true));
    const source = { ...this.#found(), isVisible: isHidden };
    for await (const { row } of visibleRows(source, { ...narrowed, sort: [] })) hidden.push(row);
    const of = isOneOf(narrowed.types, hidden);
    return hidden.length === 0 ? narrowed : withPart(narrowed, { kind: 'not', of });
  }

  #narrowedTo<Q extends Pick<Query, 'types' | 'where'>>(query: Q): Q | undefined {
    // No condition says which bytes are seen, and whether others are there must not be told by a commit.
    const types = this.#guards ? query.types.filter(type => type !== 'Binary') : query.types;
    if (types.length === query.types.length) return this.#narrowed(query, true);
    return types.length > 0 ? this.#narrowed({ ...query, types }, true) : { ...query, where: NO_RESOURCE };
  }

  /** `whole`: with the parts of conditions for which rows are looked at, where nobody will look. */
  #narrowed<Q extends Pick<Query, 'types' | 'where'>>(query: Q, whole = false): Q | undefined {
    if (this.#open) return query;
    const types = query.types.every(type => this.shows(type))
      ? query.types
      : query.types.filter(type => this.shows(type));
    if (types.length === 0) return undefined;
    const condition = conditionOnTypes(types, type => {
      const where = this.#conditionOf(type);
      return where && !whole ? rowParts(where).asked : where;
    });
    if (!condition) return types === query.types ? query : { ...query, types };
    return { ...query, types, where: all(query.where, condition) };
  }

  /** `isNewest`: nothing newer can be there. */
  async #isVisible(row: Version, isNewest = false): Promise<boolean> {
    return (await this.#isWithin(row, isNewest)) && (isNewest || !(await this.#isLabelledLater(row)));
  }

  /** Whether elements are kept from whoever asks in the newest version that this one would show. */
  async #isLabelledLater(row: Version): Promise<boolean> {
    if (!this.#masks || !row.text) return false;
    const newest = await this.#newestOf(row);
    if (!newest?.text || newest.version === row.version || !this.#shown(newest).masked) return false;
    return hasFewerLabels(newest.text, row.text);
  }

  /** Whether the conditions allow it. */
  async #isWithin(row: Version, isNewest: boolean): Promise<boolean> {
    const { type, id } = row;
    if (!this.showsPartOf(type) && !this.#resting.hidesSome([type])) return this.shows(type);
    if (row.text) {
      const where = this.#conditionOf(type);
      if (where && !(this.#satisfies(where, row) && (isNewest || (await this.#newestSatisfies(where, row)))))
        return false;
      if (!(await this.#resting.allows(row))) return false;
      return type !== 'Binary' || !this.#guards || seesBytes(this.#viewed, this.#restrictions, this, row, isNewest);
    }
    if (row.withheld !== undefined) {
      const whole = await this.#store.read(type, id, row.version);
      return whole?.text !== undefined && this.#isWithin(whole, isNewest);
    }
    const before = row.version > 1 ? await this.#store.read(type, id, row.version - 1) : undefined;
    return before?.text !== undefined && this.#isWithin(before, isNewest);
  }

  /** The same history of what may be seen, as far as types tell; undefined: nothing may be. */
  #historyOf<Q extends HistoryOf>(query: Q): Q | undefined {
    if (this.#open) return query;
    if (query.type !== undefined) return this.shows(query.type) ? query : undefined;
    const types = (query.types ?? this.#viewed.definitions.resourceTypes).filter(type => this.shows(type));
    return types.length > 0 ? { ...query, types } : undefined;
  }

  async #mayFilter({ type, types = [] }: HistoryOf): Promise<boolean> {
    if (this.#open && !this.#masks) return false;
    const asked = type === undefined ? types : [type];
    return (
      asked.some(each => this.showsPartOf(each) || this.#resting.hidesTold([each])) ||
      (await this.#labelled(asked)).length > 0
    );
  }

  /** Of a row with its text. */
  #satisfies(where: Where, row: Version): boolean {
    const { rules, rest } = rowParts(where);
    if (rules.length === 0) return this.#holds(where, row);
    for (const rule of rules) if (!rule.allows(row, part => this.#holds(part, row))) return false;
    return !rest || this.#holds(rest, row);
  }

  /** Whether the newest version satisfies what is asked of it when this one is seen. */
  async #newestSatisfies(where: Where, row: Version): Promise<boolean> {
    const asked = askedOfNewest(where, row);
    if (asked.length === 0) return true;
    const newest = await this.#newestOf(row);
    if (!newest || newest.version === row.version) return true;
    const judged = row.patients.length === 0 ? newest : { ...newest, patients: row.patients };
    return asked.every(rule => rule.allows(judged, part => this.#holds(part, newest)));
  }

  /** Of one resource at a time, as histories list them. */
  async #newestOf({ type, id }: Version): Promise<Version | undefined> {
    const name = `${type}/${id}`;
    if (this.#newest?.name !== name) this.#newest = { name, row: await newestText(this.#store, type, id) };
    return this.#newest.row;
  }

  #holds(where: Where, row: Version): boolean {
    const told = toldByPatients(where, row);
    if (told !== undefined) return told;
    let verdicts = (this.#verdicts ??= new Map()).get(where);
    if (!verdicts) this.#verdicts.set(where, (verdicts = new Map()));
    const name = `${row.type}/${row.id}/${row.version}`;
    let verdict = verdicts.get(name);
    if (verdict === undefined) verdicts.set(name, (verdict = match(where, asAsked(this.#viewed, row, where))));
    return verdict;
  }

  /** Whether what a query finds must be looked at row by row: only that tells which bytes are seen, and what no query should have. */
  #looksAtRows({ types }: Pick<Query, 'types'>): boolean {
    if (this.#open) return false;
    return (
      (this.#guards && types.includes('Binary')) ||
      types.some(type => {
        const where = this.#conditionOf(type);
        return where !== undefined && rowParts(where).byRow;
      })
    );
  }

  #found(): LookedRows<Query> {
    return { page: query => this.#looked(this.#store.find(query)), isVisible: row => this.#isVisible(row, true) };
  }

  async #looked(finding: Promise<Page>): Promise<Page> {
    const page = await finding;
    await this.#resting.lookFor(page.rows);
    return page;
  }

  #versions(): LookedRows<HistoryQuery> {
    return { page: query => this.#looked(this.#store.history(query)), isVisible: row => this.#isVisible(row) };
  }
}
