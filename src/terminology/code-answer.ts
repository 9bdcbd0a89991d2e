/**
 * The answer of $validate-code: result, code, display and issues, as Parameters in the order of their names.
 * https://hl7.org/fhir/R4/valueset-operation-validate-code.html
 */
import { outcome } from '../fhir/outcome.js';
import type { Json, JsonObject } from '../fhir/resource.js';
import { type CheckOptions, type Found, namesOfFound } from './code-check.js';
import {
  type CodeIssues,
  createCodeIssues,
  deprecatedConcept,
  inactiveConcept,
  noneInValueSet,
  notInValueSet,
} from './code-issues.js';
import { chooseName, type Languages } from './languages.js';
import type { Coding, ValueSet } from './resources.js';
import type { TxIssue } from './tx-issue.js';

export interface CodeQuestion {
  readonly kind: 'code' | 'coding' | 'codeableConcept';
  readonly codings: readonly Coding[];
  /** As it was given. */
  readonly codeableConcept?: JsonObject;
  /** The system of a code alone is the one under which the value set has it. */
  readonly inferSystem: boolean;
  /** A wrong display is a warning. */
  readonly lenientDisplay: boolean;
  readonly languages: Languages | undefined;
  readonly options: CheckOptions;
  /** The value set stands for a code system, and is not to be named. */
  readonly ofSystem?: boolean;
}

/** One coding that was looked at. */
export interface LookedUp {
  readonly coding: Coding;
  readonly path: string;
  readonly isMember: boolean | undefined;
  readonly found: Found | undefined;
  readonly inferred: boolean;
}

export interface Noted {
  readonly issues: CodeIssues;
  readonly unknown: ReadonlySet<string>;
}

export function answerOfCode(
  set: ValueSet,
  question: CodeQuestion,
  looked: readonly LookedUp[],
  noted: Noted,
): JsonObject {
  const { issues, unknown } = noted;
  const member = looked.find(({ isMember }) => isMember === true);
  const isMember = member ? true : looked.some(each => each.isMember === undefined) ? undefined : false;
  const [first] = looked;
  const ofConcept = question.kind === 'codeableConcept';
  if (isMember === false && !(question.ofSystem && issues.hasErrors)) {
    if (ofConcept) issues.add(noneInValueSet(set));
    else if (first) issues.add(notInValueSet(first.path, first.inferred ? first.coding : { ...first.coding }, set));
  }
  const told = member ?? (ofConcept ? undefined : first);
  const result = isMember === true && !issues.hasErrors;
  const parameters: JsonObject[] = [
    { name: 'result', valueBoolean: result },
    ...(told ? toldOf(told, question) : []),
    ...statusOf(looked, told, issues),
    ...[...unknown].flatMap(valueCanonical =>
      result ? [] : [{ name: isMember === false ? 'x-unknown-system' : 'x-caused-by-unknown-system', valueCanonical }],
    ),
  ];
  return parametersWith(parameters, question, issues);
}

/** System, version, code and display. */
function toldOf({ coding, found, isMember }: LookedUp, { languages }: CodeQuestion): JsonObject[] {
  const { concepts, concept } = found ?? {};
  const code = concept === undefined ? undefined : concepts?.codes[concept];
  const names = found && concept !== undefined ? namesOfFound(found) : [];
  const display = chooseName(names, languages) ?? chooseName(names, undefined);
  const version = concepts?.version;
  return [
    { name: 'code', valueCode: coding.code! },
    ...(coding.system === undefined ? [] : [{ name: 'system', valueUri: coding.system }]),
    ...(version === undefined ? [] : [{ name: 'version', valueString: version }]),
    ...(display === undefined ? [] : [{ name: 'display', valueString: display.value }]),
    ...(isMember && code !== undefined && code !== coding.code ? [{ name: 'normalized-code', valueCode: code }] : []),
  ];
}

/** Notes that a code should not be used any more; what the answer tells is of the code that it names. */
function statusOf(looked: readonly LookedUp[], told: LookedUp | undefined, issues: CodeIssues): JsonObject[] {
  const known = looked.flatMap(each => {
    const { concepts, concept } = each.found ?? {};
    return concepts && concept !== undefined
      ? [{ each, inactive: !concepts.isActive(concept), status: concepts.status(concept) }]
      : [];
  });
  const inactive = known.find(each => each.inactive);
  if (inactive) {
    const { each, status = 'inactive' } = inactive;
    issues.add(inactiveConcept(each.path, each.coding.code!, status), 'told');
    if (each !== told) return [];
    return [
      { name: 'inactive', valueBoolean: true },
      ...(status === 'inactive' ? [] : [{ name: 'status', valueCode: status }]),
    ];
  }
  const deprecated = known.find(({ status }) => status === 'deprecated');
  if (!deprecated) return [];
  issues.add(deprecatedConcept(deprecated.each.path, deprecated.each.coding.code!), 'told');
  return [{ name: 'status', valueCode: 'deprecated' }];
}

/** The answer where one issue is all that can be said. */
export function refusedAnswer(question: CodeQuestion, issue: TxIssue, unknown?: string): JsonObject {
  const issues = createCodeIssues();
  issues.add(issue);
  const [coding] = question.codings;
  return parametersWith(
    [
      { name: 'result', valueBoolean: false },
      ...(question.kind !== 'codeableConcept' && coding
        ? [
            { name: 'code', valueCode: coding.code ?? '' },
            ...(coding.system === undefined ? [] : [{ name: 'system', valueUri: coding.system }]),
          ]
        : []),
      ...(unknown === undefined ? [] : [{ name: 'x-unknown-system', valueCanonical: unknown }]),
    ],
    question,
    issues,
  );
}

function parametersWith(parameters: readonly JsonObject[], question: CodeQuestion, issues: CodeIssues): JsonObject {
  const message = issues.message();
  const found = issues.sorted();
  const all: JsonObject[] = [
    ...parameters,
    ...(message === '' ? [] : [{ name: 'message', valueString: message }]),
    ...(question.codeableConcept ? [{ name: 'codeableConcept', valueCodeableConcept: question.codeableConcept }] : []),
    ...(found.length > 0 ? [{ name: 'issues', resource: outcome(found) }] : []),
  ];
  const named = (each: JsonObject): string => each['name'] as string;
  const parameter: Json[] = all.toSorted((a, b) => (named(a) < named(b) ? -1 : named(a) > named(b) ? 1 : 0));
  return { resourceType: 'Parameters', parameter };
}
