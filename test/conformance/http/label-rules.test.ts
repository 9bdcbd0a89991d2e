/**
 * Labels that resources get when they are written, and what is said of records under 42 CFR Part 2 where they are given out:
 * https://hl7.org/fhir/R4/security-labels.html, https://www.ecfr.gov/current/title-42/part-2/section-2.32
 */
import assert from 'node:assert/strict';
import type { Bundle, Coding, DiagnosticReport, DocumentReference, Encounter, Observation } from 'fhir/r4.js';
import { it } from 'mocha';
import { checkLabelRules } from '../../../src/access/label-rules.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { actCode, as, confidential, identifyAs } from '../../support/consents.js';

const PRINCIPALS = {
  owner: { name: 'owner', role: 'admin' },
  clinician: { name: 'clinician', role: 'clinician' },
  service: { name: 'service', role: 'service' },
} as const;
const LOINC = 'http://loinc.org';
/** Of a house: what is about HIV is restricted; what a programme has sent is under Part 2. */
const RULES = [
  {
    type: 'Observation',
    where: `code=${LOINC}|75622-1,${LOINC}|29893-5&status:not=entered-in-error`,
    add: [actCode('HIV'), confidential('R')],
  },
  { type: '*', where: '_tag=urn:programme|', add: [actCode('42CFRPart2')] },
  {
    type: '*',
    where: '_security=http://terminology.hl7.org/CodeSystem/v3-ActCode|42CFRPart2',
    add: [confidential('R'), actCode('NORDSCLCD')],
  },
];
const NOTICE = '42 CFR part 2 prohibits unauthorized use or disclosure of these records.';
const CATEGORY = `http://terminology.hl7.org/CodeSystem/v3-ActCode#NORDSCLCD; scheme="http://hl7.org/fhir/tag/security"; label="${NOTICE}"`;
const subject = { reference: 'Patient/p' };
const encounterOf = (id: string): Encounter & { id: string } => ({
  ...{ resourceType: 'Encounter', id: `of-${id}`, status: 'finished', subject },
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
});
const reportOf = (id: string): DiagnosticReport & { id: string } => ({
  ...{ resourceType: 'DiagnosticReport', id, status: 'final', code: { text: 'x' }, subject },
  presentedForm: [{ contentType: 'text/plain', url: `Binary/of-report-${id}` }],
});
const observation = (id: string, more: Omit<Partial<Observation>, 'id'> = {}): Observation & { id: string } => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: LOINC, code: '75622-1' }] },
  subject,
  ...more,
});
const codesOf = (labels: readonly Coding[] = []) =>
  labels.map(({ code = '' }) => code).toSorted((a, b) => (a < b ? -1 : 1));

