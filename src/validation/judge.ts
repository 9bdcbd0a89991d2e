/**
 * Judges a resource beyond its structure, by what the server is told to ask of resources (policy.ts): the base rules of R4 (invariants
 * and required bindings), then the profiles that the resource claims in meta.profile, then those that the operator requires. One
 * judge for every way of writing, for $validate and for the command line.
 *
 * What breaks the base rules is not valid FHIR (400 `invalid`); what breaks a profile alone is 422 `unprocessable`. A resource that is
 * entered in error takes back what was said: no profile keeps it from being so; nor, of types whose rules are lenient, from being kept.
 */
import { FhirError, type Issue } from '../fhir/error.js';
import { isObject, itemsOf, type JsonObject, type Parsed, type Resource } from '../fhir/resource.js';
import type { FindDefinition, Origin } from '../fhir/structure-definition.js';
import { breathe } from '../platform/pieces.js';
import { claimedCanonicals } from './claims.js';
import type { AdviseWrite } from './definition-advice.js';
import { limitIssues } from './issue-list.js';
import type { TypeRules, ValidationPolicy } from './policy.js';
import type { ProfileOptions } from './run.js';
import { hasErrors } from './gate/validate.js';

export interface AskedProfile {
  /** `url` or `url|version`. */
  readonly canonical: string;
  /** From where an unversioned canonical is meant; absent: from nowhere. */
  readonly from?: Origin;
}

/** The issues of a resource whose structure is right, against profiles; a profile that is not known is a warning `unknown-profile`. */
export type CheckProfiles = (
  parsed: Parsed,
  task: {
    readonly profiles: readonly AskedProfile[];
    /** Against those, too, that it and the resources inside it claim. */
    readonly claims: boolean;
    /** Against those, too, that guides ask of every resource of its type. */
    readonly globals?: boolean;
  },
  options: ProfileOptions,
) => Promise<readonly Issue[]>;

export interface JudgeOptions {
  readonly policy: ValidationPolicy;
  readonly check: CheckProfiles;
  readonly find: FindDefinition;
  /** What else is told of a resource that may be written. */
  readonly advise?: AdviseWrite;
  /** Told of the issues of each write. */
  readonly count: (issues: readonly Issue[]) => void;
}

export interface Judge {
  /** Warnings of a resource, whose structure is right, that may be written. Throws `invalid`, `unprocessable`. */
  written(parsed: Parsed): Promise<readonly Issue[]>;
  /** As if it were written: an error is what would refuse it, or breaks one of these profiles. */
  asWritten(parsed: Parsed, profiles: readonly string[]): Promise<readonly Issue[]>;
  /** Against the base rules, what it claims, and these, whatever the policy: every fault with its own severity. */
  examined(parsed: Parsed, profiles: readonly string[]): Promise<readonly Issue[]>;
  /** Those of these profiles that are not known. */
  unknown(profiles: readonly string[]): Promise<readonly string[]>;
}

/** Where a fault was found decides what becomes of the write. */
interface Findings {
  readonly base: readonly Issue[];
  readonly profiles: readonly Issue[];
}

export function createJudge({ policy, check, find, advise, count }: JudgeOptions): Judge {
  const withoutBestPractice: ProfileOptions =
    policy.options.bestPractice === 'error' ? { ...policy.options, bestPractice: 'warn' } : policy.options;
  const checked = async (
    parsed: Parsed,
    profiles: readonly AskedProfile[],
    than: readonly Issue[],
    options: ProfileOptions = policy.options,
  ): Promise<readonly Issue[]> => {
    if (profiles.length === 0) return [];
    await breathe();
    return others(await check(parsed, { profiles, claims: false }, options), than);
  };

  /** A claim is no reason to refuse a write that may break it: what takes too long is told. */
  async function ofClaims(parsed: Parsed, isSoft: boolean, than: readonly Issue[]): Promise<readonly Issue[]> {
    await breathe();
    try {
      return others(await check(parsed, { profiles: [], claims: true }, policy.options), than);
    } catch (error) {
      if (!isSoft || !(error instanceof FhirError) || error.kind !== 'too-costly') throw error;
      return [claimsTooCostly(parsed.resource)];
    }
  }

  async function judged(parsed: Parsed): Promise<Findings> {
    const { resource } = parsed;
    const rules = policy.rulesOf(resource.resourceType);
    const options = rules.isLenient ? withoutBestPractice : policy.options;
    const ofR4 = policy.base === 'off' ? [] : await checked(parsed, [baseProfileOf(resource)], [], options);
    const base = softened(ofR4.map(withoutOthers), policy.base === 'warn');
    if (hasErrors(base)) return { base, profiles: [] };
    const isKept = rules.isLenient === true || isEnteredInError(resource);
    const required = await checked(
      parsed,
      rules.require.map(canonical => ({ canonical })),
      base,
    );
    // What is claimed and required is required: a fault that both have is the more severe one.
    const isSoft = isKept || rules.claims !== 'enforce';
    const claimed = looksAtClaims(resource, rules) ? await ofClaims(parsed, isSoft, [...base, ...required]) : [];
    const told = rules.claims === 'off' ? claimed.filter(isUnknownProfile) : claimed;
    return {
      base,
      profiles: [
        ...withUnknown(softened(required, isKept), !isKept),
        ...withUnknown(softened(told, isSoft), rules.unknownProfile === 'refuse' && !isKept),
      ],
    };
  }

  return {
    async written(parsed) {
      const { base, profiles } = await judged(parsed);
      const accepted = !hasErrors(base) && !hasErrors(profiles);
      const advice = advise && accepted ? await advise(parsed.resource) : [];
      const found = limitIssues([...base, ...profiles, ...advice]);
      if (found.length > 0) count(found);
      if (hasErrors(base)) throw new FhirError('invalid', 'The resource breaks rules of FHIR R4.', { issues: found });
      if (hasErrors(profiles))
        throw new FhirError('unprocessable', 'The resource does not conform to its profiles.', { issues: found });
      return found;
    },
    async asWritten(parsed, named) {
      const { base, profiles } = await judged(parsed);
      const advice = (await advise?.(parsed.resource)) ?? [];
      const found = [...base, ...profiles, ...advice];
      const asked = named.map(canonical => ({ canonical }));
      return limitIssues([...found, ...(await checked(parsed, asked, found.filter(isError)))]);
    },
    async examined(parsed, profiles) {
      const named = profiles.map(canonical => ({ canonical }));
      const all = [baseProfileOf(parsed.resource), ...named];
      return limitIssues(
        others(await check(parsed, { profiles: all, claims: true, globals: true }, policy.options), []),
      );
    },
    async unknown(profiles) {
      const found = await Promise.all(profiles.map(canonical => find('StructureDefinition', canonical)));
      return profiles.filter((_, at) => !found[at]);
    },
  };
}

