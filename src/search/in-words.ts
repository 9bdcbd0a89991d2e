/**
 * A condition as a person reads it, in the words of a search: `category=laboratory and (subject=Patient/1 or performer=Patient/1)`. For
 * explanations of rules: what is printed is not read again, and it names what the condition names and nothing that is stored.
 * https://hl7.org/fhir/R4/search.html
 */
import type { RangeBounds, ReferenceValue, Test, TokenValue, VersionTest, Where, Words } from './query.js';

export function conditionInWords(where: Where): string {
  switch (where.kind) {
    case 'all':
      return where.of.length === 0 ? 'everything' : joined(where.of, 'and');
    case 'any':
      return where.of.length === 0 ? 'nothing' : joined(where.of, 'or');
    case 'not':
      return `not ${inBrackets(where.of)}`;
    case 'param':
      return testInWords(where.code, where.test);
    case 'present':
      return `${where.code}:missing=false`;
    case 'of':
      return `${where.type} with ${inBrackets(where.where)}`;
    case 'words':
      return `_${where.among}=${textInWords(where.words)}`;
    case 'chain':
      return `${where.code}:${where.to}.${inBrackets(where.where)}`;
    case 'has':
      return `_has:${where.from}:${where.code}:${inBrackets(where.where)}`;
  }
}

const joined = (parts: readonly Where[], by: 'and' | 'or'): string =>
  parts.map(part => (parts.length > 1 ? inBrackets(part) : conditionInWords(part))).join(` ${by} `);

/** In brackets where something beside it could be taken for a part of it. */
function inBrackets(where: Where): string {
  const text = conditionInWords(where);
  return (where.kind === 'all' || where.kind === 'any') && where.of.length > 1 ? `(${text})` : text;
}

function textInWords(words: Words): string {
  switch (words.kind) {
    case 'and':
    case 'or':
      return `(${words.of.map(textInWords).join(` ${words.kind} `)})`;
    case 'not':
      return `not ${textInWords(words.of)}`;
    case 'word':
      return words.starts ? `${words.word}*` : words.word;
    case 'phrase':
      return `"${words.words.join(' ')}"`;
  }
}

const STRING_MODES = { starts: '', contains: ':contains', exact: ':exact', equals: ' eq ', ends: ' ew ' } as const;

function testInWords(code: string, test: Test): string {
  switch (test.kind) {
    case 'string': {
      const mode = STRING_MODES[test.mode];
      return mode.startsWith(' ') ? `${code}${mode}${test.value}` : `${code}${mode}=${test.value}`;
    }
    case 'token':
      return `${code}=${test.any.map(tokenInWords).join(',')}`;
    case 'text':
      return `${code}:text=${test.value}`;
    case 'of-type':
      return `${code}:of-type=${test.system}|${test.code}|${test.value}`;
    case 'concept':
      return `${code}:${test.relation}=${tokenInWords({ ...(test.system === undefined ? {} : { system: test.system }), code: test.value })}`;
    case 'date':
      return rangesInWords(code, test.any, at => new Date(at).toISOString());
    case 'number':
      return rangesInWords(code, test.any, String);
    case 'quantity':
      return `${rangesInWords(code, test.any, String)}${unitInWords(test)}`;
    case 'near':
      return `${code}=${test.latitude}|${test.longitude}|${test.metres}|m`;
    case 'box':
      return `${code} within ${test.any.length} boxes`;
    case 'reference':
      return referenceInWords(code, test.to);
    case 'hierarchy':
      return `${code}:${test.mode}=${nameOfReference(test.to)}`;
    case 'uri':
      return test.mode === 'exact'
        ? `${code}=${test.value}${versionInWords(test)}`
        : `${code}:${test.mode}=${test.value}`;
    case 'media-type':
      return `${code}=${test.base}`;
    case 'composite':
      return `${code}=${test.parts.map(part => testInWords('', part).replace(/^=/, '')).join('$')}`;
  }
}

const unitInWords = ({ system = '', unit }: Extract<Test, { kind: 'quantity' }>): string =>
  unit === undefined ? '' : ` of ${system}|${unit}`;

/** `system|code`; `|code`: without a system; `code`: of any. */
const tokenInWords = ({ system, code = '' }: TokenValue): string => (system === undefined ? code : `${system}|${code}`);

const versionInWords = ({ version, versions }: VersionTest): string =>
  version === undefined ? '' : `|${version}${versions === undefined ? '' : ` and ${versions}`}`;

const nameOfReference = ({ type, id, version }: Extract<ReferenceValue, { kind: 'local' }>): string =>
  `${type === undefined ? '' : `${type}/`}${id}${version === undefined ? '' : `/_history/${version}`}`;

function referenceInWords(code: string, to: ReferenceValue): string {
  switch (to.kind) {
    case 'local':
      return `${code}=${nameOfReference(to)}`;
    case 'among':
      return `${code}=one of ${to.ids.size} ${to.type}`;
    case 'url':
      return `${code}=${to.url}${versionInWords(to)}`;
    case 'identifier':
      return `${code}:identifier=${tokenInWords(to.value)}`;
  }
}

const BOUNDS = [
  ['lowMin', 'begins from'],
  ['lowMax', 'begins until'],
  ['highMin', 'ends from'],
  ['highMax', 'ends until'],
] as const;

function rangesInWords(code: string, ranges: readonly RangeBounds[], print: (at: number) => string): string {
  const one = (range: RangeBounds): string =>
    BOUNDS.flatMap(([bound, words]) => {
      const at = range[bound];
      return at === undefined ? [] : [`${words} ${print(at)}${range.open?.[bound] ? ' (not itself)' : ''}`];
    }).join(', ');
  return `${code} ${ranges.map(one).join(' or ')}`;
}
