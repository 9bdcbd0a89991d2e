/**
 * Elements with labels of their own (DS4P, http://hl7.org/fhir/uv/security-label-ds4p): who is not shown them, by no path, and that nothing is found by
 * them or lost with them. https://hl7.org/fhir/R4/security-labels.html
 */
import assert from 'node:assert/strict';
import type { Bundle, DocumentReference, FhirResource, Observation, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { actCode, as, confidential, identifyAs, staffAnd } from '../../support/consents.js';
import { decideWith } from '../../support/roles.js';
import { refusal, type Reply } from '../../support/talk.js';

const PRINCIPALS = { ...staffAnd('p'), auditor: { name: 'auditor', role: 'auditor' } };
const URL = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label';
const labelled = (...labels: readonly object[]) => ({
  extension: labels.map(valueCoding => ({ url: URL, valueCoding })),
});
const V = labelled(confidential('V'));
const MASKED = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
};
/** Stands in whatever is kept from clinicians, and nowhere else. */
const CANARY = 'canary';

const patient: Patient & { id: string } = {
  resourceType: 'Patient',
  id: 'p',
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${CANARY}</div>` },
  identifier: [
    { system: 'urn:open', value: 'open' },
    { ...V, system: 'urn:hidden', value: CANARY },
  ],
  name: [{ family: 'Seen', given: [CANARY, 'Second', CANARY], _given: [V, null, V] as never }],
  gender: 'female',
  birthDate: '1970-01-01',
  address: [{ ...V, city: CANARY }],
  contact: [{ name: { ...V, text: CANARY } }],
  multipleBirthInteger: 2,
  _multipleBirthInteger: labelled(confidential('R')),
  contained: [
    {
      resourceType: 'Organization',
      id: 'o',
      alias: ['Open'],
      identifier: [{ value: 'o' }],
      name: CANARY,
      _name: V,
    } as FhirResource,
  ],
  managingOrganization: { reference: '#o' },
};
const value = (id: string, more: Omit<Partial<Observation>, 'id'>): Observation & { id: string } => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'urn:codes', code: 'open' }] },
  subject: { reference: 'Patient/p' },
  effectiveDateTime: '2026-01-01',
  ...more,
});
const RECORD = [
  patient,
  { resourceType: 'Patient', id: 'other', name: [{ family: 'Canaryson' }] },
  value('plain', {}),
  value('coded', { code: { ...V, coding: [{ system: 'urn:codes', code: CANARY }] } }),
  value('about', { subject: { ...V, reference: 'Patient/other', display: CANARY } }),
  value('dated', { effectiveDateTime: '1999-09-09', _effectiveDateTime: V }),
  value('measured', { valueQuantity: { value: 1.5, unit: 'kg' }, note: [{ ...V, text: CANARY }, { text: 'open' }] }),
  value('not-for-patients', { note: [{ ...labelled(actCode('NOPAT')), text: 'nopat' }] }),
  { resourceType: 'Bundle', id: 'held', type: 'collection', entry: [{ resource: patient }] },
  {
    resourceType: 'DocumentReference',
    id: 'doc',
    status: 'current',
    subject: { reference: 'Patient/p' },
    description: CANARY,
    _description: V,
    content: [{ attachment: { contentType: 'text/plain', data: Buffer.alloc(9000, 'x').toString('base64') } }],
  },
] as const satisfies readonly FhirResource[];

onStoresInTurn(
  'elements with labels of their own',
  stage => {
    const tellsNothing = (reply: Reply, what: string): void => {
      assert.ok(!reply.text.includes(CANARY), `${what}: ${reply.text}`);
      assert.ok(!reply.text.includes('1999'), `${what}: ${reply.text}`);
    };
    const json = { 'content-type': 'application/fhir+json' };
    const namesOf = async (query: string, who = 'clinician') => {
      const reply = await stage().talk.get<Bundle>(query, as(who));
      assert.equal(reply.status, 200, reply.text);
      if (who === 'clinician' && !query.includes(CANARY) && !query.includes('1999')) tellsNothing(reply, query);
      return (reply.body.entry ?? []).map(({ resource }) => resource!.id!).toSorted();
    };

    it('are left out, and what is left is R4, marked, with the digits and bytes that it had', async () => {
      const { talk } = stage();
      const whole = (await talk.get<Patient>('Patient/p', as('owner'))).body;
      assert.deepEqual(whole.meta!.security, [actCode('PROCESSINLINELABEL')]);
      assert.deepEqual({ ...whole, meta: undefined }, { ...patient, meta: undefined });
      const { body, text } = await talk.get<Patient>('Patient/p', as('clinician'));
      assert.deepEqual(
        { ...body, meta: undefined },
        {
          resourceType: 'Patient',
          id: 'p',
          meta: undefined,
          contained: [{ resourceType: 'Organization', id: 'o', alias: ['Open'], identifier: [{ value: 'o' }] }],
          identifier: [{ system: 'urn:open', value: 'open' }],
          name: [{ family: 'Seen', given: ['Second'] }],
          gender: 'female',
          birthDate: '1970-01-01',
          managingOrganization: { reference: '#o' },
          multipleBirthInteger: 2,
          _multipleBirthInteger: labelled(confidential('R')),
        },
      );
      const marks = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue';
      assert.deepEqual(body.meta!.security, [actCode('PROCESSINLINELABEL'), { system: marks, code: 'REDACTED' }]);
      assert.deepEqual(body.meta!.tag, [{ system: marks, code: 'SUBSETTED' }]);
      assert.ok(!text.includes('"text"'));
      const coded = (await talk.get<Observation>('Observation/coded', as('clinician'))).body;
      const sent = await talk.send('POST', 'Observation/$validate', {
        headers: { ...json, ...as('owner') },
        body: JSON.stringify({ ...coded, meta: undefined }),
      });
      assert.ok(!sent.text.includes('"error"'), sent.text);
      assert.deepEqual(coded.code, MASKED);
      const measured = await talk.get<Observation>('Observation/measured', as('clinician'));
      assert.ok(measured.text.includes('"value":1.5'), measured.text);
      assert.deepEqual(measured.body.note, [{ text: 'open' }]);
      const document = await talk.get('DocumentReference/doc', as('clinician'));
      assert.ok(document.text.includes(Buffer.alloc(9000, 'x').toString('base64')));
      // By the level that each of them sees.
      assert.equal((await talk.get<Patient>('Patient/p', as('service'))).body.multipleBirthInteger, undefined);
      assert.ok((await talk.get('Observation/not-for-patients', as('clinician'))).text.includes('nopat'));
      assert.ok(!(await talk.get('Observation/not-for-patients', as('patient'))).text.includes('nopat'));
    });

    it('are told by no path', async () => {
      const { talk } = stage();
      const transaction = {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: ['Patient/p', 'Observation?subject=Patient/p', 'Patient/p/_history'].map(url => ({
          request: { method: 'GET', url },
        })),
      };
      const everywhere = [
        ...RECORD.map(({ resourceType, id }) => `${resourceType}/${id}`).filter(name => name !== 'Patient/other'),
        ...['Patient/p/_history/1', 'Patient/p/_history', 'Patient/_history', '_history?_type=Observation,Patient'],
        ...['Patient?_id=p', 'Patient?_id=p&_elements=address', 'Patient?_summary=text', 'Bundle?_id=held'],
        ...['Observation?_include=Observation:subject', 'Patient?_id=p&_revinclude=Observation:subject'],
        ...['Patient/p/$everything', 'Patient/p/$meta', 'Patient/p/Observation', '?_type=Patient,Observation'],
        ...['DocumentReference?patient=p', 'Observation?_sort=_lastUpdated', 'Patient/p?_format=xml'],
        ...['Patient?_id=p&_format=xml', 'Patient/p?_pretty=true'],
      ];
      for (const path of everywhere) {
        const reply = await talk.get(path, as('clinician'));
        assert.equal(reply.status, 200, path);
        tellsNothing(reply, path);
        const open = await talk.get(path, as('owner'));
        if (!/\$meta|_elements/.test(path) && !path.startsWith('Observation/'))
          assert.ok(open.text.includes(CANARY) || open.text.includes('1999'), `nothing in ${path} would notice`);
      }
      for (const type of ['batch', 'transaction']) {
        const body = JSON.stringify({ ...transaction, type });
        const reply = await talk.send('POST', '', { headers: { ...json, ...as('clinician') }, body });
        assert.equal(reply.status, 200, reply.text);
        tellsNothing(reply, type);
        assert.ok(reply.text.includes('REDACTED'));
      }
    });

    it('find nothing, and hide nothing by being absent', async () => {
      const rows: readonly [string, readonly string[], readonly string[]][] = [
        [`Patient?identifier=${CANARY}`, ['p'], []],
        ['Patient?identifier=open', ['p'], ['p']],
        [`Patient?name=${CANARY}`, ['other', 'p'], ['other']],
        [`Patient?name:exact=${CANARY}`, ['p'], []],
        ['Patient?given=second', ['p'], ['p']],
        ['Patient?address-city:missing=true', ['other'], ['other', 'p']],
        ['Patient?address-city:missing=false', ['p'], []],
        [`Observation?code=${CANARY}`, ['coded'], []],
        [`Observation?code:not=${CANARY}&_id=coded,plain`, ['plain'], ['coded', 'plain']],
        ['Observation?code:missing=true', [], ['coded']],
        ['Observation?subject=Patient/other', ['about'], []],
        ['Observation?patient.name=Canaryson', ['about'], []],
        ['Patient?_has:Observation:subject:status=final', ['other', 'p'], ['p']],
        [`Patient?_has:Observation:subject:code=${CANARY}`, ['p'], []],
        ['Observation?date=1999-09-09', ['dated'], []],
        ['Observation?date:missing=true', [], []],
        ['Observation?subject:missing=true', [], ['about']],
        [`Patient?_filter=given eq "${CANARY}"`, ['p'], []],
        [`Patient?_content=${CANARY}`, ['p'], []],
        [`Patient?_text=${CANARY}`, ['p'], []],
        ['?_type=Patient,Observation&_security=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|V', [], []],
        ['Patient/other/Observation', ['about'], []],
      ];
      for (const [query, whole, seen] of rows) {
        const encoded = query.replaceAll(' ', '%20').replaceAll('"', '%22');
        assert.deepEqual(await namesOf(encoded, 'owner'), whole, query);
        assert.deepEqual(await namesOf(encoded), seen, query);
        const count = await stage().talk.get<Bundle>(`${encoded}&_summary=count`, as('clinician'));
        if (!encoded.startsWith('Patient/')) assert.equal(count.body.total, seen.length, query);
      }
      // Where its place would tell, it is in none.
      assert.deepEqual(await namesOf('Observation?_id=dated,plain&_sort=date'), ['plain']);
      assert.deepEqual(await namesOf('Observation?_id=dated,plain&_sort=_id'), ['dated', 'plain']);
      const counted = await stage().talk.get<Bundle>(
        'Observation?_id=dated,plain&_sort=date&_summary=count',
        as('clinician'),
      );
      assert.equal(counted.body.total, 1);
    });

    it('are lost by no write of somebody who does not see them', async () => {
      const { talk } = stage();
      const refused = { status: 403, detail: 'masked-resource' };
      const masked = (await talk.get<Patient>('Patient/p', as('specialist'))).body;
      assert.deepEqual(refusal(await talk.update(masked as Patient & { id: string }, as('specialist'))), {
        status: 422,
        detail: 'subset',
      });
      const bare = { ...masked, meta: undefined, gender: 'male' } as unknown as Patient & { id: string };
      assert.deepEqual(refusal(await talk.update(bare, as('specialist'))), refused);
      const patch = JSON.stringify([{ op: 'replace', path: '/gender', value: 'male' }]);
      const patching = { headers: { 'content-type': 'application/json-patch+json', ...as('specialist') }, body: patch };
      assert.deepEqual(refusal(await talk.send('PATCH', 'Patient/p', patching)), refused);
      assert.deepEqual(refusal(await talk.send('PATCH', 'Patient?identifier=open', patching)), refused);
      assert.deepEqual(refusal(await talk.delete('Patient/p', as('specialist'))), refused);
      const entry = { resource: bare, request: { method: 'PUT', url: 'Patient/p' } };
      const bundle = { resourceType: 'Bundle', type: 'transaction', entry: [entry] };
      const committed = await talk.send('POST', '', {
        headers: { ...json, ...as('specialist') },
        body: JSON.stringify(bundle),
      });
      assert.deepEqual(refusal(committed), refused);
      assert.ok(committed.text.includes('Bundle.entry[0].resource'));
      const meta = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag: [{ code: 'x' }] } }] };
      const labels = { headers: { ...json, ...as('specialist') }, body: JSON.stringify(meta) };
      assert.deepEqual(refusal(await talk.send('POST', 'Patient/p/$meta-add', labels)), refused);
      const creation = { headers: { ...json, ...as('specialist'), 'if-none-exist': `identifier=${CANARY}` } };
      const made = await talk.send('POST', 'Patient', {
        ...creation,
        body: JSON.stringify({ resourceType: 'Patient' }),
      });
      assert.equal(made.status, 201, made.text);
      const after = await talk.get<Patient>('Patient/p', as('owner'));
      assert.deepEqual([after.header('etag'), after.body.gender], ['W/"1"', 'female']);
    });

    it('are left out of the past, too, from when they are labelled', async () => {
      const { talk } = stage();
      await talk.update(value('later', { valueString: CANARY }), as('owner'));
      await talk.update(value('untouched', { valueString: 'open' }), as('owner'));
      await talk.update(value('untouched', { valueString: 'still' }), as('owner'));
      assert.equal((await talk.get('Observation/later', as('clinician'))).status, 200);
      await talk.update(value('later', { valueString: CANARY, _valueString: V }), as('owner'));
      assert.equal((await talk.get('Observation/later/_history/1', as('clinician'))).status, 404);
      assert.equal((await talk.get('Observation/later/_history/1', as('owner'))).status, 200);
      assert.equal((await talk.get('Observation/untouched/_history/1', as('clinician'))).status, 200);
      const history = await talk.get<Bundle>('Observation/later/_history', as('clinician'));
      tellsNothing(history, 'history');
      assert.deepEqual([history.body.total, history.body.entry!.length], [1, 1]);
      assert.equal((await talk.get<Bundle>('Observation/later/_history', as('owner'))).body.total, 2);
    });

    it('tell nothing by where they end, and by no copy of what others saw', async () => {
      const { talk } = stage();
      const period = { start: '2020-01-01', end: '2021-05-05', _end: V } as never;
      const visit = {
        resourceType: 'Encounter',
        id: 'visit',
        status: 'finished',
        class: { code: 'AMB' },
        period,
      } as const;
      await talk.update(visit, as('owner'));
      for (const order of ['', '&_sort=_id', '&_sort=_lastUpdated'])
        assert.deepEqual(
          await Promise.all(['2021-01-01', '2022-01-01'].map(day => namesOf(`Encounter?date=ge${day}${order}`))),
          order === '' ? [[], []] : [['visit'], ['visit']],
          order,
        );
      assert.deepEqual(await namesOf('Encounter?date=ge2022-01-01', 'owner'), []);
      const etag = { 'if-none-match': 'W/"1"' };
      assert.equal((await talk.get('Encounter/visit', { ...as('clinician'), ...etag })).status, 200);
      assert.equal((await talk.get('Encounter/visit', { ...as('owner'), ...etag })).status, 200);
    });

    it('keep bytes from who does not see the element that points at them, whatever guards these', async () => {
      const { talk } = stage();
      const attachment = (id: string) => ({ contentType: 'application/octet-stream', url: `Binary/${id}` });
      const guarding: DocumentReference & { id: string } = {
        ...{
          resourceType: 'DocumentReference',
          id: 'guarding',
          status: 'current',
          subject: { reference: 'Patient/p' },
        },
        content: [{ ...V, attachment: attachment('unseen') }, { attachment: attachment('seen') }],
      };
      for (const id of ['unseen', 'seen', 'beside']) {
        const bytes = { resourceType: 'Binary', id, contentType: 'application/octet-stream', data: 'AAAA' } as const;
        const securityContext = { reference: 'DocumentReference/guarding' };
        assert.ok((await talk.update({ ...bytes, securityContext }, as('owner'))).status < 300);
      }
      assert.equal((await talk.update(guarding, as('owner'))).status, 201);
      for (const [who, id, status] of [
        ['clinician', 'unseen', 404],
        ['clinician', 'seen', 200],
        ['clinician', 'beside', 200],
        ['officer', 'unseen', 200],
      ] as const)
        for (const accept of ['application/octet-stream', 'application/fhir+json'])
          assert.equal((await talk.get(`Binary/${id}`, { ...as(who), accept })).status, status, `${who} ${id}`);
    });

    it('make chains and reverse chains look at the rows that have them, and at no others', async () => {
      const { server, talk } = stage();
      for (let i = 0; i < 40; i++) assert.ok((await talk.update(value(`many-${i}`, {}), as('owner'))).status < 300);
      const { store } = server.engine;
      const find = store.find.bind(store);
      let looked = 0;
      store.find = async query => {
        const page = await find(query);
        looked += page.rows.length;
        return page;
      };
      try {
        const codes = 'code=urn:codes|open';
        assert.deepEqual(await namesOf(`Patient?_has:Observation:patient:${codes}`), ['p']);
        assert.ok(looked < 30, `${looked} rows`);
      } finally {
        store.find = find;
      }
    });

    it('find no event that a client has sent, and leave those of the server where they are', async () => {
      const { server, talk } = stage();
      const type = { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110100' };
      const names = (name: string) => ({
        resourceType: 'AuditEvent',
        type,
        recorded: '2026-01-01T00:00:00Z',
        ...of(name),
      });
      const of = (name: string) => ({
        agent: [{ name, requestor: true, ...(name === CANARY ? { _name: V } : {}) }],
        source: { observer: { display: 'Elsewhere' } },
      });
      for (const name of [CANARY, 'open-agent']) {
        const sent = await talk.create(names(name) as FhirResource, as('owner'));
        assert.equal(sent.status, 201, sent.text);
      }
      const rows = async (query: string, who: string): Promise<number> => {
        const reply = await talk.get<Bundle>(`AuditEvent?${query}`, as(who));
        assert.equal(reply.status, 200, reply.text);
        if (who === 'auditor') tellsNothing({ ...reply, text: reply.text.replaceAll(/"url":"[^"]*"/g, '') }, query);
        return (reply.body.entry ?? []).length;
      };
      assert.equal(await rows(`agent-name=${CANARY}`, 'owner'), 1);
      const { decide } = server.engine;
      const auditor = { types: [{ type: 'AuditEvent', letters: 'rs' }], operations: [] };
      const ofRole = decideWith({ auditor });
      const masked: typeof decide = (principal, asked) => {
        const decision = ofRole(principal, asked);
        if (!decision.allow) return decision;
        return { ...decision, permission: { ...decision.permission, masks: { most: 'R', asPatient: false } } };
      };
      Object.assign(server.engine, { decide: masked });
      try {
        assert.equal(await rows(`agent-name=${CANARY}`, 'auditor'), 0);
        assert.equal(await rows('agent-name=open-agent', 'auditor'), 1);
        assert.equal(await rows('agent-name=open-agent,none&type=110100', 'auditor'), 1);
        assert.ok((await rows('agent-name=owner', 'auditor')) > 0);
      } finally {
        Object.assign(server.engine, { decide });
      }
    });

    it('are taken away, or made less, by whoever keeps privacy alone', async () => {
      const { talk } = stage();
      const id = 'kept';
      const write = (who: string, ...notes: readonly object[]) =>
        talk.update(value(id, { note: notes as Observation['note'] & object }), as(who));
      const R = labelled(confidential('R'));
      assert.equal((await write('owner', { ...R, text: 'one' }, { ...R, text: 'two' })).status, 201);
      assert.equal((await write('clinician', { ...R, text: 'three' }, { ...R, text: 'four' })).status, 200);
      const lowered = { status: 403, detail: 'label-lowered' };
      assert.deepEqual(refusal(await write('clinician', { ...R, text: 'three' }, { text: 'four' })), lowered);
      assert.deepEqual(refusal(await write('clinician', { ...R, text: 'three' })), lowered);
      assert.equal((await write('clinician', { ...V, text: 'three' }, { ...R, text: 'four' })).status, 200);
      assert.deepEqual(refusal(await write('clinician', { text: 'new' })), { status: 403, detail: 'masked-resource' });
      assert.equal((await write('owner', { text: 'new' })).status, 200);
    });
  },
  {
    config: { fulltext: 'on' },
    set: async ({ server, talk }) => {
      Object.assign(server.engine, { identify: identifyAs(PRINCIPALS) });
      for (const one of RECORD) {
        const reply = await talk.update(one, as('owner'));
        assert.ok(reply.status < 300, reply.text);
      }
    },
  },
);
