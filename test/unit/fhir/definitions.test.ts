import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'mocha';
import {
  type ElementDefinition,
  loadDefinitions,
  type SearchParameterDefinition,
  type TypeDefinition,
} from '../../../src/fhir/definitions.js';
import { readText, skipWithout } from '../../support/shared.js';

const definitions = loadDefinitions();

const elementsOf = (type: string): readonly ElementDefinition[] => {
  const found = definitions.types.get(type);
  assert.ok(found, `no type ${type}`);
  return found.elements;
};
const element = (type: string, name: string): ElementDefinition => {
  const found = elementsOf(type).find(each => each.name === name);
  assert.ok(found, `no element ${type}.${name}`);
  return found;
};
const parameter = (id: string): SearchParameterDefinition => {
  const found = definitions.searchParameters.find(each => each.url.endsWith(`/${id}`));
  assert.ok(found, `no search parameter ${id}`);
  return found;
};
const count = (kind: TypeDefinition['kind']): number =>
  [...definitions.types.values()].filter(type => type.kind === kind && !type.abstract).length;

describe('the R4 definitions', () => {
  it('hold the 146 concrete resource types, 20 primitives and 39 data types of 4.0.1', () => {
    assert.equal(definitions.version, '4.0.1');
    assert.equal(definitions.resourceTypes.length, 146);
    assert.equal(count('resource'), 146);
    assert.equal(count('primitive'), 20);
    assert.equal(count('complex'), 39);
    assert.ok(definitions.resourceTypes.includes('Patient'));
    for (const name of ['Resource', 'DomainResource', 'Element', 'BackboneElement'])
      assert.equal(definitions.types.get(name)?.abstract, true, name);
    for (const name of ['SubscriptionStatus', 'MetadataResource', 'SimpleQuantity'])
      assert.equal(definitions.types.has(name), false, name);
  });

  it('list the elements of Patient in the order of XML', () => {
    assert.deepEqual(
      elementsOf('Patient').map(each => each.name),
      (
        'id meta implicitRules language text contained extension modifierExtension identifier active name telecom ' +
        'gender birthDate deceased address maritalStatus multipleBirth photo contact communication ' +
        'generalPractitioner managingOrganization link'
      ).split(' '),
    );
    assert.equal(element('Patient', 'contact').children, 'Patient.contact');
    assert.equal(definitions.types.get('Patient.contact')?.kind, 'backbone');
    assert.deepEqual(element('Patient', 'generalPractitioner'), {
      name: 'generalPractitioner',
      types: [{ code: 'Reference', targets: ['Organization', 'Practitioner', 'PractitionerRole'] }],
      min: 0,
      max: -1,
    });
  });

  it('find a choice by its JSON property', () => {
    assert.equal(definitions.property('Observation', 'valueQuantity')?.type?.code, 'Quantity');
    assert.equal(definitions.property('Observation', 'valueQuantity')?.element.name, 'value');
    assert.equal(definitions.property('Extension', 'valueBase64Binary')?.type?.code, 'base64Binary');
    assert.equal(definitions.property('Observation', 'valueMoney'), undefined);
    assert.equal(definitions.property('Observation', 'value'), undefined);
    assert.equal(definitions.property('Patient', 'birthDate')?.type, undefined);
    assert.equal(element('Extension', 'value').types.length, 50);
  });

  it('name the children of a content reference', () => {
    assert.equal(element('Questionnaire.item', 'item').children, 'Questionnaire.item');
    assert.equal(element('Bundle.entry', 'link').children, 'Bundle.link');
    assert.equal(element('Observation.component', 'referenceRange').children, 'Observation.referenceRange');
    for (const type of definitions.types.values())
      for (const each of type.elements)
        if (each.children) assert.ok(definitions.types.has(each.children), `${type.name}.${each.name}`);
  });

  it('give every element types that exist', () => {
    for (const type of definitions.types.values())
      for (const each of type.elements) {
        assert.ok(each.types.length > 0, `${type.name}.${each.name}`);
        for (const ref of each.types)
          assert.ok(definitions.types.has(ref.code), `${type.name}.${each.name}: ${ref.code}`);
      }
  });

  it('map the system types of FHIRPath to those of FHIR', () => {
    assert.deepEqual(element('Patient', 'id').types, [{ code: 'id' }]);
    assert.deepEqual(element('HumanName', 'id').types, [{ code: 'string' }]);
    assert.deepEqual(element('Extension', 'url').types, [{ code: 'uri' }]);
    assert.deepEqual(element('Narrative', 'div').types, [{ code: 'xhtml' }]);
    assert.deepEqual(element('Bundle.entry', 'resource').types, [{ code: 'Resource' }]);
  });

  it('hold an anchored pattern for every primitive but xhtml', () => {
    const without = [...definitions.types.values()].filter(type => type.kind === 'primitive' && !type.pattern);
    assert.deepEqual(
      without.map(type => type.name),
      ['xhtml'],
    );
    const matches = (type: string, text: string): boolean =>
      new RegExp(definitions.types.get(type)?.pattern ?? '(?!)').test(text);
    assert.ok(matches('date', '2024-02-29'));
    assert.ok(!matches('date', '2024-2-29'));
    assert.ok(matches('id', 'a-1.B'));
    assert.ok(!matches('id', 'a_1'));
    assert.ok(!matches('id', 'a\n'));
    assert.ok(matches('oid', 'urn:oid:1.2.3'));
    assert.ok(matches('string', 'Anne\u00a0Marie\n\u{1f600}'));
    assert.ok(!matches('string', 'a\u0000'));
    assert.ok(!matches('string', ''));
    assert.ok(matches('base64Binary', 'AAAA BBBB'));
    assert.ok(!matches('base64Binary', `${'AAAA '.repeat(40)}!`));
  });

  it('bind required codes to lists', () => {
    assert.equal(element('Patient', 'gender').required, 'http://hl7.org/fhir/ValueSet/administrative-gender');
    assert.deepEqual(definitions.codeLists.get('http://hl7.org/fhir/ValueSet/administrative-gender'), {
      system: 'http://hl7.org/fhir/administrative-gender',
      codes: ['male', 'female', 'other', 'unknown'],
    });
    assert.ok(definitions.codeLists.get('http://hl7.org/fhir/ValueSet/resource-types')?.codes.includes('Patient'));
    // Two systems: none is named.
    assert.equal(definitions.codeLists.get('http://hl7.org/fhir/ValueSet/all-types')?.system, undefined);
    for (const [canonical, { codes }] of definitions.codeLists) assert.ok(codes.length > 0, canonical);
  });

  it('hold search parameters and compartments', () => {
    const own = definitions.searchParameters.slice(1375).map(({ base, code }) => `${base.join()}.${code}`);
    assert.deepEqual(own.slice(1), [
      ...['DocumentReference.creation', 'DocumentReference.doc-status', 'List.designationType', 'List.sourceId'],
      ...['Patient.mrn-terminal', 'Provenance.activity', 'Task.due', 'Task.indexer', 'Task.next-alarm'],
    ]);
    assert.match(own[0]!, /^BodyStructure,.*,DiagnosticReport,DocumentReference,.*,Media,.*\.attachment$/);
    assert.deepEqual(parameter('Patient-active'), {
      url: 'http://hl7.org/fhir/SearchParameter/Patient-active',
      code: 'active',
      type: 'token',
      base: ['Patient'],
      expression: 'Patient.active',
    });
    assert.deepEqual(parameter('clinical-patient').target, ['Patient', 'Group']);
    assert.deepEqual(
      parameter('Observation-code-value-quantity').components?.map(part => part.expression),
      ['code', 'value.as(Quantity)'],
    );
    assert.deepEqual(
      definitions.compartments.map(each => each.code),
      ['Device', 'Encounter', 'Patient', 'Practitioner', 'RelatedPerson'],
    );
    assert.deepEqual(definitions.compartments[2]?.resources['Observation'], ['subject', 'performer']);
    assert.equal(definitions.compartments[2]?.resources['ActivityDefinition'], undefined);
  });
});

