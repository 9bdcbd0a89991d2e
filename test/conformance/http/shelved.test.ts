/** Definitions of the standard, by their canonical and by their id, where none is stored: read-only. https://hl7.org/fhir/R4/resource.html#canonical */
import assert from 'node:assert/strict';
import type { Bundle, StructureDefinition, ValueSet } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { idsOf } from '../../support/talk.js';

const PATIENT = 'http://hl7.org/fhir/StructureDefinition/Patient';

onStoresInTurn('definitions of R4', stage => {
  const found = async (query: string) => idsOf(await stage().talk.search(query));

  it('are found by url, alone or with their version, and by nothing else', async () => {
    const inUrl = encodeURIComponent(PATIENT);
    assert.deepEqual(await found(`StructureDefinition?url=${inUrl}`), ['Patient']);
    assert.deepEqual(await found(`StructureDefinition?url=${inUrl}&version=4.0.1`), ['Patient']);
    assert.deepEqual(await found(`StructureDefinition?url=${inUrl}&version=9`), []);
    assert.deepEqual(await found(`StructureDefinition?url=${inUrl}&name=Patient`), ['Patient']);
    assert.deepEqual(await found(`StructureDefinition?url=${inUrl}&name=Other`), []);
    assert.deepEqual(await found('StructureDefinition?name=Patient'), []);
    assert.deepEqual(await found('StructureDefinition'), []);
    assert.deepEqual(await found('ValueSet?url=http://hl7.org/fhir/ValueSet/administrative-gender'), [
      'administrative-gender',
    ]);
    assert.deepEqual(await found('CodeSystem?url=http://hl7.org/fhir/administrative-gender'), [
      'administrative-gender',
    ]);
    const page = await stage().talk.search<StructureDefinition>(`StructureDefinition?url=${inUrl}&_summary=count`);
    assert.equal(page.total, 1);
  });

  it('are read by id', async () => {
    const { status, body } = await stage().talk.get<StructureDefinition>('StructureDefinition/Patient');
    assert.deepEqual([status, body.url], [200, PATIENT]);
    assert.equal((await stage().talk.get<ValueSet>('ValueSet/administrative-gender')).body.status, 'active');
    assert.equal((await stage().talk.get('StructureDefinition/none')).status, 404);
    assert.equal((await stage().talk.get('Patient/Patient')).status, 404);
  });

  it('are hidden by what is stored', async () => {
    const { talk } = stage();
    const set: ValueSet = {
      resourceType: 'ValueSet',
      id: 'own',
      url: 'http://hl7.org/fhir/ValueSet/administrative-gender',
      name: 'Own',
      status: 'active',
    };
    assert.equal((await talk.update(set)).status, 201);
    assert.deepEqual(await found(`ValueSet?url=${set.url}`), ['own']);
    await talk.delete('ValueSet/own');
    assert.deepEqual(await found(`ValueSet?url=${set.url}`), ['administrative-gender']);
  });

  it('cannot be changed where they stand: a write stores another one', async () => {
    const { talk } = stage();
    assert.equal((await talk.delete('StructureDefinition/Observation')).status, 204);
    const bundle = await talk.get<Bundle>('StructureDefinition/Observation/_history');
    assert.equal(bundle.status, 404);
  });
});
