/** References among the resources of a test: what chains and _has mean, looked up in memory. */
import type { Resource } from '../../src/fhir/resource.js';
import { extract } from '../../src/search/extract.js';
import type { Resolver, Subject } from '../../src/search/match.js';
import { parameters } from './filters.js';

export function linksAmong(subjects: readonly Subject[], says: Resolver['hasWords'] = () => false): Resolver {
  const byName = new Map(subjects.map(subject => [`${subject.type}/${subject.id}`, subject]));
  const targets = (subject: Subject, code: string): Subject[] =>
    subject.entries.flatMap(entry => {
      const found = entry.parameter === code && entry.kind === 'reference' && byName.get(`${entry.type}/${entry.id}`);
      return found ? [found] : [];
    });
  /** A copy inside the subject is another resource than the one that it is a copy of. */
  const held = (subject: Subject, code: string, to: string): Subject[] | undefined => {
    const copies = subject.entries.flatMap(entry =>
      entry.parameter === code && entry.kind === 'held' ? [entry.resource] : [],
    );
    if (copies.length === 0) return undefined;
    return copies.flatMap(copy => {
      if (copy['resourceType'] !== to) return [];
      const resource: Resource = { ...copy, resourceType: to };
      return { type: to, id: '', updated: 0, entries: extract(resource, parameters, { bases: [] }) };
    });
  };
  return {
    follow: (subject, code, to) => held(subject, code, to) ?? targets(subject, code).filter(({ type }) => type === to),
    referring: (subject, from, code) =>
      subjects.filter(other => other.type === from && targets(other, code).includes(subject)),
    hasWords: says,
  };
}
