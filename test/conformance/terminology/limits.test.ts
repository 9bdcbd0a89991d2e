/** What one question may hold at most, and where its refusals point. */
import assert from 'node:assert/strict';
import type { FhirResource, OperationOutcome, ParametersParameter, ValueSet, ValueSetComposeInclude } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';

const S = 'http://example.org/limits';
const V = 'http://example.org/vs/limits';

const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
const set = (include: ValueSetComposeInclude[], more: Partial<ValueSet> = {}): ValueSet => ({
  resourceType: 'ValueSet',
  url: V,
  status: 'active',
  compose: { include },
  ...more,
});
const along = (resource: FhirResource): ParametersParameter => ({ name: 'tx-resource', resource });
const system = (count: number): ParametersParameter =>
  along({
    resourceType: 'CodeSystem',
    url: S,
    status: 'active',
    content: 'complete',
    concept: times(count, at => ({ code: `c${at}` })),
  });
const supplement = (at: number): ParametersParameter =>
  along({ resourceType: 'CodeSystem', url: `${S}/${at}`, status: 'active', content: 'supplement', supplements: S });
const whole = (resource: ValueSet): ParametersParameter => ({ name: 'valueSet', resource });
const concept = (count: number): ParametersParameter => ({
  name: 'codeableConcept',
  valueCodeableConcept: { coding: times(count, at => ({ system: S, code: `c${at}` })) },
});
const one = (at: number) => ({ system: S, concept: [{ code: `c${at % 3}` }] });
const isA = { property: 'concept', op: 'is-a', value: 'c0' } as const;

interface Limit {
  readonly what: string;
  readonly path: string;
  readonly ask: (count: number) => ParametersParameter[];
  readonly limit: number;
  readonly at: string;
}

const EXPAND = 'ValueSet/$expand';
const VALIDATE = 'ValueSet/$validate-code';
const LIMITS: readonly Limit[] = [
  {
    what: 'codings of a concept to validate',
    path: VALIDATE,
    ask: count => [system(3), whole(set([{ system: S }])), concept(count)],
    limit: 100,
    at: 'CodeableConcept.coding',
  },
  {
    what: 'codings of a concept to validate in a code system',
    path: 'CodeSystem/$validate-code',
    ask: count => [system(3), { name: 'url', valueUri: S }, concept(count)],
    limit: 100,
    at: 'CodeableConcept.coding',
  },
  {
    what: 'codings of a concept to translate',
    path: 'ConceptMap/$translate',
    ask: count => [concept(count)],
    limit: 100,
    at: 'CodeableConcept.coding',
  },
  {
    what: 'validations of a batch',
    path: 'ValueSet/$batch-validate-code',
    ask: count => times(count, () => ({ name: 'validation', resource: { resourceType: 'Parameters' } })),
    limit: 1_000,
    at: 'Parameters.parameter',
  },
  {
    what: 'includes to expand',
    path: EXPAND,
    ask: count => [system(3), whole(set(times(count, one)))],
    limit: 1_000,
    at: 'ValueSet.compose.include',
  },
  {
    what: 'includes and excludes of value sets that import each other',
    path: EXPAND,
    ask: count => [
      system(3),
      along(set(times(500, one), { url: `${V}/other`, compose: { include: times(400, one), exclude: [one(1)] } })),
      // An include that names a value set is two parts.
      whole(set([{ valueSet: [`${V}/other`] }, ...times(count - 403, one)])),
    ],
    limit: 1_000,
    at: 'ValueSet.compose.exclude',
  },
  {
    what: 'includes to validate against',
    path: VALIDATE,
    ask: count => [system(3), whole(set(times(count, one))), concept(1)],
    limit: 1_000,
    at: 'ValueSet.compose.include',
  },
  {
    what: 'filters of an include',
    path: EXPAND,
    ask: count => [system(3), whole(set([{ system: S, filter: times(count - 1, () => isA) }]))],
    limit: 1_000,
    at: 'ValueSet.compose.include',
  },
  {
    what: 'supplements that a question names',
    path: EXPAND,
    ask: count => [
      system(3),
      whole(set([{ system: S }])),
      ...times(count, supplement),
      ...times(count, at => ({ name: 'useSupplement', valueCanonical: `${S}/${at}` })),
    ],
    limit: 20,
    at: 'Parameters.parameter[43]',
  },
  {
    what: 'supplements that a value set names',
    path: EXPAND,
    ask: count => [
      system(3),
      ...times(count, supplement),
      whole(
        set([{ system: S }], {
          extension: times(count, at => ({
            url: 'http://hl7.org/fhir/StructureDefinition/valueset-supplement',
            valueCanonical: `${S}/${at}`,
          })),
        }),
      ),
    ],
    limit: 20,
    at: 'ValueSet.extension',
  },
  {
    what: 'versions',
    path: EXPAND,
    ask: count => [
      ...times(count, at => ({ name: 'system-version', valueCanonical: `${S}/${at}|1` })),
      system(3),
      whole(set([{ system: S }])),
    ],
    limit: 100,
    at: 'Parameters.parameter[100]',
  },
  {
    what: 'resources given along',
    path: EXPAND,
    ask: count => [whole(set([one(0)])), ...times(count, at => along(set([one(0)], { url: `${V}/${at}` })))],
    limit: 1_000,
    at: 'Parameters.parameter[1001]',
  },
];

