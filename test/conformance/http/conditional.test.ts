/**
 * Conditional create, update, delete: https://hl7.org/fhir/R4/http.html#ccreate, #cond-update, #cdelete. (Conditional patch:
 * patch.test.ts; conditional read: read.test.ts.) Where the R4 text leaves a case open, R5 answers: an id that is taken by
 * a resource that does not match is a conflict.
 */
import assert from 'node:assert/strict';
import type { AuditEvent, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { depthOf, FULL } from '../../support/depth.js';
import { idsOf, refusal, type Stored } from '../../support/talk.js';

const FHIR = { 'content-type': 'application/fhir+json' };
const SYSTEM = 'urn:conditional';
/** Updates of each of those who change one patient. */
const ROUNDS = FULL ? 5 : 2;
const CLIENTS = FULL ? 16 : 6;
const CROWD = depthOf('CROWD');
let count = 0;
/** A value that no other test uses. */
const fresh = () => `v${++count}`;
const identified = (value: string, more: Partial<Patient> = {}): Patient => ({
  resourceType: 'Patient',
  identifier: [{ system: SYSTEM, value }],
  ...more,
});
const by = (value: string) => `identifier=${SYSTEM}|${value}`;

onStoresInTurn('conditional interactions', stage => {
  const create = (body: Patient, ifNoneExist: string) =>
    stage().talk.create<Patient>(body, { 'if-none-exist': ifNoneExist });
  const update = (query: string, body: Patient, headers = {}) =>
    stage().talk.send<Patient & Stored>('PUT', `Patient${query}`, {
      headers: { ...FHIR, ...headers },
      body: JSON.stringify(body),
    });
  const matching = async (value: string) => idsOf(await stage().talk.search(`Patient?${by(value)}`));

  describe('create', () => {
    it('creates where nothing matches, and gives what is there where one does', async () => {
      const value = fresh();
      const first = await create(identified(value), by(value));
      assert.deepEqual([first.status, first.header('etag')], [201, 'W/"1"']);
      const second = await create(identified(value, { active: true }), by(value));
      assert.deepEqual([second.status, second.body.id, second.body.active], [200, first.body.id, undefined]);
      assert.deepEqual([second.header('etag'), second.header('location')], ['W/"1"', first.header('location')]);
      assert.deepEqual(await matching(value), [first.body.id]);
    });

    it('returns 412 where several match', async () => {
      const value = fresh();
      for (const _ of [1, 2]) assert.equal((await stage().talk.create(identified(value))).status, 201);
      assert.equal(refusal(await create(identified(value), by(value))).status, 412);
      assert.equal((await matching(value)).length, 2);
    });

    it('accepts a resource that does not match its own criteria', async () => {
      const value = fresh();
      assert.equal((await create({ resourceType: 'Patient' }, by(value))).status, 201);
      assert.deepEqual(await matching(value), []);
    });

    it('refuses criteria that mean everything, or cannot be understood to the last', async () => {
      const before = (await stage().talk.search('Patient?_summary=count')).total;
      const all = [
        '',
        '?',
        '_format=json',
        '_count=1',
        '_sort=name',
        'nothing=1',
        'name:nonsense=x',
        'birthdate=never',
      ];
      for (const criteria of [
        ...all,
        'identifier=',
        '_include=Patient:organization',
        'family=x&_total=none',
        '_summary=true',
      ]) {
        const reply = await stage().talk.create<Patient>(
          { resourceType: 'Patient' },
          { 'if-none-exist': criteria, prefer: 'handling=lenient' },
        );
        assert.equal(refusal(reply).status, 400, criteria);
      }
      assert.equal((await stage().talk.search('Patient?_summary=count')).total, before);
    });

    it('understands every kind of criteria', async () => {
      const value = fresh();
      const { talk } = stage();
      const organization = await talk.create({ resourceType: 'Organization', name: `Org ${value}` });
      const tag = [{ system: 'urn:tags', code: value }];
      const managing = { managingOrganization: { reference: `Organization/${organization.body.id}` } };
      const { body } = await talk.create<Patient>(
        identified(value, { meta: { tag }, birthDate: '1931-05-06', ...managing }),
      );
      await talk.create({
        resourceType: 'Observation',
        status: 'final',
        code: { text: 'x' },
        subject: { reference: `Patient/${body.id}` },
        valueString: value,
      });
      for (const criteria of [
        `_id=${body.id}`,
        `_tag=urn:tags|${value}`,
        `organization.name=Org ${value}`,
        `_has:Observation:patient:value-string=${value}`,
        `${by(value)}&birthdate=gt1930&gender:missing=true`,
        `${by(value)}&birthdate:missing=false`,
        `identifier:not=nobody&_id=${body.id}`,
        `Patient?${by(value)}`,
      ]) {
        const reply = await create({ resourceType: 'Patient' }, criteria);
        assert.deepEqual([reply.status, reply.body.id], [200, body.id], `${criteria}: ${reply.text}`);
      }
    });

    it('is recorded with the resource that was found (AUD-1)', async () => {
      const value = fresh();
      const { talk } = stage();
      const { body } = await create(identified(value), by(value));
      await create(identified(value), by(value));
      const events = await talk.search<AuditEvent>(`AuditEvent?entity=Patient/${body.id}&subtype=create`);
      assert.equal(events.entry?.length, 2);
    });
  });

  describe('update', () => {
    it('creates where nothing matches, with an id of its own or the one that the client gives', async () => {
      const value = fresh();
      const made = await update(`?${by(value)}`, identified(value));
      assert.equal(made.status, 201, made.text);
      const chosen = fresh();
      const named = await update(`?${by(chosen)}`, identified(chosen, { id: `chosen-${chosen}` }));
      assert.deepEqual([named.status, named.body.id], [201, `chosen-${chosen}`]);
      const other = fresh();
      assert.equal((await update(`?${by(other)}`, { resourceType: 'Patient' })).status, 201, 'it need not match');
    });

    it('updates the one that matches, whether the body has its id or none', async () => {
      const value = fresh();
      const { id } = (await stage().talk.create<Patient>(identified(value))).body;
      const without = await update(`?${by(value)}`, identified(value, { active: true }));
      assert.deepEqual([without.status, without.body.id, without.body.meta.versionId], [200, id, '2']);
      const same = await update(`?${by(value)}`, identified(value, { id, active: false }));
      assert.deepEqual([same.status, same.body.meta.versionId], [200, '3']);
      const another = await update(`?${by(value)}`, identified(value, { id: 'another' }));
      assert.deepEqual(refusal(another), { status: 400, detail: 'id-mismatch' });
      assert.equal((await stage().talk.get('Patient/another')).status, 404);
    });

    it('returns 409 where nothing matches and the id is that of another, 412 where several match', async () => {
      const value = fresh();
      const { id } = (await stage().talk.create<Patient>(identified(value))).body;
      const taken = await update(`?${by(fresh())}`, identified(value, { id, active: true }));
      assert.deepEqual(refusal(taken), { status: 409, detail: 'id-taken' });
      await stage().talk.create(identified(value));
      assert.equal(refusal(await update(`?${by(value)}`, identified(value))).status, 412);
      assert.equal((await stage().talk.get(`Patient/${id}`)).header('etag'), 'W/"1"');
    });

    it('obeys If-Match and If-None-Match', async () => {
      const value = fresh();
      await stage().talk.create(identified(value));
      const body = identified(value, { active: true });
      assert.equal(refusal(await update(`?${by(value)}`, body, { 'if-match': 'W/"2"' })).status, 412);
      assert.equal(refusal(await update(`?${by(value)}`, body, { 'if-none-match': '*' })).status, 412);
      assert.equal((await update(`?${by(value)}`, body, { 'if-match': 'W/"1"' })).status, 200);
      assert.equal(refusal(await update(`?${by(fresh())}`, body, { 'if-match': 'W/"1"' })).status, 412);
    });

    it('refuses criteria that mean everything', async () => {
      for (const query of ['', '?_format=json', '?nothing=1'])
        assert.equal(refusal(await update(query, { resourceType: 'Patient' })).status, 400, query);
    });
  });

  describe('delete', () => {
    it('deletes the one that matches, and nothing where none or several do', async () => {
      const value = fresh();
      const { talk } = stage();
      assert.equal((await talk.delete(`Patient?${by(value)}`)).status, 204, 'an ordinary delete of nothing');
      const { id } = (await talk.create<Patient>(identified(value))).body;
      assert.equal(refusal(await talk.delete(`Patient?${by(value)}`, { 'if-match': 'W/"3"' })).status, 412);
      assert.equal((await talk.delete(`Patient?${by(value)}`)).status, 204);
      assert.equal((await talk.get(`Patient/${id}`)).status, 410);
      for (const _ of [1, 2]) await talk.create(identified(value));
      assert.equal(refusal(await talk.delete(`Patient?${by(value)}`)).status, 412);
      assert.equal((await matching(value)).length, 2);
    });

    it('refuses criteria that mean everything, and the audit trail', async () => {
      const { talk } = stage();
      for (const path of ['Patient', 'Patient?_count=1', 'Patient?nothing=1'])
        assert.equal(refusal(await talk.delete(path)).status, 400, path);
      assert.equal(refusal(await talk.delete('AuditEvent?_id=x')).status, 405);
    });
  });

  describe('without races', () => {
    it(`${CROWD} callers who create the same make one`, async () => {
      const value = fresh();
      const replies = await Promise.all(Array.from({ length: CROWD }, () => create(identified(value), by(value))));
      const statuses = replies.map(({ status }) => status).toSorted((a, b) => a - b);
      assert.deepEqual(statuses, [...Array.from({ length: CROWD - 1 }, () => 200), 201]);
      assert.equal(new Set(replies.map(({ body }) => body.id)).size, 1);
      assert.equal((await matching(value)).length, 1);
    });

    it('criteria in other words for the same identifier make one, too', async () => {
      const value = fresh();
      const body = identified(value, { active: true, gender: 'other' });
      const words = [by(value), `${by(value)}&active=true`, `gender=other&${by(value)}`];
      const replies = await Promise.all(Array.from({ length: 30 }, (_, i) => create(body, words[i % 3]!)));
      assert.equal(replies.filter(({ status }) => status === 201).length, 1);
      assert.equal((await matching(value)).length, 1);
    });

    it('creates, updates and deletes of one identifier never leave two', async () => {
      const { talk } = stage();
      for (const value of Array.from({ length: FULL ? 5 : 2 }, fresh)) {
        const replies = await Promise.all(
          Array.from({ length: 24 }, (_, i) => {
            if (i % 6 === 5) return talk.delete(`Patient?${by(value)}`);
            return i % 2 ? update(`?${by(value)}`, identified(value)) : create(identified(value), by(value));
          }),
        );
        assert.deepEqual(
          replies.filter(({ status }) => ![200, 201, 204].includes(status)).map(({ text }) => text),
          [],
        );
        assert.ok((await matching(value)).length <= 1);
      }
    });

    for (const [title, write] of [
      ['PUT', (id: string) => update(`/${id}`, { resourceType: 'Patient', id, active: true }, { 'if-match': 'W/"1"' })],
      ['DELETE', (id: string) => stage().talk.delete(`Patient/${id}`, { 'if-match': 'W/"1"' })],
      [
        'PATCH',
        (id: string) =>
          stage().talk.send('PATCH', `Patient/${id}`, {
            headers: { 'content-type': 'application/json-patch+json', 'if-match': 'W/"1"' },
            body: '[{"op":"add","path":"/active","value":true}]',
          }),
      ],
    ] as const)
      it(`of ${CROWD} writers with the same ETag exactly one ${title} wins`, async () => {
        const { id } = (await stage().talk.create<Patient>({ resourceType: 'Patient' })).body;
        const replies = await Promise.all(Array.from({ length: CROWD }, () => write(id)));
        assert.equal(replies.filter(({ status }) => status < 300).length, 1);
        assert.equal(replies.filter(({ status }) => status === 412).length, CROWD - 1);
        assert.equal((await stage().talk.search(`Patient/${id}/_history`)).entry?.length, 2);
      });

    it(`${CLIENTS} clients that update one patient with If-Match and try again all get their turns`, async () => {
      const { talk } = stage();
      const { id } = (await talk.create<Patient>({ resourceType: 'Patient' })).body;
      const client = async (name: string) => {
        for (let done = 0; done < ROUNDS; ) {
          const read = await talk.get<Patient>(`Patient/${id}`);
          const telecom = [...(read.body.telecom ?? []), { system: 'phone' as const, value: `${name}-${done}` }];
          const reply = await update(`/${id}`, { ...read.body, telecom }, { 'if-match': read.header('etag') ?? '' });
          if (reply.status === 200) done++;
          else assert.equal(reply.status, 412, reply.text);
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(`c${i}`)));
      const { telecom, meta } = (await talk.get<Patient & Stored>(`Patient/${id}`)).body;
      assert.deepEqual(
        [telecom?.length, new Set(telecom?.map(({ value }) => value)).size, meta.versionId],
        [CLIENTS * ROUNDS, CLIENTS * ROUNDS, String(CLIENTS * ROUNDS + 1)],
      );
    });

    it('without If-Match the last write wins, and the history is gapless', async () => {
      const { talk } = stage();
      const { id } = (await talk.create<Patient>({ resourceType: 'Patient' })).body;
      const replies = await Promise.all(
        Array.from({ length: CROWD }, (_, i) => update(`/${id}`, { resourceType: 'Patient', id, language: `x-${i}` })),
      );
      const versions = replies.map(({ body }) => Number(body.meta.versionId)).toSorted((a, b) => a - b);
      assert.deepEqual(
        versions,
        Array.from({ length: CROWD }, (_, i) => i + 2),
      );
      const history = await talk.search<Patient>(`Patient/${id}/_history?_count=100`);
      const kept = new Map(history.entry?.map(({ resource }) => [resource?.meta?.versionId, resource?.language]));
      for (const { body } of replies) assert.equal(kept.get(body.meta.versionId), body.language);
      assert.equal((await talk.get<Patient>(`Patient/${id}`)).body.language, kept.get(String(CROWD + 1)));
    });
  });
});

onStoresInTurn(
  'conditional delete of several',
  stage => {
    it('deletes them together up to the limit, each recorded; beyond it none', async () => {
      const { talk } = stage();
      const value = fresh();
      const ids = [];
      for (const _ of [1, 2, 3]) ids.push((await talk.create<Patient>(identified(value))).body.id);
      assert.equal((await talk.delete(`Patient?${by(value)}`)).status, 204);
      for (const id of ids) {
        assert.equal((await talk.get(`Patient/${id}`)).status, 410);
        const events = await talk.search<AuditEvent>(`AuditEvent?entity=Patient/${id}&subtype=delete`);
        assert.equal(events.entry?.length, 1);
      }
      for (const _ of [1, 2, 3, 4]) await talk.create<Patient>(identified(value));
      assert.equal(refusal(await talk.delete(`Patient?${by(value)}`)).status, 412);
      assert.equal((await talk.search(`Patient?${by(value)}`)).total, 4);
    });
  },
  { config: { conditionalDelete: '3' } },
);
