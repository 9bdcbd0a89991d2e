/**
 * What a transaction is about to write, so that its entries see each other before anything is written: names, identities,
 * and which of the staged resources match criteria.
 */
import { FhirError } from '../../fhir/error.js';
import type { Resource } from '../../fhir/resource.js';
import { atOnce, breathe } from '../../platform/pieces.js';
import type { IndexEntry } from '../../search/entry.js';
import { extracting } from '../../search/extract.js';
import { match, type Subject } from '../../search/match.js';
import type { Change } from '../../store/store.js';
import { isStructured } from '../../validation/gate/structure.js';
import { type ConditionalQuery, findBeside } from '../write/conditional.js';
import type { Context, Engine } from '../engine.js';
import { mostOfType } from '../long-lists.js';
import type { Named, Names } from './references.js';

interface Write {
  readonly id: string;
  readonly at: number;
  readonly what: Resource | 'delete' | undefined;
  /** Of a patched resource. */
  subject?: Subject;
}

const NONE: ReadonlySet<string> = new Set();

/** Resources that all criteria of a Bundle may be held against, where no identifier says which. */
const MAX_LOOKS = 1_000_000;

/** What the entries of a transaction see: the view of each, and over it what the transaction is about to write. */
export class Staged {
  readonly #engine: Engine;
  readonly #named = new Map<string, Named & { readonly at: number }>();
  readonly #starts = new Set<number>();
  readonly #byType = new Map<string, Map<string, Write>>();
  readonly #known = new Map<string, Map<string, Write>>();
  readonly #deletions = new Map<string, Set<string>>();
  readonly #questions = new Map<string, Promise<unknown>>();
  readonly #subjects = new Map<Resource, Subject | null>();
  /** By type, identifier → ids; and what is not in there yet: few Bundles ask. */
  readonly #identified = new Map<string, Map<string, string[]>>();
  readonly #unread = new Map<string, Write[]>();
  /** Ids by type. */
  readonly #patched = new Map<string, string[]>();
  #looks = 0;
  /** By fullUrl. */
  readonly names: Names = { get: name => this.#named.get(name), starts: this.#starts };

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Throws `invalid` where two entries have the same fullUrl and mean different resources. */
  name(fullUrl: string | undefined, type: string, id: string, at: number, version?: number): void {
    if (fullUrl === undefined) return;
    const target = `${type}/${id}`;
    const before = this.#named.get(fullUrl);
    if (before && before.target !== target)
      throw new FhirError('invalid', `The entries ${before.at} and ${at} of the Bundle have the same fullUrl.`, {
        expression: 'http.fullUrl',
        detail: 'duplicate-full-url',
      });
    const own = fullUrl === target || this.#engine.settings.bases.some(base => fullUrl === `${base}/${target}`);
    this.#starts.add(fullUrl.charCodeAt(0));
    this.#named.set(fullUrl, { target, at, ...(version === undefined ? {} : { version }), ...(own ? { own } : {}) });
  }

  /** Throws `invalid` where another entry writes the same resource. `what` undefined: a patch, whose outcome is not known yet. */
  write(type: string, id: string, at: number, what: Resource | 'delete' | undefined): void {
    const before = this.#byType.get(type)?.get(id);
    if (before)
      throw new FhirError('invalid', `The entries ${before.at} and ${at} of the Bundle write the same resource.`, {
        expression: 'http.url',
        detail: 'duplicate-target',
      });
    const write = { id, at, what };
    enterWrite(this.#byType, type, write);
    if (what === undefined) return;
    enterWrite(this.#known, type, write);
    if (what === 'delete') this.#deletions.set(type, (this.#deletions.get(type) ?? new Set()).add(id));
    else addToList(this.#unread, type, write);
  }

  /** Whether an entry writes it. */
  writes(type: string, id: string): boolean {
    return this.#byType.get(type)?.has(id) === true;
  }

  /** What came of a patch. */
  patched({ type, id, updated, entries }: Change): void {
    const write = this.#byType.get(type)?.get(id);
    if (!write) return;
    write.subject = { type, id, updated, entries };
    enterWrite(this.#known, type, write);
    addToList(this.#patched, type, id);
  }

  /** Two at most of what is in the store, and not deleted here, that match; and what was sought then. */
  findKept(context: Context, sought: ConditionalQuery): ReturnType<typeof findBeside> {
    return findBeside(context, sought, this.#deletions.get(sought.type) ?? NONE, 2);
  }

  /** What matches once the transaction is committed: one, or some of several. */
  async find(context: Context, sought: ConditionalQuery): Promise<readonly { readonly id: string }[]> {
    await this.survey(sought);
    const { rows } = await findBeside(context, sought, this.#known.get(sought.type) ?? NONE, 2);
    return [...rows, ...this.matches(sought)];
  }

  /**
   * Resources, created or updated here, that match. Throws `too-costly` where the criteria of a Bundle have to be held
   * against too many.
   */
  matches({
    type,
    where,
    rest,
    identifier,
  }: ConditionalQuery): readonly { readonly id: string; readonly at: number }[] {
    const written = this.#known.get(type);
    if (!written) return [];
    const candidates = identifier === undefined ? [...written.keys()] : this.#withIdentifier(type, identifier);
    this.#looks += candidates.length;
    if (this.#looks > MAX_LOOKS)
      throw new FhirError('too-costly', 'The criteria of this Bundle are too many without identifiers: send several.', {
        expression: 'http.criteria',
      });
    return candidates.flatMap(id => {
      const write = written.get(id)!;
      const subject = this.#subjectOf(type, write);
      return subject !== null && match(where, subject) && (!rest || match(rest, subject)) ? [{ id, at: write.at }] : [];
    });
  }

  /** Reads the resources that may match, in pieces, so that `matches` need not do so in one. */
  async survey(sought: ConditionalQuery | undefined): Promise<void> {
    await breathe();
    if (sought && sought.identifier === undefined)
      for (const write of [...(this.#known.get(sought.type)?.values() ?? [])]) {
        if (typeof write.what !== 'object' || this.#subjects.has(write.what)) continue;
        this.#subjectOf(sought.type, write);
        await breathe();
      }
  }

  /** References were rewritten: what was read of the resources before does not count. */
  forget(): void {
    this.#subjects.clear();
  }

  /** One look per question. */
  once<T>(question: string, look: () => Promise<T>): Promise<T> {
    let answer = this.#questions.get(question);
    if (!answer) this.#questions.set(question, (answer = look()));
    return answer as Promise<T>;
  }

  /** Null: not valid or too large, and refused by whoever prepares it. */
  #subjectOf(type: string, { id, what, subject: made }: Write): Subject | null {
    if (what === undefined || what === 'delete') return made ?? null;
    let subject = this.#subjects.get(what);
    if (subject === undefined) {
      const entries = isStructured(what) ? this.#entriesOf(what) : undefined;
      subject = entries ? { type, id, updated: this.#engine.clock.now(), entries } : null;
      this.#subjects.set(what, subject);
    }
    return subject;
  }

  /** Undefined: there are too many. */
  #entriesOf(resource: Resource): IndexEntry[] | undefined {
    const { parameters, settings } = this.#engine;
    try {
      const most = mostOfType(resource.resourceType, settings.maxIndexed);
      return atOnce(extracting(resource, parameters, { bases: settings.bases }, most));
    } catch (error) {
      if (error instanceof FhirError) return undefined;
      throw error;
    }
  }

  #withIdentifier(type: string, identifier: string): readonly string[] {
    let ids = this.#identified.get(type);
    if (!ids) this.#identified.set(type, (ids = new Map()));
    for (const { id, what } of this.#unread.get(type)?.splice(0) ?? [])
      for (const name of typeof what === 'object' ? identifiersOf(what) : []) addToList(ids, name, id);
    return [...(ids.get(identifier) ?? []), ...(this.#patched.get(type) ?? [])];
  }
}

function enterWrite(writes: Map<string, Map<string, Write>>, type: string, write: Write): void {
  const ofType = writes.get(type);
  if (ofType) ofType.set(write.id, write);
  else writes.set(type, new Map([[write.id, write]]));
}

function addToList<T>(lists: Map<string, T[]>, name: string, item: T): void {
  const list = lists.get(name);
  if (list) list.push(item);
  else lists.set(name, [item]);
}

/** `system|value` and `value` of whatever looks like one: some types have `masterIdentifier`, too. */
function identifiersOf(resource: Resource): ReadonlySet<string> {
  const found = new Set<string>();
  for (const inner of Object.values(resource))
    for (const each of Array.isArray(inner) ? inner : [inner]) {
      if (typeof each !== 'object' || each === null || Array.isArray(each)) continue;
      const { system, value } = each;
      if (typeof value !== 'string') continue;
      found.add(value);
      found.add(`${typeof system === 'string' ? system : ''}|${value}`);
    }
  return found;
}
