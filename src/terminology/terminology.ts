/**
 * What the modifiers `:in`, `:not-in`, `:below` and `:above` of tokens stand for: codes, as alternatives of a token
 * test. https://hl7.org/fhir/R4/search.html#token, https://hl7.org/fhir/R4/search.html#modifiers
 *
 * Resources in the store come before those of the standard. The store is asked for every test, so that a ValueSet works
 * (and a changed one works anew) as soon as its write is answered; what is kept is the index of a CodeSystem, by id,
 * version and time of the resource it was made from. Within one test everything is read once.
 *
 * Choices: `below` and `above` need a system, because codes mean nothing without one. A code that its system does not
 * have is an error. Codes of systems that are not case sensitive are compared exactly, as the index keeps them.
 */
import { ID_PATTERN } from '../fhir/id.js';
import { FhirError } from '../fhir/error.js';
import { parseCanonical, parseReference } from '../fhir/reference.js';
import type { Resource } from '../fhir/resource.js';
import { createLruCache } from '../platform/lru-cache.js';
import type { ConceptTest, TokenValue } from '../search/query.js';
import { createBudget, MAX_CODES } from './budget.js';
import { type Concepts, indexConcepts, isUsable } from './code-system.js';
import { expand, type Sources } from './expand.js';
import { related } from './filter.js';
import { countListed, memberTokens } from './members.js';
import { expansionTooCostly, unknownCodeSystem, unknownValueSet } from './refuse.js';
import { implicitValueSet } from './implicit.js';
import type { Canonical, CodeSystem, LoadCanonical, UnparsedResource, ValueSet } from './resources.js';
import { loadStandard, type Standard } from './standard.js';

export type { LoadCanonical, UnparsedResource } from './resources.js';

export interface Terminology {
  /**
   * The codes that the test stands for, as alternatives of a token test: `{system, code}`, and `{system}` for all codes
   * of a system. None: nothing can match. Throws FhirError `invalid`, `not-supported` or `too-costly` (all 400).
   */
  codesOf(test: ConceptTest): Promise<readonly TokenValue[]>;
}

export interface TerminologyOptions {
  /** The server's own addresses: `BASE/ValueSet/id` is a resource of this server. */
  readonly bases: readonly string[];
  /** Called once, on first use. */
  readonly standard?: () => Promise<Standard>;
}

/** Indexes of stored code systems that are kept: one of 200,000 concepts takes some 40 MB. */
const MAX_CACHED_CODE_SYSTEMS = 4;

export function createTerminology(load: LoadCanonical, options: TerminologyOptions): Terminology {
  const { bases, standard: open = loadStandard } = options;
  let opened: Promise<Standard> | undefined;
  const standard = (): Promise<Standard> => (opened ??= open());
  const recent = createLruCache<Concepts | undefined>(MAX_CACHED_CODE_SYSTEMS);
  const published = new WeakMap<CodeSystem, Concepts>();

  async function findValueSet(by: Canonical): Promise<ValueSet | undefined> {
    const stored = await load('ValueSet', by);
    if (stored) return (isUnread(stored) ? stored.read() : stored) as unknown as ValueSet;
    return (await standard()).valueSet(by) ?? ('url' in by ? implicitValueSet(by.url) : undefined);
  }

  async function findConcepts(url: string, version?: string): Promise<Concepts | undefined> {
    const by: Canonical = version === undefined ? { url } : { url, version };
    const stored = await load('CodeSystem', by);
    // A stored one without its concepts (content not-present) does not hide those of the standard.
    const indexed = stored && indexOf(stored);
    if (indexed) return indexed;
    const found = (await standard()).codeSystem(by);
    if (!found || !isUsable(found)) return undefined;
    const known = published.get(found) ?? indexConcepts(found);
    published.set(found, known);
    return known;
  }

  function indexOf(stored: Resource | UnparsedResource): Concepts | undefined {
    if (isUnread(stored)) return recent.get(stored.key, () => conceptsOf(stored.read()));
    const { id, meta } = stored as unknown as CodeSystem;
    if (meta?.versionId === undefined) return conceptsOf(stored);
    return recent.get(JSON.stringify([id, meta.versionId, meta.lastUpdated]), () => conceptsOf(stored));
  }

  /** Everything is read once for a test, so that it sees one state of what it asks for. */
  function sources(): Sources {
    const read = new Map<string, Promise<Concepts | undefined>>();
    return {
      valueSet: canonical => findValueSet(parseCanonical(canonical)),
      concepts(url, version) {
        const key = JSON.stringify([url, version]);
        const found = read.get(key) ?? findConcepts(url, version);
        read.set(key, found);
        return found;
      },
    };
  }

  async function valueSetOf(text: string): Promise<ValueSet> {
    const target = parseReference(text, bases);
    const isUrl = target?.kind === 'url' || target?.kind === 'urn';
    let found: ValueSet | undefined;
    if (target?.kind === 'local' && target.type === 'ValueSet' && target.version === undefined) {
      found = await findValueSet({ id: target.id });
      // An address of this server can be the canonical of a resource with another id.
      if (!found && !text.startsWith('ValueSet/')) found = await findValueSet(parseCanonical(text));
    } else if (isUrl) found = await findValueSet(parseCanonical(text));
    else if (target === undefined && ID_PATTERN.test(text)) found = await findValueSet({ id: text });
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
    async codesOf({ relation, system, value }) {
      if (relation === 'in') {
        const members = await expand(await valueSetOf(value), sources(), createBudget());
        return withinLimit(countListed(members), () => memberTokens(members));
      }
      if (system === undefined || system === '')
        throw new FhirError('invalid', `The modifier ${relation} needs the system before the code: system|code.`, {
          detail: 'system-needed',
        });
      const concepts = await findConcepts(system);
      if (!concepts) throw unknownCodeSystem(system);
      const found = related(concepts, value, relation);
      return withinLimit(found.size, () => Array.from(found, concept => ({ system, code: concepts.codes[concept]! })));
    },
  };
}

const isUnread = (found: Resource | UnparsedResource): found is UnparsedResource => typeof found['read'] === 'function';

function conceptsOf(resource: Resource): Concepts | undefined {
  const system = resource as unknown as CodeSystem;
  return isUsable(system) ? indexConcepts(system) : undefined;
}

function withinLimit(size: number, make: () => readonly TokenValue[]): readonly TokenValue[] {
  if (size > MAX_CODES)
    throw expansionTooCostly(`The search stands for more than ${MAX_CODES} codes. Use a narrower value set or code.`);
  return make();
}
