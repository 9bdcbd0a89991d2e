/** Scopes: what each grants, and what is refused before anybody can take it for something else. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import {
  createReadScopes,
  LAUNCH_SCOPES,
  MOST_CONSTRAINTS,
  MOST_SCOPE_BYTES,
  MOST_SCOPES,
} from '../../../src/access/scopes.js';
import { FhirError } from '../../../src/fhir/error.js';
import type { Resource } from '../../../src/fhir/resource.js';
import { extract } from '../../../src/search/extract.js';
import { match } from '../../../src/search/match.js';
import { NAMEABLE } from '../../support/roles.js';

const read = createReadScopes({ ...NAMEABLE, bases: ['http://localhost/fhir'] });
const lettersOf = (text: string): string => {
  const { scopes } = read(text);
  assert.equal(scopes.length, 1);
  return [...scopes[0]!.letters].join('');
};
const refused = (text: string, says: RegExp) =>
  assert.throws(
    () => read(text),
    (error: unknown) => {
      assert.ok(error instanceof FhirError);
      assert.equal(error.kind, 'invalid');
      assert.equal(error.issues[0]?.detail, 'invalid-scope');
      assert.match(error.message, says);
      return true;
    },
  );

const VITAL = 'http://terminology.hl7.org/CodeSystem/observation-category|vital-signs';

describe('scopes', () => {
  const granted: readonly (readonly [scope: string, letters: string])[] = [
    ['patient/Observation.rs', 'rs'],
    ['user/Patient.cruds', 'cruds'],
    ['system/*.c', 'c'],
    ['patient/*.d', 'd'],
    ['patient/Observation.read', 'rs'],
    ['user/Observation.write', 'cud'],
    ['patient/*.*', 'cruds'],
    ['system/Patient.*', 'cruds'],
  ];
  for (const [scope, letters] of granted)
    it(`${scope} grants ${letters}`, () => {
      assert.equal(lettersOf(scope), letters);
      const [only] = read(scope).scopes;
      const [context, type] = scope.split(/[/.]/);
      assert.deepEqual([only!.context, only!.type, only!.text, only!.where], [context, type, scope, undefined]);
    });

  it('stand beside each other, each once, and other scopes beside them', () => {
    const { scopes, others } = read(
      ' openid patient/Patient.r  launch/patient patient/Patient.r ITI-67 user/Patient.r',
    );
    assert.deepEqual(
      scopes.map(({ text }) => text),
      ['patient/Patient.r', 'user/Patient.r'],
    );
    assert.deepEqual(others, ['openid', 'launch/patient', 'ITI-67']);
    assert.deepEqual(read('').scopes, []);
    assert.ok(LAUNCH_SCOPES.has('launch/patient'));
  });

  const holds = (scope: string, resource: Resource): boolean => {
    const [only] = read(scope).scopes;
    const entries = extract(resource, NAMEABLE.parameters, { bases: ['http://localhost/fhir'] });
    return match(only!.where!, { type: resource.resourceType, id: 'a', updated: 0, entries });
  };
  const observation = (code: string, status = 'final') => ({
    resourceType: 'Observation',
    id: 'a',
    status,
    code: { text: 'x' },
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code }] }],
  });

  it('mean by a constraint what a search means by it', () => {
    const scope = `patient/Observation.rs?category=${VITAL}`;
    assert.ok(holds(scope, observation('vital-signs')));
    assert.ok(!holds(scope, observation('laboratory')));
    assert.ok(holds('patient/Observation.rs?category=laboratory,vital-signs', observation('laboratory')));
    assert.ok(holds(`patient/Observation.rs?category=${encodeURIComponent(VITAL)}`, observation('vital-signs')));
  });

  it('USC-9: mean documents of a category, which may be created and updated', () => {
    const system = 'http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category';
    const document = (code: string) => ({
      ...{ resourceType: 'DocumentReference', id: 'a', status: 'current', content: [] },
      category: [{ coding: [{ system, code }] }],
    });
    for (const context of ['patient', 'user', 'system']) {
      const scope = `${context}/DocumentReference.cu?category=${system}|clinical-note`;
      assert.equal(lettersOf(scope), 'cu');
      assert.ok(holds(scope, document('clinical-note')));
      assert.ok(!holds(scope, document('other')));
    }
  });

  it('want all of the constraints of one scope', () => {
    const scope = 'patient/Observation.rs?category=laboratory&status=final';
    assert.ok(holds(scope, observation('laboratory')));
    assert.ok(!holds(scope, observation('laboratory', 'amended')));
    assert.ok(!holds(scope, observation('vital-signs')));
  });

  it('take for all types what all resources have', () => {
    const tagged = { ...observation('laboratory'), meta: { tag: [{ system: 'urn:t', code: 'mine' }] } };
    assert.ok(holds('system/*.rs?_tag=urn:t|mine', tagged));
    assert.ok(!holds('system/*.rs?_tag=urn:t|yours', tagged));
  });

  const strange: readonly (readonly [what: string, scope: string, says: RegExp])[] = [
    ['a type that is none', 'patient/Observatoin.rs', /no resource type of R4\. Did you mean Observation\?/],
    ['an abstract type', 'patient/Resource.rs', /no resource type/],
    ['a name that every object has', 'patient/constructor.rs', /no resource type/],
    ['no type', 'patient/.rs', /no resource type/],
    ['small letters of a type', 'patient/observation.rs', /no resource type/],
    ['letters in another order', 'patient/Observation.sr', /in this order/],
    ['a letter twice', 'patient/Observation.rr', /in this order/],
    ['a letter that is none', 'patient/Observation.rx', /in this order/],
    ['large letters', 'patient/Observation.RS', /in this order/],
    ['no letters', 'patient/Observation.', /in this order/],
    ['no dot', 'patient/Observation', /a context, a type and what is granted/],
    ['a patient in place of the context', 'patient/Patient/123.rs', /a context, a type/],
    ['letters that a line break ends', 'patient/Observation.rs\n', /in this order/],
    ['a parameter that is none', 'patient/Observation.rs?categroy=x', /Observation: .*categroy|Did you mean category/],
    ['a parameter of another type', 'patient/Observation.rs?clinical-status=active', /Observation/],
    ['no parameter', 'patient/Observation.rs?', /Observation/],
    ['a parameter without a value', 'patient/Observation.rs?category=', /category/],
    ['a parameter about the form of the answer', 'patient/Observation.rs?_count=1', /conditions alone/],
    ['an include', 'patient/Observation.rs?_include=Observation:subject', /conditions alone/],
    ['a chain', 'patient/Observation.rs?subject:Patient.name=x', /plain parameters/],
    ['_has', 'patient/Patient.rs?_has:Observation:subject:status=final', /plain parameters/],
    ['a value set', 'patient/Observation.rs?code:in=http://example.org/vs', /plain parameters/],
    ['words', 'patient/Observation.rs?_text=x', /plain parameters/],
    ['a constraint in SMART 1', 'patient/Observation.read?category=laboratory', /\.rs in place of \.read/],
    ['for all types a parameter of some', 'patient/*.rs?category=laboratory', /that all resources have/],
    ['a modifier that is none', 'patient/Observation.rs?category:nope=x', /Observation/],
  ];
  for (const [what, scope, says] of strange)
    it(`refuse ${what}`, () => {
      refused(scope, says);
      refused(`openid ${scope} user/Patient.r`, says);
    });

  it('do not repeat the value of a constraint', () => {
    for (const scope of ['patient/Observation.rs?date=canary-7', 'patient/Observation.rs?canary-7=1&x=canary-7'])
      assert.throws(
        () => read(scope),
        (error: Error) => !/=canary|date.*canary/.test(error.message),
      );
  });

  it('are bounded in number, bytes and constraints, and go to that bound', () => {
    const many = (count: number, make: (at: number) => string): string =>
      Array.from({ length: count }, (_, at) => make(at)).join(' ');
    const other = (at: number) => `scope-${at}`;
    assert.equal(read(many(MOST_SCOPES, other)).others.length, MOST_SCOPES);
    refused(many(MOST_SCOPES + 1, other), /100 scopes/);
    assert.equal(read('x'.repeat(MOST_SCOPE_BYTES)).others.length, 1);
    refused('x'.repeat(MOST_SCOPE_BYTES + 1), /8192 bytes/);
    const constrained = (at: number) => `patient/Patient.r?_id=a${at}`;
    assert.equal(read(many(MOST_CONSTRAINTS, constrained)).scopes.length, MOST_CONSTRAINTS);
    refused(many(MOST_CONSTRAINTS + 1, constrained), /50 constraints/);
    refused(`patient/Patient.r?${'_id=a&'.repeat(MOST_CONSTRAINTS)}_id=b`, /50 constraints/);
  });
});
