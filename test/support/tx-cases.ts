/**
 * The official terminology cases (../shared/data/tx-cases): requests as R4, and whether an answer is the one expected. Their
 * README says what the templates in an answer mean.
 *
 * Choices: arrays are compared without their order, as HL7's own runner sorts them. Cases disagree on whether an issue repeats its
 * `expression` as `location`: where the case has none, ours is passed over.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, itemsOf, type Json, type JsonObject } from '../../src/fhir/resource.js';

export interface TxCase {
  readonly name: string;
  readonly operation: string;
  readonly request: string;
  readonly response: string;
  readonly profile?: string;
  readonly 'http-code'?: string;
  readonly 'Accept-Language'?: string;
  readonly 'response:flat'?: string;
}

export interface TxSuite {
  readonly name: string;
  readonly setup: readonly string[];
  readonly tests: readonly TxCase[];
}

const PATHS: Readonly<Record<string, string>> = {
  expand: 'ValueSet/$expand',
  'validate-code': 'ValueSet/$validate-code',
  'cs-validate-code': 'CodeSystem/$validate-code',
  'batch-validate': 'ValueSet/$batch-validate-code',
  lookup: 'CodeSystem/$lookup',
  translate: 'ConceptMap/$translate',
};

export function openCases(folder: string) {
  const cache = new Map<string, JsonObject>();
  const read = (name: string): JsonObject => {
    const known =
      cache.get(name) ?? (JSON.parse(readFileSync(join(folder, name), 'utf8').replace(/^\uFEFF/, '')) as JsonObject);
    cache.set(name, known);
    return known;
  };
  const { suites } = read('test-cases.json') as unknown as { readonly suites: readonly TxSuite[] };
  return {
    suites,
    request(
      { setup }: TxSuite,
      { request, profile, operation }: TxCase,
    ): { readonly path: string; readonly body: JsonObject } {
      const asked = itemsOf(read(request)['parameter']);
      const more = profile === undefined ? [] : itemsOf(read(profile)['parameter']);
      const along = setup.map(file => ({ name: 'tx-resource', resource: read(file) }));
      const parameter = [...asked, ...more, ...along].map(toR4);
      return { path: PATHS[operation] ?? operation, body: { resourceType: 'Parameters', parameter } };
    },
    expected: (test: TxCase): JsonObject => read(test.response),
  };
}

const LATER_OPERATOR = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.compose.include.filter.op';
const R5_OPERATORS = new Set(['child-of', 'descendent-leaf']);
/** Elements that R4 does not have. */
const R5_ELEMENTS = new Set(['versionAlgorithmString', 'versionAlgorithmCoding', 'copyrightLabel']);
const EQUIVALENCE: Readonly<Record<string, string>> = {
  equivalent: 'equivalent',
  'source-is-broader-than-target': 'narrower',
  'source-is-narrower-than-target': 'wider',
  'not-related-to': 'disjoint',
  'related-to': 'relatedto',
};
const RENAMED: Readonly<Record<string, string>> = {
  sourceScopeUri: 'sourceUri',
  targetScopeUri: 'targetUri',
  sourceScopeCanonical: 'sourceCanonical',
  targetScopeCanonical: 'targetCanonical',
};

/** R5 → R4, as far as the cases need it. */
function toR4(value: Json): Json {
  if (Array.isArray(value)) return value.map(toR4);
  if (!isObject(value)) return value;
  const made: JsonObject = {};
  for (const [name, each] of Object.entries(value)) {
    if (R5_ELEMENTS.has(name)) continue;
    if (name === 'op' && R5_OPERATORS.has(plain(each)))
      made['_op'] = { extension: [{ url: LATER_OPERATOR, valueCode: each }] };
    else if (name === 'relationship') {
      if (!('mode' in value)) made['equivalence'] = EQUIVALENCE[plain(each)] ?? 'relatedto';
    } else made[RENAMED[name] ?? name] = toR4(each);
  }
  return made;
}

const PROPERTY = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion';

/** Extensions that carry elements of R5 → those elements. */
export function toR5(value: Json): Json {
  if (Array.isArray(value)) return value.map(toR5);
  if (!isObject(value)) return value;
  const made: JsonObject = {};
  for (const [name, each] of Object.entries(value)) if (name !== 'extension') made[name] = toR5(each);
  const extension = itemsOf(value['extension']).filter(isObject);
  const own = extension.filter(({ url }) => !plain(url).startsWith(PROPERTY));
  if (own.length > 0) made['extension'] = own;
  const properties = extension.filter(({ url }) => plain(url).startsWith(PROPERTY));
  if (properties.length > 0) made['property'] = properties.map(propertyOf);
  return made;
}

function propertyOf({ extension }: JsonObject): JsonObject {
  const parts = itemsOf(extension).filter(isObject);
  const made: JsonObject = {};
  for (const { url, ...value } of parts) {
    const [[key, given] = ['', null]] = Object.entries(value);
    made[url === 'value' ? key : plain(url)] = given;
  }
  return made;
}

/** Why it is another answer, or undefined. */
export function difference(expected: Json, actual: Json | undefined, at = ''): string | undefined {
  if (typeof expected === 'string') return differentText(expected, actual, at);
  if (Array.isArray(expected)) return differentItems(expected, actual, at);
  if (isObject(expected)) return differentObject(expected, actual, at);
  return expected === actual ? undefined : `${at}: ${show(actual)} for ${show(expected)}`;
}

