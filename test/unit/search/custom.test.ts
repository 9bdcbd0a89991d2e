/** Which SearchParameters can be in force. https://hl7.org/fhir/R4/searchparameter.html */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions, type SearchParameterDefinition } from '../../../src/fhir/definitions.js';
import type { JsonObject, Resource } from '../../../src/fhir/resource.js';
import { checkSearchParameter, type ParametersInForce } from '../../../src/search/custom.js';
import { extract } from '../../../src/search/extract.js';
import { createLiveParameters } from '../../../src/search/live.js';
import { createSearchParameters, type SearchParameter } from '../../../src/search/parameters.js';

const definitions = loadDefinitions();
const byUrl = new Map(definitions.searchParameters.map(each => [each.url, each]));
const HL7 = 'http://hl7.org/fhir/SearchParameter/';

const known = (others: readonly SearchParameterDefinition[] = []): ParametersInForce => ({
  definitions,
  isStandard: url => byUrl.has(url),
  byUrl: url => byUrl.get(url) ?? others.find(other => other.url === url),
  isTaken: (type, code) => others.some(other => other.code === code && other.base.includes(type)),
});
const sound: Resource = {
  resourceType: 'SearchParameter',
  url: 'http://a.example/nick',
  name: 'nick',
  status: 'active',
  description: 'Nicknames.',
  code: 'nick',
  base: ['Patient'],
  type: 'string',
  expression: "Patient.name.where(use = 'nickname').given",
};
const parameter = (changes: JsonObject = {}): Resource => ({ ...sound, ...changes });

