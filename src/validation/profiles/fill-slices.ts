/**
 * Gives the values of a sliced element to its slices, and asks each slice what it says: how many, in which order, and what of each.
 * https://hl7.org/fhir/R4/profiling.html#slicing
 *
 * Choices: a value belongs to the first slice that it matches, and also to later ones that would be missing without it. Where it is not known whether a value matches (a reference that leads
 * elsewhere, a value set that is not known), what would be an error if it did not is a warning.
 */
import type { ElementRule, ProfileRun, Slice, SliceSet } from './compiled.js';
import type { CheckedElement, ElementPlace, Finding } from '../run.js';

/** What was found while the values were given out. */
interface Distribution {
  readonly counts: number[];
  /** Values of each slice that has slices of its own. */
  readonly members: CheckedElement[][];
  /** Each value that belongs to a slice, with the number of the first that it does. */
  readonly given: { readonly element: CheckedElement; readonly at: number }[];
  /** Slices of which it is not known of some value whether it belongs to them. */
  readonly doubtful: boolean[];
}

export function fillSlices(
  rule: ElementRule,
  set: SliceSet,
  elements: readonly CheckedElement[],
  above: ElementPlace,
  run: ProfileRun,
): void {
  const { slices, rest } = set;
  const state: Distribution = {
    counts: slices.map(() => 0),
    members: slices.map(() => []),
    doubtful: slices.map(() => false),
    given: [],
  };
  const others: CheckedElement[] = [];
  let last = -1;
  for (const element of elements) {
    if (run.stopped) return;
    const at = sliceFor(slices, element, state, run);
    if (at === NONE || at === UNDECIDED) {
      if (rest) {
        others.push(element);
        run.later(() => run.walk(rest.node, element));
      } else last = reportOther(rule, set, element, last, at === UNDECIDED, run);
      continue;
    }
    if (last > at && set.ordered) reportOrder(rule, slices[at]!, element, run);
    else if (last === AT_END) reportOrder(rule, slices[at]!, element, run);
    else last = at;
    state.counts[at]!++;
    state.members[at]!.push(element);
    state.given.push({ element, at });
    const { node } = slices[at]!;
    run.later(() => run.walk(node, element));
  }
  for (const [at, slice] of slices.entries()) {
    if (slice.test && state.counts[at]! < slice.min) shareMembers(slices, at, state, run);
    if (slice.test) countSlice(rule, slice, state.counts[at]!, above, state.doubtful[at]!, run);
    if (slice.slicing && state.counts[at]! > 0) fillSlices(rule, slice.slicing, state.members[at]!, above, run);
  }
  if (rest) countSlice(rule, rest, others.length, above, state.doubtful.includes(true), run);
}

/** Values of slices before it that match a slice which lacks some: discriminators need not tell slices apart. */
function shareMembers(slices: readonly Slice[], at: number, state: Distribution, run: ProfileRun): void {
  const { test, node } = slices[at]!;
  for (const { element, at: own } of state.given) {
    run.spend(1);
    if (own >= at) continue;
    run.spend(STEPS_OF_A_TEST);
    if (test?.(element, run) !== true) continue;
    state.counts[at]!++;
    state.members[at]!.push(element);
    run.later(() => run.walk(node, element));
  }
}

/** Values of no slice were met, after which no others may come. */
const AT_END = Number.MAX_SAFE_INTEGER;

/** Not the number of a slice: the value belongs to none, or that is not known. */
const NONE = -1;
const UNDECIDED = -2;

/** Of asking whether a value belongs to a slice, against looking at an element. */
const STEPS_OF_A_TEST = 5;

/** Number of the slice, `NONE` or `UNDECIDED`. */
function sliceFor(slices: readonly Slice[], element: CheckedElement, state: Distribution, run: ProfileRun): number {
  let answerForNone = NONE;
  for (let i = 0; i < slices.length; i++) {
    const { test } = slices[i]!;
    run.spend(STEPS_OF_A_TEST);
    const answer = test?.(element, run);
    if (answer === true) return i;
    if (answer !== undefined) continue;
    answerForNone = UNDECIDED;
    state.doubtful[i] = true;
  }
  return answerForNone;
}

const labelOf = ({ name }: ElementRule, slice: Slice): string => `${name}:${slice.name}`;

function reportOther(
  rule: ElementRule,
  { rules }: SliceSet,
  element: CheckedElement,
  last: number,
  doubtful: boolean,
  run: ProfileRun,
): number {
  if (rules === 'closed')
    run.report(element.place, {
      ...kindOf(doubtful, 'structure', 'slice-closed'),
      text: doubtful
        ? `It is not known whether this ${rule.name} is one of those that the profile allows.`
        : `This ${rule.name} is none of those that the profile allows: it matches no slice.`,
      diagnostics: rule.profile,
    });
  return rules === 'openAtEnd' ? AT_END : last;
}

function reportOrder(rule: ElementRule, slice: Slice, { place }: CheckedElement, run: ProfileRun): void {
  run.report(place, {
    severity: 'error',
    code: 'structure',
    detail: 'slice-order',
    text: `${labelOf(rule, slice)} stands too late: the profile gives the order of the slices.`,
    diagnostics: rule.profile,
  });
}

const kindOf = (doubtful: boolean, code: string, detail: string): Pick<Finding, 'severity' | 'code' | 'detail'> =>
  doubtful
    ? { severity: 'warning', code: 'informational', detail: 'not-checked' }
    : { severity: 'error', code, detail };

function countSlice(
  rule: ElementRule,
  slice: Slice,
  count: number,
  above: ElementPlace,
  doubtful: boolean,
  run: ProfileRun,
): void {
  const { min, max } = slice;
  if (count < min)
    run.report(
      { above, name: rule.name, index: -1 },
      {
        ...kindOf(doubtful, 'required', 'slice-min'),
        text: doubtful
          ? `It is not known whether ${labelOf(rule, slice)} is there, as the profile requires.`
          : `${labelOf(rule, slice)} must be there at least ${min === 1 ? 'once' : `${min} times`}; found: ${count}.`,
        diagnostics: rule.profile,
      },
    );
  if (count > max)
    run.report(
      { above, name: rule.name, index: -1 },
      {
        severity: 'error',
        code: 'structure',
        detail: 'slice-max',
        text: `${labelOf(rule, slice)} must be there at most ${max === 1 ? 'once' : `${max} times`}; found: ${count}.`,
        diagnostics: rule.profile,
      },
    );
}