/** Patterns that are not the published ones, on purpose. */
const PATTERN_EXCEPTIONS: Readonly<Record<string, string>> = {
  base64Binary: 'the published expression takes exponential time; groups of four are counted in code',
  string: 'written for XML Schema, where \\S holds the no-break space; says what the prose says',
  markdown: 'as string',
};

/** Lists that the published JSON schema holds wrongly. */
const SCHEMA_EXCEPTIONS: Readonly<Record<string, string>> = {
  'Expression.language': 'the binding is extensible',
};

interface PublishedElement {
  path: string;
  min: number;
  max: string;
  contentReference?: string;
  type?: {
    code: string;
    targetProfile?: string[];
    extension?: { url: string; valueUrl?: string; valueString?: string }[];
  }[];
  binding?: { strength: string; valueSet?: string };
  isSummary?: boolean;
  isModifier?: boolean;
}
interface Published {
  resourceType: string;
  name: string;
  kind: string;
  abstract: boolean;
  derivation?: string;
  baseDefinition?: string;
  snapshot: { element: PublishedElement[] };
}

describe('the R4 definitions, compared with the standard', () => {
  let folder = '';
  const read = <T>(name: string): T[] =>
    (JSON.parse(readText(join(folder, `${name}.json.gz`))) as { entry: { resource: T }[] }).entry.map(
      entry => entry.resource,
    );

  before(function () {
    folder = skipWithout(this, 'data', 'r4-definitions');
  });

  it('have the same types and, in the same order, the same elements', () => {
    const seen = new Set<string>();
    let compared = 0;
    for (const published of [...read<Published>('profiles-types'), ...read<Published>('profiles-resources')]) {
      if (published.resourceType !== 'StructureDefinition') continue;
      if (published.kind === 'logical' || published.derivation === 'constraint') continue;
      compared += compareStructure(published, seen);
    }
    assert.deepEqual(
      [...definitions.types.keys()].filter(name => !seen.has(name)),
      [],
    );
    assert.ok(compared > 7000, String(compared));
  });

  it('have the same search parameters', () => {
    const published = read<Record<string, unknown>>('search-parameters');
    assert.equal(published.length, 1375);
    published.forEach((each, index) => {
      const own = definitions.searchParameters[index];
      const { url, code, type, base, expression, target, component, xpathUsage } = each;
      const components = (component as { definition: string; expression: string }[] | undefined)?.map(part => ({
        definition: part.definition,
        expression: part.expression,
      }));
      const { components: ownComponents, ...rest } = own ?? {};
      assert.deepEqual(
        { expression: undefined, target: undefined, phonetic: undefined, ...rest },
        { url, code, type, base, expression, target, phonetic: xpathUsage === 'phonetic' || undefined },
      );
      assert.deepEqual(ownComponents, components);
    });
  });

  it('allow the codes that the published JSON schema allows', () => {
    type Enumerating = { properties?: Record<string, { enum?: string[]; items?: { enum?: string[] } }> };
    const schema = JSON.parse(readText(join(folder, 'fhir.schema.json.gz'))) as {
      definitions: Record<string, Enumerating>;
    };
    let compared = 0;
    for (const type of definitions.types.values()) {
      const name = type.name.replace(/\.(.)/g, (_, letter: string) => `_${letter.toUpperCase()}`);
      for (const each of type.elements) {
        const path = `${type.name}.${each.name}`;
        const property = schema.definitions[name]?.properties?.[each.name];
        const published = property?.enum ?? property?.items?.enum;
        if (!published || each.types[0]?.code !== 'code' || path in SCHEMA_EXCEPTIONS) continue;
        const own = definitions.codeLists.get(each.required ?? '')?.codes ?? [];
        assert.deepEqual(own.toSorted(), published.toSorted(), path);
        compared++;
      }
    }
    assert.ok(compared > 200, String(compared));
  });

  it('have the same compartments', () => {
    const published = read<{ code: string; resource: { code: string; param?: string[] }[] }>('compartments');
    assert.deepEqual(
      definitions.compartments,
      published.map(({ code, resource }) => ({
        code,
        resources: Object.fromEntries(resource.flatMap(each => (each.param?.length ? [[each.code, each.param]] : []))),
      })),
    );
  });
});

