/**
 * Whether codes of one code system belong to a value set, as a test that never waits: true, false, or undefined where that cannot be
 * known. Whatever can be is made into a set of codes beforehand, so that a test is one look-up; the rest is asked of the code system.
 */
import { paced, type Pieces } from '../platform/pieces.js';
import type { Budget } from './budget.js';
import type { Concepts } from './code-system.js';

export type MemberVerdict = boolean | undefined;

export interface MemberTest {
  test(code: string): MemberVerdict;
  /** All members, as their code system writes them, where they were listed. */
  readonly codes?: ReadonlySet<string>;
  /** It is all of the code system. */
  readonly whole?: true;
  /** Where the codes are known. */
  readonly concepts?: Concepts | undefined;
}

/** Codes that are looked at before others may have their turn. */
const CODES_IN_A_TURN = 10_000;

export const NOTHING_KNOWN: MemberTest = { test: () => undefined };

/** `concepts`: of the code system, where it is known. */
export function listedMembers(codes: ReadonlySet<string>, concepts?: Concepts): MemberTest {
  // Where the case of letters means nothing, the code system says which code is meant.
  if (!concepts || concepts.head.caseSensitive !== false)
    return { test: code => codes.has(code), codes, ...(concepts ? { concepts } : {}) };
  const test = (code: string): boolean => {
    const concept = concepts.locate(code);
    return codes.has(concept === undefined ? code : concepts.codes[concept]!);
  };
  return { test, codes, concepts };
}

/** All of a code system; of a fragment codes that are not there, too. */
export function allOfSystem(concepts: Concepts): MemberTest {
  const { rule } = concepts;
  if (rule) return { test: code => rule.has(code), whole: true, concepts };
  if (concepts.head.content === 'fragment') return { test: () => true, whole: true, concepts };
  return { test: code => concepts.locate(code) !== undefined, whole: true, concepts };
}

export const anyVerdict = (a: MemberVerdict, b: MemberVerdict): MemberVerdict =>
  a === true || b === true ? true : a === undefined || b === undefined ? undefined : false;
export const bothVerdicts = (a: MemberVerdict, b: MemberVerdict): MemberVerdict =>
  a === false || b === false ? false : a === undefined || b === undefined ? undefined : true;
export const notVerdict = (a: MemberVerdict): MemberVerdict => (a === undefined ? undefined : !a);

/** Of the same code system. */
export function unitedTest(a: MemberTest, b: MemberTest): MemberTest {
  if (a.codes && b.codes && a.concepts === b.concepts)
    return listedMembers(new Set([...a.codes, ...b.codes]), a.concepts);
  if (a.concepts && a.concepts === b.concepts && (a.whole || b.whole)) return a.whole ? a : b;
  return { test: code => anyVerdict(a.test(code), b.test(code)), ...universeOf(a, b) };
}

export function* commonTest(a: MemberTest, b: MemberTest, budget: Budget): Pieces<MemberTest> {
  const joined = { test: (code: string) => bothVerdicts(a.test(code), b.test(code)), ...universeOf(a, b) };
  return yield* written(joined, a.codes ?? b.codes, budget);
}

export function* lessTest(a: MemberTest, b: MemberTest, budget: Budget): Pieces<MemberTest> {
  const joined = { test: (code: string) => bothVerdicts(a.test(code), notVerdict(b.test(code))), ...universeOf(a, b) };
  return yield* written(joined, a.codes, budget);
}

/** The code system that both know. */
const universeOf = (a: MemberTest, b: MemberTest): Pick<MemberTest, 'concepts'> =>
  a.concepts && a.concepts === b.concepts ? { concepts: a.concepts } : {};

/** The same as a set, where all is decided of those that may be members: `candidates`, or all codes of the code system. */
export function* written(
  member: MemberTest,
  candidates: Iterable<string> | undefined,
  budget: Budget,
): Pieces<MemberTest> {
  const { concepts } = member;
  if (member.whole) return member;
  const all =
    candidates ?? (concepts && !concepts.rule && concepts.head.content !== 'fragment' ? concepts.codes : undefined);
  if (!all) return member;
  const isLong = paced(CODES_IN_A_TURN);
  const codes = new Set<string>();
  for (const code of all) {
    if (isLong()) yield;
    budget.examineCodes(1);
    const verdict = member.test(code);
    if (verdict === undefined) return member;
    if (verdict) codes.add(code);
  }
  return listedMembers(codes, concepts);
}
