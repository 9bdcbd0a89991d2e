/**
 * What somebody may do, and by which rules: for whoever keeps the rules. Nothing stored is looked at, so that the answer is the same
 * whether something is there or not; conditions are told as they are meant, before what they lead to is looked up.
 */
import { POINTED_AT } from '../access/binaries.js';
import type { Ask } from '../access/decide.js';
import type { Permission } from '../access/permission.js';
import { FhirError } from '../fhir/error.js';
import type { Letter, Principal } from '../identity/principal.js';
import { compartmentTypes } from '../search/compartment.js';
import { conditionInWords } from '../search/in-words.js';
import { parseSearch, type ParsedSearch } from '../search/parse.js';
import type { Where } from '../search/query.js';
import type { Engine } from './engine.js';
import type { Parameters, Target } from './interaction.js';
import { askOf, isByCriteria } from './kinds.js';
import { typesWithin } from './search/resolve.js';
import { TRAIL } from './search/types-named.js';

/** A request as far as decisions go. */
export interface AskedAbout {
  readonly target: Target;
  /** Of the URL; criteria of a write among them. */
  readonly query: Parameters;
}

/** One thing that the request needs. */
export interface DecisionStep {
  readonly type: string;
  readonly letter: Letter;
  /** Why it is needed, where the request does not name it by itself. */
  readonly because?: 'criteria' | 'chain' | 'include' | 'answer';
  /** What is reached of the type. */
  readonly reaches: 'all' | 'some' | 'none';
  /** Names of the rules that give the letter, in their order: rows of the role, then scopes. */
  readonly rules: readonly string[];
  /** In the words of a search; where not all of the type is reached, and not nothing. */
  readonly where?: string;
}

export interface DecisionExplanation {
  readonly allowed: boolean;
  /** What the client would be told; of what is not allowed. */
  readonly why?: string;
  /** The operation that a role must have, and whether this one has it. */
  readonly operation?: { readonly code: string; readonly allowed: boolean };
  readonly steps: readonly DecisionStep[];
}

/** Throws FhirError where the request cannot be understood. */
export function explainDecision(
  engine: Explained & Pick<Engine, 'decide'>,
  principal: Principal,
  asked: AskedAbout,
): DecisionExplanation {
  const { operation: code } = asked.target;
  const ask = askOf(asked.target, code === undefined ? undefined : engine.operations.get(code));
  const decision = engine.decide(principal, ask);
  // Whoever asks for nothing may.
  const meant = decision.allow ? decision : engine.decide(principal, {});
  if (!meant.allow) return { allowed: false, why: meant.why, steps: [] };
  // Conditions of Consents name patients.
  const permission = meant.permission.meant ?? meant.permission;
  const steps = distinct(needsOf(engine, asked, ask, permission)).map(need => stepOf(permission, need));
  const lacking = steps.find(({ reaches, because }) => reaches === 'none' && because !== undefined);
  const why = decision.allow ? lacking && LACKING[lacking.because!] : decision.why;
  return {
    allowed: why === undefined,
    ...(why === undefined ? {} : { why }),
    ...(code === undefined ? {} : { operation: { code, allowed: permission.operations.has(code) } }),
    steps,
  };
}

const LACKING: Readonly<Record<NonNullable<DecisionStep['because']>, string>> = {
  criteria: 'This role may not read resources of this type.',
  chain: 'This role may not search by the contents of all types that are named.',
  include: 'This role may not include resources of all types that are named.',
  answer: 'This role may not search for resources of this type.',
};

type Need = Pick<DecisionStep, 'type' | 'letter' | 'because'>;
type Explained = Pick<Engine, 'definitions' | 'parameters' | 'operations' | 'settings' | 'clock'>;

/** Each once, in the order in which they are needed. */
const distinct = (needs: readonly Need[]): readonly Need[] =>
  needs.filter(
    ({ type, letter }, at) => needs.findIndex(other => other.type === type && other.letter === letter) === at,
  );

function needsOf(
  engine: Explained,
  { target, query }: AskedAbout,
  { needs, searches }: Ask,
  permission: Permission,
): readonly Need[] {
  const { kind } = target;
  const types = typesMeant(engine, target, query, permission);
  const of = (letter: Letter, because?: Need['because']): Need[] =>
    types.map(type => ({ type, letter, ...(because ? { because } : {}) }));
  const found: Need[] = needs === undefined ? [] : of(needs);
  if (kind === 'operation' && needs !== undefined) found.push(...of('s', 'answer'));
  if (searches) found.push(...of('s', 'criteria'));
  if (kind !== 'search' && !isByCriteria(target)) return found;
  const { where, includes } = parsedAs(engine, types, query);
  found.push(...typesWithin(where).map((type): Need => ({ type, letter: 's', because: 'chain' })));
  for (const { reverse, from, to } of includes) {
    const named = reverse ? from : to;
    if (named === undefined) continue;
    found.push({ type: named, letter: 'r', because: 'include' });
    if (reverse) found.push({ type: named, letter: 's', because: 'include' });
  }
  return found;
}

/** Types that the request is about: the one of its address, those of `_type`, or all that may be searched for. */
function typesMeant(
  { definitions }: Explained,
  { type, kind, compartment, operation }: Target,
  query: Parameters,
  { reach }: Permission,
): readonly string[] {
  if (type !== undefined) return [type];
  if (operation !== undefined || (kind !== 'search' && kind !== 'history')) return [];
  const { resourceTypes } = definitions;
  const named = query.flatMap(([name, value]) => (name === TYPES ? value.split(',') : []));
  const strange = named.find(each => !resourceTypes.includes(each));
  if (strange !== undefined) throw new FhirError('invalid', '_type must name R4 resource types, separated by commas.');
  if (named.length > 0) return named;
  const every = compartment ? (compartmentTypes(definitions, compartment.type) ?? []) : resourceTypes;
  return every.filter(each => each !== TRAIL && reach.s.get(each) !== 'hidden');
}

const TYPES = '_type';

function parsedAs(
  { definitions, parameters, settings, clock }: Explained,
  types: readonly string[],
  query: Parameters,
): Pick<ParsedSearch, 'where' | 'includes'> {
  const { bases, fullText } = settings;
  const asked = query.filter(([name]) => name !== TYPES);
  return parseSearch(
    { types, parameters: asked, lenient: false, bases, now: clock.now(), fullText },
    parameters,
    definitions,
  );
}

function stepOf(permission: Permission, { type, letter, because }: Need): DecisionStep {
  const seen = permission.reach[letter].get(type);
  const told = { type, letter, ...(because ? { because } : {}), rules: permission.rulesOf(type, letter) };
  if (seen === undefined) return { ...told, reaches: 'all' };
  if (seen === 'hidden') return { ...told, reaches: 'none' };
  return { ...told, reaches: 'some', where: type === 'Binary' ? bytesInWords(seen) : conditionInWords(seen) };
}

const bytesInWords = (where: Where): string =>
  where === POINTED_AT ? 'what something that is seen points at' : conditionInWords(where);
