/**
 * Whether a concept of a known code system is what an include or exclude asks for:
 * https://hl7.org/fhir/R4/valueset-operation-validate-code.html
 */
import type { CodeCheck, Membership } from './code-check.js';
import { abstractCode, deprecatedInValueSet, inactiveCode, otherCase, unknownCodeIn } from './code-issues.js';
import { type Concepts, STANDARDS_STATUS } from './code-system.js';
import { compileFilters } from './filter.js';
import { means } from './rule-concepts.js';
import { extensionText, type ListedConcept, type ValueSet, type ValueSetInclude } from './resources.js';

export function checkConcept(
  check: CodeCheck,
  set: ValueSet,
  include: ValueSetInclude,
  concepts: Concepts,
): Membership {
  const { issues, path, coding, budget } = check;
  const code = coding.code ?? '';
  const concept = concepts.locate(code);
  if (concept === undefined) return checkUnknown(check, set, include, concepts);
  const listed = include.concept?.find(each => means(concepts, each.code, concept));
  const found = { concepts, concept, listed, set };
  if (include.concept && !listed) return { isMember: false, found };
  if (include.filter && !compileFilters(concepts, include.filter, budget)(concept)) return { isMember: false, found };
  const right = concepts.codes[concept]!;
  if (right !== code) issues.add(otherCase(path, code, right, concepts));
  if (mayNotBeUsed(check, set, include, concepts, concept)) return { isMember: false, found };
  if (listed) noteDeprecation(check, set, listed);
  return { isMember: true, found };
}

/** A fragment may lack codes that its code system has. */
function checkUnknown(
  { options, issues, path, coding }: CodeCheck,
  set: ValueSet,
  { concept, filter }: ValueSetInclude,
  concepts: Concepts,
): Membership {
  const isWhole = !concept && !filter;
  const isFragment = concepts.head.content === 'fragment';
  if (isWhole && !options.membershipOnly) issues.add(unknownCodeIn(path, coding.code ?? '', concepts));
  return isWhole && isFragment ? { isMember: true, found: { concepts, concept: undefined, set } } : { isMember: false };
}

/** Notes why, if it only groups others or is not active, and that is not wanted. */
function mayNotBeUsed(
  { options, issues, path, coding }: CodeCheck,
  { compose }: ValueSet,
  include: ValueSetInclude,
  concepts: Concepts,
  concept: number,
): boolean {
  const { code = '' } = coding;
  if (!options.abstractAllowed && !concepts.isSelectable(concept)) {
    if (!options.membershipOnly) issues.add(abstractCode(path, code, concepts));
    return true;
  }
  if (concepts.isActive(concept) || !(options.activeOnly || compose?.inactive === false)) return false;
  const isWhole = !include.concept && !include.filter;
  if (isWhole || options.activeOnly) issues.add(inactiveCode(path, code));
  return true;
}

function noteDeprecation({ issues, path, coding }: CodeCheck, set: ValueSet, { extension }: ListedConcept): void {
  const status = extensionText(extension, STANDARDS_STATUS);
  if (status === 'withdrawn' || status === 'deprecated') issues.add(deprecatedInValueSet(path, coding, status, set));
  else if (extension?.some(({ url }) => url === 'http://hl7.org/fhir/StructureDefinition/valueset-deprecated'))
    issues.add(deprecatedInValueSet(path, coding, 'deprecated', set));
}
