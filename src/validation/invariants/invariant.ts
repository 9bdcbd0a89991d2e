/**
 * Checks elements by the invariants of definitions: FHIRPath expressions that must be true.
 * https://hl7.org/fhir/R4/conformance-rules.html#constraints, https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.constraint
 *
 * An expression holds if it gives true, or anything that is no boolean; one that gives nothing does not hold, as HL7's validator has it.
 * One that cannot be evaluated is a warning that names its key: no error, and no pass in silence.
 * Profiles that are stored may use only functions that are quick and always give the same result, as search parameters (search/custom.ts).
 */
import type { Definitions } from '../../fhir/definitions.js';
import { FhirError } from '../../fhir/error.js';
import type { Constraint, Origin } from '../../fhir/structure-definition.js';
import { R4 } from '../../fhir/structures.js';
import { memoize } from '../../platform/memoize.js';
import { refusedFunction } from '../../search/custom.js';
import { correctedExpression } from './invariant-corrections.js';
import { containerOf, engineInvariant, type Invariant, type InvariantVerdict } from './invariant-engine.js';
import { inTurn } from './invariant-parses.js';
import { compileNative, usesResource } from './native.js';
import { type NativeRule, ruleFor } from './native-rules.js';
import { createNativeTypes, type NativeTypes } from './native-types.js';
import { BarePrimitive, type NativeEnvironment } from './native-values.js';
import type { CheckedElement, CheckRun, ElementCheck, Finding } from '../run.js';

/**
 * `typePath`: type of the elements, as `CheckedElement.type`. `from`: where the definition comes from. Undefined where the
 * constraint has no expression. The check reports `invariant` (severity of the constraint), or `invariant-not-checked` (a warning).
 */
export type CompileConstraint = (constraint: Constraint, typePath: string, from: Origin) => ElementCheck | undefined;

const BEST_PRACTICE = 'http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice';
const MAX_EXPRESSION = 8000;

/** An empty narrative harms nobody, and examples of R4 itself have one. */
const WARNINGS: ReadonlySet<string> = new Set(['txt-2']);

/** Expressions are compiled once, however many elements and profiles have them. */
const MAX_INVARIANTS = 4000;

export function createConstraintCompiler(definitions: Definitions): CompileConstraint {
  const types = createNativeTypes(definitions);
  const published = memoize({ results: MAX_INVARIANTS }, expression => invariantOf(expression, types, false));
  const stored = memoize({ results: MAX_INVARIANTS }, expression => invariantOf(expression, types, true));
  return (constraint, _typePath, from) => {
    const expression = correctedExpression(constraint);
    if (expression === undefined) return undefined;
    const violated = violationOf(constraint, from);
    const invariant = (from === 'stored' ? stored : published)(expression);
    const check = (element: CheckedElement, run: CheckRun, severity: Finding['severity']): void => {
      const verdict = verdictOf(invariant, element, run, from);
      if (verdict === 'holds') return;
      if (verdict === 'violated') run.report(element.place, { ...violated, severity });
      else run.report(element.place, notChecked(constraint, verdict));
    };
    const severity = WARNINGS.has(constraint.key) ? 'warning' : constraint.severity;
    if (!isBestPractice(constraint)) return (element, run) => check(element, run, severity);
    return (element, run) => {
      const { bestPractice } = run.options;
      if (bestPractice !== 'ignore') check(element, run, bestPractice === 'warn' ? 'warning' : 'error');
    };
  };
}

/** Made so far: each has a number of its own. */
let invariants = 0;

/** What cannot be compiled is left to the engine. */
function withoutThrowing(work: () => void): void {
  try {
    work();
  } catch {
    // Nothing is told: it was noted before that nothing was compiled.
  }
}

/** `refused`: it may not be evaluated here. */
type CheckOutcome = InvariantVerdict | 'refused';

