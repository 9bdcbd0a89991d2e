/** Invariants with a rule of their own, where the engine cannot be asked, or is asked in vain. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Json, Resource } from '../../../src/fhir/resource.js';
import { createConstraintCompiler } from '../../../src/validation/invariants/invariant.js';
import { elementsOf, type Found, type KeptRun, keptRun } from '../../support/check-run.js';

const compileConstraint = createConstraintCompiler(loadDefinitions());

const DOM_3 =
  "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) | %resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = '#').exists() or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = '#').exists()).not()).trace('unmatched', id).empty()";
const RNG_2 = 'low.empty() or high.empty() or (low <= high)';
const PER_1 = 'start.hasValue().not() or end.hasValue().not() or (start <= end)';
const REF_1 =
  "reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))";

/** What a rule says of all elements of a type. */
const said = (key: string, expression: string, type: string, resource: Resource, options = {}): Found[] =>
  runOf(key, expression, type, resource, options).found;

function runOf(key: string, expression: string, type: string, resource: Resource, options = {}): KeptRun {
  const run = keptRun({ options });
  const check = compileConstraint({ key, severity: 'error', human: 'A rule', expression }, type, 'r4')!;
  for (const { element } of elementsOf(resource)) if (element.type === type) check(element, run);
  return run;
}
const places = (found: readonly Found[]): string[] => found.map(({ expression }) => expression);

const div = (content: string): Json => `<div xmlns="http://www.w3.org/1999/xhtml">${content}</div>`;
const quantity = (value: number, unit: string): Json => ({ value, code: unit, system: 'http://unitsofmeasure.org' });

