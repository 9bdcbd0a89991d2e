/**
 * Searches across references, on both stores: chains, _has, _list, compartments, includes. Every row runs twice: with
 * the inner answers put into the query, and with a limit so low that rows are looked at one by one.
 * https://hl7.org/fhir/R4/search.html#chaining, #has, #revinclude, https://hl7.org/fhir/R4/compartmentdefinition.html
 */
import assert from 'node:assert/strict';
import type { Bundle, FhirResource } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onBothStores, onStoresInTurn } from '../../support/both-stores.js';
import { idsOf, linkOf, refusal, walk } from '../../support/talk.js';

const SYSTEM = 'http://codes.example/local';
const concept = (code: string) => ({ coding: [{ system: SYSTEM, code }] });
const to = (reference: string) => ({ reference });

const observation = (id: string, patient: string, code: string, rest: object = {}) =>
  ({
    resourceType: 'Observation',
    id,
    status: 'final',
    code: concept(code),
    subject: to(`Patient/${patient}`),
    ...rest,
  }) as FhirResource;

/** Two hospitals, four people, their visits and results. */
const WORLD: readonly FhirResource[] = [
  { resourceType: 'Organization', id: 'group', name: 'Northern Group' },
  { resourceType: 'Organization', id: 'north', name: 'North Hospital', partOf: to('Organization/group') },
  { resourceType: 'Organization', id: 'ward', name: 'Ward 4', partOf: to('Organization/north') },
  { resourceType: 'Organization', id: 'south', name: 'South Hospital' },
  { resourceType: 'Practitioner', id: 'doc', name: [{ family: 'Okafor' }] },
  {
    resourceType: 'Patient',
    id: 'ann',
    identifier: [{ system: SYSTEM, value: 'A1' }],
    name: [{ family: 'Abel' }],
    gender: 'female',
    managingOrganization: to('Organization/north'),
    generalPractitioner: [to('Practitioner/doc')],
  },
  {
    resourceType: 'Patient',
    id: 'bob',
    name: [{ family: 'Baker' }],
    gender: 'male',
    managingOrganization: to('Organization/south'),
    link: [{ type: 'seealso', other: to('Patient/ann') }],
  },
  {
    resourceType: 'Patient',
    id: 'cyd',
    name: [{ family: 'Cole' }],
    gender: 'female',
    managingOrganization: to('Organization/ward'),
  },
  {
    resourceType: 'Patient',
    id: 'dan',
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Mr <b>Dunn</b>, retired miner</div>' },
    name: [{ family: 'Dunn' }],
  },
  {
    resourceType: 'Encounter',
    id: 'visit',
    status: 'finished',
    class: { system: SYSTEM, code: 'AMB' },
    subject: to('Patient/ann'),
    participant: [{ individual: to('Practitioner/doc') }],
    period: { start: '2024-03-01', end: '2024-03-02' },
  },
  observation('o1', 'ann', 'glucose', { encounter: to('Encounter/visit'), effectiveDateTime: '2024-03-01' }),
  observation('o2', 'ann', 'sodium', { effectiveDateTime: '2024-03-05', performer: [to('Practitioner/doc')] }),
  observation('o3', 'bob', 'glucose', { effectiveDateTime: '2024-03-03' }),
  observation('o4', 'cyd', 'sodium', { effectiveDateTime: '2024-03-04', hasMember: [to('Observation/o1')] }),
  observation('o5', 'nobody', 'glucose', { effectiveDateTime: '2024-03-06' }),
  { resourceType: 'Device', id: 'pump', deviceName: [{ name: 'Pump', type: 'user-friendly-name' }] },
  {
    resourceType: 'Observation',
    id: 'o6',
    status: 'final',
    code: concept('pressure'),
    subject: to('Device/pump'),
    device: to('Device/pump'),
    effectiveDateTime: '2024-03-07',
  },
  {
    resourceType: 'List',
    id: 'current',
    status: 'current',
    mode: 'working',
    entry: [{ item: to('Observation/o1') }, { item: to('Observation/o4') }, { item: to('Patient/dan') }],
  },
  {
    resourceType: 'CodeSystem',
    id: 'local',
    url: SYSTEM,
    status: 'active',
    content: 'complete',
    hierarchyMeaning: 'is-a',
    concept: [
      { code: 'lab', concept: [{ code: 'glucose' }, { code: 'sodium' }] },
      { code: 'vital', concept: [{ code: 'pressure' }] },
    ],
  },
  {
    resourceType: 'ValueSet',
    id: 'labs',
    url: 'http://codes.example/labs',
    version: '1',
    status: 'active',
    compose: { include: [{ system: SYSTEM, filter: [{ property: 'concept', op: 'is-a', value: 'lab' }] }] },
  },
  {
    resourceType: 'ValueSet',
    id: 'all',
    url: 'http://codes.example/all',
    status: 'active',
    compose: { include: [{ system: SYSTEM }] },
  },
  { resourceType: 'Location', id: 'amsterdam', name: 'Amsterdam', position: { latitude: 52.37, longitude: 4.9 } },
  { resourceType: 'Location', id: 'utrecht', name: 'Utrecht', position: { latitude: 52.09, longitude: 5.12 } },
  { resourceType: 'Location', id: 'fiji', name: 'Fiji', position: { latitude: -17.8, longitude: 178 } },
  { resourceType: 'Location', id: 'room', name: 'Room', partOf: to('Location/utrecht') },
];

