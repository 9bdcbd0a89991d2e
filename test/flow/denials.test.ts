/**
 * Who was denied what, and by which rule or Consent, is asked by one search: https://profiles.ihe.net/ITI/BALP
 * (IHE.BasicAudit.AuthZconsent). Whoever was denied is told no more than before.
 */
import assert from 'node:assert/strict';
import type { AuditEvent, FhirResource } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { action, confidential, privacyConsent } from '../support/consents.js';
import { entry, send } from '../support/bundles.js';
import { talkTo } from '../support/talk.js';
import { bearerOf, tokenFile } from '../support/tokens.js';

const PEOPLE = { carl: 'clinician', petra: 'privacy-officer', rosa: 'reader', admin: 'admin' } as const;
const DENIALS = 'AuditEvent?_count=100&type=http://dicom.nema.org/resources/ontology/DCM|110113&outcome=8';
const MARK = '\u2026';

const observation = (id: string, patient: string): FhirResource & { id: string } => ({
  ...{ resourceType: 'Observation', id, status: 'final', code: { text: 'x' } },
  subject: { reference: `Patient/${patient}` },
});
const requestOf = ({ entity = [] }: AuditEvent): string =>
  Buffer.from(entity.find(({ query }) => query !== undefined)?.query ?? '', 'base64').toString();

onStoresInTurn(
  'denials',
  stage => {
    const as = (who: keyof typeof PEOPLE, requestId?: string) =>
      talkTo(stage().server.base, { ...bearerOf(who), ...(requestId ? { 'x-request-id': requestId } : {}) });
    const events = async (query: string) =>
      ((await as('petra').search<AuditEvent>(query)).entry ?? []).map(each => each.resource!);
    const denials = (query: string) => events(`${DENIALS}&${query}`);
    const briefly = ({ type, subtype, outcome, outcomeDesc }: AuditEvent) =>
      [type.code, subtype?.[0]?.code, outcome, outcomeDesc].join(' ');

    it('by a Consent name it, the patient and what was asked, where the answer is that there is nothing', async () => {
      const hidden = await as('carl', 'denied-1').get('Observation/o1?_elements=status');
      const absent = await as('carl', 'absent-1').get('Observation/never?_elements=status');
      assert.deepEqual([hidden.status, absent.status], [404, 404]);
      assert.equal(hidden.text.replaceAll('o1', 'never'), absent.text);
      const [event, ...more] = await denials('patient=Patient/p1&agent-name=carl');
      assert.deepEqual(more, []);
      assert.equal(briefly(event!), '110113 AuthZ-Consent 8 hidden');
      assert.deepEqual(event!.meta?.profile, [
        'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.AuthZconsent',
      ]);
      const [patient, consent, ...others] = event!.entity!;
      assert.deepEqual(
        [patient!.what, consent!.what, others],
        [{ reference: 'Patient/p1' }, { reference: 'Consent/c1' }, []],
      );
      assert.deepEqual(
        consent!.detail?.map(({ type, valueString }) => [type, valueString]),
        [
          ['request', 'GET /fhir/Observation/o1?_elements=status'],
          ['data', 'Observation/o1'],
          ['X-Request-Id', hidden.header('x-request-id')],
          ['X-Correlation-Id', 'denied-1'],
        ],
      );
      assert.deepEqual(
        (await denials('entity=Consent/c1&subtype=AuthZ-Consent')).map(({ id }) => id),
        [event!.id],
      );
      const [missed] = await events('AuditEvent?entity=Observation/never');
      assert.equal(briefly(missed!), 'rest read 4 not-found');
    });

    it('by a Consent are told of the versions of a resource, of operations, and of entries of a batch', async () => {
      assert.equal((await as('carl').get('Observation/o1/_history/1')).status, 404);
      assert.equal((await as('carl').get('Patient/p1/$everything')).status, 404);
      const { body } = await send(as('carl'), 'batch', [entry('GET', 'Observation/o1')]);
      assert.match(body.entry?.[0]?.response?.status ?? '', /^404/);
      const told = (await denials('entity=Consent/c1')).map(event =>
        event.entity?.[1]?.detail?.[0]?.valueString?.replace(/^.*\/fhir\//, ''),
      );
      const requests = new Set(told);
      for (const each of ['Observation/o1/_history/1', 'Patient/p1/$everything', 'Observation/o1'])
        assert.ok(requests.has(each), each);
    });

    it('of a write by a Consent name it, too', async () => {
      const changed = { ...observation('o2', 'p2'), language: 'en' };
      assert.equal((await as('carl', 'denied-2').update(changed)).status, 403);
      const [event] = await denials('patient=Patient/p2');
      assert.equal(briefly(event!), '110113 AuthZ-Consent 8 outside-permission');
      assert.equal(event!.entity?.[1]?.what?.reference, 'Consent/c2');
    });

    it('by a label are those of the role', async () => {
      assert.equal((await as('carl').get('Observation/secret')).status, 404);
      const [event] = await denials('entity=Observation/secret');
      assert.equal(briefly(event!), '110113 AuthZ-Role 8 hidden');
      assert.equal(requestOf(event!), 'GET /fhir/Observation/secret');
    });

    it('by the role say which letter or operation it lacks', async () => {
      await as('rosa').create(observation('x', 'p3'));
      await as('rosa').send('POST', 'Observation/o3/$purge');
      await as('rosa').get('AuditEvent?_count=1');
      assert.deepEqual((await denials('agent-name=rosa')).map(({ outcomeDesc }) => `${outcomeDesc}`).toSorted(), [
        'role reader lacks $purge',
        'role reader lacks c',
        'role reader lacks s',
      ]);
    });

    it('are what $denials counts, by what was done and its rule', async () => {
      const { text } = await as('petra').get('$denials?start=2000-01-01&end=2100-01-01');
      for (const words of ['hidden', 'outside-permission', 'role reader lacks $purge'])
        assert.ok(text.includes(words), `${words} ${text}`);
      assert.ok(!text.includes('AuthZ-Role'));
    });

    it('have an entry with control characters in one line, and a long request cut with a mark', async () => {
      await send(as('carl', 'lines'), 'batch', [entry('GET', 'Nothing/a\u0085b\u009b31m')]);
      const [lines] = await events('AuditEvent?entity:identifier=lines&outcome=4');
      assert.match(requestOf(lines!), /^GET http:\S*\/fhir\/Nothing\/a%C2%85b%C2%9B31m$/);
      for (const path of [`Patient?${'a'.repeat(9000)}=1`, `Patient?family=${'\u00e9'.repeat(2000)}`]) {
        const requestId = `long-${path.length}`;
        await as('carl', requestId).get(path);
        const [long] = await events(`AuditEvent?entity:identifier=${requestId}`);
        const request = requestOf(long!);
        assert.ok(Buffer.byteLength(request) <= 8192 && Buffer.byteLength(request) > 8100, String(request.length));
        assert.ok(request.endsWith(MARK) && !request.includes('\ufffd'));
      }
    });
  },
  {
    config: { auth: 'token', tokens: tokenFile(PEOPLE) },
    async set({ server }) {
      const talk = talkTo(server.base, bearerOf('admin'));
      for (const n of [1, 2, 3]) {
        await talk.update({ resourceType: 'Patient', id: `p${n}` });
        await talk.update(observation(`o${n}`, `p${n}`));
      }
      const security = [confidential('V')];
      await talk.update({ ...observation('secret', 'p3'), meta: { security } });
      await talk.update(privacyConsent('c1', 'p1', { type: 'deny' }));
      await talk.update(privacyConsent('c2', 'p2', { type: 'deny', action: [action('correct')] }));
    },
  },
);
