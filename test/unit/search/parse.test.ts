import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { FhirError } from '../../../src/fhir/error.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import { parseSearch, type ParsedSearch, type SearchInput } from '../../../src/search/parse.js';
import { ANY_RESOURCE, NO_RESOURCE } from '../../../src/search/query.js';

const BASES = ['http://fhir.example/r4'];
const definitions = loadDefinitions();
const parameters = createSearchParameters(definitions);

/** `Patient?a=b`; several types joined by commas. */
function parse(query: string, options: Partial<SearchInput> = {}): ParsedSearch {
  const [types = '', rest = ''] = query.split('?');
  const given = [...new URLSearchParams(rest)];
  return parseSearch(
    { types: types.split(','), parameters: given, lenient: false, bases: BASES, now: 0, ...options },
    parameters,
    definitions,
  );
}

function refusal(query: string, options: Partial<SearchInput> = {}): FhirError {
  try {
    parse(query, options);
  } catch (error) {
    if (error instanceof FhirError) return error;
    throw error;
  }
  return assert.fail(`${query} was accepted`);
}

const values = (count: number) => Array.from({ length: count }, (_, index) => index).join(',');
/** So many parameters of so many values each. */
const lists = (count: number, name: string, many: number, value = (at: number) => `${at}`) =>
  Array(count)
    .fill(`${name}=${Array.from({ length: many }, (_, at) => value(at)).join(',')}`)
    .join('&');
const names = (count: number) => Array.from({ length: count }, () => 'gender=male').join('&');

