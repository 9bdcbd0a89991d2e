/**
 * Made-up searches over HTTP: parameters of the type and names that are none, every modifier, values that fit and values
 * that do not. Never a 5xx, and what is answered is exactly what `match` says of the same question.
 */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import type { Bundle } from 'fhir/r4.js';
import { before, it } from 'mocha';
import { extract } from '../../src/search/extract.js';
import { match, type Resolver, type Subject } from '../../src/search/match.js';
import type { SearchType } from '../../src/search/parameters.js';
import { parseSearch } from '../../src/search/parse.js';
import type { Test, Where } from '../../src/search/query.js';
import { MODIFIERS } from '../../src/search/modifier.js';
import { onBothStores } from '../support/both-stores.js';
import { definitions, parameters } from '../support/changes.js';
import { depthOf } from '../support/depth.js';
import { linksAmong } from '../support/links.js';
import { createPopulation } from '../support/population.js';
import { linkOf, refusal } from '../support/talk.js';

const HOSPITAL = createPopulation({ seed: 31, patients: 5 });
const TYPES = [...new Set(HOSPITAL.map(({ resourceType }) => resourceType))];
const RUNS = depthOf('SEARCHES');

const pick = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

/** Every string and number of the population: what values are made of. */
function scalars(value: unknown): string[] {
  if (typeof value === 'string') return value.length < 60 ? [value] : [];
  if (typeof value === 'number' || typeof value === 'boolean') return [String(value)];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(scalars) : [];
}
const POOL = [...new Set(HOSPITAL.flatMap(scalars))];
const IDS = HOSPITAL.map(resource => resource['id'] as string);
const ODD = [
  '',
  ',',
  '|',
  '$',
  '\\',
  '||',
  'a|b|c|d',
  '-',
  '*',
  '%',
  '\u0000',
  '\ud800',
  '😀',
  '__proto__',
  '$where',
  'x'.repeat(300),
  '1e999',
  '-1e-300',
  'NaN',
  '(((',
  '"',
  "'",
  '#',
  'urn:x',
  'http://',
  '٣',
];

