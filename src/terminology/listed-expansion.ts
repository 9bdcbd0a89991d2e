/** The members of a value set that says nothing but its expansion. https://hl7.org/fhir/R4/valueset.html#expansion */
import type { Budget } from './budget.js';
import { type MemberPart, partKey, type ValueSetMembers } from './members.js';
import { badValueSet } from './refuse.js';
import type { Contained, ListedConcept, ValueSet } from './resources.js';

const UNCLOSED = /\/valueset-(?:unclosed|toocostly)$/;

/** `asWritten`: by version, and with those that only group others. */
export function listedExpansion({ url, expansion }: ValueSet, budget: Budget, asWritten: boolean): ValueSetMembers {
  if (!expansion) throw badValueSet(url, 'it has neither compose nor expansion');
  const members = new Map<string, MemberPart & { readonly codes: Map<string, ListedConcept | undefined> }>();
  let listed = 0;
  const waiting: Contained[] = (expansion.contains ?? []).toReversed();
  for (let each = waiting.pop(); each; each = waiting.pop()) {
    listed += 1;
    budget.examineCodes(1);
    waiting.push(...(each.contains ?? []).toReversed());
    if ((each.abstract === true && !asWritten) || typeof each.code !== 'string') continue;
    const { system = '', version } = each;
    const part = asWritten ? { system, version } : { system };
    const key = partKey(part);
    const known = members.get(key) ?? { ...part, codes: new Map() };
    members.set(key, known);
    known.codes.set(each.code, each);
  }
  const partial = expansion.extension?.some(each => each.valueBoolean === true && UNCLOSED.test(each.url ?? ''));
  if (partial || (expansion.total ?? 0) > listed)
    throw badValueSet(url, 'its expansion is only a part, and it has no compose');
  return members;
}