type Row = readonly [query: string, ...ids: string[]];

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  chains: [
    ['Observation?patient.family=abel', 'o1', 'o2'],
    ['Observation?subject:Patient.family=abel', 'o1', 'o2'],
    ['Observation?subject.family=abel', 'o1', 'o2'],
    ['Observation?subject:Device.device-name=pump', 'o6'],
    ['Observation?patient.gender=female', 'o1', 'o2', 'o4'],
    ['Observation?patient.gender=female&code=sodium', 'o2', 'o4'],
    [`Observation?patient.identifier=${SYSTEM}|A1&date=2024-03-01`, 'o1'],
    ['Observation?patient.organization.name=north', 'o1', 'o2'],
    ['Observation?patient.organization.partof.name=northern', 'o1', 'o2'],
    ['Observation?patient.organization.partof.partof.name=northern', 'o4'],
    ['Observation?patient.family=abel,baker', 'o1', 'o2', 'o3'],
    ['Observation?patient.family:exact=Abel', 'o1', 'o2'],
    ['Observation?patient.family:exact=abel'],
    ['Observation?patient.gender:missing=true'],
    ['Observation?patient._id=ann', 'o1', 'o2'],
    ['Observation?encounter.date=2024-03', 'o1'],
    ['Observation?patient.gender:not=male', 'o1', 'o2', 'o4'],
    ['Patient?organization:Organization.name:contains=hospital', 'ann', 'bob'],
    ['Patient?link.family=abel', 'bob'],
    ['Observation?patient.general-practitioner:Practitioner.family=okafor', 'o1', 'o2'],
  ],
  _has: [
    ['Patient?_has:Observation:patient:code=glucose', 'ann', 'bob'],
    ['Patient?_has:Observation:patient:code=glucose,sodium', 'ann', 'bob', 'cyd'],
    ['Patient?_has:Observation:subject:date=ge2024-03-04', 'ann', 'cyd'],
    ['Patient?_has:Observation:patient:code=pressure'],
    ['Patient?_has:Observation:patient:code=glucose&_has:Observation:patient:code=sodium', 'ann'],
    ['Patient?_has:Observation:patient:encounter.date=2024-03', 'ann'],
    ['Patient?_has:Encounter:patient:_has:Observation:encounter:code=glucose', 'ann'],
    ['Patient?family=abel&_has:Observation:patient:code=sodium', 'ann'],
    ['Patient?family=baker&_has:Observation:patient:code=sodium'],
    ['Patient?family=cole&_has:Observation:patient:_has:List:item:_id=current', 'cyd'],
    ['Observation?_has:Observation:has-member:code=sodium', 'o1'],
    ['Observation?_has:Observation:has-member:_id=o4', 'o1'],
    ['Device?_has:Observation:subject:code=pressure', 'pump'],
    ['Organization?_has:Patient:organization:gender=female', 'north', 'ward'],
    ['Observation?patient._has:Observation:patient:code=sodium', 'o1', 'o2', 'o4'],
    ['Patient?_has:Observation:patient:patient.family=baker', 'bob'],
  ],
  '_list and hierarchies': [
    ['Observation?_list=current', 'o1', 'o4'],
    ['Patient?_list=current', 'dan'],
    ['Patient?_list=none'],
    ['Observation?_list=current&code=sodium', 'o4'],
    ['Patient?organization:below=group', 'ann', 'cyd'],
    ['Patient?organization:below=Organization/north', 'ann', 'cyd'],
    ['Patient?organization:above=ward', 'ann', 'cyd'],
    ['Patient?organization:above=north', 'ann'],
    ['Patient?organization:below=south', 'bob'],
    ['Location?partof:below=utrecht', 'room'],
  ],
  terminology: [
    ['Observation?code:in=http://codes.example/labs', 'o1', 'o2', 'o3', 'o4', 'o5'],
    ['Observation?code:in=http://codes.example/labs|1', 'o1', 'o2', 'o3', 'o4', 'o5'],
    ['Observation?code:in=ValueSet/labs&patient=ann', 'o1', 'o2'],
    ['Observation?code:in=labs&patient=bob', 'o3'],
    ['Observation?code:not-in=http://codes.example/labs', 'o6'],
    ['Observation?code:in=http://codes.example/all&subject:Device=pump', 'o6'],
    [`Observation?code:below=${SYSTEM}|vital`, 'o6'],
    [`Observation?code:below=${SYSTEM}|lab&date=2024-03-01`, 'o1'],
    [`Observation?code:above=${SYSTEM}|pressure`, 'o6'],
    [`Observation?code:above=${SYSTEM}|lab`],
    [`Patient?_has:Observation:patient:code:below=${SYSTEM}|lab`, 'ann', 'bob', 'cyd'],
    ['Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender', 'ann', 'bob', 'cyd'],
    ['Patient?gender:not-in=http://hl7.org/fhir/ValueSet/administrative-gender', 'dan'],
    ['Observation?status:in=http://hl7.org/fhir/ValueSet/observation-status&code=pressure', 'o6'],
    ['Observation?_filter=code in "http://codes.example/labs" and patient eq Patient/ann', 'o1', 'o2'],
  ],
  words: [
    ['Patient?_text=miner', 'dan'],
    ['Patient?_text=retired miner', 'dan'],
    ['Patient?_text="retired miner"', 'dan'],
    ['Patient?_text="miner retired"'],
    ['Patient?_text=min*', 'dan'],
    ['Patient?_text=abel'],
    ['Patient?_content=abel', 'ann'],
    ['Patient?_content=abel or miner', 'ann', 'dan'],
    ['Patient?_content=abel,miner', 'ann', 'dan'],
    ['Patient?_content=dunn not miner'],
    ['Patient?_content=DUNN', 'dan'],
    ['Observation?patient._content=abel', 'o1', 'o2'],
    ['Observation?patient._text="retired miner"'],
    ['Organization?_content=hospital', 'north', 'south'],
    ['Organization?_content=hospital&name=north', 'north'],
    ['Organization?_content="north hospital"', 'north'],
    ['Patient?_has:Observation:patient:_content=glucose'],
  ],
  places: [
    ['Location?near=52.37|4.9|10|km', 'amsterdam'],
    ['Location?near=52.37|4.9|35|km', 'amsterdam', 'utrecht'],
    ['Location?near=52.37|4.9|34000|m', 'amsterdam'],
    ['Location?near=52.37|4.9', 'amsterdam', 'utrecht'],
    ['Location?near=-17.8|-179|400|km', 'fiji'],
    ['Location?near=-17.8|-179|300|km'],
    ['Location?near=52.37|4.9|1|km,-17.8|178|1|km', 'amsterdam', 'fiji'],
    ['Location?near=90|0|5000|km', 'amsterdam', 'utrecht'],
    ['Location?near:missing=true', 'room'],
    ['Location?near=52.37|4.9|35|km&name=utrecht', 'utrecht'],
  ],
  compartments: [
    ['Patient/ann/Observation', 'o1', 'o2'],
    ['Patient/ann/Observation?code=sodium', 'o2'],
    ['Patient/ann/Encounter', 'visit'],
    ['Patient/ann/Patient', 'ann', 'bob'],
    ['Patient/ann/*?_type=Observation,Encounter,Patient', 'ann', 'bob', 'o1', 'o2', 'visit'],
    ['Patient/nobody/Observation', 'o5'],
    ['Encounter/visit/Observation', 'o1'],
    ['Encounter/visit/Encounter', 'visit'],
    ['Encounter/visit/*', 'o1', 'visit'],
    ['Practitioner/doc/Observation', 'o2'],
    ['Practitioner/doc/Patient', 'ann'],
    ['Practitioner/doc/*?_type=Observation,Patient,Encounter', 'ann', 'o2', 'visit'],
    ['Device/pump/Observation', 'o6'],
    ['RelatedPerson/none/Patient'],
    ['Patient/ann/Observation?patient.family=abel&_sort=-date', 'o1', 'o2'],
  ],
};

