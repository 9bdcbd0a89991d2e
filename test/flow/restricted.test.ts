/**
 * What few may do is in the audit trail as such: erasing (110132), jobs with how far they came (110132), files that come in and go out
 * (110107, 110106), and looks into the trail itself (110101). Rows AUD-1, AUD-6 of the trail.
 * https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.3.html
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { AuditEvent, Bundle } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { talkTo } from '../support/talk.js';
import { bearerOf, tokenFile } from '../support/tokens.js';

const tokens = tokenFile({ admin: 'admin', anna: 'writer' });
const NDJSON = { 'content-type': 'application/fhir+ndjson' };
const LOOKED = '110101';

const sayingOf = ({ type, subtype = [], action, outcome }: AuditEvent): string =>
  [type.code, ...subtype.map(({ code }) => code), action, outcome].join(' ');
const detailsOf = ({ entity = [] }: AuditEvent): Record<string, string> =>
  Object.fromEntries(
    entity.flatMap(({ detail = [] }) => detail.map(({ type, valueString }) => [type, valueString ?? ''])),
  );

onStoresInTurn(
  'what few may do',
  stage => {
    const as = (name: string) => talkTo(stage().server.base, bearerOf(name));
    const eventsOf = async (query: string): Promise<AuditEvent[]> =>
      ((await as('admin').search<AuditEvent>(`AuditEvent?_count=500&_sort=date&${query}`)).entry ?? []).map(
        ({ resource }) => resource!,
      );

    it('AUD-1: a purge is a use of a restricted function, and a deletion', async () => {
      await as('anna').update({ resourceType: 'Patient', id: 'gone' });
      assert.equal((await as('admin').send('POST', 'Patient/gone/$purge')).status, 200);
      const events = await eventsOf('patient=gone&agent-name:exact=admin');
      assert.deepEqual(events.map(sayingOf), ['110113 110132 operation purge E 0', 'rest delete D 0']);
      const found = await eventsOf('subtype=http://dicom.nema.org/resources/ontology/DCM|110132&patient=gone');
      assert.equal(found.length, 1);
    });

    it('AUD-1: a job says its beginning, its end, how far it came, and which file it has taken in', async () => {
      const body = ['{"resourceType":"Patient","id":"in-1"}', '{"resourceType":"Patient","id":"in-2","gender":"?"}'];
      const file = body.join('\n');
      const asked = await as('anna').send('POST', '$import', { headers: NDJSON, body: file });
      assert.equal(asked.status, 202, asked.text);
      const at = asked.header('content-location')!;
      while ((await as('anna').get(at)).status === 202) await pause(20);
      const jobs = await eventsOf('subtype=110132&agent-name:exact=anna');
      assert.deepEqual(
        jobs.map(sayingOf),
        Array.from({ length: 2 }, () => '110113 110132 operation import E 0'),
      );
      const bytes = String(Buffer.byteLength(file));
      assert.deepEqual(jobs.map(detailsOf), [{}, { done: '2' }]);
      const sha256 = createHash('sha256').update(file).digest('hex');
      const [moved, ...more] = await eventsOf(`entity:identifier=urn:oid:2.16.840.1.101.3.4.2.1|${sha256}`);
      assert.ok(moved && more.length === 0);
      assert.equal(sayingOf(moved), '110107 receive import C 0');
      assert.deepEqual(detailsOf(moved), { 'sha-256': sha256, bytes, loaded: '1', refused: '1' });
      assert.deepEqual(
        moved.agent.map(({ type, name, requestor }) => [type?.coding?.[0]?.code, name, requestor]),
        [
          ['110150', undefined, false],
          ['110152', undefined, false],
          ['IRCP', 'anna', true],
        ],
      );
    });

    it('AUD-1: what the server indexes anew behind the traffic is told with its counts', async () => {
      await as('anna').update({ resourceType: 'Group', id: 'to-index', type: 'person', actual: true });
      const body = '{"resourceType":"Parameters","parameter":[{"name":"type","valueCode":"Group"}]}';
      const headers = { 'content-type': 'application/fhir+json' };
      assert.equal((await as('admin').send('POST', '$reindex', { headers, body })).status, 200);
      const ofServer = async () =>
        (await eventsOf('subtype=110132&agent-name:exact=chartroom')).filter(({ entity = [] }) =>
          entity.some(({ query = '' }) => atob(query).endsWith('end Group')),
        );
      let told = await ofServer();
      for (; told.length === 0; told = await ofServer()) await pause(20);
      assert.deepEqual(told.map(sayingOf), ['110113 110132 operation index E 0']);
      assert.deepEqual(detailsOf(told[0]!), { done: '1', total: '1' });
    });

    it('AUD-6: later pages of a look into the trail say so, too', async () => {
      for (const id of ['page-a', 'page-b']) await as('anna').update({ resourceType: 'Patient', id });
      const isToldAsLook = async (request: string): Promise<boolean> =>
        (await eventsOf(`subtype=${LOOKED}`)).some(({ entity = [] }) =>
          entity.some(({ query = '' }) => atob(query).endsWith(request)),
        );
      for (const [asked, isLook] of [
        ['?_type=Patient,AuditEvent&_count=1', true],
        ['Patient/page-a/$everything?_type=Patient,AuditEvent&_count=1', true],
        ['AuditEvent?_count=1', true],
        ['AuditEvent/_history?_count=1', true],
        ['?_type=Patient,Task&_count=1', false],
        ['Patient?_count=1', false],
      ] as const) {
        const first = (await as('admin').get<Bundle>(asked)).body;
        const next = first.link?.find(({ relation }) => relation === 'next')?.url;
        assert.ok(next, asked);
        const page = next.replace(/^.*?\/fhir\/?/, '');
        assert.equal((await as('admin').get(page)).status, 200, asked);
        assert.equal(await isToldAsLook(page), isLook, asked);
        const inOtherHands = `${page}&_pretty=true`;
        assert.ok([400, 403].includes((await as('anna').get(inOtherHands)).status), asked);
        assert.equal(await isToldAsLook(inOtherHands), isLook, `${asked}, refused`);
      }
    });

    it('AUD-6: every look into the trail says so, and nothing else does', async () => {
      await as('anna').update({ resourceType: 'Patient', id: 'seen' });
      const [event] = await eventsOf('patient=seen');
      const base = await eventsOf(`subtype=${LOOKED}`);
      const looks = [
        'AuditEvent?patient=seen',
        `AuditEvent/${event!.id}`,
        `AuditEvent/${event!.id}/_history/1`,
        'AuditEvent/_history?_count=1',
        'Patient/seen/AuditEvent',
        '?_type=Patient,AuditEvent&_id=seen',
        'Patient?active=true&_revinclude=AuditEvent:patient',
        'Task?_include:iterate=Task:focus:AuditEvent',
        'Patient/seen/$everything?_type=Patient,AuditEvent',
        '$denials?start=2020-01-01',
        'Patient/seen/$who-saw',
        '$audit-checkpoint',
      ];
      for (const look of looks) assert.equal((await as('admin').get(look)).status, 200, look);
      for (const other of [
        'Patient/seen',
        'Patient?_id=seen',
        '?_type=Patient&_id=seen',
        'Patient/seen/$everything?_type=Patient',
        'Patient?_id=seen&_revinclude=Observation:patient',
      ])
        assert.equal((await as('admin').get(other)).status, 200, other);
      const body = '{"resourceType":"Parameters","parameter":[{"name":"_type","valueCode":"AuditEvent"}]}';
      const headers = { 'content-type': 'application/fhir+json' };
      assert.equal((await as('admin').send('POST', 'Patient/seen/$everything', { headers, body })).status, 200);
      assert.equal((await as('anna').get('AuditEvent?patient=seen')).status, 403);
      const asked = (await eventsOf(`subtype=${LOOKED}`))
        .filter(({ id }) => !base.some(each => each.id === id))

        .map(
          ({ entity = [], type, subtype = [] }) =>
            `${type.code} ${subtype[0]!.code} ${atob(entity.find(({ query }) => query)?.query ?? '')}`,
        );
      // The look that asked for those before is one of the same kind.
      assert.equal(new Set(asked).size, looks.length + 3, asked.join('\n'));
      assert.equal(asked.filter(each => each.startsWith('110113 AuthZ-Role')).length, 1, 'one that was denied');
      assert.ok(
        !asked.some(each => /Patient\/seen$|Patient\?_id|_type=Patient(?:&|$)|=Observation:/.test(each)),
        asked.join('\n'),
      );
    });
  },
  { config: { auth: 'token', tokens } },
);
