import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { compactDefinition } from '../../../src/fhir/compact-definition.js';
import { type DefinitionSource } from '../../../src/fhir/definition-file.js';
import { createFindDefinition } from '../../../src/fhir/find-definition.js';
import type { Resource } from '../../../src/fhir/resource.js';
import type { ProfileElement, StructureHead } from '../../../src/fhir/structure-definition.js';
import { loadStructures } from '../../../src/fhir/structures.js';
import { readText, skipWithout } from '../../support/shared.js';

const BASE = 'http://hl7.org/fhir/StructureDefinition/';
const structures = loadStructures();

const structure = (name: string): Resource & StructureHead => {
  const found = structures.find('StructureDefinition', BASE + name);
  assert.ok(found, name);
  return found as Resource & StructureHead;
};
const element = (path: string): ProfileElement => {
  const found = structure(path.split('.')[0]!).snapshot?.element.find(each => each.path === path);
  assert.ok(found, path);
  return found;
};

describe("R4's StructureDefinitions", () => {
  it('are found by their url, and by the version of R4 alone', () => {
    assert.equal(structure('Patient').type, 'Patient');
    const url = `${BASE}Patient`;
    assert.equal(structures.find('StructureDefinition', url, '4.0.1')?.['url'], url);
    assert.equal(structures.find('StructureDefinition', url, '5.0.0'), undefined);
    assert.equal(structures.find('ValueSet', url), undefined);
    assert.equal(structures.find('StructureDefinition', `${BASE}Nobody`), undefined);
    assert.equal(structures.find('StructureDefinition', url), structures.find('StructureDefinition', url));
  });

  it('hold what checking needs, and nothing that only people read', () => {
    const { name, kind, type, derivation, snapshot, differential, text, ...rest } = structure('vitalsigns');
    assert.deepEqual(
      [name, kind, type, derivation],
      ['observation-vitalsigns', 'resource', 'Observation', 'constraint'],
    );
    assert.deepEqual(
      [differential, text, rest['mapping'], rest['contact']],
      [undefined, undefined, undefined, undefined],
    );
    const category = snapshot?.element.find(({ id }) => id === 'Observation.category:VSCat');
    assert.equal(category?.sliceName, 'VSCat');
    assert.equal(category.min, 1);
    assert.equal('definition' in category, false);
    const bound = element('Patient.gender');
    assert.deepEqual(bound.binding, {
      strength: 'required',
      valueSet: 'http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1',
    });
    assert.equal(bound.constraint?.[0]?.key, 'ele-1');
    assert.equal('xpath' in bound.constraint[0], false);
    assert.equal(element('Patient.active').isModifier, true);
    assert.equal(element('Patient.name').isModifier, undefined);
    assert.equal(element('string.value').type?.[0]?.extension?.length, 2);
    assert.equal(structure('patient-birthPlace').context?.[0]?.expression, 'Patient');
  });

  it('tell without being read of which resource type they are a profile', () => {
    const rowOf = (name: string) => structures.versions('StructureDefinition', BASE + name)[0];
    assert.equal(rowOf('vitalsigns')?.profileOf, 'Observation');
    assert.equal(rowOf('Patient')?.profileOf, undefined);
    assert.equal(rowOf('patient-birthPlace')?.profileOf, undefined);
    assert.equal(rowOf('SimpleQuantity')?.profileOf, undefined);
  });

  it('are those that the standard publishes', function () {
    const folder = skipWithout(this, 'data', 'r4-definitions');
    let compared = 0;
    const types = new Set(['StructureDefinition', 'SearchParameter', 'ConceptMap']);
    const files = ['profiles-types', 'profiles-resources', 'profiles-others', 'extension-definitions'];
    for (const name of [...files, 'search-parameters', 'conceptmaps']) {
      const bundle = JSON.parse(readText(join(folder, `${name}.json.gz`))) as { entry: { resource: Resource }[] };
      for (const { resource } of bundle.entry) {
        if (!types.has(resource.resourceType)) continue;
        const url = resource['url'] as string;
        assert.deepEqual(structures.find(resource.resourceType, url), compactDefinition(resource), url);
        compared++;
      }
    }
    assert.equal(compared, 649 + 1375 + 19);
    const added = structures.rows.slice(649 + 1375).filter(({ type }) => type === 'SearchParameter');
    assert.deepEqual([structures.rows.length - compared, added.length], [10, 10]);
  });
});

