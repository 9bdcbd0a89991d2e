/**
 * A write that would leave a resource as it is makes no version: https://hl7.org/fhir/R4/http.html#update, #patch. It is answered with
 * the version that is there, its preconditions are judged as ever, and it is recorded.
 */
import assert from 'node:assert/strict';
import type { AuditEvent, Binary, BundleEntry, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { done, entry, post, put, send, statuses } from '../../support/bundles.js';
import { refusal, type Reply, type Stored } from '../../support/talk.js';

const JSON_BODY = { 'content-type': 'application/fhir+json' };
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const patient = (id: string, more: Omit<Patient, 'resourceType' | 'id'> = {}): Patient & { id: string } => ({
  resourceType: 'Patient',
  id,
  name: [{ family: 'Same' }],
  ...more,
});
const withPhoto = (id: string, byte = 'p'): Patient & { id: string } =>
  patient(id, { photo: [{ contentType: 'image/png', data: Buffer.from(byte.repeat(50_000)).toString('base64') }] });

onStoresInTurn('a write that changes nothing', stage => {
  const versionsOf = async (name: string) => (await stage().talk.search<Patient>(`${name}/_history`)).total;
  /** Sends it twice: the second time nothing is written. */
  async function sameTwice(name: string, write: () => Promise<Reply<unknown>>) {
    const { talk } = stage();
    const first = await write();
    assert.ok([200, 201].includes(first.status), first.text);
    const before = await talk.get<Patient & Stored>(name);
    const again = await write();
    assert.equal(again.status, 200, again.text);
    assert.deepEqual(
      ['etag', 'last-modified', 'location'].map(header => again.header(header)),
      ['etag', 'last-modified', 'location'].map(header => first.header(header)),
    );
    assert.deepEqual((await talk.get(name)).text, before.text);
    return again;
  }
  const patch = (name: string, operations: readonly object[], headers = {}) =>
    stage().talk.send<Patient & Stored>('PATCH', name, {
      headers: { ...JSON_PATCH, ...headers },
      body: JSON.stringify(operations),
    });

  it('is counted by type, an entry of a transaction too, and what makes a version is not', async () => {
    const { talk, server } = stage();
    const count = async (type: string): Promise<number> => {
      const { values } = await server.engine.metrics.unchanged.get();
      return values.find(({ labels }) => labels.type === type)?.value ?? 0;
    };
    const before = await count('Patient');
    const body = patient('counted');
    await talk.update(body);
    assert.equal(await count('Patient'), before);
    await talk.update(body);
    await patch('Patient/counted', [{ op: 'test', path: '/id', value: 'counted' }]);
    await done(send(talk, 'transaction', [put(body), put(patient('counted-too'))]));
    assert.equal(await count('Patient'), before + 3);
    await talk.send('PUT', 'Patient/counted', {
      headers: { ...JSON_BODY, 'if-match': 'W/"9"' },
      body: JSON.stringify(body),
    });
    assert.equal(await count('Patient'), before + 3);
    assert.equal(await count('Group'), 0);
  });

  describe('by PUT', () => {
    const rows: readonly [string, Patient][] = [
      ['a plain resource', patient('plain')],
      [
        'with labels',
        patient('labels', { meta: { tag: [{ system: 's', code: 'a' }], profile: ['http://p.example'] } }),
      ],
      ['with an attachment kept apart', withPhoto('photo')],
      ['with meta at its end', { ...patient('late'), active: true, meta: { source: 'urn:x' } }],
    ];
    for (const [title, body] of rows)
      it(title, async () => {
        const again = await sameTwice(`Patient/${body.id}`, () => stage().talk.update(body));
        assert.equal(await versionsOf(`Patient/${body.id}`), 1);
        assert.deepEqual((again.body as Patient).photo, body.photo, 'the body is the current version, whole');
      });

    it('of what was read, whatever its version and time say', async () => {
      const { talk } = stage();
      await talk.update(patient('read'));
      const { body } = await talk.get<Patient & { id: string }>('Patient/read');
      for (const meta of [body.meta!, { versionId: '77', lastUpdated: '2001-01-01T00:00:00Z' }])
        assert.equal((await talk.update({ ...body, meta })).header('etag'), 'W/"1"');
    });

    it('of what a POST made, in XML, and with blanks that are not stored', async () => {
      const { talk } = stage();
      const { id } = (await talk.create<Patient>({ resourceType: 'Patient', active: true })).body;
      const bodies: readonly [string, string][] = [
        ['application/fhir+json', `{"resourceType":"Patient","id":"${id}","active":true}`],
        ['application/fhir+json', JSON.stringify({ resourceType: 'Patient', id, active: true }, undefined, 4)],
        [
          'application/fhir+xml',
          `<Patient xmlns="http://hl7.org/fhir"><id value="${id}"/><active value="true"/></Patient>`,
        ],
      ];
      for (const [type, body] of bodies) {
        const reply = await talk.send('PUT', `Patient/${id}`, { headers: { 'content-type': type }, body });
        assert.deepEqual([reply.status, reply.header('etag')], [200, 'W/"1"'], reply.text);
      }
    });

    it('without the labels that it keeps', async () => {
      const { talk } = stage();
      const tag = [{ system: 's', code: 'kept' }];
      const profile = ['http://p.example'];
      await talk.update(patient('keeps', { meta: { tag, profile } }));
      assert.equal((await talk.update(patient('keeps', { meta: { profile } }))).header('etag'), 'W/"1"');
      const more = await talk.update(patient('keeps', { meta: { profile, tag: [{ system: 's', code: 'new' }] } }));
      assert.equal(more.header('etag'), 'W/"2"');
    });

    it('but a change of a byte, of digits, of an attachment, of the order of a list makes a version', async () => {
      const { talk } = stage();
      const digits = (value: string) =>
        talk.send('PUT', 'Observation/digits', {
          headers: JSON_BODY,
          body: `{"resourceType":"Observation","id":"digits","status":"final","code":{"text":"x"},"valueQuantity":{"value":${value}}}`,
        });
      const names = (...families: string[]) =>
        talk.update(patient('bytes', { name: families.map(family => ({ family })) }));
      const pairs: readonly (readonly [() => Promise<Reply<unknown>>, () => Promise<Reply<unknown>>])[] = [
        [() => names('a', 'b'), () => names('b', 'a')],
        [() => digits('1.0'), () => digits('1.00')],
        [() => talk.update(withPhoto('bytes-photo')), () => talk.update(withPhoto('bytes-photo', 'q'))],
      ];
      for (const [one, other] of pairs) {
        assert.equal((await one()).header('etag'), 'W/"1"');
        assert.equal((await other()).header('etag'), 'W/"2"');
        assert.equal((await one()).header('etag'), 'W/"3"');
      }
    });

    it('of what was deleted makes it again', async () => {
      const { talk } = stage();
      await talk.update(patient('again'));
      await talk.delete('Patient/again');
      const reply = await talk.update(patient('again'));
      assert.deepEqual([reply.status, reply.header('etag')], [201, 'W/"3"']);
    });

    it('of a raw Binary', async () => {
      const bytes = (text: string) =>
        stage().talk.send('PUT', 'Binary/raw', { headers: { 'content-type': 'application/pdf' }, body: text });
      await sameTwice('Binary/raw', () => bytes('%PDF same'));
      assert.equal((await bytes('%PDF other')).header('etag'), 'W/"2"');
    });

    it('shows what Prefer asks for', async () => {
      const { talk } = stage();
      await talk.update(patient('prefer'));
      const minimal = await talk.update(patient('prefer'), { prefer: 'return=minimal' });
      assert.deepEqual([minimal.status, minimal.text], [200, '']);
      const told = await talk.update(patient('prefer'), { prefer: 'return=OperationOutcome' });
      assert.match(told.text, /OperationOutcome/);
      const shown = await talk.update(patient('prefer'), { prefer: 'return=representation' });
      assert.equal(shown.body.meta.versionId, '1');
    });

    it('shows what Prefer asks for of a raw Binary, too', async () => {
      const upload = (prefer: string) =>
        stage().talk.send<Binary>('PUT', 'Binary/shown', {
          headers: { 'content-type': 'text/plain', prefer: `return=${prefer}` },
          body: 'same',
        });
      for (const status of [201, 200, 200]) {
        const shown = await upload('representation');
        assert.deepEqual([shown.status, shown.header('etag')], [status, 'W/"1"']);
        assert.deepEqual([shown.body.meta?.versionId, shown.body.data], ['1', Buffer.from('same').toString('base64')]);
      }
      assert.equal((await upload('minimal')).text, '');
      assert.match((await upload('OperationOutcome')).text, /OperationOutcome/);
    });

    it('obeys its preconditions', async () => {
      const { talk } = stage();
      await talk.update(patient('guarded'));
      assert.equal((await talk.update(patient('guarded'), { 'if-match': 'W/"1"' })).status, 200);
      assert.equal(refusal(await talk.update(patient('guarded'), { 'if-match': 'W/"2"' })).status, 412);
      assert.equal(refusal(await talk.update(patient('guarded'), { 'if-none-match': '*' })).status, 412);
      assert.equal(await versionsOf('Patient/guarded'), 1);
    });

    it('is recorded as an update that changed nothing', async () => {
      const { talk } = stage();
      await talk.update(patient('recorded'));
      await talk.update(patient('recorded'));
      const { entry: events = [] } = await talk.search<AuditEvent>('AuditEvent?entity=Patient/recorded&subtype=update');
      assert.deepEqual(events.map(({ resource }) => resource?.outcomeDesc ?? 'written').toSorted(), [
        'unchanged',
        'written',
      ]);
      for (const { resource } of events) {
        assert.equal(resource?.outcome, '0');
        assert.equal(resource?.entity?.[0]?.what?.reference, 'Patient/recorded/_history/1');
      }
    });
  });

  it('by conditional PUT', async () => {
    const identifier = [{ system: 'urn:same', value: 'conditional' }];
    const write = () =>
      stage().talk.send('PUT', 'Patient?identifier=urn:same|conditional', {
        headers: JSON_BODY,
        body: JSON.stringify({ resourceType: 'Patient', identifier }),
      });
    const { body } = (await write()) as Reply<Stored>;
    await sameTwice(`Patient/${body.id}`, write);
    assert.equal(await versionsOf(`Patient/${body.id}`), 1);
  });

  describe('by PATCH', () => {
    const test = [{ op: 'test', path: '/name/0/family', value: 'Same' }];
    const there = [{ op: 'replace', path: '/name/0/family', value: 'Same' }];
    const undone = [
      { op: 'add', path: '/active', value: true },
      { op: 'remove', path: '/active' },
    ];
    const stamped = [{ op: 'replace', path: '/meta/versionId', value: '9' }];
    for (const [title, operations] of Object.entries({ test, there, undone, stamped }))
      it(`${title}: JSON Patch without effect`, async () => {
        const { talk } = stage();
        await talk.update(patient(`patch-${title}`));
        const reply = await sameTwice(`Patient/patch-${title}`, () => patch(`Patient/patch-${title}`, operations));
        assert.equal(reply.header('etag'), 'W/"1"');
        assert.equal(refusal(await patch(`Patient/patch-${title}`, operations, { 'if-match': 'W/"2"' })).status, 412);
      });

    it('FHIRPath Patch without effect, and JSON Patch on a text that was stored with blanks', async () => {
      const { talk } = stage();
      // One blank in a long text: it is stored as it came.
      const family = 'x'.repeat(200);
      const body = `{"resourceType":"Patient", "id":"patch-blank","name":[{"family":"${family}"}]}`;
      await talk.send('PUT', 'Patient/patch-blank', { headers: JSON_BODY, body });
      const parameter = [
        {
          name: 'operation',
          part: [
            { name: 'type', valueCode: 'replace' },
            { name: 'path', valueString: 'Patient.name[0].family' },
            { name: 'value', valueString: family },
          ],
        },
      ];
      const fhirpath = () =>
        talk.send('PATCH', 'Patient/patch-blank', {
          headers: JSON_BODY,
          body: JSON.stringify({ resourceType: 'Parameters', parameter }),
        });
      for (const write of [
        fhirpath,
        () => patch('Patient/patch-blank', [{ op: 'test', path: '/id', value: 'patch-blank' }]),
      ]) {
        const reply = await write();
        assert.deepEqual([reply.status, reply.header('etag')], [200, 'W/"1"'], reply.text);
      }
      assert.equal(
        (await patch('Patient/patch-blank', [{ op: 'add', path: '/active', value: true }])).header('etag'),
        'W/"2"',
      );
    });

    it('with an attachment', async () => {
      await stage().talk.update(withPhoto('patch-photo'));
      const reply = await patch('Patient/patch-photo', [{ op: 'test', path: '/id', value: 'patch-photo' }]);
      assert.deepEqual([reply.status, reply.header('etag')], [200, 'W/"1"']);
      assert.equal(reply.body.photo?.[0]?.data, withPhoto('x').photo![0]!.data);
    });
  });

  it('by $meta-add of what is there', async () => {
    const { talk } = stage();
    const tag = [{ system: 's', code: 'there' }];
    await talk.update(patient('meta-add', { meta: { tag } }));
    const body = JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag } }] });
    const reply = await talk.send('POST', 'Patient/meta-add/$meta-add', { headers: JSON_BODY, body });
    assert.deepEqual([reply.status, reply.header('etag')], [200, 'W/"1"']);
  });

  describe('in a Bundle', () => {
    const tagsOf = (answers: readonly BundleEntry[]) => answers.map(({ response }) => response?.etag);
    const testOnly = {
      resourceType: 'Binary' as const,
      contentType: 'application/json-patch+json',
      data: Buffer.from('[{"op":"test","path":"/name/0/family","value":"Same"}]').toString('base64'),
    };
    for (const type of ['transaction', 'batch'] as const)
      it(`of type ${type}: the entry answers 200 with the old ETag, others are written`, async () => {
        const { talk } = stage();
        const id = (name: string) => `${type}-${name}`;
        await send(talk, 'transaction', [
          put(patient(id('same'))),
          put(patient(id('other'))),
          put(patient(id('patched'))),
        ]);
        const entries = [
          put(patient(id('same'))),
          put(patient(id('other'), { active: true })),
          entry('PATCH', `Patient/${id('patched')}`, testOnly),
          entry('GET', `Patient/${id('same')}`),
        ];
        for (const [other, shown] of [
          ['W/"2"', 'return=representation'],
          ['W/"2"', 'return=minimal'],
        ] as const) {
          const answers = await done(send(talk, type, entries, { prefer: shown }));
          assert.deepEqual(statuses(answers), ['200', '200', '200', '200']);
          assert.deepEqual(tagsOf(answers), ['W/"1"', other, 'W/"1"', 'W/"1"']);
          const first = answers[0]!;
          assert.equal(first.response?.location, `Patient/${id('same')}/_history/1`);
          assert.equal(first.resource?.meta?.versionId, shown === 'return=representation' ? '1' : undefined);
        }
      });

    it('judges If-Match as ever', async () => {
      const { talk } = stage();
      await send(talk, 'transaction', [put(patient('match'))]);
      const entries = (ifMatch: string) => [put(patient('match'), { ifMatch }), post(patient('new'))];
      assert.equal((await send(talk, 'transaction', entries('W/"2"'))).status, 412);
      assert.deepEqual(statuses(await done(send(talk, 'transaction', entries('W/"1"')))), ['200', '201']);
    });

    it('the same Bundle of updates sent twice writes nothing', async () => {
      const { talk } = stage();
      const entries = Array.from({ length: 50 }, (_, i) => put(patient(`twice-${i}`)));
      assert.deepEqual(new Set(statuses(await done(send(talk, 'transaction', entries)))), new Set(['201']));
      const again = await done(send(talk, 'transaction', entries));
      assert.deepEqual(new Set(tagsOf(again)), new Set(['W/"1"']));
      const { entry: events = [] } = await talk.search<AuditEvent>('AuditEvent?entity=Patient/twice-7');
      assert.deepEqual(events.map(({ resource }) => resource?.outcomeDesc ?? 'written').toSorted(), [
        'unchanged',
        'written',
      ]);
    });

    it('two transactions that each leave alone what the other changes do not both pass as if they were alone', async () => {
      const { talk } = stage();
      for (let round = 0; round < 10; round++) {
        const [a, b] = [`skew-${round}-a`, `skew-${round}-b`];
        await send(talk, 'transaction', [put(patient(a)), put(patient(b))]);
        const over = (kept: string, changed: string) =>
          send(talk, 'transaction', [put(patient(kept)), put(patient(changed, { active: true }))]);
        const answers = await Promise.all([over(a, b), over(b, a)]);
        for (const { status, text } of answers) assert.equal(status, 200, text);
        // One after the other: the second sets back what the first has changed.
        const active = await Promise.all(
          [a, b].map(async id => (await talk.get<Patient>(`Patient/${id}`)).body.active),
        );
        assert.equal(active.filter(Boolean).length, 1);
      }
    });
  });

  it('among concurrent others leaves a history without gaps, in which no version repeats the one before', async () => {
    const { talk } = stage();
    await talk.update(patient('raced', { birthDate: '2000' }));
    const write = (i: number) => talk.update(patient('raced', { birthDate: String(2000 + (i % 3)) }));
    const replies = await Promise.all(Array.from({ length: 60 }, (_, i) => write(i)));
    for (const { status, text } of replies) assert.equal(status, 200, text);
    const { entry: versions = [] } = await talk.search<Patient>('Patient/raced/_history?_count=100');
    const dates = versions.map(({ resource }) => resource?.birthDate);
    assert.deepEqual(
      versions.map(({ resource }) => resource?.meta?.versionId),
      versions.map((_, i) => String(versions.length - i)),
    );
    for (let i = 1; i < dates.length; i++) assert.notEqual(dates[i], dates[i - 1]);
  });
});