const put = async ({
  talk,
}: {
  talk: { update(resource: FhirResource): Promise<{ status: number; text: string }> };
}) => {
  for (const resource of WORLD) {
    const reply = await talk.update(resource);
    assert.equal(reply.status, 201, reply.text);
  }
};

for (const joinLimit of ['1000', '1'])
  (joinLimit === '1' ? onStoresInTurn : onBothStores)(
    `searches across references, ${joinLimit} names a query`,
    stage => {
      for (const [title, rows] of Object.entries(ROWS))
        describe(title, () => {
          it('has rows that find something', () => assert.ok(rows.filter(row => row.length > 2).length > 1));
          for (const [query, ...ids] of rows)
            it(query, async () => {
              const { talk } = stage();
              const found = await talk.search(query);
              assert.deepEqual(idsOf(found).toSorted(), ids);
              assert.equal(found.total, ids.length);
              assert.equal(
                (await talk.search(`${query}${query.includes('?') ? '&' : '?'}_summary=count`)).total,
                ids.length,
              );
            });
        });

      it('pages forwards and back, however the rows are found', async () => {
        const { talk } = stage();
        const first = await talk.search('Observation?patient.gender=female&_sort=date&_count=1&_total=accurate');
        const pages = await walk(talk, first);
        assert.deepEqual(pages.flatMap(idsOf), ['o1', 'o4', 'o2']);
        assert.deepEqual(
          pages.map(({ total }) => total),
          [3, 3, 3],
        );
        const last = pages.findLast(page => idsOf(page).length > 0)!;
        const back = await walk(talk, last, 'previous');
        assert.deepEqual(back.flatMap(idsOf), ['o2', 'o4', 'o1']);
      });
    },
    { config: { joinLimit, fulltext: 'on' }, set: put },
  );