const BASE_ONE = 'http://example.org/StructureDefinition/one';

function source(origin: string, ...versions: readonly string[]): DefinitionSource {
  return {
    origin,
    find: (type, url, version) => {
      const found = versions.find(each => version === undefined || each === version);
      if (type !== 'StructureDefinition' || url !== BASE_ONE || found === undefined) return undefined;
      return { resourceType: type, url, version: found };
    },
  };
}

describe('finding a definition', () => {
  const list = [
    source('stored', '1.0.0', '9.9.9'),
    source('first@3.0.0', '3.0.0'),
    source('second@1.0.0', '1.0.0'),
    source('third@2.0.0', '2.0.0'),
    source('without@1.0.0'),
    source('r4', '4.0.1', '4.0.0'),
  ];
  const dependencies: Readonly<Record<string, readonly string[]>> = {
    'without@1.0.0': ['third@2.0.0', 'second@1.0.0'],
    'first@3.0.0': ['third@2.0.0'],
  };
  const find = createFindDefinition({ sources: () => list, dependencies: from => dependencies[from] ?? [] });
  const found = async (canonical: string, from?: string, sources = find): Promise<string | undefined> => {
    const one = await sources('StructureDefinition', canonical, from);
    return one && `${one.origin} ${one.resource['version'] as string}`;
  };

  it('takes the version that is asked for, and never another', async () => {
    assert.equal(await found(`${BASE_ONE}|3.0.0`), 'first@3.0.0 3.0.0');
    assert.equal(await found(`${BASE_ONE}|2.0.0`, 'first@3.0.0'), 'third@2.0.0 2.0.0');
    assert.equal(await found(`${BASE_ONE}|7.0.0`), undefined);
    assert.equal(await found(`${BASE_ONE}|7.0.0`, 'first@3.0.0'), undefined);
    assert.equal(await found(`${BASE_ONE}|4.0.1`), 'r4 4.0.1');
    assert.equal(await found('http://example.org/other'), undefined);
  });

  it("means a guide's own version within it, then that of what it depends on", async () => {
    assert.equal(await found(BASE_ONE, 'first@3.0.0'), 'first@3.0.0 3.0.0');
    assert.equal(await found(BASE_ONE, 'third@2.0.0'), 'third@2.0.0 2.0.0');
    assert.equal(await found(BASE_ONE, 'without@1.0.0'), 'third@2.0.0 2.0.0');
    assert.equal(await found(BASE_ONE, 'r4'), 'r4 4.0.1');
  });

  it('takes the first in the list where nothing says otherwise', async () => {
    assert.equal(await found(BASE_ONE), 'stored 1.0.0');
    assert.equal(await found(BASE_ONE, 'stored'), 'stored 1.0.0');
    const guides = createFindDefinition({ sources: () => list.slice(1) });
    assert.equal(await found(BASE_ONE, undefined, guides), 'first@3.0.0 3.0.0');
    assert.equal(await found(BASE_ONE, 'without@1.0.0', guides), 'first@3.0.0 3.0.0');
    assert.equal(await found(BASE_ONE, 'unknown@1.0.0', guides), 'first@3.0.0 3.0.0');
  });

  it('lets what is stored replace the version that is meant', async () => {
    assert.equal(await found(`${BASE_ONE}|1.0.0`), 'stored 1.0.0');
    assert.equal(await found(BASE_ONE, 'second@1.0.0'), 'stored 1.0.0');
  });
});
