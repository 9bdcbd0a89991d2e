/**
 * patch and conditional patch on both stores: https://hl7.org/fhir/R4/http.html#patch,
 * https://hl7.org/fhir/R4/fhirpatch.html, https://www.rfc-editor.org/rfc/rfc6902
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { AuditEvent, Bundle, DocumentReference, OperationOutcome, Parameters, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { readText, skipWithout } from '../../support/shared.js';
import { type Headers, refusal, type Reply, type Talk } from '../../support/talk.js';

const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const FHIR_JSON = { 'content-type': 'application/fhir+json' };

const patient = (id: string, more: Partial<Patient> = {}): Patient => ({ resourceType: 'Patient', id, ...more });

/** A JSON Patch: operations, or the text of the body. */
const change = (talk: Talk, path: string, operations: unknown, headers: Headers = {}): Promise<Reply<Patient>> =>
  talk.send<Patient>('PATCH', path, {
    headers: { ...JSON_PATCH, ...headers },
    body: typeof operations === 'string' ? operations : JSON.stringify(operations),
  });

const parametersPatch = (talk: Talk, path: string, parameters: Parameters, headers: Headers = {}) =>
  talk.send<Patient>('PATCH', path, { headers: { ...FHIR_JSON, ...headers }, body: JSON.stringify(parameters) });

type Part = NonNullable<NonNullable<Parameters['parameter']>[number]['part']>[number];

const fhirPath = (type: string, path: string, ...more: readonly Part[]): Parameters => ({
  resourceType: 'Parameters',
  parameter: [
    { name: 'operation', part: [{ name: 'type', valueCode: type }, { name: 'path', valueString: path }, ...more] },
  ],
});

const activate = [{ op: 'add', path: '/active', value: true }];

interface Vector {
  readonly name: string;
  readonly input: Patient;
  readonly diff: Parameters;
  /** Absent: an error. */
  readonly output?: Patient;
}