/** Compares one published structure with the artefact; returns the number of elements compared. */
function compareStructure(published: Published, seen: Set<string>): number {
  const [root, ...elements] = published.snapshot.element;
  const type = definitions.types.get(published.name);
  assert.ok(root && type, published.name);
  assert.equal(type.kind, published.kind === 'complex-type' ? 'complex' : published.kind.replace('-type', ''));
  assert.equal(type.base, published.baseDefinition?.replace('http://hl7.org/fhir/StructureDefinition/', ''));
  assert.equal(type.abstract ?? false, published.abstract);
  seen.add(type.name);
  const position = new Map<string, number>();
  for (const each of elements) {
    if (published.kind === 'primitive-type' && each.path === `${published.name}.value`) {
      const regex = each.type?.[0]?.extension?.find(extension => extension.url.endsWith('/regex'))?.valueString;
      if (published.name in PATTERN_EXCEPTIONS) assert.notEqual(type.pattern, `^(?:${regex})$`);
      else assert.equal(type.pattern, regex && `^(?:${regex})$`, published.name);
      continue;
    }
    const parent = each.path.slice(0, each.path.lastIndexOf('.'));
    const index = position.get(parent) ?? 0;
    position.set(parent, index + 1);
    seen.add(parent);
    const own = definitions.types.get(parent)?.elements[index];
    assert.ok(own, each.path);
    compareElement(published, each, own, elements);
  }
  for (const [parent, length] of position) assert.equal(definitions.types.get(parent)?.elements.length, length, parent);
  return elements.length;
}

