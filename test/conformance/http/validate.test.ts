/**
 * $validate as an operation: what it takes, what it answers, and that it leaves nothing behind. What is found in resources is the subject of
 * test/conformance/validation. https://hl7.org/fhir/R4/resource-operation-validate.html
 */
import assert from 'node:assert/strict';
import type { AuditEvent, OperationOutcome, OperationOutcomeIssue, Patient } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { UNRESTRICTED } from '../../../src/access/permission.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { restricted, type RestrictedServer } from '../../support/restricted.js';
import { newStore, startServer } from '../../support/server.js';
import { refusal, type Reply, type Talk } from '../../support/talk.js';

const JSON_TYPE = { 'content-type': 'application/fhir+json' };
const XML_TYPE = { 'content-type': 'application/fhir+xml' };
const CLEAN = { resourceType: 'Patient', id: 'p', active: true };
const FAULTY = { resourceType: 'Patient', id: 'p', gender: 'none', nonsense: 1, birthDate: 5 };

const post = (talk: Talk, path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  talk.send<OperationOutcome>('POST', path, {
    headers: { ...JSON_TYPE, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const parameters = (resource: unknown, ...others: object[]) => {
  const parameter = [...others, ...(resource === undefined ? [] : [{ name: 'resource', resource }])];
  return { resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) };
};
const mode = (valueCode: string) => ({ name: 'mode', valueCode });

const issuesOf = ({ status, body, text }: Reply<OperationOutcome>): OperationOutcomeIssue[] => {
  assert.equal(status, 200, text);
  assert.equal(body.resourceType, 'OperationOutcome');
  return body.issue;
};
const detailOf = ({ details }: OperationOutcomeIssue): string | undefined => details?.coding?.[0]?.code;
const errorsOf = (reply: Reply<OperationOutcome>) => issuesOf(reply).filter(({ severity }) => severity === 'error');
const isClean = (reply: Reply<OperationOutcome>): void => {
  const issues = issuesOf(reply);
  assert.deepEqual(
    issues.map(({ severity, code, details }) => [severity, code, details?.text]),
    [['information', 'informational', 'No issues detected.']],
    reply.text,
  );
};
const placeOf = ({ extension = [] }: OperationOutcomeIssue) =>
  ['line', 'col'].map(name => {
    const found = extension.find(({ url }) => url.endsWith(`operationoutcome-issue-${name}`));
    return name === 'line' ? found?.valueInteger : found?.valueString && Number(found.valueString);
  });

onStoresInTurn(
  '$validate',
  stage => {
    const talk = () => stage().talk;

    it('goes on where elements are missing or unknown alone, and tells of a missing one once', async () => {
      const observation = {
        resourceType: 'Observation',
        nonsense: 1,
        code: { text: 'a' },
        valueString: 'b',
        dataAbsentReason: { text: 'c' },
      };
      const told = errorsOf(await post(talk(), 'Observation/$validate', observation)).map(issue => [
        issue.expression?.[0],
        detailOf(issue),
      ]);
      const both = [
        ['Observation', 'element-unknown'],
        ['Observation.status', 'element-missing'],
        ['Observation', 'invariant'],
      ];
      assert.deepEqual(told, both);
      for (const each of ['create', 'update']) {
        const sent = parameters({ ...observation, id: 'o' }, mode(each));
        const found = errorsOf(await post(talk(), 'Observation/$validate', sent));
        assert.deepEqual(
          found.map(issue => [issue.expression?.[0], detailOf(issue)]),
          both,
          each,
        );
      }
      const wrong = errorsOf(await post(talk(), 'Observation/$validate', { ...observation, code: 'a' }));
      assert.ok(!wrong.some(issue => detailOf(issue) === 'invariant'), 'not where something has the wrong shape');
      const write = await post(talk(), 'Observation', observation);
      assert.equal(write.status, 400);
      assert.ok(
        !write.body.issue.some(issue => detailOf(issue) === 'invariant'),
        'a write is refused for its structure',
      );
    });

    it('says of what is right that nothing was found, sent as it is or in Parameters, in JSON and XML', async () => {
      isClean(await post(talk(), 'Patient/$validate', CLEAN));
      isClean(await post(talk(), 'Patient/$validate', parameters(CLEAN)));
      isClean(await post(talk(), 'Patient/p/$validate', CLEAN));
      const xml = '<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>';
      isClean(await talk().send('POST', 'Patient/$validate', { headers: XML_TYPE, body: xml }));
      const asXml = await post(talk(), 'Patient/$validate', CLEAN, { accept: 'application/fhir+xml' });
      assert.match(asXml.text, /<OperationOutcome xmlns="http:\/\/hl7.org\/fhir">.*No issues detected/s);
    });

    it('tells faults of structure in its answer, each at its place', async () => {
      for (const [body, path] of [
        [FAULTY, 'Patient/$validate'],
        [parameters(FAULTY), 'Patient/$validate'],
        [FAULTY, 'Patient/none/$validate'],
      ] as const)
        assert.deepEqual(
          errorsOf(await post(talk(), path, body)).map(({ code, expression }) => [code, expression?.[0]]),
          [
            ['code-invalid', 'Patient.gender'],
            ['structure', 'Patient'],
            ['structure', 'Patient.birthDate'],
          ],
        );
    });

    it('judges what no other request would be read with: names given twice, numbers too long, elements that XML does not know', async () => {
      for (const [body, detail, headers] of [
        ['{"resourceType":"Patient","active":true,"active":false}', 'json-duplicate-key', JSON_TYPE],
        ['{"active":true}', 'json-no-resource', JSON_TYPE],
        ['{"resourceType":"Patient","name":[{"text":"\\u0001"}]}', 'json-character', JSON_TYPE],
        ['<Patient xmlns="http://hl7.org/fhir"><nonsense value="1"/></Patient>', 'xml-element', XML_TYPE],
        ['<Patient xmlns="http://hl7.org/fhir"><active/></Patient>', 'xml-empty', XML_TYPE],
      ] as const) {
        const reply = await talk().send<OperationOutcome>('POST', 'Patient/$validate', { headers, body });
        assert.deepEqual(errorsOf(reply).map(detailOf), [detail]);
      }
    });

    it('refuses what is neither JSON nor XML, and what is asked wrongly', async () => {
      for (const [body, path, detail] of [
        ['{"resourceType":', 'Patient/$validate', 'json-syntax'],
        ['', 'Patient/$validate', 'bad-parameter-value'],
        [parameters(undefined), 'Patient/$validate', 'bad-parameter-value'],
        [parameters(CLEAN, mode('nonsense')), 'Patient/$validate', 'bad-parameter-value'],
        [parameters(CLEAN, mode('profile')), 'Patient/$validate', 'bad-parameter-value'],
        [parameters(CLEAN, mode('delete')), 'Patient/$validate', 'bad-parameter-value'],
        [parameters(CLEAN, { name: 'other', valueCode: 'a' }), 'Patient/$validate', 'unknown-parameter'],
        [parameters(CLEAN, { name: 'profile', valueUri: 'urn:none' }), 'Patient/$validate', 'unknown-profile'],
        [CLEAN, 'Patient/$validate?profile=urn:none', 'unknown-profile'],
      ] as const)
        assert.deepEqual(refusal(await post(talk(), path, body)), { status: 400, detail }, JSON.stringify(body));
      const broken = await post(talk(), 'Patient/$validate', { ...parameters(CLEAN), nonsense: 1 });
      assert.equal(broken.status, 400);
      assert.equal((await post(talk(), 'Nonsense/$validate', CLEAN)).status, 404);
      const typeless = await talk().get<OperationOutcome>('Patient/$validate');
      assert.deepEqual(refusal(typeless), { status: 400, detail: 'bad-parameter-value' });
    });

    it('names a profile that is not known with code not-found', async () => {
      const { body } = await post(talk(), 'Patient/$validate?profile=urn:none', CLEAN);
      assert.deepEqual([body.issue[0]?.code, body.issue[0]?.diagnostics], ['not-found', 'urn:none']);
    });

    it('tells of a resource of another type, and checks it all the same', async () => {
      const reply = await post(talk(), 'Observation/$validate', parameters(FAULTY));
      assert.equal(detailOf(errorsOf(reply)[0]!), 'wrong-resource-type');
      assert.equal(errorsOf(reply).length, 4);
      const unknown = await post(talk(), 'Patient/$validate', parameters({ resourceType: 'Nonsense' }));
      assert.deepEqual(
        errorsOf(unknown).map(({ expression }) => expression),
        [['Resource.resourceType']],
      );
    });

    it('takes Parameters for what they are where they are what is asked about', async () => {
      const body = { resourceType: 'Parameters', parameter: [{ name: 'a', valueString: 'b' }] };
      isClean(await post(talk(), 'Parameters/$validate', body));
      isClean(await post(talk(), 'Parameters/$validate', parameters(body)));
      assert.equal(errorsOf(await post(talk(), 'Parameters/$validate', { ...body, nonsense: 1 })).length, 1);
    });

    it('checks what is stored, by GET and by POST', async () => {
      isClean(await talk().get<OperationOutcome>('Patient/stored/$validate'));
      isClean(await post(talk(), 'Patient/stored/$validate', ''));
      isClean(await post(talk(), 'Patient/stored/$validate', parameters(undefined)));
      assert.equal((await talk().get('Patient/none/$validate')).status, 404);
      await talk().update({ resourceType: 'Patient', id: 'gone' });
      await talk().delete('Patient/gone');
      assert.equal((await talk().get('Patient/gone/$validate')).status, 410);
    });

    it('says whether a write would be taken: mode create and update', async () => {
      isClean(await post(talk(), 'Patient/$validate', parameters(CLEAN, mode('create'))));
      isClean(await post(talk(), 'Patient/p/$validate', parameters(CLEAN, mode('update'))));
      isClean(await post(talk(), 'Patient/$validate', parameters(CLEAN, mode('update'))));
      const { id: _, ...nameless } = CLEAN;
      isClean(await post(talk(), 'Patient/$validate', parameters(nameless, mode('create'))));
      for (const [path, resource] of [
        ['Patient/other/$validate', CLEAN],
        ['Patient/$validate', nameless],
      ] as const)
        assert.deepEqual(errorsOf(await post(talk(), path, parameters(resource, mode('update')))).map(detailOf), [
          'id-mismatch',
        ]);
      const part = { ...CLEAN, meta: { tag: [{ code: 'SUBSETTED' }] } };
      const marked = {
        ...part,
        meta: { tag: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' }] },
      };
      assert.deepEqual(
        errorsOf(await post(talk(), 'Patient/$validate', parameters(marked, mode('create')))).map(detailOf),
        ['subset'],
      );
    });

    it('says line and column of what it finds in what was sent', async () => {
      const json =
        '{\n  "resourceType": "Patient",\n  "name": [{}, {\n    "given": ["a", 5]\n  }],\n  "_gender": {"id": 5}\n}';
      const found = errorsOf(await post(talk(), 'Patient/$validate', json));
      assert.deepEqual(
        found.map(issue => [issue.expression?.[0], ...placeOf(issue)]),
        [
          ['Patient.name[0]', 3, 12],
          ['Patient.name[1].given[1]', 4, 20],
          ['Patient.gender.id', 6, 15],
        ],
      );
      const inside = parameters({ resourceType: 'Patient', gender: 'none' }, mode('create'));
      const [first] = errorsOf(await post(talk(), 'Patient/$validate', JSON.stringify(inside, null, 1)));
      assert.deepEqual(placeOf(first!), [12, 5]);
      const xml =
        '<Patient xmlns="http://hl7.org/fhir">\n <name><given value="a"/>\n <period><end value="x"/></period></name>\n <gender value="none"/></Patient>';
      const inXml = errorsOf(await talk().send('POST', 'Patient/$validate', { headers: XML_TYPE, body: xml }));
      assert.deepEqual(
        inXml.map(issue => [issue.expression?.[0], ...placeOf(issue)]),
        [
          ['Patient.name[0].period.end', 3, 10],
          ['Patient.gender', 4, 2],
        ],
      );
      // Of what is stored nobody sees the text.
      assert.deepEqual(placeOf(issuesOf(await talk().get('Patient/stored/$validate'))[0]!), [undefined, undefined]);
    });

    it('stores nothing, and is in the audit trail: of what is stored with its patient', async () => {
      const count = async () => (await talk().search('Patient?_summary=count')).total;
      const many = await count();
      const large = {
        resourceType: 'Patient',
        photo: [{ contentType: 'image/png', data: Buffer.alloc(9000, 7).toString('base64') }],
      };
      isClean(await post(talk(), 'Patient/$validate', parameters(large, mode('create')), { 'x-request-id': 'sent' }));
      assert.equal(await count(), many);
      await talk().get('Patient/stored/$validate', { 'x-request-id': 'read' });
      const eventOf = async (id: string) =>
        (await talk().search<AuditEvent>(`AuditEvent?entity:identifier=${id}`)).entry!.map(each => each.resource!);
      const [sent, ...more] = await eventOf('sent');
      assert.equal(more.length, 0);
      assert.deepEqual([sent?.subtype?.[0]?.code, sent?.outcome], ['operation', '0']);
      const read = await eventOf('read');
      assert.deepEqual(
        read.map(({ entity }) => entity?.[0]?.what?.reference),
        ['Patient/stored/_history/1'],
      );
    });

    it('may be an entry of a Bundle', async () => {
      for (const type of ['batch', 'transaction']) {
        const bundle = {
          resourceType: 'Bundle',
          type,
          entry: [
            { request: { method: 'POST', url: 'Patient/$validate' }, resource: FAULTY },
            { request: { method: 'GET', url: 'Patient/stored/$validate' } },
          ],
        };
        const reply = await talk().send('POST', '', { headers: JSON_TYPE, body: JSON.stringify(bundle) });
        assert.equal(reply.status, 200, reply.text);
        assert.match(reply.text, /Patient\.gender.*No issues detected/s);
      }
    });
  },
  {
    set: async ({ talk }) => void (await talk.update<Patient>({ resourceType: 'Patient', id: 'stored', active: true })),
  },
);

for (const integrity of ['off', 'warn', 'enforce'] as const)
  onStoresInTurn(
    `$validate with integrity ${integrity}`,
    stage => {
      const severity = { off: 'information', warn: 'warning', enforce: 'error' }[integrity];
      const first = (reply: Reply<OperationOutcome>) => {
        const [issue] = issuesOf(reply);
        return [issue?.severity, detailOf(issue!)];
      };

      it('says whether a resource may be deleted', async () => {
        const reply = await post(stage().talk, 'Patient/used/$validate', parameters(undefined, mode('delete')));
        assert.deepEqual(first(reply), [severity, integrity === 'off' ? undefined : 'still-referenced']);
        isClean(await stage().talk.get<OperationOutcome>('Basic/user/$validate?mode=delete'));
        assert.equal((await stage().talk.get('Patient/used')).status, 200, 'it is there');
      });

      it('says whether what is referred to is there', async () => {
        const resource = { resourceType: 'Basic', code: { text: 'a' }, subject: { reference: 'Patient/none' } };
        const reply = await post(stage().talk, 'Basic/$validate', parameters(resource, mode('create')));
        assert.deepEqual(first(reply), [severity, integrity === 'off' ? undefined : 'dangling-reference']);
      });
    },
    {
      config: { integrity },
      set: async ({ talk }) => {
        await talk.update({ resourceType: 'Patient', id: 'used' });
        const subject = { reference: 'Patient/used' };
        await talk.update({ resourceType: 'Basic', id: 'user', code: { text: 'a' }, subject });
      },
    },
  );

describe('$validate', () => {
  let server: RestrictedServer;
  before(async function () {
    server = restricted(await startServer({ store: await newStore(this, 'embedded') }));
    await server.talk.update({ resourceType: 'Patient', id: 'seen' });
  });
  after(() => server.stop());

  it('sees of what is stored what whoever asks may see', async () => {
    isClean(await server.talk.get<OperationOutcome>('Patient/seen/$validate'));
    server.sees = new Map([['Patient', 'hidden']]);
    assert.equal((await server.talk.get('Patient/seen/$validate')).status, 404);
    server.sees = UNRESTRICTED;
  });
});
