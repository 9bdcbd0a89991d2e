/**
 * What the audit trail says about requests, refused ones included, on both stores. IHE BALP
 * (https://profiles.ihe.net/ITI/BALP), https://hl7.org/fhir/R4/auditevent.html
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, FhirResource } from 'fhir/r4.js';
import { after, describe, it } from 'mocha';
import { FhirError } from '../../src/fhir/error.js';
import { CASES, eve, FORM, observation, SECRET } from './audit-cases.js';
import { onStoresInTurn, type Stage } from '../support/both-stores.js';
import { type Headers, idsOf, refusal, type Talk, talkTo } from '../support/talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-tokens-'));
const TOKENS = join(folder, 'tokens.json');
const bearer = (name: string): Headers => ({ authorization: `Bearer token-of-the-${name}` });
writeFileSync(
  TOKENS,
  JSON.stringify(
    ['admin', 'writer', 'reader'].map(role => ({ token: `token-of-the-${role}`, name: `the ${role}`, role })),
  ),
);
after(() => rmSync(folder, { recursive: true, force: true }));

let asked = 0;
/** A request under an id of its own, and the events that it left. */
async function record(
  { server, talk }: Stage,
  method: string,
  path: string,
  {
    as = 'writer',
    body,
    headers = {},
  }: { as?: string | undefined; body?: FhirResource | string; headers?: Headers } = {},
) {
  const requestId = `audited-${asked++}`;
  const reply = await talkTo(server.base).send(method, path, {
    headers: {
      'x-request-id': requestId,
      ...(as === 'nobody' ? {} : bearer(as)),
      ...(typeof body === 'object' ? { 'content-type': 'application/fhir+json' } : {}),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { reply, requestId, events: await eventsOf(talk, `entity:identifier=${requestId}`) };
}

async function eventsOf(talk: Talk, query: string): Promise<AuditEvent[]> {
  const found = await talk.search<AuditEvent>(`AuditEvent?_count=200&${query}`);
  return (found.entry ?? []).map(({ resource }) => resource!);
}

const patientsOf = (event: AuditEvent): string[] =>
  (event.entity ?? []).flatMap(({ type, what }) => (type?.code === '1' && what?.reference ? [what.reference] : []));
const dataOf = (event: AuditEvent): string | undefined =>
  event.entity?.find(({ type, what }) => type?.code === '2' && what)?.what?.reference;
const queryOf = (event: AuditEvent): string | undefined => event.entity?.find(({ query }) => query)?.query;

onStoresInTurn(
  'the audit trail',
  given => {
    /** As the administrator. */
    const stage = (): Stage => ({ server: given().server, talk: talkTo(given().server.base, bearer('admin')) });

    describe('AUD-1: leaves one event for', () => {
      for (const row of CASES)
        it(row.what, async () => {
          const { reply, events } = await record(stage(), row.method, row.path, row);
          assert.equal(reply.status, row.status, reply.text);
          assert.equal(events.length, 1);
          const [event] = events;
          assert.ok(event);
          assert.deepEqual([event.type.code, event.subtype?.[0]?.code], [row.type ?? 'rest', row.subtype]);
          const operation = event.subtype?.find(({ system }) => system === 'urn:chartroom:operation')?.code;
          assert.equal(operation, row.operation);
          const query = Buffer.from(queryOf(event) ?? '', 'base64').toString();
          if (row.query !== undefined) assert.equal(query.replace(' /fhir/', ' '), row.query);
          if (row.outcome !== '0') assert.match(query, /^[A-Z]+ \/fhir\//);
          assert.deepEqual([event.action, event.outcome], [row.action, row.outcome]);
          if (row.data instanceof RegExp) assert.match(dataOf(event) ?? '', row.data);
          else assert.equal(dataOf(event), row.data);
          assert.deepEqual(patientsOf(event), row.patients);
          const user = event.agent.find(({ requestor }) => requestor);
          const known = row.status !== 401 && row.as !== 'stranger';
          assert.equal(user?.name, known ? `the ${row.as ?? 'writer'}` : undefined);
          assert.equal(event.outcomeDesc !== undefined, row.outcome !== '0');
        });
    });

    it('AUD-1: every listed search parameter finds an event', async () => {
      const { talk } = stage();
      const before = new Date().toISOString();
      const { events, requestId } = await record(stage(), 'GET', 'Observation/o1');
      const id = events[0]?.id;
      const here = `entity:identifier=${requestId}`;
      for (const query of [
        'patient=eve',
        'patient=Patient/eve',
        'entity=Observation/o1',
        'entity=Patient/eve',
        'agent-name=the writer',
        'agent:identifier=the writer',
        `date=ge${before}`,
        'type=rest',
        'type=http://terminology.hl7.org/CodeSystem/audit-event-type|rest',
        'subtype=http://hl7.org/fhir/restful-interaction|read',
        'action=R',
        'outcome=0',
        'entity-role=4',
        'entity-type=1',
        'address=127.0.0.1',
      ]) {
        const form = new URLSearchParams(query).toString();
        assert.deepEqual(
          (await eventsOf(talk, `${here}&${form}`)).map(event => event.id),
          [id],
          query,
        );
      }
      for (const query of [
        'patient=adam',
        'action=C',
        'outcome=4',
        'subtype=vread',
        `date=lt${before}`,
        'agent-name=the reader',
      ])
        assert.deepEqual(await eventsOf(talk, `${here}&${new URLSearchParams(query).toString()}`), [], query);
    });

    it('AUD-1: the id that a client gives a request stands beside our own, never in its place', async () => {
      const { talk } = stage();
      const ids = (event: AuditEvent) =>
        Object.fromEntries(
          (event.entity ?? []).flatMap(({ type, what }) =>
            what?.identifier ? [[type?.code, what.identifier.value]] : [],
          ),
        );
      const seen = [];
      for (const path of ['Observation/o1', 'Observation?_id=o1', 'Patient/nobody']) {
        const headers = { ...bearer('writer'), 'x-request-id': 'the-same' };
        const reply = await talkTo(stage().server.base).send('GET', path, { headers });
        const own = reply.header('x-request-id');
        const events = await eventsOf(talk, `entity:identifier=${own}`);
        assert.deepEqual(events.map(ids), [{ XrequestId: own, 'X-Correlation-Id': 'the-same' }]);
        seen.push(own);
      }
      assert.equal(new Set(seen).size, 3);
      assert.equal((await eventsOf(talk, 'entity:identifier=the-same')).length, 3);
      const reply = await talkTo(stage().server.base).send('GET', 'Observation/o1', { headers: bearer('writer') });
      const [event] = await eventsOf(talk, `entity:identifier=${reply.header('x-request-id')}`);
      assert.deepEqual(Object.keys(ids(event!)), ['XrequestId']);
    });

    it('AUD-1: a broad search leaves one event per patient found', async () => {
      const { events } = await record(stage(), 'GET', 'Observation?status=final&_id=o1,o4,o5');
      assert.deepEqual(events.flatMap(patientsOf).toSorted(), ['Patient/adam', 'Patient/eve']);
      assert.equal(new Set(events.map(queryOf)).size, 1);
    });

    it('AUD-1: the query is kept as asked, in base64, by GET and by POST', async () => {
      const decoded = (events: AuditEvent[]) => Buffer.from(queryOf(events[0]!) ?? '', 'base64').toString();
      const got = await record(stage(), 'GET', `Patient?family=${SECRET}&birthdate=1950-12-24`);
      assert.equal(decoded(got.events), `GET /fhir/Patient?family=${SECRET}&birthdate=1950-12-24`);
      const posted = await record(stage(), 'POST', 'Patient/_search', { body: `family=${SECRET}`, headers: FORM });
      assert.equal(decoded(posted.events), `POST /fhir/Patient/_search\n\nfamily=${SECRET}`);
    });

    it('AUD-2: a read whose event cannot be kept answers 503 and gives nothing out', async () => {
      const { server, talk } = stage();
      const { store } = server.engine;
      const kept = { ...store };
      const away = () => Promise.reject(new FhirError('unavailable', 'The store is away.'));
      Object.assign(store, { commit: away });
      try {
        for (const path of ['Patient/eve', 'Patient?_id=eve', 'Patient/eve/_history', 'Patient/nobody']) {
          const reply = await talk.get(path);
          assert.equal(refusal(reply).status, 503, path);
          assert.equal(reply.header('retry-after'), '2');
          assert.ok(!reply.text.includes(SECRET));
        }
        assert.equal((await talk.update({ ...eve, id: 'unaudited' })).status, 503);
      } finally {
        Object.assign(store, kept);
      }
      assert.equal((await talk.get('Patient/eve')).status, 200);
      assert.equal((await talk.get('Patient/unaudited')).status, 404);
    });

    it('AUD-3: nobody updates or deletes an event', async () => {
      const { talk } = stage();
      const [event] = (await record(stage(), 'GET', 'Patient/eve')).events;
      assert.ok(event?.id);
      assert.equal((await talk.update(event)).status, 405);
      assert.equal((await talk.delete(`AuditEvent/${event.id}`)).status, 405);
      const { body } = await talk.get<AuditEvent>(`AuditEvent/${event.id}`);
      assert.deepEqual(body, event);
    });

    it('AUD-4: a system may send events of its own', async () => {
      const [{ id: _, ...event }] = (await record(stage(), 'GET', 'Patient/eve')).events as [AuditEvent];
      const writer = talkTo(given().server.base, bearer('writer'));
      const source = { observer: { display: 'An app' } };
      assert.equal((await writer.create<AuditEvent>({ ...event, source })).status, 201);
      assert.equal((await writer.create<AuditEvent>(event)).status, 422, 'not in the name of this server');
    });

    it('AUD-6: reading the trail leaves an event, too', async () => {
      const { events } = await record(stage(), 'GET', 'AuditEvent?patient=eve&_count=1', { as: 'admin' });
      assert.deepEqual(events.map(patientsOf), [['Patient/eve']]);
      assert.equal(events[0]?.subtype?.[0]?.code, 'search-type');
    });

    it('AUD-7: holds nothing of the records and no token', async () => {
      for (const event of await eventsOf(stage().talk, '_sort=-_lastUpdated')) {
        const text = JSON.stringify({ ...event, entity: event.entity?.map(each => ({ ...each, query: undefined })) });
        assert.ok(!text.includes(SECRET) && !text.includes('1950'), text);
        assert.ok(!JSON.stringify(event).includes('token-of-the'));
        assert.ok(
          !Buffer.from(queryOf(event) ?? '', 'base64')
            .toString()
            .includes('token-of-the'),
        );
      }
    });

    it('AUD-8: says when, in UTC', async () => {
      const before = Date.now();
      const [event] = (await record(stage(), 'GET', 'Patient/eve')).events;
      assert.match(event?.recorded ?? '', /Z$/);
      const at = Date.parse(event?.recorded ?? '');
      assert.ok(before <= at && at <= Date.now());
    });

    it('writers and readers see no event, by no way', async () => {
      const writer = talkTo(given().server.base, bearer('writer'));
      const [event] = (await record(stage(), 'GET', 'Patient/eve')).events;
      for (const path of [
        'AuditEvent',
        `AuditEvent/${event?.id}`,
        'AuditEvent/_history',
        `AuditEvent/${event?.id}/_history`,
      ])
        assert.equal((await writer.get(path)).status, 403, path);
      assert.deepEqual(idsOf(await writer.search(`?_id=${event?.id}`)), []);
      const history = await writer.search('_history?_count=200');
      assert.ok(history.entry?.length);
      assert.ok(history.entry.every(({ resource }) => resource?.resourceType !== 'AuditEvent'));
    });
  },
  {
    config: { auth: 'token', tokens: TOKENS },
    async set({ server }) {
      const talk = talkTo(server.base, bearer('writer'));
      await talk.update(eve);
      await talk.update({ resourceType: 'Patient', id: 'adam' });
      for (const id of ['o1', 'o2', 'o3', 'o4']) await talk.update(observation(id, 'eve'));
      await talk.update(observation('o5', 'adam'));
    },
  },
);
