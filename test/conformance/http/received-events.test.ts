/**
 * Audit events that clients file can be told from the server's own: https://hl7.org/fhir/R4/auditevent.html,
 * https://hl7.org/fhir/R4/resource.html#tags
 */
import assert from 'node:assert/strict';
import type { AuditEvent, Coding } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { done, post, refused, send } from '../../support/bundles.js';
import { depthOf } from '../../support/depth.js';
import { idsOf, refusal, talkTo } from '../../support/talk.js';
import { bearerOf, tokenFile } from '../../support/tokens.js';
import { examine } from '../../../src/cli/verify.js';

const RECEIVED: Coding = { system: 'urn:chartroom:audit-event', code: 'received', display: 'Sent by a client' };
const event = (more: Partial<AuditEvent> = {}): AuditEvent => ({
  resourceType: 'AuditEvent',
  type: { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' },
  action: 'U',
  recorded: '2001-01-01T00:00:00Z',
  outcome: '0',
  agent: [{ requestor: true, name: 'the administrator' }],
  source: { site: 'somewhere', observer: { display: 'Chartroom' } },
  entity: [{ what: { reference: 'Patient/never-was/_history/7' } }],
  ...more,
});

/** What the server says of the sender, by part. */
function senderOf({ meta }: AuditEvent): Record<string, unknown> {
  const said = meta?.extension?.filter(({ url }) => url === 'urn:chartroom:audit-event:sender') ?? [];
  assert.equal(said.length, 1);
  return Object.fromEntries(
    (said[0]!.extension ?? []).map(({ url, valueString, valueUri }) => [url, valueString ?? valueUri]),
  );
}

const tokens = tokenFile({ admin: 'admin', gateway: 'writer', 'dr-a': 'clinician', rita: 'reader' });

onStoresInTurn(
  'audit events of clients who say who they are (ITI-20)',
  stage => {
    const as = (name: string) => talkTo(stage().server.base, bearerOf(name));

    it('AUD-4: say who sent them, whatever they bring, and are found by it', async () => {
      const url = 'urn:chartroom:audit-event:sender';
      const other = { url: 'https://elsewhere.example/x', valueString: 'kept' };
      const forged = { url, extension: [{ url: 'name', valueString: 'admin' }] };
      const sent = event({ meta: { source: 'urn:mine', extension: [forged, other] } });
      const alone = await as('gateway').create(sent);
      const [inBatch] = await done(send(as('gateway'), 'batch', [post(sent)], { prefer: 'return=representation' }));
      for (const made of [alone.body, inBatch?.resource as AuditEvent]) {
        const read = (await as('admin').get<AuditEvent>(`AuditEvent/${made.id}`)).body;
        assert.equal(read.meta?.source, 'urn:chartroom:sender:gateway');
        assert.deepEqual(senderOf(read), { name: 'gateway', role: 'writer', address: '127.0.0.1', source: 'urn:mine' });
        assert.deepEqual(read.meta?.extension?.[0], other);
      }
      const query = 'AuditEvent?_source=urn:chartroom:sender:gateway&_tag=urn:chartroom:audit-event|received';
      assert.equal((await as('admin').search(query)).entry?.length, 2);
    });

    it('AUD-4: are taken from nobody whose role has no letter c for them', async () => {
      const headers = { 'content-type': 'application/fhir+json' };
      for (const [name, status] of [
        ['gateway', 201],
        ['dr-a', 403],
        ['rita', 403],
      ] as const)
        assert.equal(
          (await as(name).send('POST', 'AuditEvent', { headers, body: JSON.stringify(event()) })).status,
          status,
          name,
        );
    });

    it('AUD-4: are refused for no profile that they break, nor for best practice', async () => {
      const headers = { 'content-type': 'application/fhir+json' };
      const claim = { profile: ['http://hl7.org/fhir/StructureDefinition/bodyweight'] };
      const sent = event({ meta: claim });
      const alone = await as('gateway').create(sent);
      assert.deepEqual(
        ((await as('admin').get<AuditEvent>(`AuditEvent/${alone.body.id}`)).body.meta ?? {}).profile,
        claim.profile,
      );
      await done(send(as('gateway'), 'batch', [post(sent)]));
      const observation = {
        ...{ resourceType: 'Observation', status: 'final', code: { text: 'x' }, meta: claim },
        text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' },
      };
      for (const [body, status, what] of [
        [{ resourceType: 'Patient' }, 400, 'a control: without a narrative'],
        [observation, 422, 'a control: against its claim'],
        [{ ...event(), agent: [] }, 400, 'what R4 itself says holds for events, too'],
      ] as const) {
        const path = body.resourceType;
        const given = await as('gateway').send('POST', path, { headers, body: JSON.stringify(body) });
        assert.equal(given.status, status, what);
      }
    });
  },
  // The strictest settings: they are for what is written here, not for what others report.
  { config: { auth: 'token', tokens, bestPractice: 'error', validateClaims: 'enforce' } },
);

onStoresInTurn('audit events of clients', stage => {
  it('are marked, however they come and whatever they say of themselves', async () => {
    const { talk } = stage();
    const own: Coding = { system: 'urn:own', code: 'kept' };
    const shapes: readonly [AuditEvent['meta'], readonly Coding[]][] = [
      [undefined, [RECEIVED]],
      [{ tag: [own] }, [own, RECEIVED]],
      [{ tag: [{ ...RECEIVED, code: 'own' }, own], security: [RECEIVED] }, [own, RECEIVED]],
      [{ tag: [{ ...RECEIVED, display: 'nothing of the kind' }] }, [RECEIVED]],
      [{ source: 'urn:elsewhere', profile: ['http://p.example'] }, [RECEIVED]],
    ];
    for (const [meta, tags] of shapes) {
      const sent = event(meta ? { meta } : {});
      const plain = await talk.create(sent);
      const [inside] = await done(send(talk, 'transaction', [post(sent)], { prefer: 'return=representation' }));
      const [each] = await done(send(talk, 'batch', [post(sent)], { prefer: 'return=representation' }));
      const read = await talk.get<AuditEvent>(`AuditEvent/${plain.body.id}`);
      for (const made of [plain.body, read.body, inside?.resource as AuditEvent, each?.resource as AuditEvent]) {
        assert.deepEqual(made.meta?.tag, tags);
        assert.equal(made.meta?.security, undefined);
        assert.equal(made.meta?.source, 'urn:chartroom:sender:127.0.0.1');
        assert.equal(senderOf(made)['source'], meta?.source, 'what it brings is kept');
        assert.equal(made.recorded, sent.recorded, 'what it claims stays its claim');
      }
    }
  });

  it('AUD-4: come in batches of thousands and with a megabyte, each for itself, and are none of our starts and stops', async () => {
    const { talk } = stage();
    const count = depthOf('SENT_EVENTS');
    const DICOM = 'http://dicom.nema.org/resources/ontology/DCM';
    const stop = {
      type: { system: DICOM, code: '110100' },
      subtype: [{ system: DICOM, code: '110121' }],
      outcome: '8' as const,
    };
    const special = [
      event({ ...stop, outcomeDesc: 'not-stopped' }),
      event({ outcomeDesc: 'x'.repeat(1_000_000) }),
      event({ outcomeDesc: 'x'.repeat(1_100_000) }),
      event({ source: { observer: { identifier: { value: stage().server.base } } } }),
    ];
    const many = Array.from({ length: count }, (_, at) =>
      event({ agent: [{ requestor: true, name: `sender ${at}` }] }),
    );
    const entries = await done(
      send(
        talk,
        'batch',
        [...special, ...many].map(each => post(each)),
      ),
    );
    const statuses = entries.map(({ response }) => response!.status.slice(0, 3));
    assert.deepEqual(statuses.slice(0, special.length), ['201', '201', '400', '422']);
    assert.deepEqual(new Set(statuses.slice(special.length)), new Set(['201']));
    const last = await talk.search<AuditEvent>(`AuditEvent?agent-name:exact=sender ${count - 1}`);
    assert.equal(last.entry?.length, 1);
    const stops = await talk.search(`AuditEvent?type=${DICOM}|110100&_tag:not=${RECEIVED.system}|received&outcome=8`);
    assert.equal(stops.entry?.length ?? 0, 0);
  });

  it('are found by the mark, and the own events by its absence', async () => {
    const { talk } = stage();
    const { id } = (await talk.create(event())).body;
    await talk.get(`AuditEvent/${id}`);
    const of = `AuditEvent?_count=1000&entity=AuditEvent/${id}`;
    assert.ok(idsOf(await talk.search('AuditEvent?_count=1000&_tag=urn:chartroom:audit-event|received')).includes(id));
    const own = await talk.search<AuditEvent>(`${of}&_tag:not=urn:chartroom:audit-event|received`);
    assert.ok((own.entry?.length ?? 0) >= 2, 'the create and the read');
    assert.equal((await talk.search(`${of}&_tag=urn:chartroom:audit-event|received`)).entry?.length ?? 0, 0);
    assert.ok(!idsOf(own).includes(id));
  });

  it('keep their mark: nobody changes an event', async () => {
    const { talk } = stage();
    const { id } = (await talk.create(event())).body;
    const body = JSON.stringify({
      resourceType: 'Parameters',
      parameter: [{ name: 'meta', valueMeta: { tag: [RECEIVED] } }],
    });
    const headers = { 'content-type': 'application/fhir+json' };
    const reply = await talk.send('POST', `AuditEvent/${id}/$meta-delete`, { headers, body });
    assert.equal(reply.status, 405);
  });

  describe('may not name this server as their source', () => {
    const claims: readonly [string, (base: string) => AuditEvent['source'], string][] = [
      [
        'its observer',
        base => ({ observer: { identifier: { system: 'urn:ietf:rfc:3986', value: base } } }),
        'observer.identifier.value',
      ],
      ['without a system', base => ({ observer: { identifier: { value: base } } }), 'observer.identifier.value'],
      [
        'in other letters',
        base => ({ observer: { identifier: { value: `${base.toUpperCase()}/` } } }),
        'observer.identifier.value',
      ],
      ['by its address', base => ({ observer: { reference: base } }), 'observer.reference'],
      ['its site', base => ({ site: base, observer: { display: 'x' } }), 'site'],
    ];
    for (const [title, source, at] of claims)
      it(`${title}: 422`, async () => {
        const { talk } = stage();
        const sent = event({ source: source(talk.base) });
        const reply = await talk.create(sent);
        assert.deepEqual(refusal(reply), { status: 422, detail: 'foreign-source' });
        assert.equal(refused(reply).at, `AuditEvent.source.${at}`);
        const whole = await send(talk, 'transaction', [post(sent)]);
        assert.deepEqual([whole.status, refused(whole).at], [422, `Bundle.entry[0].resource.source.${at}`]);
        const [entry] = await done(send(talk, 'batch', [post(sent)]));
        assert.equal(entry?.response?.status.slice(0, 3), '422');
      });
    it('inside itself: 422', async () => {
      const { talk } = stage();
      const device = { resourceType: 'Device' as const, id: 'd', identifier: [{ value: 'x' }, { value: talk.base }] };
      const reply = await talk.create(event({ contained: [device], source: { observer: { reference: '#d' } } }));
      assert.equal(reply.status, 422);
    });
    it('another server of the same name may: the positive control', async () => {
      const identifier = { system: 'urn:ietf:rfc:3986', value: 'https://other.example/fhir' };
      const source = { site: 'https://other.example/fhir', observer: { identifier, display: 'Chartroom' } };
      assert.equal((await stage().talk.create(event({ source }))).status, 201);
    });
  });

  it('do not make a store disagree with itself, whatever they name', async () => {
    const { talk, server } = stage();
    assert.equal((await talk.create(event())).status, 201);
    const { findings } = await examine(server.engine, 0);
    assert.deepEqual([...findings.keys()], []);
  });
});
