/**
 * patch: https://hl7.org/fhir/R4/http.html#patch, https://hl7.org/fhir/R4/fhirpatch.html,
 * https://www.rfc-editor.org/rfc/rfc6902
 */
import assert from 'node:assert/strict';
import type { AuditEvent, Bundle, FhirResource, Observation, Parameters, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onBothStores } from '../../support/both-stores.js';
import { readText, skipWithout } from '../../support/shared.js';
import { type Headers, refusal, type Reply, type Stored, type Talk } from '../../support/talk.js';

const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const FHIR = { 'content-type': 'application/fhir+json' };

const patchJson = <T = Patient & Stored>(
  talk: Talk,
  path: string,
  operations: unknown,
  headers: Headers = {},
): Promise<Reply<T>> =>
  talk.send<T>('PATCH', path, { headers: { ...JSON_PATCH, ...headers }, body: JSON.stringify(operations) });

const patchPath = <T = Patient & Stored>(
  talk: Talk,
  path: string,
  parameters: unknown,
  headers: Headers = {},
): Promise<Reply<T>> =>
  talk.send<T>('PATCH', path, { headers: { ...FHIR, ...headers }, body: JSON.stringify(parameters) });

const operation = (type: string, path: string, ...parts: object[]): Parameters =>
  ({
    resourceType: 'Parameters',
    parameter: [
      { name: 'operation', part: [{ name: 'type', valueCode: type }, { name: 'path', valueString: path }, ...parts] },
    ],
  }) as Parameters;

const plain = ({ meta: _meta, id: _id, ...rest }: FhirResource & { readonly meta?: unknown }): object => rest;

