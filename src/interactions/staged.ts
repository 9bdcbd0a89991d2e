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
import { inEntry } from './bundle-response.js';

export interface Staged {
  /** fullUrl → `Type/id`. */
  readonly names: ReadonlyMap<string, string>;
  /** Throws `invalid` where two entries have the same fullUrl and mean different resources. */
  name(fullUrl: string | undefined, target: string, at: number): void;
  /** Throws `invalid` where another entry writes the same resource. */
  write(type: string, id: string, at: number, what: Resource | 'delete' | undefined): void;
  /** Ids of what is deleted. */
  deleted(type: string): readonly string[];
  /** Position of the entry that writes it. */
  writer(type: string, id: string): number | undefined;
  /** Ids of what is written in any way. */
  written(type: string): readonly string[];
  /** Ids of resources, created or updated here, that match. */
  matches(sought: Sought): readonly string[];
  /** One look per question. */
  once<T>(question: string, look: () => Promise<T>): Promise<T>;
}

interface Write {
  readonly id: string;
  readonly at: number;
  readonly what: Resource | 'delete' | undefined;
}

export function createStaged(engine: Engine): Staged {
  const names = new Map<string, string>();
  const byType = new Map<string, Map<string, Write>>();
  const questions = new Map<string, Promise<unknown>>();
  const subjects = new WeakMap<Resource, Subject | null>();
  /** By type, identifier → ids. */
  const identified = new Map<string, Map<string, string[]>>();

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
  const noteIdentifiers = (type: string, id: string, resource: Resource): void => {
    let ids = identified.get(type);
    if (!ids) identified.set(type, (ids = new Map()));
    const { identifier } = resource;
    for (const each of Array.isArray(identifier) ? identifier : [identifier]) {
      if (typeof each !== 'object' || each === null || Array.isArray(each)) continue;
      const { system, value } = each;
      const name = `${typeof system === 'string' ? system : ''}|${typeof value === 'string' ? value : ''}`;
      ids.set(name, [...(ids.get(name) ?? []), id]);
    }
  };
  const matches = ({ type, where, rest, identifier }: Sought): string[] => {
    const all = writes(type);
    const candidates = identifier === undefined ? [...all.keys()] : (identified.get(type)?.get(identifier) ?? []);
    return candidates.filter(id => {
      const subject = subjectOf(type, all.get(id)!);
      return subject !== null && match(where, subject) && (!rest || match(rest, subject));
    });
  };

  return {
    names,
    name(fullUrl, target, at) {
      if (fullUrl === undefined) return;
      const known = names.get(fullUrl);
      if (known !== undefined && known !== target)
        throw inEntry(
          new FhirError('invalid', 'Two entries of the Bundle have the same fullUrl.', {
            detail: 'duplicate-full-url',
          }),
          at,
        );
      names.set(fullUrl, target);
    },
    write(type, id, at, what) {
      const known = writes(type).get(id);
      if (known)
        throw new FhirError('invalid', `The entries ${known.at} and ${at} of the Bundle write the same resource.`, {
          expression: 'http.url',
          detail: 'duplicate-target',
        });
      writes(type).set(id, { id, at, what });
      if (what !== undefined && what !== 'delete') noteIdentifiers(type, id, what);
    },
    deleted: type => [...writes(type).values()].flatMap(({ id, what }) => (what === 'delete' ? [id] : [])),
    writer: (type, id) => writes(type).get(id)?.at,
    written: type => [...writes(type).keys()],
    matches,
    once<T>(question: string, look: () => Promise<T>) {
      let answer = questions.get(question);
      if (!answer) questions.set(question, (answer = look()));
      return answer as Promise<T>;
    },
  };
}