onStoresInTurn('limits of a terminology question', stage => {
  const ask = async (path: string, parameter: ParametersParameter[]) => {
    const { status, body, text } = await stage().talk.send<OperationOutcome>('POST', path, {
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ resourceType: 'Parameters', parameter }),
    });
    const [issue] = status === 200 ? [] : body.issue;
    return { status, text, code: issue?.code, expression: issue?.expression?.[0] };
  };

  for (const { what, path, ask: asking, limit, at } of LIMITS)
    it(`counts ${what}`, async () => {
      const allowed = await ask(path, asking(limit));
      assert.equal(allowed.status, 200, allowed.text.slice(0, 500));
      const { status, code, expression } = await ask(path, asking(limit + 1));
      assert.deepEqual([status, code, expression], [400, 'too-costly', at]);
    });

  it('counts concepts once for each filter', async () => {
    const filtered = (count: number) =>
      ask(`${EXPAND}?count=1`, [system(4_000), whole(set([{ system: S, filter: times(count, () => isA) }]))]);
    assert.equal((await filtered(490)).status, 200);
    const { status, code } = await filtered(501);
    assert.deepEqual([status, code], [400, 'too-costly']);
  });

  it('looks once at what is above a code, for all filters of an include', async () => {
    const deep = along({
      resourceType: 'CodeSystem',
      url: S,
      status: 'active',
      content: 'complete',
      property: [{ code: 'parent', uri: 'http://hl7.org/fhir/concept-properties#parent', type: 'code' }],
      concept: times(4_100, at => ({
        code: `c${at}`,
        ...(at === 0 ? {} : { property: [{ code: 'parent', valueCode: `c${at - 1}` }] }),
      })),
    });
    const filtered = (include: ValueSetComposeInclude[]) =>
      ask(VALIDATE, [deep, whole(set(include)), { name: 'coding', valueCoding: { system: S, code: 'c4099' } }]);
    assert.equal((await filtered([{ system: S, filter: times(900, () => isA) }])).status, 200);
    const isNone = { property: 'concept', op: 'is-not-a', value: 'c0' } as const;
    const { status, code } = await filtered(times(500, () => ({ system: S, filter: [isNone] })));
    assert.deepEqual([status, code], [400, 'too-costly']);
  });

  it('tells which parameter names what is not known or not allowed', async () => {
    const refused = async (path: string) => {
      const { status, body } = await stage().talk.get<OperationOutcome>(path);
      return [status, body.issue[0]?.expression?.[0]];
    };
    assert.deepEqual(await refused(`${EXPAND}?url=${V}&count=-1`), [400, 'http.url']);
    const gender = 'http://hl7.org/fhir/ValueSet/administrative-gender';
    assert.deepEqual(await refused(`${EXPAND}?url=${gender}&count=-1`), [400, 'http.count']);
    assert.deepEqual(await refused(`CodeSystem/$lookup?system=${S}&code=x`), [404, 'http.system']);
    assert.deepEqual(await refused('ConceptMap/$translate?url=unknown&code=x&system=y'), [400, 'http.url']);
    const { text } = await stage().talk.get('ConceptMap/$translate?url=unknown&code=x&system=y');
    assert.match(text, /'\(not a canonical url\)'/);
  });
});