interface Parts {
  readonly matches: readonly string[];
  readonly included: readonly string[];
}

const partsOf = (found: Bundle): Parts => {
  const names = (mode: string) =>
    (found.entry ?? [])
      .filter(({ search }) => search?.mode === mode)
      .map(({ resource }) => `${resource?.resourceType}/${resource?.id}`)
      .toSorted();
  return { matches: names('match'), included: names('include') };
};

const INCLUDES: readonly (readonly [query: string, included: readonly string[]])[] = [
  ['Observation?_id=o1&_include=Observation:patient', ['Patient/ann']],
  ['Observation?_id=o1,o3&_include=Observation:subject', ['Patient/ann', 'Patient/bob']],
  ['Observation?_id=o1,o6&_include=Observation:subject:Device', ['Device/pump']],
  ['Observation?_id=o1&_include=Observation:*', ['Encounter/visit', 'Patient/ann']],
  ['Observation?_id=o1&_include=*', ['Encounter/visit', 'Patient/ann']],
  [
    'Observation?_id=o1&_include=Observation:patient&_include=Observation:encounter',
    ['Encounter/visit', 'Patient/ann'],
  ],
  ['Observation?_id=o1&_include=Observation:patient&_include=Patient:organization', ['Patient/ann']],
  [
    'Observation?_id=o1&_include=Observation:patient&_include:iterate=Patient:organization',
    ['Organization/north', 'Patient/ann'],
  ],
  [
    'Observation?_id=o1&_include=Observation:patient&_include:iterate=Patient:organization&_include:iterate=Organization:partof',
    ['Organization/group', 'Organization/north', 'Patient/ann'],
  ],
  ['Organization?_id=ward&_include:iterate=Organization:partof', ['Organization/group', 'Organization/north']],
  ['Observation?_id=o5&_include=Observation:patient', []],
  ['Patient?_id=ann&_revinclude=Observation:patient', ['Observation/o1', 'Observation/o2']],
  ['Patient?_id=ann,bob&_revinclude=Observation:subject', ['Observation/o1', 'Observation/o2', 'Observation/o3']],
  ['Patient?_id=ann&_revinclude=Observation:*', ['Observation/o1', 'Observation/o2']],
  ['Patient?_id=ann&_revinclude=*', ['Encounter/visit', 'Observation/o1', 'Observation/o2', 'Patient/bob']],
  ['Organization?_id=group&_revinclude:iterate=Organization:partof', ['Organization/north', 'Organization/ward']],
  [
    'Patient?_id=ann&_revinclude=Encounter:patient&_revinclude:iterate=Observation:encounter',
    ['Encounter/visit', 'Observation/o1'],
  ],
  ['Observation?_id=o4&_include=Observation:has-member', ['Observation/o1']],
  ['Patient?_id=ann,bob&_include=Patient:link', []],
];