// What some vectors lead to breaks invariants.
onStoresInTurn(
  'patching a resource',
  stage => {
    it('returns 200 with the patched resource, its next version, and the same for a read', async () => {
      const { talk } = stage();
      await talk.update(patient('p1', { gender: 'female' }));
      const reply = await change(talk, 'Patient/p1', activate);
      assert.equal(reply.status, 200);
      assert.equal(reply.header('etag'), 'W/"2"');
      assert.equal(reply.header('location'), `${talk.base}/Patient/p1/_history/2`);
      assert.deepEqual([reply.body.active, reply.body.gender, reply.body.meta?.versionId], [true, 'female', '2']);
      assert.equal((await talk.get('Patient/p1')).text, reply.text);
      assert.equal((await talk.search('Patient?_id=p1&active=true')).total, 1);
    });

    it('says in the history that it was a PATCH', async () => {
      const { talk } = stage();
      await talk.update(patient('p2'));
      await change(talk, 'Patient/p2', activate);
      const { entry } = (await talk.get<Bundle>('Patient/p2/_history')).body;
      assert.deepEqual(
        entry?.map(({ request, response }) => [request?.method, response?.etag]),
        [
          ['PATCH', 'W/"2"'],
          ['PUT', 'W/"1"'],
        ],
      );
    });

    it('records an event of the interaction patch, success and refusal', async () => {
      const { talk } = stage();
      await talk.update(patient('p3'));
      await change(talk, 'Patient/p3', activate);
      await change(talk, 'Patient/p3', [{ op: 'remove', path: '/gender' }]);
      const found = await talk.search<AuditEvent>('AuditEvent?entity=Patient/p3&subtype=patch');
      const events = (found.entry ?? []).map(({ resource }) => resource!);
      assert.deepEqual(events.map(({ action, outcome }) => `${action} ${outcome}`).toSorted(), ['U 0', 'U 4']);
      const success = events.find(({ outcome }) => outcome === '0');
      assert.match(success?.meta?.profile?.join() ?? '', /BasicAudit\.PatientUpdate/);
    });

    it('does what the vectors of R4 say for FHIRPath Patch, all 33', async function () {
      const { talk } = stage();
      const vectors = JSON.parse(
        readText(skipWithout(this, 'data', 'patch-vectors', 'r4-fhirpath-patch.json')),
      ) as Vector[];
      assert.equal(vectors.length, 33);
      for (const [at, { name, input, diff, output }] of vectors.entries()) {
        const id = `vector-${at}`;
        assert.equal((await talk.update({ ...input, id })).status, 201, name);
        const reply = await parametersPatch(talk, `Patient/${id}`, diff);
        const { meta, ...rest } = reply.body;
        if (!output) {
          assert.equal(refusal(reply).status, 422, name);
          assert.equal((await talk.get(`Patient/${id}`)).header('etag'), 'W/"1"', name);
        } else {
          assert.equal(reply.status, 200, `${name}: ${reply.text}`);
          assert.deepEqual(rest, { ...output, id }, name);
          // What a patch leaves as it was makes no version.
          assert.equal(meta?.versionId, isDeepStrictEqual({ ...input, id }, rest) ? '1' : '2');
        }
      }
    });

    it('reads a FHIRPath Patch as XML, digits included', async () => {
      const { talk } = stage();
      await talk.update({ resourceType: 'Observation', id: 'x1', status: 'final', code: { text: 'c' } });
      const body = `<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>
      <part><name value="type"/><valueCode value="add"/></part>
      <part><name value="path"/><valueString value="Observation"/></part>
      <part><name value="name"/><valueString value="value"/></part>
      <part><name value="value"/><valueQuantity><value value="1.500"/><unit value="kg"/></valueQuantity></part>
    </parameter></Parameters>`;
      const headers = { 'content-type': 'application/fhir+xml', accept: 'application/fhir+xml' };
      const reply = await talk.send('PATCH', 'Observation/x1', { headers, body });
      assert.equal(reply.status, 200, reply.text);
      assert.match(reply.text, /<valueQuantity><value value="1\.500"\/>/);
      assert.match((await talk.get('Observation/x1')).text, /"valueQuantity":\{"value":1\.500,"unit":"kg"\}/);
    });

    describe('what survives', () => {
      it('keeps digits, blanks and unusual characters of everything that it does not name', async () => {
        const { talk } = stage();
        const extension =
          '"extension":[{"url":"http://a.example/x","valueDecimal":1.00},{"url":"http://a.example/y","valueDecimal":2.50e1}]';
        const text = '"name":[{"text":"  two  blanks\\tand a tab, é, 😀, \\u2028  "}]';
        const body = `{"resourceType":"Patient","id":"s1",${extension},${text}}`;
        assert.equal((await talk.send('PUT', 'Patient/s1', { headers: FHIR_JSON, body })).status, 201);
        assert.equal((await change(talk, 'Patient/s1', activate)).status, 200);
        const { text: stored } = await talk.get('Patient/s1');
        assert.ok(stored.includes(extension), stored);
        assert.ok(stored.includes('"  two  blanks\\tand a tab, é, 😀, \u2028  "'), stored);
        const insert = [{ op: 'copy', from: '/extension/1', path: '/extension/0' }];
        const reply = await change(talk, 'Patient/s1', insert);
        assert.match(reply.text, /2\.50e1\},\{[^}]*1\.00\},\{[^}]*2\.50e1\}/);
      });

      it('keeps an attachment byte for byte', async () => {
        const { talk } = stage();
        const data = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7919) % 251)).toString('base64');
        const document: DocumentReference = {
          resourceType: 'DocumentReference',
          id: 's2',
          status: 'current',
          content: [
            { attachment: { contentType: 'image/png', data } },
            { attachment: { contentType: 'image/png', data: data.slice(0, 8000) } },
          ],
        };
        assert.equal((await talk.update(document)).status, 201);
        const superseded = fhirPath('replace', 'DocumentReference.status', { name: 'value', valueCode: 'superseded' });
        assert.equal((await parametersPatch(talk, 'DocumentReference/s2', superseded)).status, 200);
        const { body } = await talk.get<DocumentReference>('DocumentReference/s2');
        assert.equal(body.status, 'superseded');
        const { content } = body;
        for (const [at, { attachment }] of document.content.entries())
          assert.equal(content[at]?.attachment.data, attachment.data);
        const swapped = await change(talk, 'DocumentReference/s2', [
          { op: 'move', from: '/content/0', path: '/content/1' },
        ]);
        assert.equal(swapped.status, 200);
        const moved = (await talk.get<DocumentReference>('DocumentReference/s2')).body.content;
        assert.deepEqual(moved, content.toReversed());
      });

      it('keeps the bytes of a Binary while its contentType changes', async () => {
        const { talk } = stage();
        const body = Buffer.from(Array.from({ length: 70_000 }, (_, at) => (at * 31) % 256));
        const headers = { 'content-type': 'image/png' };
        assert.equal((await talk.send('PUT', 'Binary/s4', { headers, body })).status, 201);
        const patch = [{ op: 'replace', path: '/contentType', value: 'image/gif' }];
        assert.equal((await change(talk, 'Binary/s4', patch)).status, 200);
        const reply = await fetch(`${talk.base}/Binary/s4`, { headers: { accept: 'image/gif' } });
        assert.equal(reply.headers.get('content-type'), 'image/gif');
        assert.ok(body.equals(Buffer.from(await reply.arrayBuffer())));
      });

      it('keeps its own versionId and lastUpdated, whatever a patch says', async () => {
        const { talk } = stage();
        await talk.update(patient('s3'));
        const meta = { versionId: '99', lastUpdated: '1999-01-01T00:00:00Z', source: 'http://a.example' };
        const reply = await change(talk, 'Patient/s3', [{ op: 'replace', path: '/meta', value: meta }]);
        assert.equal(reply.body.meta?.versionId, '2');
        assert.ok((reply.body.meta?.lastUpdated ?? '') > '2020');
        assert.equal(reply.body.meta?.source, 'http://a.example');
      });
    });

    describe('If-Match', () => {
      it('returns 412 for a stale one and changes nothing', async () => {
        const { talk } = stage();
        await talk.update(patient('m1'));
        assert.equal((await change(talk, 'Patient/m1', activate, { 'if-match': 'W/"1"' })).status, 200);
        const stale = await change(talk, 'Patient/m1', [{ op: 'remove', path: '/active' }], { 'if-match': 'W/"1"' });
        assert.deepEqual(refusal(stale), { status: 412, detail: 'version-mismatch' });
        assert.equal((await talk.get('Patient/m1')).header('etag'), 'W/"2"');
      });

      it('returns 412 for a stale one of a conditional patch', async () => {
        const { talk } = stage();
        const identifier = [{ system: 'http://a.example/if', value: 'm2' }];
        await talk.update(patient('m2', { identifier }));
        const path = 'Patient?identifier=http://a.example/if|m2';
        assert.equal((await change(talk, path, activate, { 'if-match': 'W/"1"' })).status, 200);
        const stale = await change(talk, path, activate, { 'if-match': 'W/"1"' });
        assert.deepEqual(refusal(stale), { status: 412, detail: 'version-mismatch' });
      });
    });

    describe('conditional patch', () => {
      const identified = (id: string, value: string) =>
        patient(id, { identifier: [{ system: 'http://a.example/cond', value }] });
      const query = (value: string) => `Patient?identifier=http://a.example/cond|${value}`;

      it('patches the one that matches', async () => {
        const { talk } = stage();
        await talk.update(identified('c1', 'one'));
        const reply = await change(talk, query('one'), activate);
        assert.deepEqual([reply.status, reply.body.id, reply.body.active], [200, 'c1', true]);
        assert.equal(reply.header('location'), `${talk.base}/Patient/c1/_history/2`);
        const again = await parametersPatch(talk, query('one'), fhirPath('delete', 'Patient.active'));
        assert.deepEqual([again.status, again.header('etag'), again.body.active], [200, 'W/"3"', undefined]);
      });

      it('returns 404 where nothing matches and 412 where several do', async () => {
        const { talk } = stage();
        assert.equal(refusal(await change(talk, query('none'), activate)).status, 404);
        await talk.update(identified('c2', 'many'));
        await talk.update(identified('c3', 'many'));
        assert.deepEqual(refusal(await change(talk, query('many'), activate)), {
          status: 412,
          detail: 'multiple-matches',
        });
        assert.equal((await talk.get('Patient/c2')).header('etag'), 'W/"1"');
      });

      it('returns 400 without criteria', async () => {
        assert.equal(refusal(await change(stage().talk, 'Patient', activate)).status, 400);
      });
    });

    it('returns 404 for what never was and 410 for what was deleted', async () => {
      const { talk } = stage();
      assert.equal(refusal(await change(talk, 'Patient/never', activate)).status, 404);
      await talk.update(patient('gone'));
      await talk.delete('Patient/gone');
      assert.equal(refusal(await change(talk, 'Patient/gone', activate)).status, 410);
      assert.equal((await talk.get('Patient/gone')).status, 410);
    });

    it('AUD-3: refuses to patch an audit event with 405', async () => {
      const { talk } = stage();
      await talk.update(patient('audited'));
      const { entry } = await talk.search<AuditEvent>('AuditEvent?_count=1');
      const path = `AuditEvent/${entry?.[0]?.resource?.id}`;
      assert.equal((await talk.get(path)).status, 200);
      assert.equal(refusal(await change(talk, path, [{ op: 'remove', path: '/outcome' }])).status, 405);
      assert.equal(refusal(await change(talk, 'AuditEvent?outcome=0', activate)).status, 405);
      assert.equal((await talk.get(path)).header('etag'), 'W/"1"');
    });

    it('gives back what Prefer: return asks for', async () => {
      const { talk } = stage();
      await talk.update(patient('prefer'));
      const send = (prefer: string) => change(talk, 'Patient/prefer', activate, { prefer });
      const minimal = await send('return=minimal');
      assert.deepEqual([minimal.status, minimal.text, minimal.header('etag')], [200, '', 'W/"2"']);
      assert.equal((await send('return=representation')).body.resourceType, 'Patient');
      const outcome = (await send('return=OperationOutcome')).body as unknown as OperationOutcome;
      assert.deepEqual([outcome.resourceType, outcome.issue[0]?.severity], ['OperationOutcome', 'information']);
    });

    it('keeps the item that each of 32 concurrent callers adds, and a history without gaps', async () => {
      const { talk } = stage();
      await talk.update(patient('crowd', { name: [{ given: ['first'] }] }));
      const names = Array.from({ length: 32 }, (_, at) => `given-${at}`);
      const replies = await Promise.all(
        names.map((name, at) =>
          at % 2 === 0
            ? change(talk, 'Patient/crowd', [{ op: 'add', path: '/name/0/given/-', value: name }])
            : parametersPatch(
                talk,
                'Patient/crowd',
                fhirPath(
                  'add',
                  'Patient.name[0]',
                  { name: 'name', valueString: 'given' },
                  { name: 'value', valueString: name },
                ),
              ),
        ),
      );
      assert.deepEqual([...new Set(replies.map(({ status }) => status))], [200]);
      const { body } = await talk.get<Patient>('Patient/crowd');
      assert.deepEqual(body.name?.[0]?.given?.toSorted(), ['first', ...names].toSorted());
      const history = (await talk.get<Bundle<Patient>>('Patient/crowd/_history?_count=50')).body;
      assert.deepEqual(
        history.entry?.map(({ resource }) => [Number(resource?.meta?.versionId), resource?.name?.[0]?.given?.length]),
        Array.from({ length: 33 }, (_, at) => [33 - at, 33 - at]),
      );
    });

    describe('refuses', () => {
      const text = (valueString: string): Part => ({ name: 'value', valueString });
      const named = (name: string): Part => ({ name: 'name', valueString: name });
      const rows: [string, unknown, Headers, number, string][] = [
        ['what is not JSON', '[{', JSON_PATCH, 400, 'json-syntax'],
        ['an empty body', '', JSON_PATCH, 400, 'json-syntax'],
        ['what is no array', { op: 'remove', path: '/active' }, JSON_PATCH, 400, 'patch-malformed'],
        ['an unknown op', [{ op: 'spam', path: '/active' }], JSON_PATCH, 400, 'patch-malformed'],
        ['a missing path', [{ op: 'remove' }], JSON_PATCH, 400, 'patch-malformed'],
        ['a pointer without slash', [{ op: 'remove', path: 'active' }], JSON_PATCH, 400, 'patch-malformed'],
        ['a member twice', '[{"op":"remove","op":"add","path":"/active"}]', JSON_PATCH, 400, 'json-duplicate-key'],
        ['a path that leads nowhere', [{ op: 'remove', path: '/gender' }], JSON_PATCH, 422, 'patch-path'],
        ['a test that fails', [{ op: 'test', path: '/active', value: true }], JSON_PATCH, 422, 'patch-test'],
        ['a change of the id', [{ op: 'replace', path: '/id', value: 'other' }], JSON_PATCH, 422, 'patch-identity'],
        ['an id that is taken away', [{ op: 'remove', path: '/id' }], JSON_PATCH, 422, 'patch-identity'],
        [
          'another resourceType',
          [{ op: 'replace', path: '/resourceType', value: 'Group' }],
          JSON_PATCH,
          422,
          'patch-identity',
        ],
        ['a resource that is no object', [{ op: 'replace', path: '', value: 1 }], JSON_PATCH, 422, 'patch-identity'],
        ['a value of the wrong type', [{ op: 'replace', path: '/active', value: 'yes' }], JSON_PATCH, 400, ''],
        ['an unknown element', [{ op: 'add', path: '/colour', value: 'red' }], JSON_PATCH, 400, ''],
        ['__proto__', '[{"op":"add","path":"/__proto__","value":{"active":true}}]', JSON_PATCH, 400, ''],
        ['null', [{ op: 'replace', path: '/active', value: null }], JSON_PATCH, 400, ''],
        ['an empty array', [{ op: 'add', path: '/name', value: [] }], JSON_PATCH, 400, ''],
        ['an empty object', [{ op: 'add', path: '/maritalStatus', value: {} }], JSON_PATCH, 400, ''],
        [
          'two choices',
          [
            { op: 'add', path: '/deceasedBoolean', value: false },
            { op: 'add', path: '/deceasedDateTime', value: '2001' },
          ],
          JSON_PATCH,
          400,
          '',
        ],
        [
          'whole numbers with a fraction',
          '[{"op":"add","path":"/multipleBirthInteger","value":1.0}]',
          JSON_PATCH,
          400,
          '',
        ],
        [
          'more than one level too many',
          [{ op: 'add', path: '/extension', value: JSON.parse(`${'['.repeat(60)}${']'.repeat(60)}`) }],
          JSON_PATCH,
          400,
          '',
        ],
        [
          'copies without end',
          Array.from({ length: 60 }, (_, at) => ({ op: 'copy', from: '/name', path: `/name/0/x${at}` })),
          JSON_PATCH,
          413,
          'too-large',
        ],
        ['Parameters with an unknown element', { resourceType: 'Parameters', colour: 1 }, FHIR_JSON, 400, ''],
        [
          'another resource than Parameters',
          { resourceType: 'Patient', id: 'broken', active: true },
          FHIR_JSON,
          400,
          'patch-malformed',
        ],
        ['an unknown type of operation', fhirPath('upsert', 'Patient'), FHIR_JSON, 400, 'patch-malformed'],
        ['what is no FHIRPath', fhirPath('delete', 'Patient..name'), FHIR_JSON, 400, 'patch-malformed'],
        [
          'a FHIRPath that leads nowhere',
          fhirPath('replace', 'Patient.gender', text('male')),
          FHIR_JSON,
          422,
          'patch-path',
        ],
        [
          'a FHIRPath that changes the id',
          fhirPath('replace', 'Patient.id', text('other')),
          FHIR_JSON,
          422,
          'patch-identity',
        ],
        ['a FHIRPath value of the wrong type', fhirPath('replace', 'Patient.active', text('true')), FHIR_JSON, 400, ''],
        [
          'a FHIRPath value of the wrong complex type',
          fhirPath('add', 'Patient', named('maritalStatus'), { name: 'value', valueCoding: { code: 'M' } }),
          FHIR_JSON,
          400,
          '',
        ],
        [
          'a code that is not in its list',
          fhirPath('add', 'Patient', named('gender'), text('none')),
          FHIR_JSON,
          400,
          '',
        ],
        ['a body that is neither', '<x/>', { 'content-type': 'text/plain' }, 415, 'unsupported-media-type'],
        [
          'a merge patch',
          { active: true },
          { 'content-type': 'application/merge-patch+json' },
          415,
          'unsupported-media-type',
        ],
      ];

      it('nothing that is right: the positive control', async () => {
        const { talk } = stage();
        await talk.update(patient('right', { active: false, name: [{ family: 'A' }] }));
        assert.equal(
          (await change(talk, 'Patient/right', [{ op: 'replace', path: '/active', value: true }])).status,
          200,
        );
      });

      for (const [title, body, headers, status, detail] of rows)
        it(`${title} with ${status}, and changes nothing`, async () => {
          const { talk } = stage();
          const before = await talk.update(patient('broken', { active: false, name: [{ family: 'A' }] }));
          const reply = await change(talk, 'Patient/broken', body, headers);
          const given = refusal(reply);
          assert.equal(given.status, status, reply.text);
          if (detail !== '') assert.equal(given.detail, detail);
          assert.equal((await talk.get('Patient/broken')).header('etag'), before.header('etag'));
        });

      it('a resource that is not valid as an update of it is refused', async () => {
        const { talk } = stage();
        await talk.update(patient('as-update'));
        const invalid = { ...patient('as-update'), birthDate: '1980-13', gender: 'none' as 'male' };
        const operations = [
          { op: 'add', path: '/birthDate', value: '1980-13' },
          { op: 'add', path: '/gender', value: 'none' },
        ];
        const [updated, patched] = [await talk.update(invalid), await change(talk, 'Patient/as-update', operations)];
        assert.deepEqual([updated.status, patched.status], [400, 400]);
        assert.deepEqual(patched.body, updated.body);
      });

      it('an unknown media type with those that are known', async () => {
        const { talk } = stage();
        await talk.update(patient('accepts'));
        const accepted = 'application/json-patch+json, application/fhir+json, application/fhir+xml';
        for (const type of ['application/merge-patch+json', 'text/plain', 'application/xml-patch+xml']) {
          const reply = await talk.send('PATCH', 'Patient/accepts', { headers: { 'content-type': type }, body: '{}' });
          assert.equal(reply.status, 415);
          assert.match(reply.text, /application\/json-patch\+json.*FHIRPath Patch/);
          assert.equal(reply.header('accept-patch'), accepted);
        }
        for (const path of ['Patient/accepts', 'Patient?identifier=x'])
          assert.equal((await talk.send('OPTIONS', path)).header('accept-patch'), accepted);
        assert.equal((await talk.send('OPTIONS', 'Patient/accepts/_history')).header('accept-patch'), undefined);
        assert.equal((await talk.send('PUT', 'Patient/accepts', { body: 'x' })).header('accept-patch'), undefined);
      });

      it('no array that is sent as JSON: it is a JSON Patch', async () => {
        const { talk } = stage();
        for (const [at, type] of ['application/json', 'application/json; charset=utf-8', 'text/json'].entries()) {
          await talk.update(patient(`array-${at}`));
          const reply = await talk.send<Patient>('PATCH', `Patient/array-${at}`, {
            headers: { 'content-type': type },
            body: ' \n[{"op":"add","path":"/active","value":true}]',
          });
          assert.deepEqual([reply.status, reply.body.active], [200, true], reply.text);
        }
      });

      it('a resource that is not valid with the issues of the validator', async () => {
        const { talk } = stage();
        await talk.update(patient('issues'));
        const reply = await change(talk, 'Patient/issues', [{ op: 'add', path: '/birthDate', value: '1980-13' }]);
        assert.equal(refusal(reply).status, 400);
        const { issue } = reply.body as unknown as OperationOutcome;
        assert.equal(issue[0]?.expression?.[0], 'Patient.birthDate');
        assert.doesNotMatch(reply.text, /1980/);
      });
    });
  },
  { config: { validateBase: 'warn' } },
);
