/**
 * A custom search parameter from its creation to its end, on both stores: unknown, in force, indexed behind the traffic,
 * out of force. In test-harness mode, where no other process has to learn of it first; several processes are in
 * reindex-job.test.ts. https://hl7.org/fhir/R4/searchparameter.html
 */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { CapabilityStatement, OperationDefinition, OperationOutcome, Patient, Resource } from 'fhir/r4.js';
import { before, describe, it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { parameterOf, statusOf, untilReady, warningsOf } from '../support/reindexed.js';
import { idsOf, refusal, type Talk } from '../support/talk.js';

import { fullIt } from '../support/depth.js';
const nicknamed = (id: string, nick: string): Patient => ({
  resourceType: 'Patient',
  id,
  extension: [{ url: 'http://a.example/nick', valueString: nick }],
});
const JSON_BODY = { 'content-type': 'application/fhir+json' };
const listed = async (talk: Talk, type: string): Promise<string[]> => {
  const { rest } = (await talk.get<CapabilityStatement>('metadata')).body;
  return (rest?.[0]?.resource?.find(each => each.type === type)?.searchParam ?? []).map(({ name }) => name);
};

onStoresInTurn(
  'a custom search parameter',
  stage => {
    describe('created while resources are there', () => {
      const OLD = 130;

      before(async () => {
        const { talk } = stage();
        for (let i = 0; i < OLD; i++) await talk.update(nicknamed(`old${i}`, i % 2 === 0 ? 'Even' : 'Odd'));
      });

      it('is unknown before: 400', async () => {
        assert.deepEqual(refusal(await stage().talk.get('Patient?nick=even')), {
          status: 400,
          detail: 'unknown-parameter',
        });
        assert.ok(!(await listed(stage().talk, 'Patient')).includes('nick'));
      });

      it('finds what is written from then on at once, and says that older ones may be missing', async () => {
        const { talk, server } = stage();
        // Holds the job back, so that there is a meanwhile to look at.
        await server.engine.jobs.stop();
        assert.equal((await talk.update(parameterOf('nick'))).status, 201);
        await talk.update(nicknamed('new', 'Even'));
        await talk.update(nicknamed('old1', 'Even'));
        const found = await talk.search('Patient?nick=even');
        assert.deepEqual(idsOf(found).toSorted(), ['new', 'old1']);
        assert.deepEqual(warningsOf(found), ['parameter-indexing']);
        const outcome = found.entry?.at(-1)?.resource as OperationOutcome | undefined;
        const issue = outcome?.issue[0];
        assert.deepEqual([issue?.severity, issue?.code], ['warning', 'incomplete']);
        assert.match(issue?.details?.text ?? '', new RegExp(`0 of about ${OLD} `));
        assert.deepEqual(warningsOf(await talk.search('Patient?nick=even&_summary=count')), ['parameter-indexing']);
        assert.deepEqual(warningsOf(await talk.search('Patient?_sort=nick')), ['parameter-indexing']);
        assert.deepEqual(warningsOf(await talk.search('Observation?patient.nick=even')), ['parameter-indexing']);
        assert.deepEqual(warningsOf(await talk.search('Organization?_has:Patient:organization:nick=even')), [
          'parameter-indexing',
        ]);
        assert.deepEqual(warningsOf(await talk.search('Patient?family=x')), []);
        assert.deepEqual((await statusOf(talk)).get('nick'), { status: 'indexing', done: 0, total: OLD });
      });

      it('is in /metadata', async () => {
        assert.ok((await listed(stage().talk, 'Patient')).includes('nick'));
        assert.ok(!(await listed(stage().talk, 'Person')).includes('nick'));
      });

      it('finds all of them once the job is through, without a warning', async () => {
        const { talk, server } = stage();
        server.engine.jobs.run();
        await untilReady(talk, 'nick');
        const search = () => talk.search('Patient?nick=even&_count=200');
        let found = await search();
        // Searches hear a moment later that the job is through.
        for (; warningsOf(found).length > 0; found = await search()) await pause(50);
        assert.equal(found.total, OLD / 2 + 2);
        assert.equal((await talk.search('Patient?nick:missing=true')).total, 0);
        assert.equal((await talk.search('Patient?nick:exact=Odd&_summary=count')).total, OLD / 2 - 1);
        const status = (await statusOf(talk)).get('nick');
        assert.equal(status?.status, 'ready');
        assert.ok(status.done >= OLD);
      });

      it('is indexed anew when its expression changes, and not when its description does', async () => {
        const { talk, server } = stage();
        await server.engine.jobs.stop();
        await talk.update(parameterOf('nick', { description: 'Other words.' }));
        assert.equal((await statusOf(talk)).get('nick')?.status, 'ready');
        await talk.update(parameterOf('nick', { expression: 'Patient.name.given' }));
        assert.equal((await statusOf(talk)).get('nick')?.status, 'indexing');
        server.engine.jobs.run();
        await untilReady(talk, 'nick');
        assert.equal((await talk.search('Patient?nick=even&_summary=count')).total, 0);
        await talk.update({ ...nicknamed('given', 'x'), name: [{ given: ['Even'] }] });
        assert.deepEqual(idsOf(await talk.search('Patient?nick=even')), ['given']);
      });

      it('is unknown again once it is retired, and in force and complete when it is active again', async () => {
        const { talk } = stage();
        const nick = parameterOf('nick');
        assert.equal((await talk.update({ ...nick, status: 'retired' })).status, 200);
        assert.equal(refusal(await talk.get('Patient?nick=even')).status, 400);
        assert.deepEqual([...(await statusOf(talk)).keys()], []);
        assert.ok(!(await listed(talk, 'Patient')).includes('nick'));
        // Written without it.
        await talk.update(nicknamed('between', 'Even'));
        await talk.update(nick);
        await untilReady(talk, 'nick');
        assert.equal((await talk.search('Patient?nick=even&_summary=count')).total, OLD / 2 + 3);
      });

      it('is unknown when it was deleted', async () => {
        const { talk } = stage();
        assert.equal((await talk.delete('SearchParameter/nick')).status, 204);
        assert.equal(refusal(await talk.get('Patient?nick=even')).status, 400);
        assert.equal((await talk.update(nicknamed('after', 'Even'))).status, 201);
      });
    });

    describe('of every type', () => {
      const url = 'http://a.example/';
      const LANGUAGES = ['', 'en', 'de', 'fr', 'es', 'it'];
      const parameters = [
        parameterOf('x-token', { type: 'token', expression: `extension('${url}token').value` }),
        parameterOf('x-date', { type: 'date', expression: `extension('${url}date').value` }),
        parameterOf('x-number', { type: 'number', expression: `extension('${url}number').value` }),
        parameterOf('x-quantity', { type: 'quantity', expression: `extension('${url}quantity').value` }),
        parameterOf('x-uri', { type: 'uri', expression: `extension('${url}uri').value` }),
        parameterOf('x-reference', {
          type: 'reference',
          target: ['Organization'],
          expression: `extension('${url}reference').value`,
        }),
        parameterOf('x-part', { type: 'token', expression: 'Patient.communication.language' }),
        parameterOf('x-whole', {
          type: 'composite',
          expression: 'Patient.communication',
          component: [
            { definition: parameterOf('x-part').url, expression: 'language' },
            { definition: 'http://hl7.org/fhir/SearchParameter/Patient-active', expression: 'preferred' },
          ],
        }),
        parameterOf('x-all', {
          base: ['DomainResource'],
          type: 'token',
          expression: `DomainResource.extension('${url}token').value`,
        }),
      ];
      const patient = (id: string, i: number): Patient => ({
        resourceType: 'Patient',
        id,
        extension: [
          { url: `${url}token`, valueCoding: { system: 'urn:s', code: `c${i}` } },
          { url: `${url}date`, valueDate: `202${i}-05-01` },
          { url: `${url}number`, valueDecimal: i + 0.5 },
          {
            url: `${url}quantity`,
            valueQuantity: { value: i, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
          },
          { url: `${url}uri`, valueUri: `http://a.example/${i}` },
          { url: `${url}reference`, valueReference: { reference: `Organization/o${i}` } },
        ],
        communication: [
          { language: { coding: [{ system: 'urn:ietf:bcp:47', code: LANGUAGES[i]! }] }, preferred: i > 2 },
        ],
      });

      before(async () => {
        const { talk } = stage();
        for (let i = 1; i <= 3; i++) {
          await talk.update(patient(`t${i}`, i));
          const { extension = [] } = patient(`t${i}`, i);
          const basic = await talk.update({ resourceType: 'Basic', id: `b${i}`, code: { text: 'x' }, extension });
          assert.equal(basic.status, 201);
        }
        for (const each of parameters) {
          const reply = await talk.update(each);
          assert.equal(reply.status, 201, reply.text);
        }
        for (let i = 4; i <= 5; i++) await talk.update(patient(`t${i}`, i));
        await untilReady(talk);
      });

      const rows: [query: string, found: string[]][] = [
        ['x-token=urn:s|c2', ['t2']],
        ['x-token=c2,c4', ['t2', 't4']],
        ['x-token:not=c2', ['t1', 't3', 't4', 't5']],
        ['x-date=2022', ['t2']],
        ['x-date=ge2023', ['t3', 't4', 't5']],
        ['x-date=gt2021&x-date=lt2024-06', ['t2', 't3', 't4']],
        ['x-number=gt3', ['t3', 't4', 't5']],
        ['x-number=2.5', ['t2']],
        ['x-quantity=lt3', ['t1', 't2']],
        ['x-quantity=3|http://unitsofmeasure.org|kg', ['t3']],
        ['x-quantity=3||g', []],
        ['x-uri=http://a.example/4', ['t4']],
        ['x-uri:below=http://a.example', ['t1', 't2', 't3', 't4', 't5']],
        ['x-reference=Organization/o5', ['t5']],
        ['x-reference:missing=false', ['t1', 't2', 't3', 't4', 't5']],
        ['x-whole=urn:ietf:bcp:47|fr$true', ['t3']],
        ['x-whole=de$true', []],
        ['x-all=c1', ['t1']],
      ];
      for (const [query, expected] of rows)
        it(`Patient?${query} finds ${expected.join(', ') || 'nothing'}`, async () => {
          const found = await stage().talk.search(`Patient?${query}&_id=t1,t2,t3,t4,t5`);
          assert.deepEqual(idsOf(found).toSorted(), expected);
          const alone = await stage().talk.search(`Patient?${query}&_count=1000`);
          assert.deepEqual(
            idsOf(alone)
              .filter(id => /^t\d$/.test(id))
              .toSorted(),
            expected,
          );
        });

      it('orders by them', async () => {
        const { talk } = stage();
        for (const code of ['x-date', 'x-number', 'x-quantity', 'x-token']) {
          assert.deepEqual(idsOf(await talk.search(`Patient?_sort=-${code}&${code}:missing=false`)), [
            't5',
            't4',
            't3',
            't2',
            't1',
          ]);
        }
      });

      it('finds resources of every type by a parameter of all', async () => {
        const { talk } = stage();
        assert.deepEqual(idsOf(await talk.search('Basic?x-all=c1')), ['b1']);
        assert.deepEqual(idsOf(await talk.search('?_type=Patient,Basic&x-all=c1')).toSorted(), ['b1', 't1']);
        assert.deepEqual(idsOf(await talk.search('Basic?x-all:missing=true')), []);
      });
    });

    describe('of AuditEvent', () => {
      it('finds the events that are recorded from then on', async () => {
        const { talk } = stage();
        const site = parameterOf('event-site', {
          base: ['AuditEvent'],
          type: 'token',
          // What a template of events could not fill in.
          expression: "AuditEvent.entity.what.identifier.value.where(startsWith('look-')).substring(5)",
        });
        assert.equal((await talk.update(site)).status, 201);
        await talk.get('Patient/none', { 'x-request-id': 'look-here' });
        const found = await talk.search('AuditEvent?event-site=here');
        assert.equal(idsOf(found).length, 1);
        await talk.delete('SearchParameter/event-site');
      });
    });

    describe('that cannot be', () => {
      const refused: [what: string, at: string, changes: Parameters<typeof parameterOf>[1]][] = [
        ['a special one', 'type', { type: 'special' }],
        ['a code of the standard', 'base[0]', { code: 'family' }],
        ['an expression that leads nowhere', 'expression', { expression: 'Patient.nick' }],
        ['an expression that is none', 'expression', { expression: 'Patient.name.where(' }],
      ];
      for (const [what, at, changes] of refused)
        it(`is refused while active, and kept otherwise: ${what}`, async () => {
          const { talk } = stage();
          const id = `wrong-${what.replaceAll(' ', '-')}`;
          const wrong = { ...parameterOf('wrong', changes), id };
          for (const reply of [await talk.update(wrong), await talk.create(wrong)]) {
            assert.equal(reply.status, 422, reply.text);
            const [issue] = (reply.body as unknown as OperationOutcome).issue;
            assert.deepEqual(issue?.expression, [`SearchParameter.${at}`]);
            assert.ok(issue?.details?.coding?.[0]?.code);
          }
          assert.equal((await talk.get(`SearchParameter/${id}`)).status, 404);
          assert.equal((await talk.update({ ...wrong, status: 'draft' })).status, 201);
          assert.equal((await talk.update(wrong)).status, 422);
          assert.equal((await talk.update({ ...wrong, status: 'retired' })).status, 200);
          assert.equal(refusal(await talk.get('Patient?wrong=x')).status, 400);
        });

      it('is refused where another one in force has its url or its code, unless it is that one', async () => {
        const { talk } = stage();
        assert.equal((await talk.update(parameterOf('once'))).status, 201);
        assert.equal((await talk.update(parameterOf('once'))).status, 200);
        const twice = await talk.update({ ...parameterOf('once'), id: 'twice' });
        assert.deepEqual(refusal(twice), { status: 422, detail: 'parameter-taken' });
        const url = 'http://a.example/other';
        assert.equal((await talk.update({ ...parameterOf('once', { url }), id: 'twice' })).status, 422);
        const code = 'other-code';
        assert.equal((await talk.update({ ...parameterOf('once', { code }), id: 'twice' })).status, 422);
        await talk.update(parameterOf('once', { status: 'retired' }));
        assert.equal((await talk.update({ ...parameterOf('once'), id: 'twice' })).status, 201);
        // What was retired may not come back while its successor is there.
        assert.equal((await talk.update(parameterOf('once'))).status, 422);
        await talk.delete('SearchParameter/twice');
      });

      it('leaves the standard alone where it repeats it', async () => {
        const { talk } = stage();
        const statement = await talk.get<CapabilityStatement>('metadata');
        const repeated = parameterOf('family', {
          derivedFrom: 'http://hl7.org/fhir/SearchParameter/individual-family',
          expression: 'Patient.name.given',
        });
        assert.equal((await talk.update(repeated)).status, 201);
        await talk.update({ resourceType: 'Patient', id: 'standard', name: [{ family: 'Stand', given: ['Alone'] }] });
        assert.deepEqual(idsOf(await talk.search('Patient?family=stand')), ['standard']);
        assert.equal((await talk.get('metadata')).text, statement.text);
      });
    });

    describe('$reindex', () => {
      it('is defined where /metadata says', async () => {
        const { talk } = stage();
        const { rest } = (await talk.get<CapabilityStatement>('metadata')).body;
        const definition = rest?.[0]?.operation?.find(({ name }) => name === 'reindex')?.definition ?? '';
        const reply = await talk.get<OperationDefinition>(definition);
        assert.equal(reply.status, 200, reply.text);
        const { url, code, system, type, instance } = reply.body;
        assert.deepEqual([url, code, system, type, instance], [definition, 'reindex', true, false, false]);
      });

      fullIt('indexes everything anew, or one type, in the background', async () => {
        const { talk } = stage();
        const bodies = [
          undefined,
          JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'type', valueCode: 'Patient' }] }),
          '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="type"/><valueCode value="Basic"/></parameter></Parameters>',
        ];
        for (const body of bodies) {
          const type = body?.startsWith('<') ? 'application/fhir+xml' : 'application/fhir+json';
          const options = body === undefined ? {} : { body, headers: { 'content-type': type } };
          const reply = await talk.send<Resource>('POST', '$reindex', options);
          assert.equal(reply.status, 200, reply.text);
          assert.ok(reply.text.includes('"request"'));
        }
        assert.equal((await talk.send('POST', '$reindex?type=Patient')).status, 200);
        while ((await statusOf(talk)).has('request')) await new Promise(done => setTimeout(done, 100));
        await untilReady(talk);
      });

      const bad: [what: string, method: string, path: string, status: number, body?: object | string, type?: string][] =
        [
          ['another method', 'PUT', '$reindex', 405],
          ['a type that is none', 'POST', '$reindex?type=Pasta', 400],
          ['an unknown parameter', 'POST', '$reindex?kind=Patient', 400],
          ['a parameter twice', 'POST', '$reindex?type=Patient&type=Group', 400],
          ['what only looks', 'GET', '$reindex', 405],
          ['a parameter of the status', 'GET', '$reindex-status?type=Patient', 400],
          ['a form', 'POST', '$reindex', 415, 'type=Patient', 'application/x-www-form-urlencoded'],
          ['a body that is no Parameters', 'POST', '$reindex', 400, { resourceType: 'Patient' }],
          ['a body that is not valid', 'POST', '$reindex', 400, { resourceType: 'Parameters', parameter: [{ x: 1 }] }],
          [
            'a value of another type',
            'POST',
            '$reindex',
            400,
            {
              resourceType: 'Parameters',
              parameter: [{ name: 'type', valueInteger: 1 }],
            },
          ],
          ['a body that is no JSON', 'POST', '$reindex', 400, 'no'],
          ['a level where it is not', 'POST', 'Patient/$reindex', 404],
          ['a level where it is not', 'POST', 'Patient/t1/$reindex', 404],
          ['more behind it', 'GET', '$reindex/x', 404],
          ['another operation', 'GET', '$reindexx', 404],
        ];
      for (const [what, method, path, status, body, type] of bad)
        it(`refuses ${what}: ${method} ${path}`, async () => {
          const text = typeof body === 'object' ? JSON.stringify(body) : body;
          const headers = type === undefined ? JSON_BODY : { 'content-type': type };
          const options = text === undefined ? {} : { body: text, headers };
          assert.equal(refusal(await stage().talk.send(method, path, options)).status, status);
        });

      it('says which methods it has', async () => {
        const reply = await stage().talk.send('OPTIONS', '$reindex');
        assert.equal(reply.header('allow'), 'POST, OPTIONS');
      });
    });
  },
  { config: { harness: 'on' } },
);