onStoresInTurn(
  'includes',
  stage => {
    for (const [query, included] of INCLUDES)
      it(query, async () => {
        const found = await stage().talk.search(query);
        const parts = partsOf(found);
        assert.deepEqual(parts.included, included);
        assert.ok(parts.matches.length > 0);
        assert.equal(found.total, parts.matches.length, 'the total counts matches alone');
        assert.ok(linkOf(found, 'self')?.includes('include'));
      });

    it('come with the page that they belong to', async () => {
      const { talk } = stage();
      const first = await talk.search('Patient?_sort=_id&_count=1&_revinclude=Observation:patient');
      const pages = await walk(talk, first);
      assert.deepEqual(
        pages.map(page => partsOf(page).included),
        [['Observation/o1', 'Observation/o2'], ['Observation/o3'], ['Observation/o4'], []],
      );
    });

    it('come whole where _elements shortens matches, and not at all with a count', async () => {
      const { talk } = stage();
      const short = await talk.search('Observation?_id=o1&_elements=status&_include=Observation:patient');
      assert.ok(short.entry?.some(({ resource }) => resource?.resourceType === 'Patient' && resource.name));
      const count = await talk.search('Observation?_id=o1&_summary=count&_include=Observation:patient');
      assert.equal(count.entry, undefined);
    });

    for (const [query, detail] of [
      ['Observation?_include=Observation:colour', 'unknown-parameter'],
      ['Observation?_include=Colour:patient', 'unknown-parameter'],
      ['Observation?_include=Observation:patient:Device', 'invalid-value'],
      ['Observation?_include=Observation:code', 'invalid-value'],
      ['Observation?_include=Observation', 'invalid-value'],
      ['Observation?_include=', 'invalid-value'],
      ['Observation?_include:recurse=Observation:patient', 'unknown-parameter'],
      ['Observation?code.text=x', 'unknown-parameter'],
      ['Observation?subject:Organization.name=x', 'unknown-modifier'],
      ['Observation?focus._id=x', 'unknown-parameter'],
      ['Patient?_has:Observation:code:status=final', 'unknown-parameter'],
      ['Patient?_list=$current-problems', 'unknown-parameter'],
      ['Observation?code:in=http://codes.example/nothing', 'unknown-value-set'],
      ['Observation?code:in=ValueSet/nothing', 'unknown-value-set'],
      ['Observation?code:below=http://codes.example/nothing|x', 'unknown-code-system'],
      [`Observation?code:below=${SYSTEM}|nothing`, 'unknown-code'],
      ['Observation?code:below=lab', 'system-needed'],
      ['Location?near=91|0|1|km', 'invalid-value'],
      ['Location?near=1|0|1|parsec', 'invalid-value'],
      ['Patient?link.link.link.link.link.link.link.family=x', 'too-costly'],
    ] as const)
      it(`refuses ${query}`, async () =>
        assert.deepEqual(refusal(await stage().talk.get(query)), { status: 400, detail }));
  },
  { set: put },
);

onStoresInTurn(
  'a limit on what is included',
  stage => {
    it('is said in the answer', async () => {
      const found = await stage().talk.search('Patient?_id=ann,bob&_revinclude=Observation:patient');
      assert.equal(partsOf(found).included.length, 2);
      const outcome = found.entry?.find(({ search }) => search?.mode === 'outcome')?.resource;
      assert.equal(outcome?.resourceType === 'OperationOutcome' && outcome.issue[0]?.code, 'incomplete');
    });
  },
  { config: { maxIncluded: '2' }, set: put },
);
