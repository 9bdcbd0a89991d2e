/**
 * Bindings of elements to value sets: https://hl7.org/fhir/R4/terminologies.html#strength
 *
 * A code that is not in a required value set is an error, in an extensible one a warning, in a preferred one information; of an example
 * nothing is said. The extension `elementdefinition-maxValueSet` is as strict as required. A CodeableConcept needs one coding that is
 * in the set. That codes exist at all in their code systems is another check (coding.ts), whatever the binding.
 *
 * What cannot be known is said as `not-checked`, naming the value set and what would have to be known. No text holds a code or a display.
 */
import { STORED } from '../fhir/find-definition.js';
import { isObject, itemsOf, type Json, type JsonObject } from '../fhir/resource.js';
import type { Binding, Origin } from '../fhir/structure-definition.js';
import type { AskedCode } from '../terminology/ask-code.js';
import type { KnownSystem } from '../terminology/known-system.js';
import { anyVerdict, type MemberVerdict } from '../terminology/member-test.js';
import type { Memberships } from '../terminology/membership.js';
import type { PreparedSet } from '../terminology/prepare-members.js';
import { askedElsewhere, compileCodingCheck, systemAtHand } from './coding.js';
import type { CheckedElement, CheckRun, ElementCheck, Finding } from './run.js';

export interface Bindings {
  /** `type`: that of the element's value. Undefined: the binding has nothing that could be checked. */
  readonly compileBinding: (binding: Binding, type: string, from: Origin) => ElementCheck | undefined;
  /** What every Coding, and every Quantity with a code, is checked for whatever its binding: coding.ts. */
  readonly compileCoding: (from: Origin) => ElementCheck;
  /** Whether a code, Coding or CodeableConcept is in a value set; undefined: that is not known (yet). */
  readonly isMember: (value: Json, valueSet: string, from: Origin, run: CheckRun) => MemberVerdict;
  readonly lookAtSystem: LookAtSystem;
}

/** What is known of a code system, as what is stored or a resource names it; undefined: it is asked for. */
export type LookAtSystem = (system: string, version: string | undefined, run: CheckRun) => KnownSystem | undefined;

type BindingStrength = 'required' | 'extensible' | 'preferred';

const MAX_VALUE_SET = 'http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet';
const UNITS: ReadonlySet<string> = new Set([
  'Quantity',
  'SimpleQuantity',
  'MoneyQuantity',
  'Age',
  'Distance',
  'Duration',
  'Count',
]);
const TEXTS: ReadonlySet<string> = new Set([
  'code',
  'string',
  'uri',
  'url',
  'canonical',
  'id',
  'oid',
  'uuid',
  'markdown',
]);

export function createBindings(membership: Memberships): Bindings {
  return {
    compileBinding(binding, type, from) {
      const read = readerOf(type);
      if (!read) return undefined;
      const checks = boundSets(binding).map(([strength, valueSet, isMax]) =>
        // Whether a unit must have a code its cardinality says.
        checkOf({ membership, valueSet, from, read }, { strength, isMax, needsCode: !UNITS.has(type) }),
      );
      const [first, ...rest] = checks;
      if (!first || rest.length === 0) return first;
      return (element, run) => {
        for (const check of checks) check(element, run);
      };
    },
    compileCoding: from => compileCodingCheck(membership, from),
    isMember: (value, valueSet, from, run) =>
      verdictOfValue({ membership, valueSet, from, read: readAnything }, value, run)?.verdict,
    lookAtSystem: (system, version, run) => systemAtHand(membership, STORED, system, version, run),
  };
}

function boundSets({ strength, valueSet, extension = [] }: Binding): [BindingStrength, string, boolean][] {
  const max = extension.flatMap(({ url, valueCanonical, valueUri }) =>
    url === MAX_VALUE_SET ? (valueCanonical ?? valueUri ?? []) : [],
  );
  return [
    ...(valueSet === undefined || strength === 'example'
      ? []
      : [[strength, valueSet, false] satisfies [BindingStrength, string, boolean]]),
    ...max.flatMap((each): [BindingStrength, string, boolean][] =>
      typeof each === 'string' ? [['required', each, true]] : [],
    ),
  ];
}

/** The codes that a value has: a text alone, or codings of which one is enough. */
type ReadCodes = (value: Json | undefined) => string | readonly JsonObject[];

const NONE: readonly JsonObject[] = [];
const readText: ReadCodes = value => (typeof value === 'string' ? value : NONE);
const readCoding: ReadCodes = value => (isObject(value) ? [value] : NONE);
const readConcept: ReadCodes = value => (isObject(value) ? itemsOf(value['coding']).filter(isObject) : NONE);
const readAnything: ReadCodes = value =>
  typeof value === 'string' ? value : isObject(value) && 'coding' in value ? readConcept(value) : readCoding(value);

function readerOf(type: string): ReadCodes | undefined {
  if (TEXTS.has(type)) return readText;
  if (type === 'CodeableConcept') return readConcept;
  return type === 'Coding' || UNITS.has(type) ? readCoding : undefined;
}

interface Bound {
  readonly membership: Memberships;
  readonly valueSet: string;
  readonly from: Origin;
  readonly read: ReadCodes;
}

interface Told {
  readonly verdict: MemberVerdict;
  readonly set: PreparedSet;
  /** There is no code at all. */
  readonly empty: boolean;
}