const show = (value: Json | undefined): string => JSON.stringify(value)?.slice(0, 200) ?? 'nothing';

const PATTERNS: Readonly<Record<string, RegExp>> = {
  $id$: /^[A-Za-z0-9\-.]{1,64}$/,
  $uuid$: /^(?:urn:uuid:)?[0-9a-f-]{36}$/,
  $instant$: /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/,
  $url$: /^\w+:/,
  $date$: /^\d{4}-\d\d-\d\d/,
  $$: /^[^]*$/,
};

function differentText(expected: string, actual: Json | undefined, at: string): string | undefined {
  const fits = (): boolean => {
    if (typeof actual !== 'string') return false;
    if (expected === actual) return true;
    const pattern = PATTERNS[expected];
    if (pattern) return pattern.test(actual);
    const [, kind = '', rest = ''] = /^\$(choice|fragments|external)(?::([^]*))?\$$/.exec(expected) ?? [];
    if (kind === 'choice') return rest.split('|').includes(actual);
    if (kind === 'fragments') return rest.split('|').every(part => actual.includes(part));
    if (kind === 'external') return actual.includes(rest.replace(/^\d+:?/, ''));
    if (!/\$(?:version|semver|string|token)\$/.test(expected)) return false;
    const parts = expected.split(/\$(?:version|semver|string|token)\$/);
    return actual.startsWith(parts[0]!) && actual.endsWith(parts.at(-1)!);
  };
  return fits() ? undefined : `${at}: ${show(actual)} for ${show(expected)}`;
}

/** A string, as it is; of anything else nothing. */
const plain = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

const isOptional = (value: Json): boolean => isObject(value) && '$optional$' in value;

function differentItems(expected: readonly Json[], actual: Json | undefined, at: string): string | undefined {
  if (actual === undefined) return expected.every(isOptional) ? undefined : `${at}: missing`;
  if (!Array.isArray(actual)) return `${at}: no array`;
  const left = [...actual];
  // What must be there has the first choice.
  for (const item of expected.toSorted((a, b) => Number(isOptional(a)) - Number(isOptional(b)))) {
    const found = left.findIndex(each => difference(item, each, at) === undefined);
    if (found >= 0) left.splice(found, 1);
    else if (!isOptional(item)) return nearest(item, left, at);
  }
  return left.length === 0 ? undefined : `${at}: too much: ${show(left[0])}`;
}

/** The difference from the item that is most like it. */
function nearest(item: Json, left: readonly Json[], at: string): string {
  const alike = left.find(
    each => isObject(each) && isObject(item) && each['name'] === item['name'] && each['code'] === item['code'],
  );
  return alike === undefined ? `${at}: missing ${show(item)}` : difference(item, alike, at)!;
}

const MARKS = new Set(['$optional$', '$optional', '$optional-properties$', '$count-arrays$']);

function differentObject(expected: JsonObject, actual: Json | undefined, at: string): string | undefined {
  if (!isObject(actual)) return `${at}: ${show(actual)} for an object`;
  const optional = new Set(
    [...itemsOf(expected['$optional-properties$']), ...itemsOf(expected['$optional'])].map(plain),
  );
  const counted = new Set(itemsOf(expected['$count-arrays$']).map(plain));
  for (const [name, value] of Object.entries(expected)) {
    if (MARKS.has(name) || optional.has(name)) continue;
    const here = `${at}.${name}`;
    if (counted.has(name)) {
      if (itemsOf(value).length !== itemsOf(actual[name]).length)
        return `${here}: ${itemsOf(actual[name]).length} items`;
      continue;
    }
    const isEmpty = Array.isArray(value) && value.every(isOptional) && actual[name] === undefined;
    const different =
      isEmpty || (isOptional(value) && actual[name] === undefined) ? undefined : difference(value, actual[name], here);
    if (different !== undefined) return different;
  }
  for (const name of Object.keys(actual)) {
    const isCopy = name === 'location' && JSON.stringify(actual[name]) === JSON.stringify(actual['expression']);
    if (!(name in expected) && !optional.has(name) && !isCopy) return `${at}.${name}: not expected`;
  }
  return undefined;
}

/** The codes or the verdict of an answer, as text. */
export function verdictOf(answer: JsonObject): string {
  if (answer['resourceType'] === 'OperationOutcome') return 'refused';
  if (answer['resourceType'] === 'ValueSet') {
    const expansion = answer['expansion'];
    return [...codesIn(isObject(expansion) ? expansion['contains'] : undefined)].toSorted().join(' ');
  }
  const parameters = itemsOf(answer['parameter']).filter(isObject);
  const value = (name: string): Json | undefined => {
    const found = parameters.find(each => each['name'] === name);
    return found && Object.entries(found).find(([key]) => key.startsWith('value'))?.[1];
  };
  const inner = parameters
    .filter(({ name }) => name === 'validation')
    .map(({ resource }) => verdictOf(resource as JsonObject));
  return inner.length > 0 ? inner.join(' ') : JSON.stringify(value('result') ?? value('display') ?? null);
}

function* codesIn(contains: Json | undefined): Generator<string> {
  for (const each of itemsOf(contains)) {
    if (!isObject(each)) continue;
    yield `${plain(each['system'])}|${plain(each['version'])}#${plain(each['code'])}`;
    yield* codesIn(each['contains']);
  }
}