function compareElement(of: Published, each: PublishedElement, own: ElementDefinition, all: PublishedElement[]): void {
  const hasChildren = all.some(other => other.path.startsWith(`${each.path}.`));
  assert.deepEqual(
    {
      name: own.choice ? `${own.name}[x]` : own.name,
      min: own.min,
      max: own.max === -1 ? '*' : String(own.max),
      summary: own.summary ?? false,
      modifier: own.modifier ?? false,
      children: own.children,
      required: own.required,
      types: own.types.map(type => [type.code, ...(type.targets ?? [])]),
    },
    {
      name: each.path.split('.').at(-1),
      min: each.min,
      max: each.max,
      summary: each.isSummary ?? false,
      modifier: each.isModifier ?? false,
      children: each.contentReference?.replace('#', '') ?? (hasChildren ? each.path : undefined),
      required: each.binding?.strength === 'required' ? each.binding.valueSet?.replace(/\|.*/, '') : undefined,
      types: each.type?.map(type => publishedType(of, each, type)) ?? [['BackboneElement']],
    },
    each.path,
  );
}

function publishedType(
  of: Published,
  each: PublishedElement,
  type: NonNullable<PublishedElement['type']>[number],
): string[] {
  if (type.code.startsWith('http:')) {
    // Resource.id is an id, although the published definitions call it a string.
    if (of.kind === 'resource' && each.path === `${of.name}.id`) return ['id'];
    const named = type.extension?.find(extension => extension.url.endsWith('/structuredefinition-fhir-type'));
    return [named?.valueUrl ?? named?.valueString ?? 'string'];
  }
  const targets = (type.targetProfile ?? []).map(profile => profile.split('/').at(-1) ?? '');
  return targets.includes('Resource') ? [type.code] : [type.code, ...targets];
}