/** Undefined: the value set is asked for. */
function verdictOfValue(bound: Bound, value: Json | undefined, run: CheckRun): Told | undefined {
  const { membership, valueSet, from } = bound;
  const set = membership.setAt(valueSet, from);
  if (!set) {
    run.need(`value set ${membership.generation} ${from} ${valueSet}`, () => membership.prepareSet(valueSet, from));
    return undefined;
  }
  const codes = bound.read(value);
  if (typeof codes === 'string') return { verdict: set.hasCode(codes), set, empty: false };
  let verdict: MemberVerdict = false;
  let empty = true;
  for (const { system, code, version } of codes) {
    if (typeof code !== 'string') continue;
    empty = false;
    const own = codingIn(bound, set, typeof system === 'string' ? system : '', code, version, run);
    if (own === true) return { verdict: true, set, empty };
    verdict = anyVerdict(verdict, own);
  }
  return { verdict, set, empty };
}

function codingIn(
  bound: Bound,
  set: PreparedSet,
  system: string,
  code: string,
  said: Json | undefined,
  run: CheckRun,
): MemberVerdict {
  const version = typeof said === 'string' && said !== '' ? said : undefined;
  const asked = { valueSet: bound.valueSet, system, version, code };
  const verdict = isOtherVersion(set, system, version) ? verdictAlone(bound, asked, run) : set.has(system, code);
  return verdict ?? verdictElsewhere(bound, set, asked, run);
}

function isOtherVersion(set: PreparedSet, system: string, version: string | undefined): boolean {
  if (version === undefined || set.trouble) return false;
  const versions = set.versionsOf(system);
  return versions.size > 1 || (versions.size === 1 && !versions.has(version) && !versions.has(undefined));
}

/** A code that says another version of its code system than the value set is asked about by itself. */
function verdictAlone({ membership, from }: Bound, asked: AskedCode, run: CheckRun): MemberVerdict {
  const answer = membership.answerAt(asked, from);
  const { valueSet, system, version, code } = asked;
  if (!answer)
    run.need(`code ${membership.generation} ${from} ${valueSet} ${system} ${version} ${code}`, () =>
      membership.findAnswer(asked, from),
    );
  return answer?.verdict;
}

/** What another server says of a code, whose code system is not complete here. */
function verdictElsewhere(
  { membership, from }: Bound,
  { trouble }: PreparedSet,
  asked: AskedCode,
  run: CheckRun,
): MemberVerdict {
  const { remote } = membership;
  if (!remote?.accepts(asked) || (trouble !== undefined && trouble !== 'unknown')) return undefined;
  const system = systemAtHand(membership, from, asked.system, asked.version, run);
  return system?.kind === 'unknown' || system?.kind === 'part' ? askedElsewhere(remote, asked, run) : undefined;
}

const DETAILS: Readonly<Record<BindingStrength, Pick<Finding, 'severity' | 'detail'>>> = {
  required: { severity: 'error', detail: 'binding-required' },
  extensible: { severity: 'warning', detail: 'binding-extensible' },
  preferred: { severity: 'information', detail: 'binding-preferred' },
};

interface BindingRule {
  readonly strength: BindingStrength;
  readonly isMax: boolean;
  /** A value without a code is at fault. */
  readonly needsCode: boolean;
}

function checkOf(bound: Bound, { strength, isMax, needsCode }: BindingRule): ElementCheck {
  const report = ({ place }: CheckedElement, run: CheckRun, told: Told): void => {
    if (told.empty && (strength === 'preferred' || !needsCode)) return;
    const { severity, detail } = DETAILS[strength];
    if (told.verdict === undefined)
      run.report(place, {
        severity: strength === 'preferred' ? 'information' : 'warning',
        code: 'incomplete',
        detail: 'not-checked',
        text: notCheckedText(told.set),
      });
    else run.report(place, { severity, code: 'code-invalid', detail, text: bindingText(told, strength, isMax) });
  };
  return (element, run) => {
    // Of a primitive that has extensions alone only a code must be there.
    if (element.value === undefined && (element.type !== 'code' || strength !== 'required')) return;
    const told = verdictOfValue(bound, element.value, run);
    if (told && told.verdict !== true) report(element, run, told);
  };
}

const nameOf = ({ title, canonical }: PreparedSet): string =>
  title === undefined ? `the value set ${canonical}` : `the value set "${title}" (${canonical})`;

function bindingText({ set, empty }: Told, strength: BindingStrength, isMax: boolean): string {
  if (empty)
    return strength === 'required'
      ? `There is no code, and one of ${nameOf(set)} is required.`
      : `There is no code, and there should be one of ${nameOf(set)}, if it has one that fits.`;
  const remedy = {
    required: isMax
      ? 'and no code outside of it is allowed. Use one of its codes.'
      : 'and only its codes are allowed. Use one of them.',
    extensible: 'and one of its codes should be used, if it has one that fits.',
    preferred: 'and its codes are recommended.',
  }[strength];
  return `The code is not in ${nameOf(set)}, ${remedy}`;
}

const MOST_NAMED = 3;
const TROUBLES = {
  invalid: 'the value set contradicts itself',
  'too-costly': 'the value set is too large',
  unavailable: 'the value set cannot be had just now, because too much is asked for at a time',
} as const;

function notCheckedText(set: PreparedSet): string {
  const { trouble, missing } = set;
  if (trouble === 'unknown')
    return `It was not checked whether the code is in the value set ${set.canonical}: the value set is not known here. Store it, or add the guide that has it.`;
  if (trouble) return `It was not checked whether the code is in the value set ${set.canonical}: ${TROUBLES[trouble]}.`;
  const named = missing.slice(0, MOST_NAMED).join(', ');
  const more = missing.length > MOST_NAMED ? ' and others' : '';
  return `It was not checked whether the code is in ${nameOf(set)}: ${named === '' ? 'this version of its code system' : `${named}${more}`} is not known here.`;
}