/** By a rule of its own, else compiled for the type of the element, else by the engine. */
function invariantOf(
  expression: string,
  types: NativeTypes,
  restricted: boolean,
): (element: CheckedElement, run: CheckRun, from: Origin) => CheckOutcome {
  const own = ruleFor(expression);
  if (own && own.type === undefined) return (element, run, from) => byRule(own.rule, element, run, from);
  const byEngine = engineFor(expression, restricted);
  const rules = new Map<string, NativeRule | undefined>();
  const named = usesResource(expression);
  const name = ++invariants;
  const ruleOf = (element: CheckedElement, run: CheckRun): NativeRule | 'asked' | undefined => {
    const { site, type } = element;
    const key = named ? `${site.resource.resourceType} ${containerOf(site).resourceType} ${type}` : type;
    const known = rules.get(key);
    if (known || rules.has(key)) return known;
    run.spend(expression.length);
    const place = { element: type, resource: site.resource.resourceType, root: containerOf(site).resourceType };
    const compile = (): void => {
      rules.set(key, undefined);
      rules.set(key, own?.type === type ? own.rule : compileNative(expression, types, place));
    };
    if (!run.compilesNow(expression.length)) {
      run.need(`invariant ${name} ${key}`, () => inTurn(() => withoutThrowing(compile)));
      return 'asked';
    }
    compile();
    return rules.get(key);
  };
  return (element, run, from) => {
    const rule = ruleOf(element, run);
    if (rule === 'asked') return 'holds';
    if (rule) return byRule(rule, element, run, from);
    return byEngine ? byEngine(element, run, from) : 'refused';
  };
}

/** Undefined: it may not be evaluated here. */
function engineFor(expression: string, restricted: boolean): Invariant | undefined {
  const refused = restricted && refusedFunction(expression) !== undefined;
  return refused || expression.length > MAX_EXPRESSION ? undefined : engineInvariant(expression);
}

function byRule(rule: NativeRule, element: CheckedElement, run: CheckRun, from: Origin): InvariantVerdict {
  const { value, sibling, site } = element;
  const env: NativeEnvironment = {
    run,
    element,
    from,
    focus: value === undefined || value === null ? new BarePrimitive(sibling ?? {}) : value,
    rootResource: containerOf(site),
    unknown: false,
  };
  if (rule(env, env.focus)) return 'holds';
  return env.unknown ? 'unknown' : 'violated';
}

type Trouble = 'refused' | 'failed' | 'costly' | 'unknown';

function verdictOf(
  invariant: (element: CheckedElement, run: CheckRun, from: Origin) => CheckOutcome,
  element: CheckedElement,
  run: CheckRun,
  from: Origin,
): CheckOutcome | 'failed' | 'costly' {
  const { apart } = run;
  if (from === R4) run.apart = true;
  try {
    return invariant(element, run, from);
  } catch (error) {
    // The budget is that of the whole resource. Whatever else is thrown says no more than that; its text may hold content.
    if (!(error instanceof FhirError) || error.kind !== 'too-costly') return 'failed';
    // What R4 itself asks refuses no resource by its size alone.
    if (from === R4) return 'costly';
    throw error;
  } finally {
    run.apart = apart;
  }
}

const TROUBLES: Readonly<Record<Trouble, string>> = {
  refused: 'it uses functions that stored profiles may not use here, or is too long',
  failed: 'its expression cannot be evaluated on this element',
  costly: 'the resource is too large for it',
  unknown: 'that depends on what is not known here (where a reference leads, what a value set or profile says)',
};

const notChecked = (constraint: Constraint, trouble: Trouble): Finding => ({
  severity: 'warning',
  code: 'not-supported',
  detail: 'invariant-not-checked',
  text: `Whether the invariant ${keyOf(constraint)} holds was not checked: ${TROUBLES[trouble]}.`,
  diagnostics: sourceOf(constraint),
});

/** The text of a published rule is public; that of a stored one is anybody's, and only its key is told. */
function violationOf(constraint: Constraint, from: Origin): Omit<Finding, 'severity'> {
  const key = keyOf(constraint);
  const rule = constraint.human.trim().replace(/\.$/, '');
  return {
    code: 'invariant',
    detail: 'invariant',
    text: from === 'stored' || rule === '' ? `The invariant ${key} of the profile does not hold.` : `${key}: ${rule}.`,
    diagnostics: sourceOf(constraint),
  };
}

const PLAIN_KEY = /^[A-Za-z0-9\-.]{1,64}$/;

const keyOf = ({ key }: Constraint): string => (PLAIN_KEY.test(key) ? key : 'with an unusable key');

/** Key, and the canonical of the definition that states it first. */
function sourceOf(constraint: Constraint): string {
  const { source = '' } = constraint;
  return /^[\w:/.|-]{1,255}$/.test(source) ? `${keyOf(constraint)} ${source}` : keyOf(constraint);
}

const isBestPractice = ({ key, extension = [] }: Constraint): boolean =>
  key === 'dom-6' || extension.some(({ url, valueBoolean }) => url === BEST_PRACTICE && valueBoolean === true);
