/** References among the resources of a test: what chains and _has mean, looked up in memory. */
import type { Resolver, Subject } from '../../src/search/match.js';

export function linksAmong(subjects: readonly Subject[], says: Resolver['says'] = () => false): Resolver {
  const byName = new Map(subjects.map(subject => [`${subject.type}/${subject.id}`, subject]));
  const targets = (subject: Subject, code: string): Subject[] =>
    subject.entries.flatMap(entry => {
      const found = entry.parameter === code && entry.kind === 'reference' && byName.get(`${entry.type}/${entry.id}`);
      return found ? [found] : [];
    });
  return {
    follow: (subject, code, to) => targets(subject, code).filter(({ type }) => type === to),
    referring: (subject, from, code) =>
      subjects.filter(other => other.type === from && targets(other, code).includes(subject)),
    says,
  };
}
