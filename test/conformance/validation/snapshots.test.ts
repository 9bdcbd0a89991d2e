/**
 * Snapshots of all published profiles, made from their differentials and compared with those that were published, in what checking needs.
 *
 * Not told apart: versions of R4 that the publisher pins (`|4.0.1`); content references with and without the canonical of the type; how
 * often a sliced element must be there, where its slices must be there as often; what is said of an element that may not be there.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import type { Json } from '../../../src/fhir/resource.js';
import type { ProfileElement, StructureDefinition, StructureHead } from '../../../src/fhir/structure-definition.js';
import { generateSnapshot } from '../../../src/validation/snapshots/snapshot.js';
import { openPublished } from '../../support/published-definitions.js';
import { skipWithout } from '../../support/shared.js';

const UNKNOWN_BASE = 'is built on a profile of a package that is not at hand';
const CLOSED = 'older publishers closed a choice whose one type is named by a short cut, though it need not be there';
const SLICES = 'older publishers did not pass on to slices what is said below the element that is sliced';
const ROOTS = 'older publishers took in what the root of a type profile says: its constraints, or its binding';
const OWN_CLOSED = 'one type (or two) of a choice is named without slicing: the publisher closed it';

/** Profiles whose published snapshot is another one, and why. */
const DIFFERENT: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'hl7.fhir.us.core-3.1.1': {
    [CLOSED]: [
      'head-occipital-frontal-circumference-percentile',
      'pediatric-bmi-for-age',
      'pediatric-weight-for-height',
      'us-core-goal',
    ],
    'the published status is a modifier, which the differential does not say': [
      'us-core-diagnosticreport-lab',
      'us-core-diagnosticreport-note',
    ],
    'the published one lists the children of an element that may not be there, which the differential does not name': [
      'us-core-ethnicity',
      'us-core-race',
    ],
    [SLICES]: ['us-core-organization', 'us-core-practitioner', 'us-core-provenance'],
    'the published one has no binding for an extension whose differential has one': ['us-core-patient'],
  },
  'hl7.fhir.us.core-6.1.0': {
    [SLICES]: ['us-core-organization', 'us-core-practitioner', 'us-core-provenance'],
    [UNKNOWN_BASE]: ['us-core-questionnaireresponse'],
  },
  'hl7.fhir.us.core-7.0.0': {
    [SLICES]: ['us-core-average-blood-pressure', 'us-core-organization', 'us-core-practitioner', 'us-core-provenance'],
    [UNKNOWN_BASE]: ['us-core-questionnaireresponse'],
  },
  'hl7.fhir.us.core-8.0.0': { [UNKNOWN_BASE]: ['us-core-questionnaireresponse'] },
  'hl7.fhir.uv.extensions.r4-5.2.0': {
    [OWN_CLOSED]: ['address-official'],
    'a value that refers to the content of a slice has types of R5 beside': ['artifactassessment-content'],
    'the published value has types of R5, which R4 does not know': [
      'biologicallyderivedproduct-manipulation',
      'biologicallyderivedproduct-processing',
      'diagnosticReport-workflowStatus',
      'questionnaire-optionRestriction',
      'researchStudy-studyRegistration',
    ],
  },
  'hl7.fhir.uv.extensions.r4-5.3.0': {
    [OWN_CLOSED]: ['address-official'],
    'a value that refers to the content of a slice has lost the reference': ['artifactassessment-content'],
    'the one type of a value in a slice is a slice again': ['questionnaire-supportHyperlink'],
    'the published value of type url has lost the binding that the differential gives it': [
      'structuredefinition-fhir-type',
    ],
  },
  'hl7.fhir.uv.ips-1.1.0': {
    [ROOTS]: [
      'AllergyIntolerance-uv-ips',
      'Condition-uv-ips',
      'Medication-uv-ips',
      'Observation-alcoholuse-uv-ips',
      'Observation-results-laboratory-uv-ips',
      'Observation-results-pathology-uv-ips',
      'Observation-results-radiology-uv-ips',
      'Range-uv-ips',
      'Ratio-uv-ips',
    ],
    [SLICES]: ['Bundle-uv-ips', 'Composition-uv-ips'],
    [CLOSED]: ['abatement-dateTime-uv-ips'],
  },
  'ihe.iti.mhd-4.2.3': {
    'the published one lists the children of a part beside those of its slices': ['IHE.MHD.Patch.Parameters'],
  },
  'ihe.iti.pixm-3.1.0': {
    'the published choice is closed, the differential says open': ['IHE.PIXm.Query.Parameters.In'],
  },
};

const unpinned = (canonical: string): string => canonical.replace(/\|4\.0\.1$/, '');

/** The same text for the same value, whatever the order of its members. */
function textOf(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '';
  return `{${Object.keys(value)
    .toSorted()
    .map(key => `${key}:${textOf(value[key])}`)
    .join()}}`;
}