describe('parseSearch', () => {
  it('gives everything for no parameters', () => {
    assert.deepEqual(parse('Patient?'), {
      where: ANY_RESOURCE,
      sort: [],
      includes: [],
      used: [],
      ignored: [],
    });
  });

  it('names the system of a code that terminology decides about, where the element implies it', () => {
    const system = 'http://hl7.org/fhir/administrative-gender';
    const test = (query: string) => {
      const { where } = parse(query);
      return where.kind === 'param' ? where.test : undefined;
    };
    const male = { kind: 'concept', relation: 'below', system, value: 'male' };
    assert.deepEqual(test('Patient?gender:below=male'), male);
    assert.deepEqual(test(`Patient?gender:below=${system}|male`), male);
    assert.deepEqual(test('Patient?gender:below=http://other|male'), { ...male, system: 'http://other' });
    assert.deepEqual(test('Observation?code:above=a'), { kind: 'concept', relation: 'above', value: 'a' });
    assert.deepEqual(test('Observation?code:above=http://other|a'), {
      kind: 'concept',
      relation: 'above',
      system: 'http://other',
      value: 'a',
    });
  });

  it('leaves no raw string of the language in the tree', () => {
    assert.deepEqual(parse('Patient?birthdate=ge1980,lt1970-02&family=M%C3%BCller%5C,').where, {
      kind: 'all',
      of: [
        {
          kind: 'param',
          code: 'birthdate',
          test: {
            kind: 'date',
            any: [
              { highMin: Date.UTC(1981, 0, 1) },
              { lowMin: Date.UTC(1980, 0, 1), highMax: Date.UTC(1981, 0, 1) - 1 },
              { lowMax: Date.UTC(1970, 1, 1) - 1 },
            ],
          },
        },
        { kind: 'param', code: 'family', test: { kind: 'string', mode: 'starts', value: 'muller,' } },
      ],
    });
  });

  it('makes one tree of patient=1, patient=Patient/1 and the absolute URL', () => {
    const wanted = parse('Observation?patient=1').where;
    assert.deepEqual(wanted, {
      kind: 'param',
      code: 'patient',
      test: { kind: 'reference', to: { kind: 'local', type: 'Patient', id: '1' } },
    });
    assert.deepEqual(parse('Observation?patient=Patient/1').where, wanted);
    assert.deepEqual(parse(`Observation?patient=${BASES[0]}/Patient/1`).where, wanted);
    assert.deepEqual(parse('Observation?patient:Patient=1').where, wanted);
  });

  it('says that nothing matches where the type of a modifier and of a reference differ', () => {
    assert.deepEqual(parse('Observation?subject:Group=Patient/1').where, NO_RESOURCE);
  });

  it('joins the tokens of one parameter to one test', () => {
    assert.deepEqual(parse('Patient?identifier=a|1,|2,3,b|').where, {
      kind: 'param',
      code: 'identifier',
      test: {
        kind: 'token',
        any: [{ system: 'a', code: '1' }, { system: '', code: '2' }, { code: '3' }, { system: 'b' }],
      },
    });
  });

  it('widens ap on dates by a tenth of the distance to now', () => {
    const now = Date.UTC(2024, 0, 11);
    const [low, high] = [Date.UTC(2024, 0, 1), Date.UTC(2024, 0, 2) - 1];
    const gap = Math.floor((now - high) / 10);
    assert.deepEqual(parse('Observation?date=ap2024-01-01', { now }).where, {
      kind: 'param',
      code: 'date',
      test: { kind: 'date', any: [{ lowMax: high + gap, highMin: low - gap }] },
    });
  });

  it('reads a zone whose plus sign was not encoded', () => {
    assert.deepEqual(
      parse('Observation?date=2024-01-01T10:00:00+01:00').where,
      parse('Observation?date=2024-01-01T10:00:00%2B01:00').where,
    );
  });

  describe('result parameters', () => {
    it('reads _count, _total, _summary, _elements and _sort', () => {
      const parsed = parse(
        'Patient?_count=20&_total=accurate&_summary=text&_elements=name,gender&_sort=-birthdate,family,_id',
      );
      assert.deepEqual(
        { count: parsed.count, total: parsed.total, summary: parsed.summary, elements: parsed.elements },
        { count: 20, total: 'accurate', summary: 'text', elements: ['name', 'gender'] },
      );
      assert.deepEqual(parsed.sort, [
        { code: 'birthdate', descending: true },
        { code: 'family', descending: false },
        { code: '_id', descending: false },
      ]);
    });

    it('takes _count=0 as _summary=count, in either order', () => {
      for (const query of ['Patient?_count=0&_summary=true', 'Patient?_summary=true&_count=0'])
        assert.deepEqual([parse(query).count, parse(query).summary], [0, 'count']);
    });

    it('refuses one given twice', () => {
      assert.equal(refusal('Patient?_count=1&_count=2').kind, 'invalid');
    });

    it('refuses an element that the type does not have', () => {
      assert.equal(refusal('Patient?_elements=name,colour').kind, 'invalid');
    });

    it('counts every word of a name by its sound', () => {
      const spoken = (count: number) => Array.from({ length: count }, () => 'an bo cy di eve').join();
      assert.ok(parse(`Patient?phonetic=${spoken(400)}`));
      assert.equal(refusal(`Patient?phonetic=${spoken(401)}`).kind, 'too-costly');
    });

    it('refuses to look above a URL or version of very many parts, and takes it as it is', () => {
      const long = `http://a.example${'/a'.repeat(200)}`;
      for (const query of [
        `ValueSet?url:above=${long}`,
        `ValueSet?url:above=http://a.example|${'1.'.repeat(200)}`,
        `QuestionnaireResponse?questionnaire:above=http://a.example|${'1.'.repeat(200)}`,
      ]) {
        assert.equal(refusal(query).kind, 'too-costly', query);
        assert.ok(parse(query.replace(':above', '')));
        assert.ok(parse(query.replace(':above', ':below')));
      }
    });

    it('refuses to sort by a composite', () => {
      assert.equal(refusal('Observation?_sort=code-value-quantity').issues[0]?.detail, 'unknown-sort');
    });

    it('passes over names that are handled elsewhere', () => {
      const parsed = parse('Patient?_format=json&gender=male', { skip: new Set(['_format']) });
      assert.deepEqual(parsed.used, [['gender', 'male']]);
    });
  });

  describe('what is not known', () => {
    it('is refused by name, with the nearest one', () => {
      const error = refusal('Patient?familly=secret');
      assert.equal(error.status, 400);
      assert.equal(error.issues[0]?.code, 'not-supported');
      assert.equal(error.issues[0]?.expression, 'http.familly');
      assert.match(error.message, /familly.*Patient.*Did you mean family\?/);
      assert.doesNotMatch(error.message, /secret/);
    });

    it('is refused without a guess where nothing is near', () => {
      assert.match(refusal('Patient?zzzzzzzz=1').message, /CapabilityStatement/);
    });

    it('is named with what is allowed, for a modifier', () => {
      assert.match(refusal('Patient?gender:exact=x').message, /not, text, in, not-in, above, below, missing/);
      assert.match(refusal('Observation?patient:Group=x').message, /Patient, identifier, missing/);
    });

    it('never repeats a name that could carry anything', () => {
      assert.doesNotMatch(refusal('Patient?<b>John Doe</b>=1').message, /John/);
      assert.doesNotMatch(JSON.stringify(refusal('Patient?<b>John Doe</b>=1').issues), /John/);
    });

    for (const name of [
      'organization.colour',
      'general-practitioner:Practitioner.colour',
      '_has:Observation:patient:colour',
      '_has:Observation:colour:code',
      '_has:Observation:performer:_has',
      '_has:Colour:patient:code',
      '_include:recurse',
      '_revinclude:iterate:x',
      '_query',
      '_contained',
      '_containedType',
    ])
      it(`includes ${name}`, () => {
        const error = refusal(`Patient?${name}=true`);
        assert.equal(error.kind, 'not-supported');
        assert.equal(error.issues[0]?.detail, 'unknown-parameter');
      });

    for (const modifier of ['exact', 'iterate', '', 'missing:x', 'Patient'])
      it(`includes the token modifier :${modifier}`, () => {
        assert.equal(refusal(`Patient?identifier:${modifier}=true`).issues[0]?.detail, 'unknown-modifier');
      });

    it('is left out under lenient handling, and said', () => {
      const parsed = parse(
        'Patient?familly=x&gender=male&birthdate:exact=1980&_sort=colour,-family&name=&organization.colour=y',
        {
          lenient: true,
        },
      );
      assert.deepEqual(parsed.used, [
        ['gender', 'male'],
        ['_sort', '-family'],
      ]);
      assert.deepEqual(
        parsed.ignored.map(issue => [issue.severity, issue.expression]),
        [
          ['warning', 'http.familly'],
          ['warning', 'http.birthdate'],
          ['warning', 'http._sort'],
          ['warning', 'http.name'],
          ['warning', 'http.colour'],
        ],
      );
    });

    it('does not include bad values: they stay errors under lenient handling', () => {
      assert.equal(refusal('Patient?birthdate=yesterday', { lenient: true }).kind, 'invalid');
      assert.equal(refusal('Patient?_count=many', { lenient: true }).kind, 'invalid');
    });
  });

  describe('several types', () => {
    it('share the common parameters', () => {
      assert.deepEqual(parse('Patient,Observation?_id=1').used, [['_id', '1']]);
      assert.deepEqual(parse('Condition,Observation?patient=1&code=x').used.length, 2);
    });

    it('refuse a parameter that one of them does not have', () => {
      assert.match(refusal('Patient,Observation?family=x').message, /is not known for Observation/);
    });
  });

  describe('limits', () => {
    it('are 1,000 values', () => {
      assert.equal(parse(`Patient?_id=${values(1000)}`).used.length, 1);
      assert.equal(refusal(`Patient?_id=${values(1001)}`).kind, 'too-costly');
    });

    for (const [what, least, most] of [
      ['tokens', `Observation?${lists(10, 'code', 1000)}`, 'code=one'],
      ['references', `Observation?${lists(20, 'subject', 500)}`, 'encounter=one'],
      ['names', `Patient?${lists(4, 'name', 500)}`, 'active=true'],
      ['parts of names', `Patient?${lists(2, 'name:contains', 500)}`, 'active=true'],
      ['dates', `Observation?${lists(4, 'date', 500, i => `gt${1500 + i}`)}`, 'code=one'],
      ['quantities', `Observation?${lists(2, 'value-quantity', 500, i => `gt${i}`)}`, 'code=one'],
      ['composites', `Observation?${lists(1, 'code-value-quantity', 500, i => `a$gt${i}`)}`, 'code=one'],
      ['value sets', `Observation?${lists(1, 'code:in', 100, i => `http://a.example/${i}`)}`, 'code=one'],
      ['hierarchies', `Patient?${lists(1, 'organization:below', 100)}`, 'active=true'],
      [
        'filters',
        `Patient?${Array(5)
          .fill(`_filter=${Array(200).fill('name co a').join(' or ')}`)
          .join('&')}`,
        'active=true',
      ],
      [
        'links of chains',
        `Observation?${Array(97).fill('_has:Provenance:target:_has:Provenance:entity:_id=1').join('&')}&${lists(1, 'subject:Patient.organization:below', 70)}&${lists(1, 'code', 953)}`,
        'code=one',
      ],
      ['types', `Patient,Observation?${lists(5, '_id', 1000)}`, '_id=1'],
    ] as const)
      it(`are 10,000 alternatives together, of ${what}`, () => {
        assert.ok(parse(least).used.length > 0);
        const { kind, message, issues } = refusal(`${least}&${most}`);
        assert.deepEqual([kind, issues[0]?.detail], ['too-costly', 'too-many-alternatives']);
        assert.match(message, /10000.*Name the types/);
      });

    it('are 100 parameters', () => {
      assert.equal(parse(`Patient?${names(100)}`).used.length, 100);
      assert.equal(refusal(`Patient?${names(101)}`).kind, 'too-costly');
    });

    it('are 2,000 types that the chains of a search ask, together', () => {
      const chain = 'subject:Patient.name=a&';
      assert.equal(parse(`Observation?${chain.repeat(100).slice(0, -1)}`).used.length, 100);
      // 146 types each.
      const untyped = (times: number) => Array(times).fill('subject.family=a').join('&');
      assert.equal(parse(`Composition?${untyped(13)}`).used.length, 13);
      assert.equal(refusal(`Composition?${untyped(14)}`).kind, 'too-costly');
      assert.equal(refusal(`Composition?${'subject.'.repeat(6)}code=a`).kind, 'too-costly');
    });

    it('are 64 KB a parameter', () => {
      const long = `${'x'.repeat(8191)},`.repeat(8).slice(0, -1);
      assert.equal(parse(`Patient?family=${long}`).used.length, 1);
      assert.equal(refusal(`Patient?family=${long}yy`).kind, 'too-costly');
    });

    it('are 8 KB a value', () => {
      assert.equal(parse(`Patient?family=${'x'.repeat(8192)}`).used.length, 1);
      assert.equal(refusal(`Patient?family=${'x'.repeat(8193)}`).kind, 'too-costly');
    });
  });

  it('never puts a value into an error', () => {
    for (const query of [
      'birthdate=19x0-sekret',
      'gender:missing=sekret',
      '_count=sekret',
      '_total=sekret',
      'name=sekret,,',
    ])
      assert.doesNotMatch(refusal(`Patient?${query}`).message, /sekret/);
  });

  describe('words', () => {
    it('are read from _text and _content', () => {
      assert.deepEqual(parse('Patient?_text=a&_content=b,c').where, {
        kind: 'all',
        of: [
          { kind: 'words', among: 'text', words: { kind: 'word', word: 'a' } },
          {
            kind: 'words',
            among: 'content',
            words: {
              kind: 'or',
              of: [
                { kind: 'word', word: 'b' },
                { kind: 'word', word: 'c' },
              ],
            },
          },
        ],
      });
    });

    it('are read of many types, and behind chains', () => {
      assert.equal(parse('Patient,Observation?_text=a').where.kind, 'words');
      const { where } = parse('Observation?subject:Patient._content=a');
      assert.ok(where.kind === 'chain' && where.where.kind === 'words');
      assert.equal(parse('Patient?_has:Observation:patient:_text=a').where.kind, 'has');
    });

    it('have no modifier', () => {
      assert.equal(refusal('Patient?_text:exact=a').issues[0]?.detail, 'unknown-modifier');
      assert.equal(refusal('Patient?_content:missing=true').issues[0]?.detail, 'unknown-modifier');
    });

    it('are refused where they cannot be read, with the name of the parameter alone', () => {
      const error = refusal('Patient?_text="smith');
      assert.deepEqual([error.kind, error.issues[0]?.expression], ['invalid', 'http._text']);
      assert.doesNotMatch(JSON.stringify(error.issues), /smith/);
    });

    it('are not offered where they are switched off, and the remedy is said', () => {
      for (const name of ['_text', '_content']) {
        const error = refusal(`Patient?${name}=a`, { fullText: false });
        assert.equal(error.kind, 'not-supported');
        assert.match(error.message, /CHARTROOM_FULLTEXT/);
      }
    });

    it('are not asked of AuditEvents alone, which have none', () => {
      assert.equal(refusal('AuditEvent?_content=a').kind, 'not-supported');
      assert.equal(parse('AuditEvent,Patient?_content=a').where.kind, 'words');
    });
  });
});
