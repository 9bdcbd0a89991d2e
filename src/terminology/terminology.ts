/**
 * Resolves the modifiers `:in`, `:not-in`, `:below` and `:above` of tokens to codes, the alternatives of a token
 * test. https://hl7.org/fhir/R4/search.html#token, https://hl7.org/fhir/R4/search.html#modifiers
 *
 * Choices: `below` and `above` need a system, because codes mean nothing without one. A code that its system does not
 * have is an error. Codes of systems that are not case sensitive are compared exactly, as the index keeps them.
 */
import { ID_PATTERN } from '../fhir/id.js';
import { FhirError } from '../fhir/error.js';
import { parseCanonical, parseReference } from '../fhir/reference.js';
import type { ConceptTest, TokenValue } from '../search/query.js';
import { MAX_CODES } from './budget.js';
import { type CanonicalResources, createCanonicalResources } from './canonical-resources.js';
import { expand } from './expand.js';
import { closureOf } from './filter.js';
import type { GuideResources } from './guide-resources.js';
import { countListed, memberTokens } from './members.js';
import { expansionTooCostly, unknownCodeSystem, unknownValueSet } from './refuse.js';
import type { ListCanonicals, LoadCanonical, ValueSet } from './resources.js';
import { loadStandard, type Standard } from './standard.js';

export type { ListCanonicals, LoadCanonical, UnparsedResource } from './resources.js';

export interface Terminology {
  /**
   * The codes that the test stands for, as alternatives of a token test: `{system, code}`, and `{system}` for all codes
   * of a system. None: nothing can match. Throws FhirError `invalid`, `not-supported` or `too-costly` (all 400).
   */
  codesOf(test: ConceptTest): Promise<readonly TokenValue[]>;
  /** What the operations read from. */
  readonly resources: CanonicalResources;
}

export interface TerminologyOptions {
  /** The server's own addresses: `BASE/ValueSet/id` is a resource of this server. */
  readonly bases: readonly string[];
  /** Absent: of several stored resources with a url only the newest is known. */
  readonly list?: ListCanonicals;
  /** Called once, on first use. */
  readonly standard?: () => Promise<Standard>;
  /** What installed guides have. */
  readonly guides?: GuideResources;
}

export function createTerminology(load: LoadCanonical, options: TerminologyOptions): Terminology {
  const { bases, standard = loadStandard, list, guides } = options;
  const resources = createCanonicalResources(load, standard, list, guides);

  async function valueSetOf(text: string): Promise<ValueSet> {
    const target = parseReference(text, bases);
    const isUrl = target?.kind === 'url' || target?.kind === 'urn';
    let found: ValueSet | undefined;
    if (target?.kind === 'local' && target.type === 'ValueSet' && target.version === undefined) {
      found = await resources.valueSet({ id: target.id });
      // An address of this server can be the canonical of a resource with another id.
      if (!found && !text.startsWith('ValueSet/')) found = await resources.valueSet(parseCanonical(text));
    } else if (isUrl) found = await resources.valueSet(parseCanonical(text));
    else if (target === undefined && ID_PATTERN.test(text)) found = await resources.valueSet({ id: text });
    else
      throw new FhirError(
        'invalid',
        'The modifiers in and not-in need the canonical URL of a ValueSet, ValueSet/id or its id.',
        {
          detail: 'invalid-value',
        },
      );
    if (!found) throw unknownValueSet(isUrl ? text : undefined);
    return found;
  }

  return {
    resources,
    async codesOf({ relation, system, value }) {
      if (relation === 'in') {
        const set = await valueSetOf(value);
        const sources = resources.once();
        sources.within(set);
        const members = await expand(set, sources);
        return withinLimit(countListed(members), () => memberTokens(members));
      }
      if (system === undefined || system === '')
        throw new FhirError('invalid', `The modifier ${relation} needs the system before the code: system|code.`, {
          detail: 'system-needed',
        });
      const concepts = await resources.concepts(system);
      if (!concepts) throw unknownCodeSystem(system);
      const found = closureOf(concepts, value, relation);
      return withinLimit(found.size, () => Array.from(found, concept => ({ system, code: concepts.codes[concept]! })));
    },
  };
}

function withinLimit(size: number, make: () => readonly TokenValue[]): readonly TokenValue[] {
  if (size > MAX_CODES)
    throw expansionTooCostly(`The search stands for more than ${MAX_CODES} codes. Use a narrower value set or code.`);
  return make();
}
