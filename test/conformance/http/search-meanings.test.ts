/**
 * What a search parameter compares beyond texts, where it is not a plain search: in parameters of one's own, in the criteria
 * of writes; and ids that stand for several resources. https://hl7.org/fhir/R4/search.html#versions, #mimetype, #reference,
 * https://hl7.org/fhir/R4/http.html#ccreate
 */
import assert from 'node:assert/strict';
import type { Bundle, FhirResource, OperationOutcome, SearchParameter } from 'fhir/r4.js';
import { before, describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { untilReady, warningsOf } from '../../support/reindexed.js';
import { idsOf, refusal, type Talk } from '../../support/talk.js';

const PART = 'http://hl7.org/fhir/SearchParameter/';
const EXTENSION = 'http://a.example/e';

const parameter = (code: string, rest: Partial<SearchParameter>): SearchParameter => ({
  resourceType: 'SearchParameter',
  id: code,
  url: `http://a.example/SearchParameter/${code}`,
  name: code,
  status: 'active',
  description: code,
  code,
  base: ['Patient'],
  type: 'token',
  ...rest,
});
const composite = (code: string, ...parts: readonly (readonly [definition: string, expression: string])[]) =>
  parameter(code, {
    type: 'composite',
    expression: 'Patient',
    component: parts.map(([definition, expression]) => ({ definition: PART + definition, expression })),
  });

const FAMILY = ['individual-family', 'name.family'] as const;
const CITY = ['individual-address-city', 'address.city'] as const;
const BORN = ['individual-birthdate', 'birthDate'] as const;
const GENDER = ['individual-gender', 'gender'] as const;

const PARAMETERS: readonly SearchParameter[] = [
  parameter('follows', { type: 'reference', expression: `Patient.extension('${EXTENSION}').value.as(canonical)` }),
  parameter('guide', { type: 'uri', expression: `Patient.extension('${EXTENSION}').value.as(canonical)` }),
  parameter('picture', { expression: 'Patient.photo.contentType' }),
  parameter('sounds', { type: 'string', xpathUsage: 'phonetic', expression: 'Patient.contact.name' }),
  composite('family-city', FAMILY, CITY),
  composite('born-family', BORN, FAMILY),
  composite('family-gender', FAMILY, GENDER),
  composite('gender-born', GENDER, BORN),
];

const person = (id: string, family: string, city: string, birthDate: string, version: string): FhirResource => ({
  resourceType: 'Patient',
  id,
  name: [{ family }],
  address: [{ city }],
  gender: id === 'p1' ? 'female' : 'male',
  birthDate,
  extension: [{ url: EXTENSION, valueCanonical: `http://a.example/plan|${version}` }],
  photo: [{ contentType: id === 'p1' ? 'image/png; q=1' : 'image/jpeg' }],
  contact: [{ name: { text: id === 'p1' ? 'Jon Smyth' : 'Mary' } }],
});

onStoresInTurn('what search parameters compare', stage => {
  const found = async (query: string) => idsOf(await stage().talk.search(query)).toSorted();

  describe('in parameters of one’s own', () => {
    before(async () => {
      const { talk } = stage();
      for (const each of PARAMETERS) assert.equal((await talk.update(each)).status, 201, each.code);
      await talk.update(person('p1', 'Lind', 'Oslo', '1980-05-17', '1.0'));
      await talk.update(person('p2', 'Berg', 'Bergen', '1990-01-02', '10'));
      for (const { code } of PARAMETERS) await untilReady(talk, code);
    });

    const rows: readonly (readonly [query: string, ...ids: readonly string[]])[] = [
      ['follows:below=http://a.example/plan', 'p1', 'p2'],
      ['follows:below=http://a.example/plan|1', 'p1'],
      ['follows:above=http://a.example/plan|10.2', 'p2'],
      ['guide:below=http://a.example/plan|1', 'p1'],
      ['guide=http://a.example/plan', 'p1', 'p2'],
      ['picture:below=image/png', 'p1'],
      ['picture:below=image', 'p1', 'p2'],
      ['picture=image/png'],
      ['sounds=John Smith', 'p1'],
      ['sounds=Jo'],
      ['family-city=lind$osl', 'p1'],
      ['family-city=lind$bergen'],
      ['family-city=lind$bergen,berg$bergen', 'p2'],
      ['born-family=1990$berg', 'p2'],
      ['born-family=gt1985$berg', 'p2'],
      ['born-family=lt1985$berg'],
      ['family-gender=lind$female', 'p1'],
      ['family-gender=lind$male'],
      ['gender-born=female$1980-05', 'p1'],
      ['family-city:missing=true'],
      ['_filter=follows ss "http://a.example/plan|1"', 'p1'],
    ];
    for (const [query, ...ids] of rows) it(query, async () => assert.deepEqual(await found(`Patient?${query}`), ids));

    it('counts and pages what only the resource itself decides', async () => {
      const { talk } = stage();
      assert.equal((await talk.search('Patient?family-city=lind$oslo&_summary=count')).total, 1);
      assert.equal((await talk.search('Patient?family-city=lind$oslo,berg$bergen&_count=1')).entry?.length, 1);
    });
  });

  describe('in the criteria of writes', () => {
    const form = (version: string) => ({
      resourceType: 'Questionnaire',
      url: 'http://a.example/form',
      version,
      status: 'draft',
    });
    const create = (talk: Talk, resource: object, criteria: string) =>
      talk.send('POST', (resource as { resourceType: string }).resourceType, {
        headers: { 'content-type': 'application/fhir+json', 'if-none-exist': criteria },
        body: JSON.stringify(resource),
      });

    it('a definition is created once for each version', async () => {
      const { talk } = stage();
      const statuses: number[] = [];
      for (const version of ['1.0', '1.0', '2.0'])
        statuses.push((await create(talk, form(version), `url=http://a.example/form|${version}`)).status);
      assert.deepEqual(statuses, [201, 200, 201]);
      assert.equal((await create(talk, form('1.1'), 'url:below=http://a.example/form|1')).status, 200);
    });

    it('an update finds what it means by the sound of a name', async () => {
      const { talk } = stage();
      const body = { resourceType: 'Person', name: [{ family: 'Katherine' }] };
      const put = () =>
        talk.send('PUT', 'Person?phonetic=Catharine', {
          headers: { 'content-type': 'application/fhir+json' },
          body: JSON.stringify(body),
        });
      assert.equal((await put()).status, 201);
      assert.equal((await put()).status, 200);
    });

    it('a deletion finds what it means by a media type', async () => {
      const { talk } = stage();
      const library: FhirResource = {
        resourceType: 'Library',
        status: 'draft',
        type: { text: 'x' },
        content: [{ contentType: 'text/cql; version=1' }],
      };
      await talk.create(library);
      assert.equal((await talk.search('Library?content-type:below=text/cql')).total, 1);
      assert.ok((await talk.delete('Library?content-type:below=text/cql')).status < 300);
      assert.equal((await talk.search('Library?content-type:below=text/cql')).total, 0);
    });
  });

  describe('an id without its type', () => {
    const outcome = (bundle: Bundle) =>
      bundle.entry?.find(({ search }) => search?.mode === 'outcome')?.resource as OperationOutcome | undefined;
    const about = (id: string, reference: string): FhirResource => ({
      resourceType: 'Observation',
      id,
      status: 'final',
      code: { text: 'x' },
      subject: { reference },
    });

    before(async () => {
      const { talk } = stage();
      await talk.update({ resourceType: 'Patient', id: '23' });
      await talk.update({ resourceType: 'Patient', id: '24' });
      await talk.update({ resourceType: 'Group', id: '23', type: 'person', actual: true });
      await talk.update(about('of-patient', 'Patient/23'));
      await talk.update(about('of-group', 'Group/23'));
      await talk.update(about('of-other', 'Patient/24'));
    });

    it('that stands for several resources is found for all, and a warning says how to name one', async () => {
      const { talk } = stage();
      const bundle = await talk.search('Observation?subject=23');
      assert.deepEqual(idsOf(bundle).toSorted(), ['of-group', 'of-patient']);
      assert.equal(bundle.total, 2);
      const issue = outcome(bundle)?.issue[0];
      assert.deepEqual(
        [issue?.severity, issue?.code, issue?.expression],
        ['warning', 'multiple-matches', ['http.subject']],
      );
      const text = issue?.details?.text ?? '';
      const remedies = [/as in (\S+=\S+) or/.exec(text)?.[1], / or (\S+=[^.\s]+)\.$/.exec(text)?.[1]];
      assert.deepEqual(remedies, ['subject=Group/23', 'subject:Group=23']);
      for (const remedy of remedies) {
        const named = await talk.search(`Observation?${remedy}`);
        assert.deepEqual([idsOf(named), warningsOf(named)], [['of-group'], []]);
      }
    });

    it('is told on a page that shows one of them, in a count, in a chain and in a filter', async () => {
      const { talk } = stage();
      await talk.update({
        resourceType: 'DiagnosticReport',
        id: 'report',
        status: 'final',
        code: { text: 'x' },
        result: [{ reference: 'Observation/of-group' }],
      });
      for (const query of [
        'Observation?subject=23&_count=1',
        'Observation?subject=23&_summary=count',
        'DiagnosticReport?result.subject=23',
        'Observation?_filter=subject eq 23',
      ])
        assert.deepEqual(warningsOf(await talk.search(query)), ['ambiguous-id'], query);
    });

    it('that stands for one resource is told nothing of', async () => {
      const { talk } = stage();
      for (const query of ['Observation?subject=24', 'Observation?subject=25', 'Observation?patient=23'])
        assert.deepEqual(warningsOf(await talk.search(query)), [], query);
    });
  });

  it('a modifier that a sound does not have is refused', async () => {
    assert.deepEqual(refusal(await stage().talk.get('Patient?phonetic:exact=x')), {
      status: 400,
      detail: 'unknown-modifier',
    });
  });
});
