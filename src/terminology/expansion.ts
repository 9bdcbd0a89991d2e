/**
 * Members of a value set → ValueSet with its expansion: https://hl7.org/fhir/R4/valueset.html#expansion,
 * https://hl7.org/fhir/R4/valueset-operation-expand.html
 *
 * Choices: concepts stand inside each other where the set is one code system, or what lies below one of its concepts, and all of it
 * is in the answer; a concept with several parents stands below the first. The version of a code is told where the value set
 * names several versions of its code system. Without `count` an expansion has at most 1,000 codes, a page at most 10,000.
 */
import type { JsonObject } from '../fhir/resource.js';
import type { Pieces } from '../platform/pieces.js';
import type { Budget } from './budget.js';
import { type Contains, containsOf, type DesignationQuestion } from './contains.js';
import type { ValueSetMembers } from './members.js';
import type { Usage } from './reading.js';
import type { ValueSet } from './resources.js';
import { canNest, nested, sideBySide } from './nesting.js';
import { declarationExtension, type ShownProperty } from './row-properties.js';
import { pageOfRows, type ExpansionRow, type RowFilter } from './rows.js';
import { tooManyCodes } from './tx-issue.js';

/** Codes of an expansion that is not asked for in pages. */
export const MAX_EXPANSION = 1_000;
/** Codes of a page. */
export const MAX_PAGE = 10_000;

export interface ExpansionQuestion extends RowFilter, DesignationQuestion {
  readonly offset?: number;
  readonly count?: number;
  readonly excludeNested?: boolean;
  /** The answer has everything that the value set says of itself. */
  readonly includeDefinition?: boolean;
  /** Parameters as the answer repeats them. */
  readonly echo: readonly JsonObject[];
}

export interface ExpansionParts {
  readonly set: ValueSet;
  readonly members: ValueSetMembers;
  readonly usage: Usage;
  readonly budget: Budget;
  /** A uuid. */
  readonly identifier: string;
  readonly timestamp: string;
}

/** Throws `too-costly` where there are too many codes. */
export function* expanding(parts: ExpansionParts, question: ExpansionQuestion): Pieces<JsonObject> {
  const { set, members, usage, budget } = parts;
  const { offset = 0, count } = question;
  const most = count === undefined ? MAX_EXPANSION + 1 : Math.min(count, MAX_PAGE);
  const { rows, total } = yield* pageOfRows(members, question, { offset, most, budget });
  if (count === undefined && rows.length > MAX_EXPANSION) throw tooManyCodes(set, MAX_EXPANSION);
  const declared = new Map<string, ShownProperty>();
  const item = (row: ExpansionRow): Contains =>
    containsOf(row, set.language, question, {
      declared,
      showsVersion: usage.severalVersions(row.part.system) || !row.part.concepts,
    });
  const nests = !question.excludeNested && total === rows.length && (question.filter ?? '') === '' && canNest(set);
  const contains = (nests && (yield* nested(rows, item))) || (yield* sideBySide(rows, item));
  const fragments = [...usage.systems].filter(([, { head }]) => head.content === 'fragment');
  const extension = [
    ...fragments.flatMap(([, { url = '' }]) => [
      { url: 'http://hl7.org/fhir/StructureDefinition/valueset-unclosed', valueBoolean: true },
      {
        url: 'http://hl7.org/fhir/StructureDefinition/valueset-unclosed-reason',
        valueString: `This extension is based on a fragment of the code system ${url}`,
      },
    ]),
    ...[...declared.values()].toSorted((a, b) => ((a.uri ?? '') < (b.uri ?? '') ? -1 : 1)).map(declarationExtension),
  ];
  const parameter = parametersOf(
    usage,
    question,
    fragments.map(([canonical]) => canonical),
  );
  return {
    ...headOf(set, question.includeDefinition === true),
    expansion: {
      ...(extension.length > 0 ? { extension } : {}),
      identifier: parts.identifier,
      timestamp: parts.timestamp,
      total,
      ...(question.offset === undefined ? {} : { offset: question.offset }),
      ...(parameter.length > 0 ? { parameter } : {}),
      ...(contains.length > 0 ? { contains } : {}),
    },
  };
}

/** What is left out of an answer, and what only a definition has. */
const NEVER = new Set(['meta', 'text', 'expansion', 'implicitRules']);
const BRIEF = new Set([
  'id',
  'language',
  'url',
  'version',
  'name',
  'title',
  'status',
  'experimental',
  'date',
  'publisher',
]);

function headOf(set: ValueSet, whole: boolean): JsonObject {
  const all = Object.entries(set as unknown as JsonObject);
  const kept = all.filter(([name]) => (whole ? !NEVER.has(name) : BRIEF.has(name)));
  const { resourceType: _type, ...rest } = Object.fromEntries(kept);
  return { resourceType: 'ValueSet', ...rest, status: set.status ?? 'unknown' };
}

function parametersOf(usage: Usage, { echo }: ExpansionQuestion, fragments: readonly string[]): JsonObject[] {
  const uris = (name: string, canonicals: Iterable<string>): JsonObject[] =>
    [...canonicals].map(valueUri => ({ name, valueUri }));
  const supplements = new Set([...usage.systems.values()].flatMap(each => each.supplements));
  const all: JsonObject[] = [
    ...echo,
    ...[...usage.rules].map(({ name, canonical }) => ({ name, valueUri: canonical })),
    ...uris('used-codesystem', usage.systems.keys()),
    ...uris('used-valueset', usage.valueSets),
    ...uris('used-supplement', supplements),
    ...uris('used-fragment', fragments),
    ...[...usage.warnings.values()].map(({ name, canonical }) => ({ name, valueUri: canonical })),
    ...(usage.crossed ? [{ name: 'versionsMatch', valueBoolean: true }] : []),
  ];
  const key = (each: JsonObject): string => JSON.stringify(Object.values(each));
  return all.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}
