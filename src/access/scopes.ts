/**
 * The scopes of an access token: `patient|user|system/Type|*.cruds?parameter=value&…` of SMART 2, and those of SMART 1
 * (`.read`, `.write`, `.*`), as what they grant. What is about resources and means nothing is an error, so that nobody takes a scope for
 * more or less than was meant; other scopes (`openid`, `launch/patient`) are handed on.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
 *
 * Choices: letters in another order are refused; a constraint is whatever a role may have as `where` (access/roles.ts), so no chains, value
 * sets or words; one for `*` has parameters that every resource has.
 */
import type { Definitions } from '../fhir/definitions.js';
import { FhirError } from '../fhir/error.js';
import { DUTY_LETTERS, type Letter, type Principal, type Scope } from '../identity/principal.js';
import { didYouMean } from '../platform/nearest.js';
import { parseCriteria } from '../search/criteria.js';
import type { SearchParameters } from '../search/parameters.js';
import type { Where } from '../search/query.js';
import { leadsElsewhere, separate } from '../search/separate.js';
import type { Ask } from './decide.js';

export type { Scope } from '../identity/principal.js';

/** What a token may carry. */
export const MOST_SCOPES = 100;
export const MOST_SCOPE_BYTES = 8 * 1024;
/** Parameters with a value, of all scopes together. */
export const MOST_CONSTRAINTS = 50;

export interface GivenScopes {
  /** About resources, each text once. */
  readonly scopes: readonly Scope[];
  /** All others. */
  readonly others: readonly string[];
}

/** `text`: scopes with spaces between. Throws FhirError `invalid` with the code `invalid-scope`, which names no value of a constraint. */
export type ReadScopes = (text: string) => GivenScopes;

/** Scopes that are not about resources and whose meaning is known. */
export const LAUNCH_SCOPES: ReadonlySet<string> = new Set([
  ...['openid', 'fhirUser', 'profile', 'offline_access', 'online_access'],
  ...['launch', 'launch/patient', 'launch/encounter', 'smart/orchestrate_launch'],
]);

export interface ScopeGround {
  readonly definitions: Definitions;
  readonly parameters: SearchParameters;
  /** The server's own FHIR addresses without a trailing slash. */
  readonly bases: readonly string[];
}

const RESOURCE_SCOPE = /^(patient|user|system)\/([^.?/]*)\.([^?]*)(?:\?(.*))?$/s;
const CONTEXT = /^(?:patient|user|system)\//;
/** https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources-smart-v1 */
const OF_V1: ReadonlyMap<string, string> = new Map([
  ['read', 'rs'],
  ['write', 'cud'],
  ['*', 'cruds'],
]);
/** A type that has no parameters but those of all resources, and few of its own. */
const ANY_TYPE = 'Basic';

export function createReadScopes(ground: ScopeGround): ReadScopes {
  return text => {
    if (Buffer.byteLength(text) > MOST_SCOPE_BYTES)
      throw scopeError(`The scopes of a token may have ${MOST_SCOPE_BYTES} bytes together.`);
    const words = new Set(text.split(' ').filter(word => word !== ''));
    if (words.size > MOST_SCOPES) throw scopeError(`A token may have ${MOST_SCOPES} scopes.`);
    const about = [...words].filter(word => CONTEXT.test(word));
    const constraints = about.reduce((sum, word) => sum + constraintsOf(word).length, 0);
    if (constraints > MOST_CONSTRAINTS)
      throw scopeError(`The scopes of a token may have ${MOST_CONSTRAINTS} constraints together.`);
    return {
      scopes: about.map(word => readScope(ground, word)),
      others: [...words].filter(word => !CONTEXT.test(word)),
    };
  };
}

/**
 * The scope without which a token may not do what is asked, in the context of its others; undefined: no scope is what it lacks. It follows
 * from the request alone, so that it tells nothing of what there is.
 */
export function scopeNeeded({ scopes }: Principal, { type, needs, searches = false }: Ask): string | undefined {
  const letters = DUTY_LETTERS.filter(letter => letter === needs || (letter === 's' && searches));
  if (!scopes || letters.length === 0) return undefined;
  const grants = scopes.filter(scope => type === undefined || scope.type === type || isOfOthers(scope, type));
  if (letters.every(letter => grants.some(scope => scope.letters.has(letter)))) return undefined;
  return `${scopes[0]?.context ?? 'user'}/${type ?? '*'}.${letters.join('')}`;
}

/** The same of several types, with spaces between. */
export function scopesNeeded(
  principal: Principal | undefined,
  types: readonly string[],
  needs: Letter,
): string | undefined {
  const lacking = principal ? types.flatMap(type => scopeNeeded(principal, { type, needs }) ?? []) : [];
  return lacking.length === 0 ? undefined : [...new Set(lacking)].join(' ');
}

/** The audit trail is meant by its name alone. */
const isOfOthers = ({ type }: Scope, asked: string): boolean => type === '*' && asked !== 'AuditEvent';

const scopeError = (text: string): FhirError => new FhirError('invalid', text, { detail: 'invalid-scope' });

const constraintsOf = (word: string): string[] => {
  const at = word.indexOf('?');
  return at < 0 ? [] : word.slice(at + 1).split('&');
};

function readScope(ground: ScopeGround, text: string): Scope {
  const [, context, type = '', access = '', query] = RESOURCE_SCOPE.exec(text) ?? [];
  if (context === undefined)
    throw scopeError('A scope is a context, a type and what is granted, as in patient/Observation.rs.');
  const { resourceTypes } = ground.definitions;
  if (type !== '*' && !resourceTypes.includes(type))
    throw scopeError(`A scope names a type that is no resource type of R4.${didYouMean(type, resourceTypes)}`);
  const scope = { context: context as Scope['context'], type, letters: lettersOfScope(access), text };
  if (query === undefined) return scope;
  if (OF_V1.has(access))
    throw scopeError(`A constraint goes with letters: .${OF_V1.get(access)} in place of .${access}.`);
  return { ...scope, where: constraint(ground, type, query) };
}

function lettersOfScope(access: string): ReadonlySet<Letter> {
  const letters = OF_V1.get(access) ?? access;
  if (letters === '' || !/^c?r?u?d?s?$/.test(letters))
    throw scopeError('A scope grants some of the letters "cruds", each once, in this order; or read, write or *.');
  return new Set(DUTY_LETTERS.filter(letter => letters.includes(letter)));
}

function constraint({ definitions, parameters, bases }: ScopeGround, type: string, query: string): Where {
  const pairs = [...new URLSearchParams(query)];
  const named = type === '*' ? ANY_TYPE : type;
  if (type === '*' && !pairs.every(([name]) => isOfEveryType(definitions, name)))
    throw scopeError(
      'A constraint for all types has parameters that all resources have: _id, _lastUpdated, _tag, _security, _profile, _source.',
    );
  try {
    // `ap` of a date would mean another one every day.
    const where = parseCriteria({ types: [named], parameters: pairs, bases, now: 0 }, parameters, definitions);
    if (!leadsElsewhere(where) && !separate(where).rest) return where;
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    throw scopeError(`A constraint of a scope for ${type}: ${error.message}`);
  }
  throw scopeError('A constraint has plain parameters, no chains, _has, words, value sets or hierarchies.');
}

const isOfEveryType = ({ searchParameters }: Definitions, name: string): boolean => {
  const [code] = name.split(':');
  return searchParameters.some(each => each.code === code && each.base.includes('Resource'));
};
