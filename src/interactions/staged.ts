/**
 * What a transaction is about to write, so that its entries see each other before anything is written: names, identities,
 * and which of the staged resources match criteria.
 */
import { FhirError } from '../fhir/error.js';
import type { Resource } from '../fhir/resource.js';
import { extract } from '../search/extract.js';
import { match, type Subject } from '../search/match.js';
import { isStructured } from '../validation/structure.js';
import type { Sought } from './criteria.js';
import type { Engine } from './interaction.js';
import type { Named, Names } from './rewrite.js';

export interface Staged {
  /** By fullUrl. */
  readonly names: Names;
  /** Throws `invalid` where two entries have the same fullUrl and mean different resources. */
  name(fullUrl: string | undefined, type: string, id: string, at: number, version?: number): void;
  /** Throws `invalid` where another entry writes the same resource. */
  write(type: string, id: string, at: number, what: Resource | 'delete' | undefined): void;
  /** Ids of what is deleted. */
  deleted(type: string): ReadonlySet<string>;
  /** Ids of what is written in any way. */
  written(type: string): { has(id: string): boolean; readonly size: number; keys(): Iterable<string> };
  /**
   * Resources, created or updated here, that match. Throws `too-costly` where the criteria of a Bundle have to be held
   * against too many.
   */
  matches(sought: Sought): readonly { readonly id: string; readonly at: number }[];
  /** References were rewritten: what was read of the resources before does not count. */
  forget(): void;
  /** One look per question. */
  once<T>(question: string, look: () => Promise<T>): Promise<T>;
}

interface Write {
  readonly id: string;
  readonly at: number;
  readonly what: Resource | 'delete' | undefined;
}

const NONE: ReadonlySet<string> = new Set();

/** Resources that all criteria of a Bundle may be held against, where no identifier says which. */
const MAX_LOOKS = 1_000_000;

export function createStaged(engine: Engine): Staged {
  const names = new Map<string, Named & { readonly at: number }>();
  const byType = new Map<string, Map<string, Write>>();
  const deletions = new Map<string, Set<string>>();
  const questions = new Map<string, Promise<unknown>>();
  const subjects = new Map<Resource, Subject | null>();
  /** By type, identifier → ids. */
  const identified = new Map<string, Map<string, string[]>>();
  let looks = 0;

  const writes = (type: string): Map<string, Write> => {
    let found = byType.get(type);
    if (!found) byType.set(type, (found = new Map()));
    return found;
  };
  /** Null: not valid, and refused by whoever prepares it. */
  const subjectOf = (type: string, { id, what }: Write): Subject | null => {
    if (what === undefined || what === 'delete') return null;
    let subject = subjects.get(what);
    if (subject === undefined) {
      subject = isStructured(what)
        ? {
            type,
            id,
            updated: engine.now(),
            entries: extract(what, engine.parameters, { bases: engine.settings.bases }),
          }
        : null;
      subjects.set(what, subject);
    }
    return subject;
  };
  /** Whatever looks like one: some types have `masterIdentifier`, too. */
  const noteIdentifiers = (type: string, id: string, resource: Resource): void => {
    let ids = identified.get(type);
    if (!ids) identified.set(type, (ids = new Map()));
    for (const key in resource) {
      const inner = resource[key];
      if (typeof inner !== 'object' || inner === null) continue;
      for (const each of Array.isArray(inner) ? inner : [inner]) {
        if (typeof each !== 'object' || each === null || Array.isArray(each)) continue;
        const { system, value } = each;
        if (typeof value !== 'string') continue;
        for (const name of new Set([`${typeof system === 'string' ? system : ''}|${value}`, value])) {
          const known = ids.get(name);
          if (!known) ids.set(name, [id]);
          else if (known.at(-1) !== id) known.push(id);
        }
      }
    }
  };
  const matches = ({ type, where, rest, identifier }: Sought): { id: string; at: number }[] => {
    const all = byType.get(type);
    if (!all) return [];
    const candidates = identifier === undefined ? [...all.keys()] : (identified.get(type)?.get(identifier) ?? []);
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
    names,
    name(fullUrl, type, id, at, version) {
      if (fullUrl === undefined) return;
      const target = `${type}/${id}`;
      const known = names.get(fullUrl);
      if (known && known.target !== target)
        throw new FhirError('invalid', `The entries ${known.at} and ${at} of the Bundle have the same fullUrl.`, {
          expression: 'http.fullUrl',
          detail: 'duplicate-full-url',
        });
      const own = fullUrl === target || engine.settings.bases.some(base => fullUrl === `${base}/${target}`);
      names.set(fullUrl, { target, at, ...(version === undefined ? {} : { version }), ...(own ? { own } : {}) });
    },
    write(type, id, at, what) {
      const known = writes(type).get(id);
      if (known)
        throw new FhirError('invalid', `The entries ${known.at} and ${at} of the Bundle write the same resource.`, {
          expression: 'http.url',
          detail: 'duplicate-target',
        });
      writes(type).set(id, { id, at, what });
      if (what === 'delete') deletions.set(type, (deletions.get(type) ?? new Set()).add(id));
      else if (what !== undefined) noteIdentifiers(type, id, what);
    },
    deleted: type => deletions.get(type) ?? NONE,
    written: type => byType.get(type) ?? NONE,
    matches,
    forget: () => subjects.clear(),
    once<T>(question: string, look: () => Promise<T>) {
      let answer = questions.get(question);
      if (!answer) questions.set(question, (answer = look()));
      return answer as Promise<T>;
    },
  };
}