describe('rules for invariants', () => {
  describe('dom-3', () => {
    const rows: [what: string, members: Record<string, Json>, holds: boolean][] = [
      ['nothing is contained', {}, true],
      [
        'it is referred to',
        { contained: [{ resourceType: 'Practitioner', id: 'a' }], generalPractitioner: [{ reference: '#a' }] },
        true,
      ],
      ['nothing refers to it', { contained: [{ resourceType: 'Practitioner', id: 'a' }] }, false],
      [
        'something else is referred to',
        { contained: [{ resourceType: 'Practitioner', id: 'a' }], generalPractitioner: [{ reference: '#b' }] },
        false,
      ],
      [
        'it refers to its container',
        { contained: [{ resourceType: 'Observation', id: 'a', subject: { reference: '#' } }] },
        true,
      ],
      [
        'another one contained refers to it',
        {
          contained: [
            { resourceType: 'Observation', id: 'a', subject: { reference: '#' }, performer: [{ reference: '#b' }] },
            { resourceType: 'Practitioner', id: 'b' },
          ],
        },
        true,
      ],
      [
        'a canonical names it',
        { contained: [{ resourceType: 'ValueSet', id: 'v' }], extension: [{ url: 'x', valueCanonical: '#v' }] },
        true,
      ],
      [
        'the narrative shows it',
        {
          contained: [{ resourceType: 'Binary', id: 'i' }],
          text: { status: 'additional', div: div('<img src="#i" alt="x"/>') },
        },
        true,
      ],
      ['it has no id', { contained: [{ resourceType: 'Practitioner' }] }, true],
    ];
    for (const [what, members, holds] of rows)
      it(`${holds ? 'holds' : 'is broken'} where ${what}`, () =>
        assert.deepEqual(
          places(said('dom-3', DOM_3, 'Patient', { resourceType: 'Patient', ...members })),
          holds ? [] : ['Patient'],
        ));
  });

  describe('rng-2', () => {
    const rows: [low: Json | undefined, high: Json | undefined, holds: boolean][] = [
      [{ value: 1 }, { value: 2 }, true],
      [{ value: 2 }, { value: 1 }, false],
      [{ value: 2 }, undefined, true],
      [{ unit: 'kg' }, { value: 1 }, true],
      [quantity(1, 'kg'), quantity(2, 'kg'), true],
      [quantity(2, 'kg'), quantity(1, 'kg'), false],
      [quantity(2, 'g'), quantity(1, 'kg'), true],
      [quantity(2, 'kg'), quantity(1, 'g'), false],
      [quantity(2, 'kg'), quantity(1, 'm'), true],
      [{ value: 2, unit: 'boxes' }, { value: 1, unit: 'bags' }, true],
      [{ value: 2, unit: 'boxes' }, { value: 1, unit: 'boxes' }, false],
    ];
    for (const [low, high, holds] of rows)
      it(`${holds ? 'holds' : 'is broken'}: ${JSON.stringify(low)} to ${JSON.stringify(high)}`, () => {
        const range = { ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) };
        const resource: Resource = { resourceType: 'Observation', valueRange: range };
        assert.deepEqual(places(said('rng-2', RNG_2, 'Range', resource)), holds ? [] : ['Observation.value']);
      });
  });

  describe('per-1', () => {
    const rows: [start: string, end: string, holds: boolean][] = [
      ['2020', '2021', true],
      ['2020-01-02', '2020-01-01', false],
      ['2020-01-01T10:00:00Z', '2020-01-01T10:00:00.000Z', true],
      ['2020-01-01T10:00:00+02:00', '2020-01-01T08:30:00Z', true],
      ['2020-01-01T10:00:00Z', '2020-01-01T10:30:00+02:00', false],
      ['2020-01-01', '2020-01-02T10:00:00Z', true],
      // What cannot be decided does not hold, as HL7's validator has it.
      ['2020-01-01', '2020-01-01T10:00:00Z', false],
      ['2020', '2020-05', false],
    ];
    for (const [start, end, holds] of rows)
      it(`${holds ? 'holds' : 'is broken'}: ${start} to ${end}`, () =>
        assert.deepEqual(
          places(said('per-1', PER_1, 'Period', { resourceType: 'Encounter', period: { start, end } })),
          holds ? [] : ['Encounter.period'],
        ));
  });

  it('ref-1 takes steps for what is contained, once', () => {
    const stepsOf = (size: number): number => {
      const ids = Array.from({ length: size }, (_, at) => `c${at}`);
      const contained = ids.map(id => ({ resourceType: 'Basic', id }));
      const entry = ids.map(id => ({ item: { reference: `#${id}x` } }));
      const kept = runOf('ref-1', REF_1, 'Reference', { resourceType: 'List', contained, entry });
      assert.equal(kept.found.length, size);
      return kept.steps;
    };
    const [small, large] = [stepsOf(100), stepsOf(1000)];
    assert.ok(small >= 100 && large <= small * 11, `${small} ${large}`);
  });

  it('ref-1 asks for contained resources of the container', () => {
    const resource: Resource = {
      resourceType: 'Patient',
      contained: [
        { resourceType: 'Practitioner', id: 'a' },
        {
          resourceType: 'Observation',
          id: 'o',
          subject: { reference: '#' },
          performer: [{ reference: '#a' }, { reference: '#x' }],
        },
      ],
      managingOrganization: { reference: '#' },
      generalPractitioner: [
        { reference: '#a' },
        { reference: '#b' },
        { display: 'Dr' },
        { reference: 'Practitioner/1' },
      ],
    };
    assert.deepEqual(places(said('ref-1', REF_1, 'Reference', resource)), [
      'Patient.contained[1].performer[1]',
      'Patient.managingOrganization',
      'Patient.generalPractitioner[1]',
    ]);
  });

  it('txt-2 warns of narratives that show nothing', () => {
    const shows: [content: string, something: boolean][] = [
      ['a', true],
      ['<p>a</p>', true],
      ['<img src="#i" alt="x"/>', true],
      ['', false],
      [' \n ', false],
      ['<p><b> </b>&#160;</p>', false],
    ];
    for (const [content, something] of shows) {
      const resource: Resource = { resourceType: 'Patient', text: { status: 'generated', div: div(content) } };
      const found = said('txt-2', 'htmlChecks()', 'xhtml', resource);
      assert.deepEqual(
        found.map(({ severity, expression }) => `${severity} ${expression}`),
        something ? [] : ['warning Patient.text.div'],
        content,
      );
    }
  });

  it('ctm-1 knows types by references alone', () => {
    const expression =
      'onBehalfOf.exists() implies (member.resolve().iif(empty(), true, ofType(Practitioner).exists()))';
    const participant = (...references: string[]) =>
      references.map(reference => ({ member: { reference }, onBehalfOf: { reference: 'Organization/1' } }));
    const resource: Resource = {
      resourceType: 'CareTeam',
      participant: participant('Practitioner/1', 'Patient/1', 'urn:uuid:0', 'https://a.example/Patient/1'),
    };
    assert.deepEqual(places(said('ctm-1', expression, 'CareTeam.participant', resource)), [
      'CareTeam.participant[1]',
      'CareTeam.participant[3]',
    ]);
  });

  it('csd-1 and que-2 look at all levels', () => {
    const concepts = 'concept.code.combine($this.descendants().concept.code).isDistinct()';
    const system = (code: string): Resource => ({
      resourceType: 'CodeSystem',
      concept: [{ code: 'a', concept: [{ code: 'b' }] }, { code }],
    });
    assert.deepEqual(places(said('csd-1', concepts, 'CodeSystem', system('c'))), []);
    assert.deepEqual(places(said('csd-1', concepts, 'CodeSystem', system('b'))), ['CodeSystem']);
    const form = (linkId: string): Resource => ({
      resourceType: 'Questionnaire',
      item: [{ linkId: 'a', item: [{ linkId: 'b' }] }, { linkId }],
    });
    const links = 'descendants().linkId.isDistinct()';
    assert.deepEqual(places(said('que-2', links, 'Questionnaire', form('c'))), []);
    assert.deepEqual(places(said('que-2', links, 'Questionnaire', form('b'))), ['Questionnaire']);
  });

  it('dom-6 is best practice, and asks no contained resource', () => {
    const resource: Resource = { resourceType: 'Patient', contained: [{ resourceType: 'Patient', id: 'a' }] };
    assert.deepEqual(said('dom-6', 'text.`div`.exists()', 'Patient', resource), []);
    const found = said('dom-6', 'text.`div`.exists()', 'Patient', resource, { bestPractice: 'warn' });
    assert.deepEqual(
      found.map(({ severity, expression }) => `${severity} ${expression}`),
      ['warning Patient'],
    );
  });
});
