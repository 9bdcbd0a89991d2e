/** What can stand next in a path, by what the server says of itself. https://hl7.org/fhir/R4/capabilitystatement.html */
import type { CapabilityStatement } from 'fhir/r4';

const MOST = 60;

/** Whole paths, in the order of the statement, which begin as `path` does. */
export function completionsOf(statement: CapabilityStatement, path: string): readonly string[] {
  const rest = statement.rest?.[0];
  const [, before = '', last = ''] = /^(.*[?&/])?([^?&/]*)$/s.exec(path) ?? [];
  const type = /^[A-Za-z]+/.exec(path)?.[0];
  const resource = rest?.resource?.find(each => each.type === type);
  const codes = (operations: readonly { readonly name: string }[] = []): string[] =>
    operations.map(({ name }) => `$${name}`);
  const next = before.includes('?')
    ? [...(resource?.searchParam ?? []), ...(rest?.searchParam ?? [])].map(({ name }) => `${name}=`)
    : before === ''
      ? [...(rest?.resource ?? []).map(each => each.type), ...codes(rest?.operation), 'metadata', '_history']
      : ['_history', ...codes(resource?.operation)];
  const begun = last.toLowerCase();
  return [...new Set(next)]
    .filter(each => each.toLowerCase().startsWith(begun) && each !== last)
    .slice(0, MOST)
    .map(each => `${before}${each}`);
}
