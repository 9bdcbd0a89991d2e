/**
 * $meta, $meta-add, $meta-delete, and what an update does to labels: https://hl7.org/fhir/R4/resource.html#tag-updates,
 * https://hl7.org/fhir/R4/resource-operation-meta.html, https://hl7.org/fhir/R4/resource-operation-meta-add.html,
 * https://hl7.org/fhir/R4/resource-operation-meta-delete.html
 */
import assert from 'node:assert/strict';
import type { AuditEvent, Bundle, DocumentReference, Meta, OperationOutcome, Parameters, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { type Headers, refusal, type Reply, type Stored } from '../../support/talk.js';

const FHIR = { 'content-type': 'application/fhir+json' };
const tag = (code: string, more: object = {}) => ({ system: 'urn:tags', code, ...more });
const metaOf = (meta: object): string =>
  JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: meta }] });

onStoresInTurn(
  'labels in meta',
  stage => {
    const patient = (meta?: Meta) =>
      stage().talk.create<Patient>({ resourceType: 'Patient', active: true, ...(meta ? { meta } : {}) });
    const operate = (path: string, meta: object, headers: Headers = {}): Promise<Reply<Parameters>> =>
      stage().talk.send<Parameters>('POST', path, { headers: { ...FHIR, ...headers }, body: metaOf(meta) });
    const returned = (reply: Reply<Parameters>): Meta | undefined => {
      assert.equal(reply.status, 200, reply.text);
      return reply.body.parameter?.find(({ name }) => name === 'return')?.valueMeta;
    };

    it('$meta shows them', async () => {
      const { id } = (await patient({ tag: [tag('a')], profile: ['http://example.org/p'] })).body;
      const meta = returned(await stage().talk.get<Parameters>(`Patient/${id}/$meta`));
      assert.deepEqual([meta?.tag, meta?.profile, meta?.versionId], [[tag('a')], ['http://example.org/p'], '1']);
      const xml = await stage().talk.get(`Patient/${id}/$meta`, { accept: 'application/fhir+xml' });
      assert.match(xml.text, /<name value="return"\/>\s*<valueMeta>.*<code value="a"\/>/s);
    });

    it('$meta shows those of a version of the past, which others do not change', async () => {
      const { talk } = stage();
      const { id } = (await patient({ tag: [tag('a')] })).body;
      const added = await operate(`Patient/${id}/$meta-add`, { tag: [tag('b')] });
      assert.equal(added.header('etag'), 'W/"2"');
      const past = returned(await talk.get<Parameters>(`Patient/${id}/_history/1/$meta`));
      assert.deepEqual([past?.versionId, past?.tag], ['1', [tag('a')]]);
      const now = returned(await talk.get<Parameters>(`Patient/${id}/_history/2/$meta`));
      assert.deepEqual([now?.versionId, now?.tag], ['2', [tag('a'), tag('b')]]);
      assert.equal(refusal(await talk.get(`Patient/${id}/_history/3/$meta`)).status, 404);
      const unknown = { status: 404, detail: 'unknown-operation' };
      assert.deepEqual(refusal(await operate(`Patient/${id}/_history/1/$meta-add`, { tag: [tag('c')] })), unknown);
      assert.deepEqual(refusal(await talk.get(`Patient/${id}/_past/1/$meta`)), unknown);
    });

    it('$meta-add adds to them as a new version, and finds the resource by them', async () => {
      const { talk } = stage();
      const { id } = (await patient({ tag: [tag('a')] })).body;
      const added = {
        tag: [tag('b')],
        security: [{ system: 'urn:s', code: 'R' }],
        profile: ['http://example.org/added'],
      };
      const meta = returned(await operate(`Patient/${id}/$meta-add`, added));
      assert.deepEqual(meta?.tag, [tag('a'), tag('b')]);
      const read = (await talk.get<Patient & Stored>(`Patient/${id}`)).body;
      assert.deepEqual([read.meta.versionId, read.meta.security, read.active], ['2', added.security, true]);
      for (const query of ['_tag=urn:tags|b', '_security=urn:s|R', '_profile=http://example.org/added'])
        assert.equal((await talk.search(`Patient?_id=${id}&${query}`)).entry?.length, 1, query);
      returned(await operate(`Patient/${id}/$meta-add`, added));
      assert.equal((await talk.get(`Patient/${id}`)).header('etag'), 'W/"2"', 'nothing added, no version');
    });

    it('$meta-add takes a tag by system and code: one that is there keeps the display that is not given anew', async () => {
      const { id } = (await patient({ tag: [tag('a', { display: 'A' })] })).body;
      const add = async (more: object) => {
        const meta = returned(await operate(`Patient/${id}/$meta-add`, { tag: [tag('a', more)] }));
        return [meta?.versionId, meta?.tag];
      };
      assert.deepEqual(await add({}), ['1', [tag('a', { display: 'A' })]]);
      assert.deepEqual(await add({ display: 'AA' }), ['2', [tag('a', { display: 'AA' })]]);
    });

    it('$meta-delete takes them away, and nothing else', async () => {
      const { talk } = stage();
      const { id } = (await patient({ tag: [tag('a', { display: 'A' }), tag('b')], profile: ['http://example.org/p'] }))
        .body;
      const meta = returned(
        await operate(`Patient/${id}/$meta-delete`, { tag: [tag('a')], profile: ['http://example.org/p'] }),
      );
      assert.deepEqual([meta?.tag, meta?.profile], [[tag('b')], undefined]);
      assert.equal((await talk.search(`Patient?_id=${id}&_tag=urn:tags|a`)).entry, undefined);
      assert.equal((await talk.search(`Patient?_id=${id}&_tag=urn:tags|b`)).entry?.length, 1);
    });

    it('an update keeps labels that it does not mention, a patch removes what it names', async () => {
      const { talk } = stage();
      const { id } = (await patient({ tag: [tag('a', { display: 'old' }), tag('b')] })).body;
      const update = await talk.update<Patient>({
        resourceType: 'Patient',
        id,
        active: false,
        meta: { tag: [tag('c'), tag('a', { display: 'renamed' })] },
      });
      assert.deepEqual(update.body.meta.tag, [tag('a', { display: 'renamed' }), tag('b'), tag('c')]);
      const bare = await talk.update<Patient>({ resourceType: 'Patient', id, active: true });
      assert.equal(bare.body.meta.tag?.length, 3);
      const { meta: kept } = (await talk.get<Patient & Stored>(`Patient/${id}/_history/3`)).body;
      assert.deepEqual(kept, bare.body.meta, 'what is answered is what is stored');
      assert.equal((await talk.search(`Patient?_id=${id}&_tag=urn:tags|c`)).entry?.length, 1);
      const patched = await talk.send<Patient>('PATCH', `Patient/${id}`, {
        headers: { 'content-type': 'application/json-patch+json' },
        body: JSON.stringify([{ op: 'remove', path: '/meta/tag/0' }]),
      });
      assert.deepEqual(patched.body.meta?.tag, [tag('b'), tag('c')]);
      await talk.delete(`Patient/${id}`);
      const again = await talk.update<Patient>({ resourceType: 'Patient', id });
      assert.equal(again.body.meta.tag, undefined, 'what was deleted leaves no labels');
    });

    it('an update keeps security labels, and brings profiles of its own', async () => {
      const { talk } = stage();
      const security = [{ system: 'urn:s', code: 'R' }];
      const { id } = (await patient({ security, profile: ['http://example.org/old'] })).body;
      const update = async (meta: Meta) =>
        (await talk.update<Patient>({ resourceType: 'Patient', id, active: true, meta })).body.meta;
      const renewed = await update({ profile: ['http://example.org/new'] });
      assert.deepEqual([renewed.security, renewed.profile], [security, ['http://example.org/new']]);
      assert.equal((await talk.search(`Patient?_id=${id}&_profile=http://example.org/old`)).entry, undefined);
      assert.equal((await update({ source: 'urn:x' })).profile, undefined);
    });

    it('nothing invalid hides behind what is kept', async () => {
      const { talk } = stage();
      const { id } = (await patient({ tag: [tag('a')] })).body;
      for (const [meta, place] of [
        ['x', 'Patient.meta'],
        [{ tag: 'x' }, 'Patient.meta.tag'],
        [{ tag: [tag('b'), { code: 5 }] }, 'Patient.meta.tag[1].code'],
      ] as const) {
        const body = JSON.stringify({ resourceType: 'Patient', id, meta });
        const reply = await talk.send<OperationOutcome>('PUT', `Patient/${id}`, { headers: FHIR, body });
        assert.equal(reply.status, 400, body);
        assert.deepEqual(reply.body.issue[0]?.expression, [place]);
      }
      assert.equal((await talk.get(`Patient/${id}`)).header('etag'), 'W/"1"');
    });

    it('a conditional update and a transaction keep them, too', async () => {
      const { talk } = stage();
      const identifier = [{ system: 'urn:i', value: `kept-${talk.base}` }];
      const given = { resourceType: 'Patient' as const, identifier };
      const { id } = (await talk.create<Patient>({ ...given, meta: { tag: [tag('a')] } })).body;
      const query = `Patient?identifier=urn:i|${encodeURIComponent(identifier[0]!.value)}`;
      const conditional = await talk.send<Patient>('PUT', query, {
        headers: FHIR,
        body: JSON.stringify({ ...given, meta: { tag: [tag('b')] } }),
      });
      assert.deepEqual([conditional.status, conditional.body.meta?.tag], [200, [tag('a'), tag('b')]]);
      const request = { method: 'PUT' as const, url: `Patient/${id}` };
      const transaction: Bundle = {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [{ request, resource: { ...given, id } }],
      };
      const reply = await talk.send('POST', '', { headers: FHIR, body: JSON.stringify(transaction) });
      assert.equal(reply.status, 200, reply.text);
      const meta = returned(await talk.get<Parameters>(`Patient/${id}/$meta`));
      assert.deepEqual([meta?.versionId, meta?.tag], ['3', [tag('a'), tag('b')]]);
    });

    it('obeys If-Match, and leaves a history without gaps', async () => {
      const { talk } = stage();
      const { id } = (await patient()).body;
      const add = (code: string, match: string) =>
        operate(`Patient/${id}/$meta-add`, { tag: [tag(code)] }, { 'if-match': match });
      assert.equal(returned(await add('a', 'W/"1"'))?.versionId, '2');
      assert.deepEqual(refusal(await add('b', 'W/"1"')), { status: 412, detail: 'version-mismatch' });
      assert.equal(returned(await add('c', '*'))?.versionId, '3');
      const gone = { tag: [tag('a'), tag('never')] };
      returned(await operate(`Patient/${id}/$meta-delete`, gone, { 'if-match': 'W/"3"' }));
      const history = (await talk.search<Patient>(`Patient/${id}/_history`)).entry ?? [];
      assert.deepEqual(
        history.map(({ resource }) => [resource?.meta?.versionId, resource?.meta?.tag?.map(({ code }) => code)]),
        [
          ['4', ['c']],
          ['3', ['a', 'c']],
          ['2', ['a']],
          ['1', undefined],
        ],
      );
    });

    it('attachments and words stay', async () => {
      const { talk } = stage();
      const data = Buffer.alloc(9000, 'bytes of a document').toString('base64');
      const { id } = (
        await talk.create<DocumentReference>({
          resourceType: 'DocumentReference',
          status: 'current',
          description: 'Zebrafinch',
          content: [{ attachment: { contentType: 'text/plain', data } }],
        })
      ).body;
      returned(await operate(`DocumentReference/${id}/$meta-add`, { tag: [tag('a')] }));
      const { body } = await talk.get<DocumentReference & Stored>(`DocumentReference/${id}`);
      assert.deepEqual([body.meta.versionId, body.content[0]?.attachment.data], ['2', data]);
      assert.equal((await talk.search('DocumentReference?_content=zebrafinch')).entry?.length, 1);
    });

    it('every other byte stays, and raw bytes keep their labels', async () => {
      const { talk } = stage();
      const body =
        '{"resourceType":"Observation","status":"final","code":{"text":"\\u00e9 x"},"valueQuantity":{"value":1.00}}';
      const { id } = (await talk.send<Stored>('POST', 'Observation', { headers: FHIR, body })).body;
      returned(await operate(`Observation/${id}/$meta-add`, { tag: [tag('a')] }));
      assert.match(
        (await talk.get(`Observation/${id}`)).text,
        /"code":\{"text":"\\u00e9 x"\},"valueQuantity":\{"value":1\.00\}\}$/,
      );
      const raw = { 'content-type': 'application/pdf' };
      const { id: binary } = (
        await talk.send<Stored>('POST', 'Binary', {
          headers: FHIR,
          body: '{"resourceType":"Binary","contentType":"text/plain","data":"QUJD"}',
        })
      ).body;
      returned(await operate(`Binary/${binary}/$meta-add`, { tag: [tag('a')] }));
      assert.equal((await talk.send('PUT', `Binary/${binary}`, { headers: raw, body: 'PDF' })).status, 200);
      assert.deepEqual(returned(await talk.get<Parameters>(`Binary/${binary}/$meta`))?.tag, [tag('a')]);
    });

    it('refuses what is no meta, and what cannot be changed', async () => {
      const { talk } = stage();
      const { id } = (await patient()).body;
      const valueMeta = { tag: [tag('a')] };
      for (const body of [
        '',
        JSON.stringify(valueMeta),
        '{"resourceType":"Patient"}',
        '{"resourceType":"Parameters"}',
        metaOf({ versionId: '3' }),
        metaOf({ tag: [{ code: 5 }] }),
        JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'Meta', valueMeta }] }),
        JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'meta', valueString: 'x' }] }),
        JSON.stringify({ resourceType: 'Parameters', parameter: ['meta', 'meta'].map(name => ({ name, valueMeta })) }),
      ])
        assert.equal(
          refusal(await talk.send('POST', `Patient/${id}/$meta-add`, { headers: FHIR, body })).status,
          400,
          body,
        );
      assert.equal(refusal(await operate(`Patient/never-was/$meta-add`, { tag: [tag('a')] })).status, 404);
      assert.equal(refusal(await operate(`AuditEvent/x/$meta-delete`, { tag: [tag('a')] })).status, 405);
      assert.equal(refusal(await operate(`Patient/${id}/$meta-add?tag=x`, valueMeta)).status, 400);
      assert.equal(refusal(await talk.get(`Patient/${id}/$meta?tag=x`)).status, 400);
      assert.equal((await talk.get(`Patient/${id}/$meta?_format=json`)).status, 200);
      assert.equal(refusal(await operate(`Patient/${id}/$meta`, valueMeta)).status, 400);
      const get = await talk.get(`Patient/${id}/$meta-add`);
      assert.deepEqual([refusal(get).status, get.header('allow')], [405, 'POST, OPTIONS']);
      const unknown = { status: 404, detail: 'unknown-operation' };
      for (const path of ['$meta', 'Patient/$meta', 'Patient/$meta-add', `Nothing/${id}/$meta`])
        assert.deepEqual(refusal(await talk.get(path)), unknown, path);
      assert.equal((await talk.get(`Patient/${id}`)).header('etag'), 'W/"1"', 'nothing was written');
      await talk.delete(`Patient/${id}`);
      assert.equal(refusal(await operate(`Patient/${id}/$meta-add`, { tag: [tag('a')] })).status, 410);
    });

    it('of 32 callers who add different tags all survive, and each is recorded (AUD-1)', async () => {
      const { talk } = stage();
      const { id } = (await patient()).body;
      const codes = Array.from({ length: 32 }, (_, i) => `t${i}`);
      await Promise.all(
        codes.map(async code => returned(await operate(`Patient/${id}/$meta-add`, { tag: [tag(code)] }))),
      );
      const { meta } = (await talk.get<Patient & Stored>(`Patient/${id}`)).body;
      assert.deepEqual(new Set(meta.tag?.map(({ code }) => code)), new Set(codes));
      const events = await talk.search<AuditEvent>(`AuditEvent?entity=Patient/${id}&subtype=operation&_count=100`);
      assert.equal(events.entry?.length, 32);
      const versions = events.entry.map(({ resource }) => resource?.entity?.[0]?.what?.reference);
      assert.deepEqual(new Set(versions), new Set(codes.map((_, i) => `Patient/${id}/_history/${i + 2}`)));
      assert.deepEqual(new Set(events.entry.map(({ resource }) => resource?.action)), new Set(['E']));
    });
  },
  { config: { fulltext: 'on' } },
);
