/** What `$docref` makes: of large records, as the audit trail tells it, and by two processes at once. */
import assert from 'node:assert/strict';
import type { AuditEvent, Bundle, Observation } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import {
  FHIR_JSON,
  LOINC,
  askDocref,
  documentsIn,
  type FoundDocuments,
  patientOf,
  warningsIn,
} from '../../support/docref.js';
import { sha1 } from '../../support/document-reference.js';
import { newStore, type RunningServer, startServer } from '../../support/server.js';
import { idsOf, refusal, type Talk, talkTo } from '../../support/talk.js';

const onDemand = { name: 'on-demand', valueBoolean: true };
const of = (valueId: string) => ({ name: 'patient', valueId });

onStoresInTurn('$docref', stage => {
  const ask = () => askDocref(stage().talk);

  describe('of a record that is large', () => {
    const LONG = 'x'.repeat(1_000_000);
    const note = (at: number): Observation => ({
      resourceType: 'Observation',
      id: `large-${at}`,
      status: 'final',
      category: [
        {
          coding: [
            {
              system: 'http://terminology.hl7.org/CodeSystem/observation-category',
              code: 'laboratory',
              display: 'Laboratory',
            },
          ],
        },
      ],
      code: { text: 'Report' },
      subject: { reference: 'Patient/large' },
      effectiveDateTime: `20${10 + at}-01-02`,
      note: [{ text: LONG }],
    });
    const ips = { name: 'type', valueCoding: { system: LOINC, code: '60591-5' } };
    const from = (valueDateTime: string) => ({ name: 'start', valueDateTime });
    before('stores 17 MB', async () => {
      const { talk } = stage();
      await talk.update(patientOf('large'));
      for (let at = 0; at < 17; at++) assert.equal((await talk.update(note(at))).status, 201);
    });

    it('makes nothing, and says what to ask for', async () => {
      const reply = await ask().post(of('large'), onDemand);
      assert.deepEqual(refusal(reply as never), { status: 400, detail: 'record-too-large' });
      assert.match(reply.body.issue[0]!.details!.text!, /start and end/);
      assert.equal(idsOf(await stage().talk.search('DocumentReference?patient=large')).length, 0);
    });

    it('gives what is there with a warning where that was asked for, too', async () => {
      const { body } = await ask().post(of('large'), from('2000-01-01'));
      assert.deepEqual([documentsIn(body).length, warningsIn(body)], [0, ['record-too-large']]);
    });

    it('makes one of a shorter time, of as many megabytes as that takes', async () => {
      const { body, text } = await ask().post(of('large'), onDemand, ips, from('2018-01-01'));
      const [document] = documentsIn(body);
      assert.ok(document, text);
      const { url, size, hash, data } = document.content[0]!.attachment;
      const bytes = await (await fetch(url!, { headers: { accept: '*/*' } })).text();
      assert.deepEqual([data, size, hash], [undefined, Buffer.byteLength(bytes), sha1(bytes)]);
      assert.equal(bytes.split(LONG).length, 10);
      const { entry = [] } = JSON.parse(bytes) as Bundle;
      assert.equal(entry.filter(({ resource }) => resource!.resourceType === 'Observation').length, 9);
    });
  });

  it('records the operation, and what it has made in the name of the caller', async () => {
    const { talk } = stage();
    await talk.update(patientOf('recorded'));
    const body = JSON.stringify({ resourceType: 'Parameters', parameter: [of('recorded'), onDemand] });
    const asked = async () => {
      const { body: found } = await talk.send<FoundDocuments>('POST', 'DocumentReference/$docref', {
        headers: FHIR_JSON,
        body,
      });
      return documentsIn(found)[0]!;
    };
    const document = await asked();
    const binary = document.content[0]!.attachment.url!.split('/').slice(-2).join('/');
    const eventsOf = async (criteria: string) => {
      const { entry = [] } = await talk.search<AuditEvent>(`AuditEvent?${criteria}&_count=100`);
      return entry
        .map(({ resource }) => resource!)
        .filter(({ subtype }) => subtype?.[0]?.code !== 'update')
        .map(({ subtype, outcome, agent, entity }) => ({
          code: subtype?.map(({ code }) => code).join(),
          outcome,
          byFeature: agent.some(({ altId, name }) => `${altId} ${name}`.includes('documents')),
          what: entity?.map(({ what }) => what?.reference?.split('/_history')[0]).filter(Boolean),
        }));
    };
    const [name, patient] = [`DocumentReference/${document.id}`, 'Patient/recorded'];
    const events = () => eventsOf('patient=recorded');
    const first = [...(await events()), ...(await eventsOf(`entity=${binary}`))];
    const recorded = (code: string, what: string): boolean =>
      first.some(one => one.code === code && one.outcome === '0' && one.byFeature && one.what!.includes(what));
    assert.ok(recorded('create', name), JSON.stringify(first));
    assert.ok(recorded('create', binary), JSON.stringify(first));
    const ofOperation = (all: typeof first) => all.filter(({ code }) => code === 'operation,docref');
    assert.equal(ofOperation(first).length, 1, JSON.stringify(first));
    assert.ok(ofOperation(first)[0]!.what!.includes(patient));
    // One that is there already is given, and nothing is made.
    assert.equal((await asked()).id, document.id);
    const second = await events();
    assert.equal(ofOperation(second).length, 2);
    assert.equal(second.filter(({ code }) => code === 'create').length, 1);
  });
});

describe('$docref of two processes at once', () => {
  const servers: RunningServer[] = [];
  before('starts two servers on one database', async function () {
    const store = await newStore(this, 'mongo');
    // Processes of one server have one address, which is in what they make.
    const config = { baseUrl: 'http://localhost/fhir' };
    for (let each = 0; each < 2; each++) servers.push(await startServer({ store, config }));
  });
  after('stops them', () => Promise.all(servers.map(server => server.stop())));

  it('makes one document, and leaves no bytes beside it', async () => {
    const [talk, other] = servers.map(({ port }) => talkTo(`http://127.0.0.1:${port}/fhir`)) as [Talk, Talk];
    for (const id of ['both-1', 'both-2', 'both-3']) {
      assert.equal((await talk.update(patientOf(id))).status, 201);
      const found = await Promise.all([talk, other].map(one => askDocref(one).get(`patient=${id}`)));
      const ids = found.map(({ body, text }) => documentsIn(body)[0]?.id ?? text);
      assert.equal(ids[0], ids[1]);
      assert.deepEqual(idsOf(await other.search(`DocumentReference?patient=${id}`)), [ids[0]]);
    }
    assert.equal((await talk.search('Binary?_summary=count')).total, 3);
  });
});