const prefix = pick(['', '', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap', 'xx']);
const atom = fc.oneof(
  { weight: 6, arbitrary: pick(POOL) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(prefix, pick(['2020', '2020-06', '2020-06-15', '2021-01-01T10:00:00Z', '5', '80.5', '100', '1e2']))
      .map(p => p.join('')),
  },
  { weight: 2, arbitrary: pick(IDS) },
  { weight: 2, arbitrary: fc.tuple(pick(TYPES), pick(IDS)).map(([type, id]) => `${type}/${id}`) },
  { weight: 1, arbitrary: pick(['true', 'false']) },
  { weight: 1, arbitrary: pick(ODD) },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);
const value = fc.oneof(
  { weight: 5, arbitrary: atom },
  { weight: 2, arbitrary: fc.tuple(pick(POOL), pick(POOL)).map(([a, b]) => `${a}|${b}`) },
  { weight: 1, arbitrary: fc.tuple(atom, atom).map(([a, b]) => `${a},${b}`) },
  { weight: 1, arbitrary: fc.tuple(atom, prefix, atom).map(([a, p, b]) => `${a}$${p}${b}`) },
  {
    weight: 1,
    arbitrary: fc.tuple(atom, pick(['', 'http://unitsofmeasure.org']), pick(['kg', 'mg', 'x'])).map(v => v.join('|')),
  },
);
const ANY = [
  'missing',
  'exact',
  'contains',
  'not',
  'text',
  'in',
  'not-in',
  'above',
  'below',
  'of-type',
  'identifier',
  'Patient',
  'x',
];
const FITTING: Readonly<Record<SearchType, fc.Arbitrary<string>>> = {
  string: pick(POOL.filter(text => /^[A-Za-z]/.test(text))),
  token: fc.oneof(
    pick(POOL),
    fc.tuple(pick(POOL), pick(POOL)).map(([a, b]) => `${a}|${b}`),
  ),
  reference: fc.oneof(
    pick(IDS),
    fc.tuple(pick(TYPES), pick(IDS)).map(([type, id]) => `${type}/${id}`),
  ),
  date: fc.tuple(prefix, pick(['2020', '2020-06', '2020-06-15', '2021-01-01T10:00:00Z'])).map(parts => parts.join('')),
  number: fc.tuple(prefix, pick(['5', '0.5', '1e2'])).map(parts => parts.join('')),
  quantity: fc
    .tuple(prefix, pick(['5', '80.5', '100', '100||mg', '80|http://unitsofmeasure.org|kg']))
    .map(p => p.join('')),
  uri: pick(POOL.filter(text => text.includes(':'))),
  composite: value,
  special: pick(['1|2|3', '52|5|100|km', 'x']),
};

/** A name with a value: more often than not such that the server can answer. */
const plainPair = (type: string): fc.Arbitrary<readonly [string, string]> =>
  pick([...parameters.of(type).values()]).chain(({ code, type: kind }) => {
    const allowed = MODIFIERS[kind].filter(name => name !== 'missing' && name !== '[type]');
    const fitting = FITTING[kind];
    return fc.oneof(
      { weight: 6, arbitrary: fitting.map(text => [code, text] as const) },
      { weight: 1, arbitrary: pick(['true', 'false']).map(text => [`${code}:missing`, text] as const) },
      ...(allowed.length > 0
        ? [
            {
              weight: 3,
              arbitrary: fc.tuple(pick(allowed), fitting).map(([name, text]) => [`${code}:${name}`, text] as const),
            },
          ]
        : []),
      { weight: 2, arbitrary: fc.tuple(pick(ANY), value).map(([name, text]) => [`${code}:${name}`, text] as const) },
      { weight: 2, arbitrary: value.map(text => [code, text] as const) },
    );
  });

const codesOf = (type: string): string[] => [...parameters.of(type).keys()];
/** Types with a reference parameter. */
const LINKING = new Set(
  TYPES.filter(type =>
    [...parameters.of(type).values()].some(one => one.type === 'reference' && one.elements.has('Reference')),
  ),
);

const linkedPair = (type: string): fc.Arbitrary<readonly [string, string]> => {
  const references = [...parameters.of(type).values()].filter(one => one.elements.has('Reference'));
  const chain = pick(references).chain(({ code, targets }) => {
    const known = targets.filter(target => TYPES.includes(target));
    return pick(known.length > 0 ? known : TYPES).chain(to =>
      fc
        .tuple(pick(['', `:${to}`, ':Nothing']), plainPair(to))
        .map(([suffix, [name, text]]) => [`${code}${suffix}.${name}`, text] as const),
    );
  });
  const pointing = TYPES.flatMap(from =>
    [...parameters.of(from).values()]
      .filter(one => one.targets.includes(type))
      .map(({ code }) => [from, code] as const),
  );
  if (pointing.length === 0) return chain;
  const has = pick(pointing).chain(([from, code]) =>
    plainPair(from).map(([name, text]) => [`_has:${from}:${code}:${name}`, text] as const),
  );
  return fc.oneof(chain, has);
};
const control = (type: string) =>
  fc.oneof(
    pick(codesOf(type)).chain(code => pick(['', '-']).map(minus => ['_sort', minus + code])),
    pick(['0', '1', '3', '50', '-1', 'x']).map(count => ['_count', count]),
    pick(['none', 'estimate', 'accurate', 'x']).map(total => ['_total', total]),
    pick(['true', 'text', 'data', 'count', 'false', 'x']).map(summary => ['_summary', summary]),
    pick(['status', 'code,subject', 'x']).map(elements => ['_elements', elements]),
    fc
      .tuple(pick(['_include', '_revinclude', '_include:iterate']), pick(TYPES), pick(codesOf(type)))
      .map(([name, from, code]) => [name, `${from}:${code}`]),
    pick(['x eq 1', 'status eq final', '_id eq "x" or not (_id pr true)', '((', 'name co "a"']).map(text => [
      '_filter',
      text,
    ]),
  );

const question = pick(TYPES).chain(type =>
  fc
    .array(
      fc.oneof(
        { weight: 12, arbitrary: plainPair(type) },
        ...(LINKING.has(type) ? [{ weight: 6, arbitrary: linkedPair(type) }] : []),
        { weight: 2, arbitrary: control(type) },
        { weight: 1, arbitrary: fc.tuple(fc.string({ minLength: 1, maxLength: 10 }), value) },
      ),
      { minLength: 1, maxLength: 2 },
    )
    .map(pairs => ({ type, pairs: pairs.map(([name = '', text = '']): [string, string] => [name, text]) })),
);

/** Tests that only a terminology or a hierarchy can decide are not decided here. */
function isDecidable(where: Where): boolean {
  const decidable = (test: Test): boolean => test.kind !== 'concept' && test.kind !== 'hierarchy';
  switch (where.kind) {
    case 'all':
    case 'any':
      return where.of.every(isDecidable);
    case 'not':
      return isDecidable(where.of);
    case 'param':
      return decidable(where.test);
    case 'chain':
    case 'has':
    case 'of':
      return isDecidable(where.where);
    case 'words':
      return false;
    case 'present':
      return true;
  }
}

onBothStores(
  'made-up searches',
  stage => {
    const subjects: Subject[] = [];
    let links: Resolver = linksAmong([]);

    before('stores the hospital', async () => {
      const { talk } = stage();
      for (const resource of HOSPITAL) {
        const reply = await talk.send('PUT', `${resource.resourceType}/${resource['id'] as string}`, {
          headers: { 'content-type': 'application/fhir+json' },
          body: JSON.stringify(resource),
        });
        assert.equal(reply.status, 201, reply.text);
        const stored = JSON.parse(reply.text) as typeof resource & { meta: { lastUpdated: string } };
        subjects.push({
          type: resource.resourceType,
          id: resource['id'] as string,
          updated: Date.parse(stored.meta.lastUpdated),
          entries: extract(stored, parameters, { bases: [talk.base] }),
        });
      }
      links = linksAmong(subjects);
    });

    it('never break the server, and find exactly what match finds', async () => {
      const { talk } = stage();
      let answered = 0;
      let found = 0;
      await fc.assert(
        fc.asyncProperty(question, async ({ type, pairs }) => {
          const now = Date.now();
          const reply = await talk.get<Bundle>(`${type}?${new URLSearchParams(pairs).toString()}`);
          assert.ok(reply.status < 500, `${reply.status} ${reply.text}`);
          if (reply.status !== 200) {
            assert.ok([400, 404].includes(reply.status), `${reply.status}`);
            refusal(reply);
            return;
          }
          answered += 1;
          // Control characters and lone surrogates reach the server as what UTF-8 makes of them.
          const given = [...new URLSearchParams(new URLSearchParams(pairs).toString())];
          const { where, summary } = parseSearch(
            { types: [type], parameters: given, lenient: false, bases: [talk.base], now },
            parameters,
            definitions,
          );
          const near = JSON.stringify(pairs).includes('ap');
          if (!isDecidable(where) || near || summary === 'count') return;
          const expected = subjects.filter(one => one.type === type && match(where, one, links)).map(({ id }) => id);
          const matches = (reply.body.entry ?? []).flatMap(({ resource, search }) =>
            search?.mode === 'match' && resource?.id !== undefined ? [resource.id] : [],
          );
          for (const id of matches) assert.ok(expected.includes(id), `${id} does not match`);
          if (linkOf(reply.body, 'next') === undefined) assert.deepEqual(matches.toSorted(), expected.toSorted());
          if (reply.body.total !== undefined) assert.equal(reply.body.total, expected.length);
          found += matches.length > 0 ? 1 : 0;
        }),
        { numRuns: RUNS, seed: 77 },
      );
      assert.ok(answered > RUNS / 5, `only ${answered} of ${RUNS} were answered`);
      assert.ok(found > RUNS / 30, `only ${found} of ${RUNS} found anything`);
    });
  },
  // The addresses of its documents are as little real as everything else.
  { features: [] },
);