describe('judging a SearchParameter', () => {
  it('puts a sound one into force', () => {
    const verdict = checkSearchParameter(parameter(), known());
    assert.ok(verdict.is === 'in-force');
    const { url, code, type, base, expression } = sound;
    assert.deepEqual(verdict.definition, { url, code, type, base, expression });
  });

  const inForce: [what: string, changes: JsonObject][] = [
    ['several bases, each with its branch', { base: ['Patient', 'Person'], expression: 'Patient.name | Person.name' }],
    [
      'every resource that can have an extension',
      {
        base: ['DomainResource'],
        type: 'token',
        expression: "DomainResource.extension('http://a.example/x').value",
      },
    ],
    ['no leading type', { expression: "extension('http://a.example/x').value" }],
    [
      'a choice as JSON has it',
      {
        base: ['Condition'],
        type: 'date',
        expression: "Condition.extension.where(url = 'http://a.example/x').valueDateTime",
      },
    ],
    ['what only the complete engine understands', { expression: 'Patient.name.given.first().substring(0, 2)' }],
    ['a target', { type: 'reference', target: ['Organization'], expression: 'Patient.managingOrganization' }],
    ['resolve() is', { type: 'reference', expression: 'Patient.generalPractitioner.where(resolve() is Practitioner)' }],
    [
      'a composite',
      {
        base: ['Observation'],
        type: 'composite',
        expression: 'Observation',
        component: [
          { definition: `${HL7}clinical-code|4.0.1`, expression: 'code' },
          { definition: `${HL7}Observation-value-date`, expression: 'value.as(DateTime)' },
        ],
      },
    ],
  ];
  for (const [what, changes] of inForce)
    it(`takes ${what}`, () => {
      const verdict = checkSearchParameter(parameter(changes), known());
      assert.equal(verdict.is, 'in-force', JSON.stringify(verdict));
    });

  const kept: [what: string, because: string, changes: JsonObject][] = [
    ['a draft, whatever it says', 'status', { status: 'draft', type: 'special', expression: 'nonsense(' }],
    ['a retired one', 'status', { status: 'retired' }],
    ['one of unknown status', 'status', { status: 'unknown' }],
    ['the standard itself', 'standard', { url: `${HL7}individual-family`, code: 'family' }],
    ['the standard’s special ones', 'standard', { url: `${HL7}Location-near`, code: 'near', type: 'special' }],
    ['what a guide repeats', 'standard', { code: 'family', derivedFrom: `${HL7}individual-family` }],
    ['what a guide repeats of all resources', 'standard', { code: '_id', derivedFrom: `${HL7}Resource-id|4.0.1` }],
  ];
  for (const [what, because, changes] of kept)
    it(`keeps ${what} out of force`, () =>
      assert.deepEqual(checkSearchParameter(parameter(changes), known()), { is: 'kept', because }));

  const component = [
    { definition: `${HL7}clinical-code`, expression: 'code' },
    { definition: `${HL7}clinical-date`, expression: 'effective' },
  ];
  const refused: [what: string, at: string, detail: string, changes: JsonObject][] = [
    ['type special', 'type', 'parameter-type', { type: 'special' }],
    ['a code that a query cannot name', 'code', 'parameter-code', { code: 'a:b' }],
    ['a code like those of the standard for all resources', 'code', 'parameter-code', { code: '_mine' }],
    ['a base that is no resource', 'base[1]', 'parameter-base', { base: ['Patient', 'HumanName'] }],
    ['a base of another release', 'base[0]', 'parameter-base', { base: ['DeviceUsage'] }],
    ['a code of the standard', 'base[0]', 'parameter-taken', { code: 'family' }],
    [
      'a code of the standard on the second base',
      'base[1]',
      'parameter-taken',
      {
        code: 'status',
        base: ['Patient', 'Task'],
        expression: 'Patient.name | Task.status',
      },
    ],
    ['a code of the standard that has no index', 'base[0]', 'parameter-taken', { code: 'near', base: ['Location'] }],
    [
      'a code of the standard under a base of all',
      'base[0]',
      'parameter-taken',
      {
        code: 'family',
        base: ['Resource'],
        expression: 'Patient.name',
      },
    ],
    [
      'derivedFrom with another code’s bases',
      'base[1]',
      'parameter-taken',
      {
        code: 'family',
        base: ['Group', 'Patient'],
        derivedFrom: `${HL7}individual-family`,
        expression: 'Group.name | Patient.name',
      },
    ],
    ['a target that is no resource', 'target[0]', 'parameter-target', { target: ['Period'] }],
    ['no expression', 'expression', 'parameter-expression', { expression: '' }],
    ['an expression that is none', 'expression', 'parameter-expression', { expression: 'Patient.name.where(' }],
    ['an expression that leads nowhere', 'expression', 'parameter-expression', { expression: 'Patient.nick' }],
    ['an expression of another type', 'expression', 'parameter-expression', { expression: 'Person.name' }],
    [
      'an expression that leads nowhere on one base',
      'expression',
      'parameter-expression',
      {
        base: ['Patient', 'Person'],
      },
    ],
    [
      'values that the type cannot hold',
      'expression',
      'parameter-expression',
      {
        type: 'number',
        expression: 'Patient.birthDate',
      },
    ],
    ['a function that does not exist', 'expression', 'parameter-expression', { expression: 'Patient.name.nick()' }],
    [
      'references followed',
      'expression',
      'parameter-expression',
      {
        expression: 'Patient.generalPractitioner.resolve().name',
      },
    ],
    [
      'regular expressions',
      'expression',
      'parameter-expression',
      {
        expression: "Patient.name.given.where($this.matches('(a+)+$'))",
      },
    ],
    [
      'functions between comments that hold quotes',
      'expression',
      'parameter-expression',
      { expression: "Patient.name.given/*'*/.where($this.matches('(a+)+$'))/*'*/" },
    ],
    [
      'functions whose names are in back quotes',
      'expression',
      'parameter-expression',
      { expression: "Patient.name.given.where($this.`matches`('(a+)+$'))" },
    ],
    [
      'functions with a comment before the parenthesis',
      'expression',
      'parameter-expression',
      { expression: "Patient.name.given.where($this.matches/**/('(a+)+$'))" },
    ],
    ['the clock', 'expression', 'parameter-expression', { type: 'date', expression: 'today()' }],
    ['recursion', 'expression', 'parameter-expression', { expression: 'Patient.repeat(extension).value' }],
    [
      'a very long expression',
      'expression',
      'parameter-expression',
      {
        expression: Array.from({ length: 900 }, () => 'Patient.name').join(' | '),
      },
    ],
    ['components of what is no composite', 'component', 'parameter-component', { component }],
    ['a composite of one', 'component', 'parameter-component', { type: 'composite', component: component.slice(1) }],
    [
      'a component that is not known',
      'component[1].definition',
      'parameter-component',
      {
        base: ['Observation'],
        type: 'composite',
        expression: 'Observation',
        component: [component[0]!, { definition: 'http://a.example/none', expression: 'effective' }],
      },
    ],
    [
      'a composite of composites',
      'component[0].definition',
      'parameter-component',
      {
        base: ['Observation'],
        type: 'composite',
        expression: 'Observation',
        component: [{ definition: `${HL7}Observation-code-value-concept`, expression: '$this' }, component[1]!],
      },
    ],
    [
      'a component that leads nowhere',
      'expression',
      'parameter-expression',
      {
        base: ['Observation'],
        type: 'composite',
        expression: 'Observation',
        component: [component[0]!, { definition: `${HL7}clinical-date`, expression: 'nowhere' }],
      },
    ],
  ];
  for (const [what, at, detail, changes] of refused)
    it(`refuses ${what}`, () => {
      const verdict = checkSearchParameter(parameter(changes), known());
      assert.ok(verdict.is === 'refused', JSON.stringify(verdict));
      const [issue, ...more] = verdict.issues;
      assert.deepEqual(
        [issue?.expression, issue?.detail, issue?.severity, more],
        [`SearchParameter.${at}`, detail, 'error', []],
      );
    });

  it('names every fault at once', () => {
    const verdict = checkSearchParameter(parameter({ type: 'special', code: '', base: ['X'], target: ['Y'] }), known());
    assert.ok(verdict.is === 'refused');
    assert.deepEqual(
      verdict.issues.map(({ expression }) => expression),
      ['code', 'type', 'base[0]', 'target[0]'].map(at => `SearchParameter.${at}`),
    );
  });

  it('refuses a code that another one in force has on one of the bases, and no other', () => {
    const other = checkSearchParameter(parameter({ base: ['Person'], expression: 'Person.name' }), known());
    assert.ok(other.is === 'in-force');
    const both = { base: ['Patient', 'Person'], expression: 'Patient.name | Person.name' };
    const verdict = checkSearchParameter(parameter(both), known([other.definition]));
    assert.ok(verdict.is === 'refused');
    assert.equal(verdict.issues[0]?.expression, 'SearchParameter.base[1]');
    assert.equal(checkSearchParameter(parameter(), known([other.definition])).is, 'in-force');
  });
});