onStoresInTurn(
  'rules of labels',
  stage => {
    const labelsOf = async (name: string) =>
      codesOf((await stage().talk.get<Observation>(name, as('owner'))).body.meta?.security);
    const write = async (one: Observation & { id: string }) => {
      const reply = await stage().talk.update(one, as('owner'));
      assert.ok(reply.status < 300, reply.text);
      return labelsOf(`Observation/${one.id}`);
    };

    it('add what they say to what they mean, and take the place of lower levels', async () => {
      assert.deepEqual(await write(observation('hiv')), ['HIV', 'R']);
      assert.deepEqual(await write(observation('normal', { meta: { security: [confidential('N')] } })), ['HIV', 'R']);
      assert.deepEqual(await write(observation('very', { meta: { security: [confidential('V')] } })), ['HIV', 'V']);
      assert.deepEqual(await write(observation('wrong', { status: 'entered-in-error' })), []);
      assert.deepEqual(await write(observation('other', { code: { coding: [{ system: LOINC, code: '1-8' }] } })), []);
      // They follow each other.
      const tagged = observation('sent', {
        code: { text: 'x' },
        meta: { tag: [{ system: 'urn:programme', code: '1' }] },
      });
      assert.deepEqual(await write(tagged), ['42CFRPart2', 'NORDSCLCD', 'R']);
      assert.equal((await stage().talk.get('Observation/sent', as('service'))).status, 404);
      assert.equal((await stage().talk.get('Observation/sent', as('clinician'))).status, 200);
    });

    it('hold for every way of writing, once', async () => {
      const { talk } = stage();
      const json = { ...as('owner'), 'content-type': 'application/fhir+json' };
      assert.deepEqual(await write(observation('again')), ['HIV', 'R']);
      assert.deepEqual(await write(observation('again', { note: [{ text: 'x' }] })), ['HIV', 'R']);
      await write(observation('patched', { status: 'entered-in-error' }));
      const patch = await talk.send('PATCH', 'Observation/patched', {
        headers: { ...json, 'content-type': 'application/json-patch+json' },
        body: JSON.stringify([{ op: 'replace', path: '/status', value: 'final' }]),
      });
      assert.equal(patch.status, 200, patch.text);
      assert.deepEqual(await labelsOf('Observation/patched'), ['HIV', 'R']);
      const entry = [{ resource: observation('packed'), request: { method: 'PUT', url: 'Observation/packed' } }];
      const bundle = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
      assert.equal((await talk.send('POST', '', { headers: json, body: bundle })).status, 200);
      assert.deepEqual(await labelsOf('Observation/packed'), ['HIV', 'R']);
      const tag = { name: 'meta', valueMeta: { tag: [{ system: 'urn:programme', code: '1' }] } };
      const added = await talk.send('POST', 'Observation/packed/$meta-add', {
        headers: json,
        body: JSON.stringify({ resourceType: 'Parameters', parameter: [tag] }),
      });
      assert.equal(added.status, 200, added.text);
      assert.deepEqual(await labelsOf('Observation/packed'), ['42CFRPart2', 'HIV', 'NORDSCLCD', 'R']);
    });

    it('mark what is under 42 CFR Part 2 where it is given out, and nothing else', async () => {
      const { talk } = stage();
      const documentOf = (id: string, ...security: readonly Coding[]): DocumentReference & { id: string } => ({
        resourceType: 'DocumentReference',
        id,
        meta: { security: [...security] },
        status: 'current',
        subject,
        content: [{ attachment: { contentType: 'text/plain', url: `Binary/${id}` } }],
      });
      const data = Buffer.from('A letter.').toString('base64');
      for (const [id, labels] of [
        ['open', [actCode('HIPAA')]],
        ['part2', [actCode('42CFRPart2')]],
      ] as const) {
        const bytes = { resourceType: 'Binary', id, contentType: 'text/plain', data } as const;
        assert.ok((await talk.update(bytes, as('owner'))).status < 300);
        const visit = { reference: `Encounter/of-${id}` };
        assert.ok((await talk.update(encounterOf(id), as('owner'))).status < 300);
        assert.ok((await talk.update({ ...bytes, id: `of-report-${id}` }, as('owner'))).status < 300);
        const document = { ...documentOf(id, ...labels), context: { encounter: [visit] } };
        assert.ok((await talk.update(document, as('owner'))).status < 300);
        const marked = id === 'part2' ? ['NORDSCLCD'] : [];
        for (const path of [
          `DocumentReference?_id=${id}`,
          `DocumentReference/${id}/_history`,
          `DocumentReference?_id=${id}&_elements=status`,
          `DocumentReference?_id=${id}&_summary=text`,
          `DocumentReference?_id=${id}&_summary=data&_elements=status`,
          `Encounter/of-${id}/$everything?_type=DocumentReference`,
          `Encounter/of-${id}/$everything?_type=DocumentReference&_count=5`,
          `Encounter/of-${id}/$everything?_type=DocumentReference&_elements=status`,
        ]) {
          const { body } = await talk.get<Bundle>(path, as('clinician'));
          assert.equal(body.entry!.length, 1, path);
          assert.deepEqual(codesOf(body.meta?.security), marked, path);
        }
        const page = await talk.get(`Binary/${id}/$render`, { ...as('clinician'), accept: 'text/html' });
        assert.equal(page.status, 200, page.text);
        assert.ok(page.text.includes('A letter.'));
        assert.equal(page.text.includes(NOTICE), id === 'part2', id);
        // Bytes by themselves, and what another type than a document holds.
        const report = { ...reportOf(id), meta: { security: [...labels] } };
        assert.ok((await talk.update(report, as('owner'))).status < 300);
        for (const binary of [id, `of-report-${id}`])
          for (const headers of [{}, { range: 'bytes=0-1' }]) {
            const raw = await talk.get(`Binary/${binary}`, { ...as('clinician'), ...headers, accept: 'text/plain' });
            assert.ok([200, 206].includes(raw.status), raw.text);
            const label = id === 'part2' ? CATEGORY : undefined;
            assert.deepEqual([binary, raw.header('category')], [binary, label]);
          }
        const shown = await talk.get(`Binary/of-report-${id}/$render`, { ...as('clinician'), accept: 'text/html' });
        assert.equal(shown.text.includes(NOTICE), id === 'part2', id);
      }
      // Words of a text are no label.
      const word = observation('word', { code: { text: 'NORDSCLCD' } });
      assert.ok((await talk.update(word, as('owner'))).status < 300);
      assert.deepEqual((await talk.get<Bundle>('Observation?_id=word', as('owner'))).body.meta?.security, undefined);
    });

    it('that mean nothing are refused with their place', () => {
      const { definitions, parameters, settings } = stage().server.engine;
      const check =
        (...rules: readonly unknown[]) =>
        () =>
          checkLabelRules(rules as never, { definitions, parameters, settings }, 'labels.json');
      const add = [actCode('HIV')];
      for (const [rule, place] of [
        [{ type: 'Observatio', add }, /\[0\]\.type/],
        [{ type: 'Observation', where: 'cod=1', add }, /\[0\]\.where/],
        [{ type: 'Observation', where: 'patient.name=x', add }, /\[0\]\.where.*alone/],
        [{ type: '*', where: 'code=1', add }, /\[0\]\.where/],
        [{ type: 'Observation', where: 'code=1' }, /\[0\]\.add/],
        [{ type: 'Observation', add: [{ code: 'HIV' }] }, /\[0\]\.add\[0\]/],
        [{ type: 'Observation', add, labels: [] }, /\[0\]\.labels/],
      ] as const)
        assert.throws(check(rule), place, JSON.stringify(rule));
      assert.doesNotThrow(check(...RULES));
    });
  },
  {
    set: async ({ server, talk }) => {
      const { definitions, parameters, settings } = server.engine;
      const labelRules = checkLabelRules(RULES, { definitions, parameters, settings }, 'labels.json');
      Object.assign(server.engine, { identify: identifyAs(PRINCIPALS), labelRules });
      assert.ok((await talk.update({ resourceType: 'Patient', id: 'p' }, as('owner'))).status < 300);
    },
  },
);