onBothStores('patch', stage => {
  const patient = async (more: Partial<Patient> = {}): Promise<Patient & Stored> => {
    const made = await stage().talk.create<Patient>({
      resourceType: 'Patient',
      active: true,
      name: [{ family: 'Chalmers', given: ['Peter', 'James'] }],
      ...more,
    });
    assert.equal(made.status, 201);
    return made.body;
  };

  describe('by JSON Patch', () => {
    it('changes what it names, as a version of its own', async () => {
      const { id } = await patient();
      const reply = await patchJson(stage().talk, `Patient/${id}`, [
        { op: 'test', path: '/active', value: true },
        { op: 'replace', path: '/name/0/family', value: 'Windsor' },
        { op: 'add', path: '/gender', value: 'male' },
        { op: 'remove', path: '/name/0/given/1' },
      ]);
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.header('etag'), 'W/"2"');
      assert.deepEqual(reply.body.name, [{ family: 'Windsor', given: ['Peter'] }]);
      assert.equal((await stage().talk.get<Patient>(`Patient/${id}`)).body.gender, 'male');
      const found = await stage().talk.search(`Patient?family=Windsor&_id=${id}`);
      assert.equal(found.entry?.length, 1);
      const history = await stage().talk.search<Patient>(`Patient/${id}/_history`);
      assert.deepEqual(
        history.entry?.map(({ request }) => request?.method),
        ['PATCH', 'POST'],
      );
    });

    it('keeps the digits of numbers and every other element', async () => {
      const { talk } = stage();
      const body =
        '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.00,"unit":"g"},"component":[{"code":{"text":"a"},"valueQuantity":{"value":2.50}},{"code":{"text":"b"},"valueQuantity":{"value":3.0}}]}';
      const made = await talk.send<Observation & Stored>('POST', 'Observation', { headers: FHIR, body });
      const reply = await patchJson<Observation>(talk, `Observation/${made.body.id}`, [
        { op: 'remove', path: '/component/0' },
        { op: 'replace', path: '/status', value: 'amended' },
      ]);
      assert.equal(reply.status, 200, reply.text);
      assert.match(reply.text, /"value":1\.00,"unit":"g"/);
      assert.match(reply.text, /"component":\[\{"code":\{"text":"b"\},"valueQuantity":\{"value":3\.0\}\}\]/);
    });

    it('keeps attachments byte for byte', async () => {
      const { talk } = stage();
      const data = Buffer.from('A scanned page. '.repeat(6400)).toString('base64');
      const made = await talk.create({
        resourceType: 'DocumentReference',
        status: 'current',
        content: [{ attachment: { contentType: 'text/plain', data } }],
      });
      const reply = await patchJson<{ content: { attachment: { data: string } }[]; status: string }>(
        talk,
        `DocumentReference/${made.body.id}`,
        [{ op: 'replace', path: '/status', value: 'superseded' }],
      );
      assert.equal(reply.status, 200, reply.text.slice(0, 300));
      assert.equal(reply.body.content[0]?.attachment.data, data);
      const read = await talk.get<{ content: { attachment: { data: string } }[]; status: string }>(
        `DocumentReference/${made.body.id}`,
      );
      assert.deepEqual([read.body.status, read.body.content[0]?.attachment.data === data], ['superseded', true]);
    });

    it('refuses what cannot be done, and changes nothing', async () => {
      const { id } = await patient();
      const rows: readonly (readonly [string, unknown, number])[] = [
        ['a failed test', [{ op: 'test', path: '/active', value: false }], 422],
        ['a missing place', [{ op: 'replace', path: '/birthDate', value: '1974-12-25' }], 422],
        ['another id', [{ op: 'replace', path: '/id', value: 'other' }], 422],
        ['no id', [{ op: 'remove', path: '/id' }], 422],
        ['another type', [{ op: 'replace', path: '/resourceType', value: 'Person' }], 422],
        ['another resource', [{ op: 'replace', path: '', value: { resourceType: 'Basic' } }], 422],
        ['no resource', [{ op: 'replace', path: '', value: 3 }], 422],
        ['a wrong type', [{ op: 'replace', path: '/active', value: 'yes' }], 422],
        ['an unknown element', [{ op: 'add', path: '/nickname', value: 'P' }], 422],
        ['an unknown code', [{ op: 'add', path: '/gender', value: 'm' }], 422],
        [
          'two choices of a value',
          [
            { op: 'add', path: '/deceasedBoolean', value: false },
            { op: 'add', path: '/deceasedDateTime', value: '2020' },
          ],
          422,
        ],
        ['null', [{ op: 'replace', path: '/active', value: null }], 422],
        ['an empty array', [{ op: 'add', path: '/telecom', value: [] }], 422],
        ['__proto__', [{ op: 'add', path: '/__proto__', value: { active: true } }], 422],
        ['an unknown op', [{ op: 'merge', path: '/active' }], 400],
        ['no array', { op: 'remove', path: '/active' }, 400],
        ['a bad pointer', [{ op: 'remove', path: 'active' }], 400],
      ];
      for (const [title, operations, status] of rows) {
        const reply = await patchJson(stage().talk, `Patient/${id}`, operations);
        assert.equal(refusal(reply).status, status, `${title}: ${reply.text}`);
      }
      const after = await stage().talk.get<Patient & Stored>(`Patient/${id}`);
      assert.deepEqual([after.body.meta.versionId, after.body.active], ['1', true]);
    });
  });

  describe('by FHIRPath Patch', () => {
    interface Vector {
      readonly name: string;
      readonly input: FhirResource;
      readonly diff: Parameters;
      readonly output?: FhirResource;
      readonly error?: string;
    }

    it('does what all published R4 vectors say', async function () {
      const vectors = JSON.parse(
        readText(skipWithout(this, 'data', 'patch-vectors', 'r4-fhirpath-patch.json')),
      ) as Vector[];
      assert.equal(vectors.length, 33);
      this.timeout(60_000);
      const { talk } = stage();
      for (const { name, input, diff, output, error } of vectors) {
        const made = await talk.create(input);
        assert.equal(made.status, 201, `${name}: ${made.text}`);
        const reply = await patchPath<FhirResource>(talk, `Patient/${made.body.id}`, diff);
        if (error !== undefined) assert.equal(reply.status, 422, `${name}: ${reply.text}`);
        else {
          assert.equal(reply.status, 200, `${name}: ${reply.text}`);
          assert.deepEqual(plain(reply.body), plain(output!), name);
        }
      }
    });

    it('adds, moves and replaces with digits, extensions and choices', async () => {
      const { talk } = stage();
      const body = '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.00}}';
      const made = await talk.send<Observation & Stored>('POST', 'Observation', { headers: FHIR, body });
      const path = `Observation/${made.body.id}`;
      const quantity =
        '{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"add"},{"name":"path","valueString":"Observation.referenceRange"}]}]}';
      assert.equal(refusal(await talk.send('PATCH', path, { headers: FHIR, body: quantity })).status, 400);
      const replaced = await talk.send('PATCH', path, {
        headers: FHIR,
        body: '{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Observation.value"},{"name":"value","valueQuantity":{"value":2.50}}]}]}',
      });
      assert.match(replaced.text, /"valueQuantity":\{"value":2\.50\}/);
      const other = await patchPath<Observation>(
        talk,
        path,
        operation('replace', 'Observation.value', { name: 'value', valueString: 'much' }),
      );
      assert.equal(other.status, 200, other.text);
      assert.deepEqual([other.body.valueString, other.body.valueQuantity], ['much', undefined]);
      const taken = await patchPath(
        talk,
        path,
        operation('add', 'Observation', { name: 'name', valueString: 'value' }, { name: 'value', valueBoolean: true }),
      );
      assert.equal(taken.status, 422, 'a second choice of value[x]');
    });

    it('refuses what cannot be done, and changes nothing', async () => {
      const { id } = await patient({
        telecom: [
          { system: 'phone', value: '1' },
          { system: 'phone', value: '2' },
        ],
      });
      const rows: readonly (readonly [string, unknown, number])[] = [
        ['no Parameters', { resourceType: 'Patient', id }, 400],
        ['another parameter', { resourceType: 'Parameters', parameter: [{ name: 'op', valueString: 'x' }] }, 400],
        ['an unknown type', operation('merge', 'Patient.active'), 400],
        ['no value', operation('replace', 'Patient.active'), 400],
        ['no FHIRPath', operation('delete', 'Patient..active['), 400],
        ['a function that walks everything', operation('delete', 'Patient.descendants()'), 400],
        ['a computed value', operation('delete', "'a' & 'b'"), 400],
        ['several elements', operation('delete', 'Patient.telecom'), 422],
        [
          'several elements to replace',
          operation('replace', 'Patient.telecom.value', { name: 'value', valueString: 'x' }),
          422,
        ],
        [
          'nothing to replace',
          operation('replace', 'Patient.birthDate', { name: 'value', valueDate: '2000-01-01' }),
          422,
        ],
        [
          'what is there',
          operation('add', 'Patient', { name: 'name', valueString: 'active' }, { name: 'value', valueBoolean: false }),
          422,
        ],
        [
          'an unknown element',
          operation('add', 'Patient', { name: 'name', valueString: 'nickname' }, { name: 'value', valueString: 'P' }),
          422,
        ],
        ['a wrong type', operation('replace', 'Patient.active', { name: 'value', valueString: 'yes' }), 422],
        ['another id', operation('replace', 'Patient.id', { name: 'value', valueId: 'other' }), 422],
        [
          'an index beyond the end',
          operation(
            'insert',
            'Patient.telecom',
            { name: 'index', valueInteger: 5 },
            { name: 'value', valueContactPoint: { system: 'sms' } },
          ),
          422,
        ],
        [
          'a move from beyond',
          operation(
            'move',
            'Patient.telecom',
            { name: 'source', valueInteger: 2 },
            { name: 'destination', valueInteger: 0 },
          ),
          422,
        ],
        ['the whole resource', operation('delete', 'Patient'), 422],
        ['a path that is too long', operation('delete', `Patient.${'a'.repeat(1000)}`), 400],
      ];
      for (const [title, parameters, status] of rows) {
        const reply = await patchPath(stage().talk, `Patient/${id}`, parameters);
        assert.equal(refusal(reply).status, status, `${title}: ${reply.text}`);
      }
      assert.equal((await stage().talk.get<Patient & Stored>(`Patient/${id}`)).body.meta.versionId, '1');
      const nothing = await patchPath(stage().talk, `Patient/${id}`, operation('delete', 'Patient.birthDate'));
      assert.equal(nothing.status, 200, 'deleting what is not there is no fault');
    });

    it('is read as XML, too', async () => {
      const { id } = await patient();
      const reply = await stage().talk.send<Patient>('PATCH', `Patient/${id}`, {
        headers: { 'content-type': 'application/fhir+xml' },
        body: '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/><part><name value="type"/><valueCode value="replace"/></part><part><name value="path"/><valueString value="Patient.active"/></part><part><name value="value"/><valueBoolean value="false"/></part></parameter></Parameters>',
      });
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.body.active, false);
    });
  });

  describe('in general', () => {
    const turnOff = [{ op: 'replace', path: '/active', value: false }];

    it('obeys If-Match, also by criteria', async () => {
      const { talk } = stage();
      const value = `if-match-${Date.now()}`;
      const { id } = await patient({ identifier: [{ system: 'urn:p', value }] });
      for (const path of [`Patient/${id}`, `Patient?identifier=urn:p|${value}`]) {
        assert.equal(refusal(await patchJson(talk, path, turnOff, { 'if-match': 'W/"7"' })).status, 412);
        const { meta } = (await talk.get<Patient & Stored>(`Patient/${id}`)).body;
        assert.equal((await patchJson(talk, path, turnOff, { 'if-match': `W/"${meta.versionId}"` })).status, 200);
      }
    });

    it('finds its resource by criteria: none 404, one 200, several 412', async () => {
      const { talk } = stage();
      const value = `by-criteria-${Date.now()}`;
      const path = `Patient?identifier=urn:p|${value}`;
      assert.equal(refusal(await patchJson(talk, path, turnOff)).status, 404);
      const { id } = await patient({ identifier: [{ system: 'urn:p', value }] });
      const one = await patchJson(talk, path, turnOff);
      assert.deepEqual([one.status, one.body.id], [200, id]);
      await patient({ identifier: [{ system: 'urn:p', value }] });
      assert.equal(refusal(await patchJson(talk, path, turnOff)).status, 412);
      assert.equal(refusal(await patchJson(talk, 'Patient', turnOff)).status, 400);
    });

    it('returns 404 for what never was, 410 for what was deleted, 405 for the audit trail, 415 for other media types', async () => {
      const { talk } = stage();
      assert.equal(refusal(await patchJson(talk, 'Patient/never-was', turnOff)).status, 404);
      const { id } = await patient();
      await talk.delete(`Patient/${id}`);
      assert.equal(refusal(await patchJson(talk, `Patient/${id}`, turnOff)).status, 410);
      assert.equal(refusal(await patchJson(talk, 'AuditEvent/x', turnOff)).status, 405);
      const merge = await talk.send('PATCH', `Patient/${id}`, {
        headers: { 'content-type': 'application/merge-patch+json' },
        body: '{}',
      });
      assert.equal(refusal(merge).status, 415);
      assert.equal(
        refusal(await talk.send('PATCH', `Patient/${id}`, { headers: JSON_PATCH, body: '[{"op":' })).status,
        400,
      );
    });

    it('honours Prefer', async () => {
      const { id } = await patient();
      const minimal = await patchJson(stage().talk, `Patient/${id}`, turnOff, { prefer: 'return=minimal' });
      assert.deepEqual([minimal.status, minimal.text], [200, '']);
      const told = await patchJson<FhirResource>(stage().talk, `Patient/${id}`, turnOff, {
        prefer: 'return=OperationOutcome',
      });
      assert.equal(told.body.resourceType, 'OperationOutcome');
    });

    it('is recorded as an update of the version that it made (AUD-1)', async () => {
      const { talk } = stage();
      const { id } = await patient();
      await patchJson(talk, `Patient/${id}`, turnOff);
      const found: Bundle<AuditEvent> = await talk.search<AuditEvent>(`AuditEvent?entity=Patient/${id}&subtype=patch`);
      const [event] = found.entry ?? [];
      assert.equal(event?.resource?.action, 'U');
      assert.ok(event?.resource?.entity?.some(({ what }) => what?.reference === `Patient/${id}/_history/2`));
    });

    it('of 32 callers who add to one list every addition survives, and the history is gapless', async () => {
      const { talk } = stage();
      const { id } = await patient({ telecom: [{ system: 'phone', value: '0' }] });
      const callers = Array.from({ length: 32 }, (_, i) => i + 1);
      const replies = await Promise.all(
        callers.map(i =>
          i % 2
            ? patchJson(talk, `Patient/${id}`, [
                { op: 'add', path: '/telecom/-', value: { system: 'phone', value: String(i) } },
              ])
            : patchPath(
                talk,
                `Patient/${id}`,
                operation(
                  'add',
                  'Patient',
                  { name: 'name', valueString: 'telecom' },
                  { name: 'value', valueContactPoint: { system: 'phone', value: String(i) } },
                ),
              ),
        ),
      );
      assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]));
      const { telecom, meta } = (await talk.get<Patient & Stored>(`Patient/${id}`)).body;
      assert.deepEqual(new Set(telecom?.map(({ value }) => Number(value))), new Set([0, ...callers]));
      assert.equal(meta.versionId, '33');
      const history = await talk.search<Patient>(`Patient/${id}/_history?_count=100`);
      assert.deepEqual(
        history.entry?.map(({ resource }) => Number(resource?.meta?.versionId)),
        Array.from({ length: 33 }, (_, i) => 33 - i),
      );
    });
  });
});