/** What is compared of an element. */
function rulesOf(element: ProfileElement): Record<string, string> {
  const absent = element.max === '0';
  const { path, sliceName = '', min = 0, max = '', type = [], slicing, binding, constraint = [] } = element;
  const values = Object.entries(element).filter(([key]) => /^(fixed|pattern|minValue|maxValue)/.test(key));
  const types = type.map(({ code, profile = [], targetProfile = [] }) =>
    [code, ...profile.map(unpinned), '→', ...targetProfile.map(unpinned).toSorted()].join(' '),
  );
  const { discriminator = [], ordered = false, rules } = slicing ?? {};
  return {
    path,
    sliceName,
    cardinality: `${min}..${max}`,
    slicing: slicing ? textOf([discriminator as unknown as Json, ordered, rules ?? null]) : '',
    flags: `${element.mustSupport ?? false} ${element.isModifier ?? false}`,
    types: absent ? '' : types.toSorted().join(', '),
    values: absent ? '' : textOf(Object.fromEntries(values) as Json),
    binding: binding && !absent ? `${binding.strength} ${unpinned(binding.valueSet ?? '')}` : '',
    constraint: absent
      ? ''
      : constraint
          .map(({ key }) => key)
          .toSorted()
          .join(' '),
    content: (element.contentReference ?? '').replace(/^.*#/, ''),
    maxLength: String(element.maxLength),
  };
}

/** Sliced elements are there at least as often as their slices. */
function withNeeded(elements: readonly ProfileElement[]): ProfileElement[] {
  const needed = new Map<string, number>();
  for (const { id = '', sliceName, min = 0 } of elements.toReversed()) {
    if (sliceName === undefined) continue;
    const sliced = id.slice(0, id.length - sliceName.length - 1);
    const above = sliceName.includes('/') ? `${sliced}:${sliceName.slice(0, sliceName.lastIndexOf('/'))}` : sliced;
    needed.set(above, (needed.get(above) ?? 0) + Math.max(min, needed.get(id) ?? 0));
  }
  return elements.map(each => ({ ...each, min: Math.max(each.min ?? 0, needed.get(each.id ?? '') ?? 0) }));
}

/** Where and in what two snapshots differ; nothing where they are the same, the order of their elements included. */
function differences(published: readonly ProfileElement[], made: readonly ProfileElement[]): string[] {
  const theirs = withNeeded(published);
  const ours = withNeeded(made);
  const found: string[] = [];
  for (let at = 0; at < Math.max(theirs.length, ours.length); at++) {
    const their = theirs[at];
    const our = ours[at];
    if (!their || !our || their.id !== our.id) return [...found, `order ${their?.id} ${our?.id}`];
    const own = rulesOf(our);
    for (const [rule, text] of Object.entries(rulesOf(their))) if (own[rule] !== text) found.push(`${rule} ${our.id}`);
  }
  return found;
}

describe('snapshots of published profiles', function () {
  let published: ReturnType<typeof openPublished>;
  before(function () {
    const folders = ['r4-packages', 'ig-packages', 'ig-built'].map(name => skipWithout(this, 'data', name));
    published = openPublished(folders);
  });

  async function madeFrom(definition: StructureDefinition, origin: string): Promise<ProfileElement[] | undefined> {
    const { snapshot: _snapshot, ...differential } = definition;
    return generateSnapshot(differential, published.find, origin).catch(() => undefined);
  }

  it('are those that were published, but for a few', async () => {
    const different: Record<string, string[]> = {};
    let all = 0;
    for (const name of published.names)
      for (const definition of published.of(name)) {
        const { id, snapshot, differential } = definition as unknown as StructureHead;
        if (!snapshot || !differential) continue;
        all++;
        const made = await madeFrom(definition, name);
        if (!made || differences(snapshot.element, made).length > 0) (different[name] ??= []).push(id!);
      }
    const listed = Object.entries(DIFFERENT).map(
      ([name, why]) => [name, Object.values(why).flat().toSorted()] as const,
    );
    for (const ids of Object.values(different)) ids.sort();
    assert.deepEqual(different, Object.fromEntries(listed));
    assert.ok(all > 1_700, `${all} profiles`);
    assert.ok(Object.values(different).flat().length <= all * 0.05);
  });

  it('are made of those whose packages come without', async () => {
    const name = 'hl7.fhir.uv.smart-app-launch-2.2.0';
    for (const definition of published.of(name)) assert.ok(((await madeFrom(definition, name))?.length ?? 0) > 10);
    assert.equal(published.of(name).length, 6);
  });

  it('are those of R4 itself for its resources and types', async () => {
    const others: string[] = [];
    let all = 0;
    for (const definition of published.of(published.core)) {
      const { id, snapshot, derivation, kind } = definition as unknown as StructureHead;
      if (derivation !== 'specialization' || kind === 'primitive-type') continue;
      all++;
      const made = await madeFrom(definition, published.core);
      // R4 does not say of a resource how its extensions are sliced.
      const found = made ? differences(snapshot!.element, made) : ['none'];
      if (found.some(each => !/^slicing [\w.[\]]+\.(modifierE|e)xtension$/.test(each))) others.push(id!);
    }
    assert.ok(all > 180, `${all} definitions`);
    // Where R4 defines extensions they have the constraint of their type; the interface MetadataResource has that of elements.
    assert.deepEqual(others.toSorted(), ['BackboneElement', 'DomainResource', 'MetadataResource']);
  });

  it('differ where an element, its place or a rule does', async () => {
    const { resource } = await published.find(
      'StructureDefinition',
      'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race|8.0.0',
    );
    const { element } = (resource as unknown as StructureHead).snapshot!;
    assert.deepEqual(differences(element, element), []);
    assert.deepEqual(differences(element, [...element.slice(0, 2), ...element.slice(3)]).length, 1);
    for (const [rule, change] of [
      ['cardinality', { max: '7' }],
      ['flags', { isModifier: true }],
      ['types', { type: [{ code: 'string' }] }],
      ['values', { fixedString: 'a' }],
      ['binding', { binding: { strength: 'required', valueSet: 'a' } }],
      ['constraint', { constraint: [] }],
      ['slicing', { slicing: { rules: 'closed' } }],
    ] as const) {
      const changed = element.map((each, at) => (at === 2 ? { ...each, ...change } : each));
      assert.deepEqual(differences(element, changed), [`${rule} ${element[2]!.id}`], rule);
    }
  });
});
