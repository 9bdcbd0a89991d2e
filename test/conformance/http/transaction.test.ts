/** transaction: https://hl7.org/fhir/R4/http.html#transaction, https://hl7.org/fhir/R4/bundle.html#references */
import assert from 'node:assert/strict';
import type {
  AuditEvent,
  Bundle,
  BundleEntry,
  DocumentReference,
  FhirResource,
  Observation,
  Patient,
} from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { done, entry, named, post, put, refused, send, statuses, uuid } from '../../support/bundles.js';
import { idsOf, type Reply } from '../../support/talk.js';

const SYSTEM = 'urn:transaction';
let count = 0;
const fresh = () => `t${++count}`;
const identified = (value: string, more: Partial<Patient> = {}): Patient => ({
  resourceType: 'Patient',
  identifier: [{ system: SYSTEM, value }],
  ...more,
});
const by = (value: string) => `identifier=${SYSTEM}|${value}`;
const observation = (reference: string, more: Partial<Observation> = {}): Observation => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  subject: { reference },
  ...more,
});

onStoresInTurn('a transaction', stage => {
  const transact = (entries: readonly BundleEntry[], headers = {}) =>
    send(stage().talk, 'transaction', entries, headers);
  const make = (entries: readonly BundleEntry[], headers = {}) => done(transact(entries, headers));
  const read = async <T = FhirResource>(name: string): Promise<T> => (await stage().talk.get<T>(name)).body;
  const matching = async (value: string) => idsOf(await stage().talk.search(`Patient?${by(value)}`));
  /** Runs what must be refused, and sees that the data of clients is as it was. */
  const refuse = async (entries: readonly BundleEntry[], headers = {}): Promise<Reply<unknown>> => {
    const state = async () => {
      const newest = [];
      for (const type of ['Patient', 'Observation', 'Binary'])
        newest.push((await stage().talk.search(`${type}/_history?_count=3`)).entry);
      return JSON.stringify(newest);
    };
    const before = await state();
    const reply = await transact(entries, headers);
    assert.notEqual(reply.status, 200, reply.text);
    assert.equal(await state(), before, 'nothing was written');
    return reply;
  };

  describe('answers', () => {
    it('every entry in its place, whatever the order in which they are done', async () => {
      const { talk } = stage();
      const value = fresh();
      await talk.update({ resourceType: 'Patient', id: `gone-${value}` });
      await talk.update({ resourceType: 'Patient', id: `old-${value}` });
      const answers = await make([
        entry('GET', `Patient/old-${value}`),
        put({ resourceType: 'Patient', id: `old-${value}`, active: true }),
        post(identified(value)),
        entry('DELETE', `Patient/gone-${value}`),
        put({ resourceType: 'Patient', id: `new-${value}` }),
        entry('GET', `Patient?${by(value)}`),
        entry('HEAD', `Patient/new-${value}`),
      ]);
      assert.deepEqual(statuses(answers), ['200', '200', '201', '204', '201', '200', '200']);
      assert.equal((answers[0]!.resource as Patient).active, true, 'reads see what is written');
      assert.deepEqual(idsOf(answers[5]?.resource as Bundle), [named(answers[2]).slice(8)]);
      assert.match(answers[2]?.response?.location ?? '', /^Patient\/[^/]+\/_history\/1$/);
      assert.deepEqual([answers[1]?.response?.etag, answers[4]?.response?.etag], ['W/"2"', 'W/"1"']);
      assert.match(answers[1]?.response?.lastModified ?? '', /^\d{4}-\d\d-\d\dT.*Z$/);
      assert.equal((await talk.get(`Patient/gone-${value}`)).status, 410);
    });

    it('with what Prefer asks for', async () => {
      const written = [post({ resourceType: 'Patient', active: true })];
      assert.equal((await make(written))[0]?.resource, undefined);
      assert.equal((await make(written, { prefer: 'return=minimal' }))[0]?.resource, undefined);
      const [whole] = await make(written, { prefer: 'return=representation' });
      assert.deepEqual([(whole!.resource as Patient).active, whole?.resource?.id], [true, named(whole).slice(8)]);
      const [told] = await make(written, { prefer: 'return=OperationOutcome' });
      assert.equal(told?.response?.outcome?.resourceType, 'OperationOutcome');
    });

    it('nothing with nothing, and XML with XML', async () => {
      const empty = await transact([]);
      assert.deepEqual([empty.status, empty.body.type, empty.body.entry], [200, 'transaction-response', undefined]);
      const xml = await stage().talk.send('POST', '', {
        headers: { 'content-type': 'application/fhir+xml', accept: 'application/fhir+xml' },
        body: `<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><fullUrl value="${uuid(1)}"/><resource><Patient><active value="true"/></Patient></resource><request><method value="POST"/><url value="Patient"/></request></entry></Bundle>`,
      });
      assert.equal(xml.status, 200, xml.text);
      assert.match(xml.text, /<type value="transaction-response"\/>.*<status value="201 Created"\/>/s);
    });
  });

  describe('references', () => {
    it('follow the names that entries give each other, wherever they are names', async () => {
      const name = uuid(1);
      const oid = 'urn:oid:1.2.3.4';
      const answers = await make([
        post(
          {
            resourceType: 'DocumentReference',
            status: 'current',
            subject: { reference: name },
            text: {
              status: 'generated',
              div: `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${name}">he</a> <img src='${oid}' alt="${name}"/></div>`,
            },
            identifier: [{ system: 'urn:ietf:rfc:3986', value: name }],
            description: name,
            contained: [observation(name, { id: 'c' })],
            context: { related: [{ reference: `${oid}#part` }, { reference: '#c' }] },
            content: [{ attachment: { url: oid }, format: { system: name, code: 'x' } }],
            extension: [
              { url: 'http://example.org/e', valueReference: { reference: name } },
              { url: 'http://example.org/u', valueUri: name },
            ],
          },
          { fullUrl: uuid(2) },
        ),
        post({ resourceType: 'Patient' }, { fullUrl: name }),
        post({ resourceType: 'Binary', contentType: 'text/plain', data: 'QUJD' }, { fullUrl: oid }),
      ]);
      const [document, patient, binary] = answers.map(named) as [string, string, string];
      const stored = await read<DocumentReference>(document);
      assert.equal(stored.subject?.reference, patient);
      assert.match(
        stored.text?.div ?? '',
        new RegExp(`<a href="${patient}">he</a> <img src="${binary}" alt="${name}"/>`),
      );
      assert.deepEqual([stored.identifier?.[0]?.value, stored.description], [name, name], 'strings are no names');
      assert.equal((stored.contained![0] as Observation).subject?.reference, patient);
      assert.deepEqual(
        stored.context?.related?.map(({ reference }) => reference),
        [`${binary}#part`, '#c'],
      );
      const { attachment, format } = stored.content[0]!;
      assert.deepEqual([attachment.url, format?.system], [`${stage().server.base}/${binary}`, patient]);
      assert.deepEqual(
        [stored.extension?.[0]?.valueReference?.reference, stored.extension?.[1]?.valueUri],
        [patient, patient],
      );
      assert.deepEqual(
        idsOf(await stage().talk.search(`DocumentReference?subject=${patient}`)),
        [document.slice(18)],
        'and are found by',
      );
    });

    it('are read against the address of their own entry', async () => {
      const elsewhere = 'http://elsewhere.example/fhir';
      const answers = await make([
        post(
          observation('Patient/9', {
            performer: [{ reference: 'Practitioner/1' }, { reference: 'Patient/9/_history/3' }],
          }),
          {
            fullUrl: `${elsewhere}/Observation/7`,
          },
        ),
        post({ resourceType: 'Patient', id: '9' }, { fullUrl: `${elsewhere}/Patient/9` }),
        post(observation('Patient/9')),
      ]);
      const [inside, patient, outside] = answers.map(named) as [string, string, string];
      const { subject, performer } = await read<Observation>(inside);
      assert.deepEqual(
        [subject?.reference, performer?.map(({ reference }) => reference)],
        [patient, ['Practitioner/1', `${patient}/_history/1`]],
      );
      assert.equal((await read<Observation>(outside)).subject?.reference, 'Patient/9');
    });

    it('of a version stay as they are', async () => {
      const value = fresh();
      await stage().talk.update({ resourceType: 'Patient', id: value });
      const answers = await make([
        put({ resourceType: 'Patient', id: value, active: true }, { fullUrl: `${stage().talk.base}/Patient/${value}` }),
        post(observation(`Patient/${value}/_history/1`)),
      ]);
      assert.equal((await read<Observation>(named(answers[1]))).subject?.reference, `Patient/${value}/_history/1`);
    });

    it('by criteria become the one that matches, in the store or in the Bundle', async () => {
      const [there, here] = [fresh(), fresh()];
      const { id } = (await stage().talk.create<Patient>(identified(there))).body;
      const answers = await make([
        post(observation(`Patient?${by(there)}`)),
        post(observation(`Patient?${by(here)}`)),
        post(observation(`${stage().talk.base}/Patient?${by(there)}`)),
        post(identified(here)),
      ]);
      const subjects = [];
      for (const answer of answers.slice(0, 3))
        subjects.push((await read<Observation>(named(answer))).subject?.reference);
      assert.deepEqual(subjects, [`Patient/${id}`, named(answers[3]), `Patient/${id}`]);
    });

    it('by criteria that match none or several fail the whole with 412 and the place', async () => {
      const value = fresh();
      const none = await refuse([post({ resourceType: 'Patient' }), post(observation(`Patient?${by(value)}`))]);
      assert.deepEqual(refused(none), {
        status: 412,
        detail: 'no-match',
        at: 'Bundle.entry[1].resource.subject.reference',
      });
      for (const _ of [1, 2]) await stage().talk.create(identified(value));
      const several = await refuse([post(observation(`Patient?${by(value)}`))]);
      assert.deepEqual(refused(several), {
        status: 412,
        detail: 'multiple-matches',
        at: 'Bundle.entry[0].resource.subject.reference',
      });
      const both = await refuse([post(identified(value)), post(observation(`Patient?${by(value)}`))]);
      assert.equal(both.status, 412);
      for (const bad of ['Patient?', 'Patient?nothing=1', 'Nothing?_id=1'])
        assert.equal((await refuse([post(observation(bad))])).status, 400, bad);
    });

    it('by criteria do not match what the Bundle deletes', async () => {
      const value = fresh();
      const { id } = (await stage().talk.create<Patient>(identified(value))).body;
      const reply = await refuse([entry('DELETE', `Patient/${id}`), post(observation(`Patient?${by(value)}`))]);
      assert.equal(reply.status, 412);
    });

    it('keep the digits of numbers beside them', async () => {
      const body = `{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"${uuid(1)}","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}},{"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"${uuid(1)}"},"valueQuantity":{"value":1.00},"component":[{"code":{"text":"y"},"valueQuantity":{"value":2.50}}]},"request":{"method":"POST","url":"Observation"}}]}`;
      const reply = await stage().talk.send<Bundle>('POST', '', {
        headers: { 'content-type': 'application/fhir+json' },
        body,
      });
      const { text } = await stage().talk.get(named(reply.body.entry?.[1]));
      assert.match(text, /"value":1\.00\}.*"value":2\.50\}/);
    });
  });

  describe('conditional entries', () => {
    it('create, update, patch and delete by criteria', async () => {
      const { talk } = stage();
      const [there, absent, patched, gone] = [fresh(), fresh(), fresh(), fresh()];
      const ids = [];
      for (const value of [there, patched, gone]) ids.push((await talk.create<Patient>(identified(value))).body.id);
      const data = Buffer.from('[{"op":"add","path":"/active","value":true}]').toString('base64');
      const answers = await make([
        post(identified(there), { ifNoneExist: by(there), fullUrl: uuid(1) }),
        post(identified(absent), { ifNoneExist: by(absent), fullUrl: uuid(2) }),
        entry('PUT', `Patient?${by(fresh())}`, { resourceType: 'Patient', active: false }, { fullUrl: uuid(3) }),
        entry('PATCH', `Patient?${by(patched)}`, {
          resourceType: 'Binary',
          contentType: 'application/json-patch+json',
          data,
        }),
        entry('DELETE', `Patient?${by(gone)}`),
        post(observation(uuid(1), { performer: [{ reference: uuid(2) }, { reference: uuid(3) }] })),
      ]);
      assert.deepEqual(statuses(answers), ['200', '201', '201', '200', '204', '201']);
      assert.equal(named(answers[0]), `Patient/${ids[0]}`);
      const { subject, performer } = await read<Observation>(named(answers[5]));
      assert.deepEqual(
        [subject?.reference, ...(performer ?? []).map(({ reference }) => reference)],
        [`Patient/${ids[0]}`, named(answers[1]), named(answers[2])],
      );
      assert.equal((await read<Patient>(`Patient/${ids[1]}`)).active, true);
      assert.equal((await talk.get(`Patient/${ids[2]}`)).status, 410);
    });

    it('a FHIRPath Patch is an entry, too', async () => {
      const { id } = (await stage().talk.create<Patient>({ resourceType: 'Patient', active: true })).body;
      const part = [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: 'Patient.active' },
        { name: 'value', valueBoolean: false },
      ];
      await make([
        entry('PATCH', `Patient/${id}`, {
          resourceType: 'Parameters',
          parameter: [{ name: 'operation', part }],
        }),
      ]);
      assert.equal((await read<Patient>(`Patient/${id}`)).active, false);
    });

    it('of two that create the same, one does', async () => {
      const value = fresh();
      const answers = await make([
        post(identified(value), { ifNoneExist: by(value), fullUrl: uuid(1) }),
        post(identified(value), { ifNoneExist: by(value), fullUrl: uuid(2) }),
        post(observation(uuid(2))),
      ]);
      assert.deepEqual(statuses(answers), ['201', '200', '201']);
      assert.equal((await matching(value)).length, 1);
      assert.equal((await read<Observation>(named(answers[2]))).subject?.reference, named(answers[0]));
    });

    it('what the Bundle deletes does not match any more', async () => {
      const value = fresh();
      const { id } = (await stage().talk.create<Patient>(identified(value))).body;
      const answers = await make([
        post(identified(value), { ifNoneExist: by(value) }),
        entry('DELETE', `Patient/${id}`),
      ]);
      assert.deepEqual(statuses(answers), ['201', '204']);
      assert.deepEqual(await matching(value), [named(answers[0]).slice(8)]);
    });

    it('several matches, a stale ifMatch and ifNoneMatch fail the whole with 412', async () => {
      const value = fresh();
      for (const _ of [1, 2]) await stage().talk.create(identified(value));
      const { id } = (await stage().talk.create<Patient>({ resourceType: 'Patient' })).body;
      const body: Patient = { resourceType: 'Patient', id };
      const rows = [
        post(identified(value), { ifNoneExist: by(value) }),
        entry('PUT', `Patient?${by(value)}`, { resourceType: 'Patient' }),
        entry('DELETE', `Patient?${by(value)}`),
        put(body, { ifMatch: 'W/"2"' }),
        put(body, { ifNoneMatch: '*' }),
        entry('DELETE', `Patient/${id}`, undefined, { ifMatch: 'W/"2"' }),
      ];
      for (const row of rows) {
        const reply = await refuse([post({ resourceType: 'Patient' }), row]);
        assert.deepEqual(
          [reply.status, refused(reply).at?.slice(0, 15)],
          [412, 'Bundle.entry[1]'],
          JSON.stringify(row),
        );
      }
      assert.deepEqual(statuses(await make([put(body, { ifMatch: 'W/"1"' })])), ['200']);
    });
  });

  describe('is refused as a whole', () => {
    it('where two entries write the same resource', async () => {
      const value = fresh();
      const { id } = (await stage().talk.create<Patient>(identified(value))).body;
      const body: Patient = { resourceType: 'Patient', id };
      const by1 = entry('PUT', `Patient?${by(value)}`, { resourceType: 'Patient' });
      for (const pair of [
        [put(body), put(body)],
        [put(body), entry('DELETE', `Patient/${id}`)],
        [put(body), entry('DELETE', `Patient?${by(value)}`)],
        [put(body), by1],
        [by1, by1],
        [post(identified('twice'), { fullUrl: uuid(1) }), post(identified('twice'), { fullUrl: uuid(1) })],
      ])
        assert.equal((await refuse(pair)).status, 400, JSON.stringify(pair));
    });

    const bad: readonly (readonly [string, unknown, number])[] = [
      ['an invalid resource', post({ resourceType: 'Patient', active: 'yes' } as unknown as Patient), 400],
      ['a resource of another type', entry('POST', 'Patient', { resourceType: 'Basic', code: {} }), 400],
      ['no resource', entry('POST', 'Patient'), 400],
      ['another id', entry('PUT', 'Patient/a', { resourceType: 'Patient', id: 'b' }), 400],
      ['no request', { resource: { resourceType: 'Patient' } }, 400],
      ['a lower-case method', entry('post' as 'POST', 'Patient', { resourceType: 'Patient' }), 400],
      ['an unknown type', entry('GET', 'Nothing/1'), 404],
      ['a bad id', entry('GET', 'Patient/a b'), 400],
      ['another server', entry('GET', 'http://elsewhere.example/fhir/Patient/1'), 400],
      ['a transaction inside', entry('POST', '', { resourceType: 'Bundle', type: 'batch' }), 400],
      ['a read of nothing', entry('GET', 'Patient/never-was'), 404],
      ['a search that cannot be understood', entry('GET', 'Patient?nothing=1'), 400],
      ['a patch of nothing', entry('PATCH', 'Patient/never-was', { resourceType: 'Parameters' }), 404],
      ['a patch that is none', entry('PATCH', 'Patient/a', { resourceType: 'Patient' }), 400],
      ['a change of the audit trail', entry('DELETE', 'AuditEvent/x'), 405],
      ['a method that an address does not have', entry('POST', 'Patient/1', { resourceType: 'Patient' }), 405],
    ];
    for (const [title, one, status] of bad)
      it(`with ${title}`, async () => {
        const reply = await refuse([post({ resourceType: 'Patient' }), one as BundleEntry]);
        assert.equal(reply.status, status, reply.text);
        assert.match(refused(reply).at ?? '', /^Bundle\.entry(\[1\]|\.request|$)|^Bundle/);
      });

    it('where it is no Bundle of requests', async () => {
      const { talk } = stage();
      const headers = { 'content-type': 'application/fhir+json' };
      for (const body of [
        '{"resourceType":"Patient"}',
        '{"resourceType":"Bundle","type":"collection"}',
        '{"resourceType":"Bundle"}',
      ])
        assert.equal((await talk.send('POST', '', { headers, body })).status, 400, body);
    });
  });

  describe('is recorded', () => {
    it('by an event for each entry, in its own words (AUD-1)', async () => {
      const { talk } = stage();
      const value = fresh();
      await talk.update({ resourceType: 'Patient', id: value });
      const id = `request-${value}`;
      const answers = await make(
        [
          post(observation(`Patient/${value}`)),
          put({ resourceType: 'Patient', id: value, active: true }),
          entry('GET', `Patient/${value}`),
        ],
        { 'x-request-id': id },
      );
      const events = (await talk.search<AuditEvent>('AuditEvent?_sort=-_lastUpdated&_count=20')).entry ?? [];
      const own = events.flatMap(({ resource }) =>
        resource?.entity?.some(({ what }) => what?.identifier?.value === id) ? [resource] : [],
      );
      const said = own.map(
        event =>
          `${event.subtype?.[0]?.code} ${event.outcome} ${event.entity?.find(({ what }) => what?.reference?.includes('_history'))?.what?.reference}`,
      );
      assert.deepEqual(
        said.toSorted(),
        [
          `create 0 ${answers[0]?.response?.location}`,
          `read 0 Patient/${value}/_history/2`,
          `update 0 Patient/${value}/_history/2`,
        ].toSorted(),
      );
    });

    it('as a failure and by no success, where it was refused', async () => {
      const { talk } = stage();
      const id = `request-${fresh()}`;
      await refuse([post({ resourceType: 'Patient' }), entry('GET', 'Patient/never-was')], { 'x-request-id': id });
      const events = (await talk.search<AuditEvent>('AuditEvent?_sort=-_lastUpdated&_count=20')).entry ?? [];
      const own = events.flatMap(({ resource }) =>
        resource?.entity?.some(({ what }) => what?.identifier?.value === id) ? [resource] : [],
      );
      assert.deepEqual(
        own.map(({ subtype, outcome }) => [subtype?.[0]?.code, outcome]),
        [['transaction', '4']],
      );
    });
  });

  describe('beside others', () => {
    it('16 callers that create the same patients make each once, with right references', async () => {
      const values = [fresh(), fresh(), fresh()];
      const bundle = [
        ...values.map((value, i) => post(identified(value), { ifNoneExist: by(value), fullUrl: uuid(i + 1) })),
        ...values.map((_, i) => post(observation(uuid(i + 1)))),
      ];
      const all = await Promise.all(Array.from({ length: 16 }, () => make(bundle)));
      for (const [i, value] of values.entries()) {
        const [id, another] = await matching(value);
        assert.equal(another, undefined);
        for (const answers of all) {
          assert.equal(named(answers[i]), `Patient/${id}`);
          assert.equal((await read<Observation>(named(answers[i + 3]))).subject?.reference, `Patient/${id}`);
        }
      }
    });

    it('transactions that write the same resources in opposite order all finish, and no version is lost', async () => {
      const [a, b] = [fresh(), fresh()];
      const pair = (order: readonly string[], name: string) =>
        make(order.map(id => put({ resourceType: 'Patient', id, name: [{ text: name }] })));
      await Promise.all(Array.from({ length: 20 }, (_, i) => pair(i % 2 ? [a, b] : [b, a], `${i}`)));
      for (const id of [a, b]) {
        const history = await stage().talk.search<Patient>(`Patient/${id}/_history?_count=50`);
        assert.deepEqual(
          history.entry?.map(({ resource }) => Number(resource?.meta?.versionId)),
          Array.from({ length: 20 }, (_, i) => 20 - i),
        );
      }
    });
  });
});

onStoresInTurn(
  'a transaction beyond the limits',
  stage => {
    it('is refused with 413, by entries and by bytes', async () => {
      const { talk } = stage();
      const patient = post({ resourceType: 'Patient' });
      assert.deepEqual(statuses(await done(send(talk, 'transaction', [patient, patient, patient]))), [
        '201',
        '201',
        '201',
      ]);
      assert.equal((await send(talk, 'transaction', [patient, patient, patient, patient])).status, 413);
      const long = post({ resourceType: 'Patient', name: [{ text: 'x'.repeat(5000) }] });
      assert.equal((await send(talk, 'transaction', [long])).status, 413);
    });
  },
  { config: { maxEntries: '3', maxBundle: '4000', maxBody: '4000' } },
);