describe('the parameters in force', () => {
  const nick: SearchParameterDefinition = {
    url: 'http://a.example/nick',
    code: 'nick',
    type: 'string',
    base: ['Patient'],
    expression: 'Patient.name.given',
  };
  const ada: Resource = { resourceType: 'Patient', id: 'a', name: [{ given: ['Ada', 'Eve'] }] };
  const nicks = (parameters: ReturnType<typeof createLiveParameters>) =>
    extract(ada, parameters, { bases: [] }).filter(entry => entry.parameter === 'nick').length;

  it('change under the same object, and back', () => {
    const parameters = createLiveParameters(definitions);
    const before = [...parameters.of('Patient').keys()];
    assert.deepEqual([parameters.get('Patient', 'nick'), parameters.generation], [undefined, 0]);
    parameters.replace([nick]);
    assert.deepEqual([nicks(parameters), parameters.generation], [2, 1]);
    assert.deepEqual(
      ['Patient', 'Person'].map(type => parameters.customOf(type).size > 0),
      [true, false],
    );
    assert.equal(parameters.get('Patient', 'family'), parameters.standard.get('Patient', 'family'));
    assert.deepEqual([...parameters.of('Patient').keys()], [...before, 'nick']);
    parameters.replace([]);
    assert.deepEqual([...parameters.of('Patient').keys()], before);
    assert.equal(nicks(parameters), 0);
  });

  it('find nothing, and fail nothing, where an expression cannot be evaluated on a resource', () => {
    const parameters = createLiveParameters(definitions);
    // substring() of two texts is an error in FHIRPath.
    parameters.replace([{ ...nick, expression: 'Patient.name.given.substring(0, 1)' }]);
    assert.equal(nicks(parameters), 0);
    const one: Resource = { ...ada, name: [{ given: ['Ada'] }] };
    assert.equal(extract(one, parameters, { bases: [] }).filter(entry => entry.parameter === 'nick').length, 1);
  });
});

describe('a parameter asked for alone', () => {
  const OWN: readonly SearchParameterDefinition[] = [
    {
      url: 'http://a.example/nick',
      code: 'nick',
      type: 'string',
      base: ['Patient', 'Person'],
      expression: 'name.given',
    },
    { url: 'http://a.example/again', code: 'nick', type: 'string', base: ['Person'], expression: 'name.family' },
    {
      url: 'http://a.example/tag',
      code: '_tag',
      type: 'token',
      base: ['Resource'],
      expression: 'Resource.meta.security',
    },
    { url: 'http://a.example/dead', code: 'gender', type: 'token', base: ['Patient'], expression: 'Patient.nothing' },
  ];
  const told = (made: SearchParameter | undefined) =>
    made && [made.url, made.type, [...made.elements], made.targets, made.components.length];

  for (const [what, custom] of [
    ['the standard', []],
    ['the standard and others over it', OWN],
  ] as const)
    it(`is the one that is among all of its type: ${what}`, () => {
      const standard = createSearchParameters(definitions);
      const [alone, all] = [0, 1].map(() => createSearchParameters(definitions, custom, standard));
      for (const type of ['Patient', 'Person', 'Observation', 'AuditEvent', 'Nothing', 'Resource']) {
        const codes = [...all!.of(type).keys(), 'nothing'];
        for (const code of codes) assert.deepEqual(told(alone!.get(type, code)), told(all!.of(type).get(code)), code);
        // And stays what it was when the others are made.
        const before = codes.map(code => alone!.get(type, code));
        assert.deepEqual([...alone!.of(type).keys()], [...all!.of(type).keys()]);
        for (const [at, code] of codes.entries()) assert.equal(alone!.get(type, code), before[at], `${type}.${code}`);
      }
    });

  it('is the last of several, and the standard’s where it leads to nothing', () => {
    const parameters = createSearchParameters(definitions, OWN);
    assert.equal(parameters.get('Person', 'nick')?.url, 'http://a.example/again');
    assert.equal(parameters.get('Patient', 'nick')?.url, 'http://a.example/nick');
    assert.equal(parameters.get('Encounter', '_tag')?.url, 'http://a.example/tag');
    assert.equal(parameters.get('Patient', 'gender')?.url, `${HL7}individual-gender`);
    assert.deepEqual([...parameters.pathless], ['Patient.gender']);
  });
});