const baseProfileOf = ({ resourceType }: Resource): AskedProfile => ({
  canonical: `http://hl7.org/fhir/StructureDefinition/${resourceType}`,
  from: 'r4',
});

/** Whether anything in it may claim a profile, and that matters. */
const looksAtClaims = (resource: Resource, { claims, unknownProfile }: TypeRules): boolean =>
  (claims !== 'off' || unknownProfile === 'refuse') &&
  (claimedCanonicals(resource).length > 0 || hasResourcesInside(resource));

const hasResourcesInside = ({ resourceType, contained }: Resource): boolean =>
  contained !== undefined || resourceType === 'Bundle' || resourceType === 'Parameters';

const claimsTooCostly = ({ resourceType }: Resource): Issue => ({
  severity: 'warning',
  code: 'too-costly',
  detail: 'not-checked',
  expression: resourceType,
  text: 'The profiles that are claimed ask for too much work on this resource: it is not checked against them.',
});

const ENTERED_IN_ERROR = 'entered-in-error';

/** By its status, or of a condition or an allergy by whether it is verified. */
function isEnteredInError({ status, verificationStatus }: Resource): boolean {
  if (status === ENTERED_IN_ERROR) return true;
  return (
    isObject(verificationStatus) &&
    itemsOf(verificationStatus['coding']).some(coding => (coding as JsonObject)['code'] === ENTERED_IN_ERROR)
  );
}

const isError = ({ severity }: Issue): boolean => severity === 'error' || severity === 'fatal';

const softened = (issues: readonly Issue[], soft: boolean): readonly Issue[] =>
  soft && hasErrors(issues) ? issues.map(asWarning) : issues;

const asWarning = (issue: Issue): Issue => (isError(issue) ? { ...issue, severity: 'warning' } : issue);

const isUnknownProfile = ({ detail }: Issue): boolean => detail === 'unknown-profile';

/**
 * What R4 itself rules of a resource: invariants, required bindings, and what its definitions say of values and references. What else is
 * found keeps nobody from writing: codes beside required bindings, and what definitions owe each other.
 */
const RULES_OF_R4: ReadonlySet<string | undefined> = new Set([
  ...['invariant', 'binding-required', 'target-type', 'reference-type', 'type-not-allowed', 'value-required'],
  ...['profile-min', 'profile-max', 'fixed-value', 'pattern-value', 'max-length', 'min-value', 'max-value'],
]);

/** Of definitions of extensions those of R4 are not the last: guides use them elsewhere, and with other codes. */
const IN_EXTENSION = /\b(?:e|modifierE)xtension\[/;

const withoutOthers = (issue: Issue): Issue =>
  issue.detail === 'invariant' || (RULES_OF_R4.has(issue.detail) && !IN_EXTENSION.test(issue.expression ?? ''))
    ? issue
    : asWarning(issue);

/** A profile that is not known is an error where that is refused. */
const withUnknown = (issues: readonly Issue[], refused: boolean): readonly Issue[] =>
  refused && issues.some(isUnknownProfile)
    ? issues.map(issue => (isUnknownProfile(issue) ? { ...issue, severity: 'error' as const } : issue))
    : issues;

/** Each issue once, and none of those that were told already. */
function others(issues: readonly Issue[], told: readonly Issue[]): readonly Issue[] {
  if (issues.length === 0 || (issues.length === 1 && told.length === 0)) return issues;
  const seen = new Set(told.flatMap(namesOfIssue));
  return issues.filter(issue => {
    const names = namesOfIssue(issue);
    const isNew = !names.some(name => seen.has(name));
    for (const name of names) seen.add(name);
    return isNew;
  });
}

/**
 * What is the same fault, however severe it is. An invariant is the same one if its key and its definition are, or its key and its words:
 * guides repeat those of others as their own.
 */
function namesOfIssue({ expression, detail, diagnostics, text }: Issue): string[] {
  const named = (what: string | undefined, more?: string): string => JSON.stringify([expression, detail, what, more]);
  if (detail === 'invariant') return [named(diagnostics), named(text)];
  return [named(text, isUnchecked(detail) ? diagnostics : undefined)];
}

/** Of these, `diagnostics` says what was not looked at. */
const isUnchecked = (detail: string | undefined): boolean => detail === 'unknown-profile' || detail === 'not-checked';
