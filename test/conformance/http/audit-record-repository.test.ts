/**
 * The parameters by which IHE's audit record repository is searched (ITI-81): events that the server recorded, and events that it received.
 * https://profiles.ihe.net/ITI/TF/Volume2/ITI-81.html, https://hl7.org/fhir/R4/auditevent.html#search
 */
import assert from 'node:assert/strict';
import type { AuditEvent, AuditEventAgent, FhirResource, Reference } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn, type Stage } from '../../support/both-stores.js';
import { idsOf, refusal, type Stored, type Talk } from '../../support/talk.js';
import { eventsKept } from '../../support/trail-events.js';

const DAY = 86_400_000;
const MRN = 'urn:oid:1.2.36.146.595.217.0.1';
const REST = { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' };

const agentOf = (who: Reference, more: Partial<AuditEventAgent> = {}): AuditEventAgent => ({
  ...{ requestor: true, who, network: { address: '192.0.2.17', type: '2' } },
  ...more,
});

interface World {
  readonly patient: Stored;
  readonly other: Stored;
  readonly doctor: Stored;
  readonly device: Stored;
}

/** Resources with identifiers, and events that name things by references, by identifiers, and not at all. */
async function fill(talk: Talk): Promise<World> {
  const make = async (resource: FhirResource): Promise<Stored> => (await talk.create(resource)).body;
  const patient = await make({ resourceType: 'Patient', identifier: [{ system: MRN, value: 'P-1' }] });
  const other = await make({ resourceType: 'Patient', identifier: [{ system: MRN, value: 'P-2' }] });
  const doctor = await make({ resourceType: 'Practitioner', identifier: [{ system: 'urn:npi', value: 'D-1' }] });
  const device = await make({ resourceType: 'Device', identifier: [{ system: 'urn:devices', value: 'S-1' }] });
  const events: readonly Partial<AuditEvent>[] = [
    { agent: [agentOf({ reference: `Practitioner/${doctor.id}` })] },
    { agent: [agentOf({ identifier: { system: 'urn:npi', value: 'D-1' } })], outcome: '8' },
    { agent: [agentOf({ identifier: { system: 'urn:npi', value: 'D-2' } })] },
    { entity: [{ what: { reference: `Patient/${patient.id}` }, role: { system: 'urn:roles', code: '1' } }] },
    { entity: [{ what: { type: 'Patient', identifier: { system: MRN, value: 'P-1' } } }] },
    { entity: [{ what: { reference: `Patient/${other.id}` } }] },
    { entity: [{ what: { reference: `Practitioner/${doctor.id}` } }] },
    { entity: [{ what: { identifier: { system: 'urn:documents', value: 'doc-1' } } }] },
    { source: { observer: { reference: `Device/${device.id}` } } },
    { source: { observer: { identifier: { system: 'urn:devices', value: 'S-1' } } } },
    { recorded: '2019-05-05T05:05:05Z', subtype: [{ system: 'urn:subtypes', code: 'odd' }], action: 'D' },
  ];
  for (const event of events)
    await make({
      ...{ resourceType: 'AuditEvent', type: REST, recorded: '2020-05-05T05:05:05Z', outcome: '0' },
      ...{ agent: [agentOf({ display: 'somebody' })], source: { observer: { display: 'elsewhere' } } },
      ...event,
    });
  await talk.get(`Patient/${patient.id}`);
  await talk.search(`Patient?identifier=${MRN}|P-2`);
  await talk.get('Patient/nobody');
  return { patient, other, doctor, device };
}

onStoresInTurn('searching as an audit record repository', given => {
  let world: World;
  let all: readonly AuditEvent[] = [];
  const stage = async (): Promise<Stage> => {
    world ??= await fill(given().talk);
    return given();
  };
  /** What a query finds is what a plain filter leaves of all events that were there before it. */
  const finds = async (query: string, wanted: (event: AuditEvent) => boolean, some = true): Promise<void> => {
    const { talk, server } = await stage();
    all = await eventsKept(server.engine);
    const expected = all.filter(wanted).map(({ id }) => id!);
    const found: string[] = [];
    for (let page = `AuditEvent?_count=100&_lastUpdated=le${newest(all)}&${query}`; ; ) {
      const { entry = [], link = [] } = await talk.search<AuditEvent>(page);
      found.push(...entry.map(({ resource }) => resource!.id!));
      const next = link.find(({ relation }) => relation === 'next');
      if (!next) break;
      page = next.url;
    }
    assert.deepEqual(found.toSorted(), expected.toSorted(), query);
    if (some) assert.ok(expected.length > 0 && expected.length < all.length, `${query}: ${expected.length}`);
  };
  const newest = (events: readonly AuditEvent[]): string =>
    events.map(({ meta }) => meta!.lastUpdated!).reduce((a, b) => (a > b ? a : b));
  const is = ({ identifier, reference }: Reference = {}, value: string, ...references: readonly string[]): boolean =>
    identifier?.value === value || references.some(each => reference?.startsWith(each) === true);

  describe('identifiers', () => {
    it('of who acted: those in the event, and those of the resource that it names', async () => {
      const { doctor } = (await stage(), world);
      const of =
        (value: string, ...refs: string[]) =>
        (event: AuditEvent) =>
          event.agent.some(({ who }) => is(who, value, ...refs));
      await finds('agent.identifier=D-1', of('D-1', `Practitioner/${doctor.id}`));
      await finds('agent.identifier=urn:npi|D-1', of('D-1', `Practitioner/${doctor.id}`));
      await finds(
        'agent.identifier=D-1,D-2',
        event => of('D-1', `Practitioner/${doctor.id}`)(event) || of('D-2')(event),
      );
      await finds('agent:Practitioner.identifier=D-1', of('', `Practitioner/${doctor.id}`));
      await finds(
        'agent.identifier=local%20user',
        event => event.agent.some(({ name }) => name === 'local user'),
        false,
      );
      await finds('agent.identifier=nobody', () => false, false);
    });

    it('of who recorded it', async () => {
      const { device } = (await stage(), world);
      const { server } = given();
      await finds('source.identifier=urn:devices|S-1', ({ source }) =>
        is(source.observer, 'S-1', `Device/${device.id}`),
      );
      await finds(`source.identifier=${server.base}`, ({ source }) => is(source.observer, server.base));
    });

    it('of what it is about, of whatever type that is', async () => {
      const { patient, other, doctor } = (await stage(), world);
      const of =
        (value: string, ...refs: string[]) =>
        ({ entity = [] }: AuditEvent) =>
          entity.some(({ what }) => is(what, value, ...refs));
      await finds(`entity.identifier=${MRN}|P-1`, of('P-1', `Patient/${patient.id}`));
      await finds('entity.identifier=P-2', of('P-2', `Patient/${other.id}`));
      await finds('entity.identifier=urn:npi|D-1', of('D-1', `Practitioner/${doctor.id}`));
      await finds('entity.identifier=urn:documents|doc-1', of('doc-1'));
      await finds(`entity.identifier=${MRN}|P-1,${MRN}|P-2`, event =>
        [of('P-1', `Patient/${patient.id}`), of('P-2', `Patient/${other.id}`)].some(each => each(event)),
      );
    });

    it('of the patient', async () => {
      const { patient } = (await stage(), world);
      await finds(`patient.identifier=${MRN}|P-1`, ({ entity = [] }) =>
        entity.some(({ what }) => is(what, 'P-1', `Patient/${patient.id}`)),
      );
      await finds(`patient.identifier=P-1&entity.identifier=P-2`, () => false, false);
    });

    it('are refused where they are not understood', async () => {
      const { talk } = await stage();
      for (const query of ['policy.identifier=1', 'agent.identifier=', 'agent:Basket.identifier=1', 'who.identifier=1'])
        assert.equal(refusal(await talk.get(`AuditEvent?${query}`)).status, 400, query);
    });
  });

  it('finds by address, types, roles, outcome and time what a plain filter finds', async () => {
    const { doctor } = (await stage(), world);
    assert.ok(doctor.id);
    const address = (test: (text: string) => boolean) => (event: AuditEvent) =>
      event.agent.some(({ network }) => network?.address !== undefined && test(network.address));
    await finds(
      'address=192.0.2',
      address(text => text.startsWith('192.0.2')),
    );
    await finds(
      'address:exact=192.0.2.17',
      address(text => text === '192.0.2.17'),
    );
    await finds(
      'address:contains=0.2.1',
      address(text => text.includes('0.2.1')),
    );
    await finds('entity-role=urn:roles|1', ({ entity = [] }) =>
      entity.some(({ role }) => role?.system === 'urn:roles'),
    );
    await finds('entity-role=24', ({ entity = [] }) => entity.some(({ role }) => role?.code === '24'));
    await finds('entity-type=1', ({ entity = [] }) => entity.some(({ type }) => type?.code === '1'));
    await finds('entity-type:not=2', ({ entity = [] }) => !entity.some(({ type }) => type?.code === '2'));
    await finds(`type=${REST.system}|rest`, ({ type }) => type.code === 'rest', false);
    await finds('type:not=rest', ({ type }) => type.code !== 'rest', false);
    await finds('subtype=odd', ({ subtype = [] }) => subtype.some(({ code }) => code === 'odd'));
    await finds('subtype=read,odd', ({ subtype = [] }) =>
      subtype.some(({ code }) => code === 'read' || code === 'odd'),
    );
    await finds('subtype:missing=true', ({ subtype }) => !subtype);
    await finds('outcome=8', ({ outcome }) => outcome === '8');
    await finds('outcome=4,8', ({ outcome }) => outcome === '4' || outcome === '8');
    await finds('outcome:not=0', ({ outcome }) => outcome !== '0');
    await finds('date=2019', ({ recorded }) => recorded.startsWith('2019'));
    await finds('date=ge2020-01-01&date=le2020-12-31', ({ recorded }) => recorded.startsWith('2020'));
    await finds('date=lt2020', ({ recorded }) => recorded < '2020');
    await finds('date=gt2020-12-31&outcome=4', ({ recorded, outcome }) => recorded > '2021' && outcome === '4');
    await finds('action=D', ({ action }) => action === 'D');
  });
});

onStoresInTurn(
  'an interval that every search of the trail names',
  given => {
    it('is asked for, with what to add', async () => {
      const { talk } = given();
      for (const query of [
        '',
        '?date=ge2020-01-01',
        '?date=le2030-01-01',
        '?_lastUpdated=ge2020&_lastUpdated=le2030',
      ]) {
        const reply = await talk.get(`AuditEvent${query}`);
        assert.deepEqual(refusal(reply), { status: 400, detail: 'date-interval' });
        assert.match(reply.text, /date=ge/);
      }
    });

    it('may be any, by one parameter or two, and goes along to further pages', async () => {
      const { talk } = given();
      await talk.get('Patient/nobody');
      await talk.get('Patient/nobody');
      const now = new Date();
      const [from, to] = [new Date(+now - DAY).toISOString(), new Date(+now + DAY).toISOString()];
      const found = await talk.search<AuditEvent>(`AuditEvent?_count=1&date=ge${from}&date=le${to}`);
      assert.equal(found.entry?.length, 1);
      const next = found.link!.find(({ relation }) => relation === 'next')!;
      assert.equal(idsOf(await talk.search(next.url)).length, 1);
      for (const query of [
        `date=${now.getUTCFullYear()}`,
        `date=sa2019&date=eb2999`,
        'date=2019,2020',
        'date=ge2020&date=lt2019',
      ])
        await talk.search(`AuditEvent?${query}`);
      assert.equal((await talk.get('Patient?_count=1')).status, 200, 'other types are searched as before');
    });
  },
  { config: { auditDate: 'required' } },
);
