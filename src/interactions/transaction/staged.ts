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
import { isStructured } from '../../validation/structure.js';
import type { ConditionalQuery } from '../write/conditional.js';
import type { Engine } from '../engine.js';
import type { Named, Names } from './references.js';

export interface Staged {
  /** By fullUrl. */
  readonly names: Names;
  /** Throws `invalid` where two entries have the same fullUrl and mean different resources. */
  name(fullUrl: string | undefined, type: string, id: string, at: number, version?: number): void;
  /** Throws `invalid` where another entry writes the same resource. `what` undefined: a patch, whose outcome is not known yet. */
  write(type: string, id: string, at: number, what: Resource | 'delete' | undefined): void;
  /** Whether an entry writes it. */
  writes(type: string, id: string): boolean;
  /** What came of a patch. */
  patched(change: Change): void;
  /** Ids of what is deleted. */
  deleted(type: string): ReadonlySet<string>;
  /** Ids of what is written or deleted, where it is known what becomes of it. */
  written(type: string): { has(id: string): boolean; readonly size: number; keys(): Iterable<string> };
  /**
   * Resources, created or updated here, that match. Throws `too-costly` where the criteria of a Bundle have to be held
   * against too many.
   */
  matches(sought: ConditionalQuery): readonly { readonly id: string; readonly at: number }[];
  /** Reads the resources that may match, in pieces, so that `matches` need not do so in one. */
  survey(sought: ConditionalQuery | undefined): Promise<void>;
  /** References were rewritten: what was read of the resources before does not count. */
  forget(): void;
  /** One look per question. */
  once<T>(question: string, look: () => Promise<T>): Promise<T>;
}

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

export function createStaged(engine: Engine): Staged {
  const named = new Map<string, Named & { readonly at: number }>();
  const starts = new Set<number>();
  const byType = new Map<string, Map<string, Write>>();
  const known = new Map<string, Map<string, Write>>();
  const deletions = new Map<string, Set<string>>();
  const questions = new Map<string, Promise<unknown>>();
  const subjects = new Map<Resource, Subject | null>();
  /** By type, identifier → ids; and what is not in there yet: few Bundles ask. */
  const identified = new Map<string, Map<string, string[]>>();
  const unread = new Map<string, Write[]>();
  /** Ids by type. */
  const patched = new Map<string, string[]>();
  let looks = 0;

  /** Undefined: there are too many. */
  const entriesOf = (resource: Resource): IndexEntry[] | undefined => {
    const { bases, maxIndexed } = engine.settings;
    try {
      return atOnce(extracting(resource, engine.parameters, { bases }, maxIndexed));
    } catch (error) {
      if (error instanceof FhirError) return undefined;
      throw error;
    }
  };

  /** Null: not valid or too large, and refused by whoever prepares it. */
  const subjectOf = (type: string, { id, what, subject: made }: Write): Subject | null => {
    if (what === undefined || what === 'delete') return made ?? null;
    let subject = subjects.get(what);
    if (subject === undefined) {
      const entries = isStructured(what) ? entriesOf(what) : undefined;
      subject = entries ? { type, id, updated: engine.now(), entries } : null;
      subjects.set(what, subject);
    }
    return subject;
  };
  const withIdentifier = (type: string, identifier: string): readonly string[] => {
    let ids = identified.get(type);
    if (!ids) identified.set(type, (ids = new Map()));
    for (const { id, what } of unread.get(type)?.splice(0) ?? [])
      for (const name of typeof what === 'object' ? identifiersOf(what) : []) add(ids, name, id);
    return [...(ids.get(identifier) ?? []), ...(patched.get(type) ?? [])];
  };
  const matches = ({ type, where, rest, identifier }: ConditionalQuery): { id: string; at: number }[] => {
    const all = known.get(type);
    if (!all) return [];
    const candidates = identifier === undefined ? [...all.keys()] : withIdentifier(type, identifier);
    looks += candidates.length;
    if (looks > MAX_LOOKS)
      throw new FhirError('too-costly', 'The criteria of this Bundle are too many without identifiers: send several.', {
        expression: 'http.criteria',
      });
    return candidates.flatMap(id => {
      const write = all.get(id)!;
      const subject = subjectOf(type, write);
      return subject !== null && match(where, subject) && (!rest || match(rest, subject)) ? [{ id, at: write.at }] : [];
    });
  };

  return {
    names: { get: name => named.get(name), starts },
    name(fullUrl, type, id, at, version) {
      if (fullUrl === undefined) return;
      const target = `${type}/${id}`;
      const before = named.get(fullUrl);
      if (before && before.target !== target)
        throw new FhirError('invalid', `The entries ${before.at} and ${at} of the Bundle have the same fullUrl.`, {
          expression: 'http.fullUrl',
          detail: 'duplicate-full-url',
        });
      const own = fullUrl === target || engine.settings.bases.some(base => fullUrl === `${base}/${target}`);
      starts.add(fullUrl.charCodeAt(0));
      named.set(fullUrl, { target, at, ...(version === undefined ? {} : { version }), ...(own ? { own } : {}) });
    },
    write(type, id, at, what) {
      const before = byType.get(type)?.get(id);
      if (before)
        throw new FhirError('invalid', `The entries ${before.at} and ${at} of the Bundle write the same resource.`, {
          expression: 'http.url',
          detail: 'duplicate-target',
        });
      const write = { id, at, what };
      enter(byType, type, write);
      if (what === undefined) return;
      enter(known, type, write);
      if (what === 'delete') deletions.set(type, (deletions.get(type) ?? new Set()).add(id));
      else add(unread, type, write);
    },
    writes: (type, id) => byType.get(type)?.has(id) === true,
    patched({ type, id, updated, entries }) {
      const write = byType.get(type)?.get(id);
      if (!write) return;
      write.subject = { type, id, updated, entries };
      enter(known, type, write);
      add(patched, type, id);
    },
    deleted: type => deletions.get(type) ?? NONE,
    written: type => known.get(type) ?? NONE,
    matches,
    async survey(sought) {
      await breathe();
      if (sought && sought.identifier === undefined)
        for (const write of [...(known.get(sought.type)?.values() ?? [])]) {
          if (typeof write.what !== 'object' || subjects.has(write.what)) continue;
          subjectOf(sought.type, write);
          await breathe();
        }
    },
    forget: () => subjects.clear(),
    once<T>(question: string, look: () => Promise<T>) {
      let answer = questions.get(question);
      if (!answer) questions.set(question, (answer = look()));
      return answer as Promise<T>;
    },
  };
}

function enter(writes: Map<string, Map<string, Write>>, type: string, write: Write): void {
  const ofType = writes.get(type);
  if (ofType) ofType.set(write.id, write);
  else writes.set(type, new Map([[write.id, write]]));
}

function add<T>(lists: Map<string, T[]>, name: string, item: T): void {
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
