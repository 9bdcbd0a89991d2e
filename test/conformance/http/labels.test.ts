/**
 * Who sees what is labelled, and who takes labels away: https://hl7.org/fhir/R4/security-labels.html,
 * https://terminology.hl7.org/CodeSystem-v3-Confidentiality.html
 */
import assert from 'node:assert/strict';
import type { Bundle, Composition, DocumentReference, FhirResource, Observation } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { actCode, as, confidential, identifyAs, staffAnd } from '../../support/consents.js';
import { refusal } from '../../support/talk.js';

const subject = { reference: 'Patient/p' };
const PRINCIPALS = staffAnd('p');

const observation = (id: string, ...security: readonly object[]): Observation & { id: string } => ({
  resourceType: 'Observation',
  id,
  ...(security.length > 0 ? { meta: { security: [...security] } } : {}),
  status: 'final',
  code: { text: 'x' },
  subject,
});
const documentOf = (id: string, level: string): DocumentReference & { id: string } => ({
  resourceType: 'DocumentReference',
  id,
  meta: { security: [confidential('N')] },
  status: 'current',
  subject,
  securityLabel: [{ coding: [confidential(level)] }],
  content: [{ attachment: { contentType: 'text/plain', url: `Binary/bytes-${level}` } }],
});
const RECORD: readonly FhirResource[] = [
  { resourceType: 'Patient', id: 'p' },
  observation('plain'),
  observation('low', confidential('L')),
  observation('r', confidential('N'), confidential('R')),
  observation('v', confidential('V')),
  observation('nopat', actCode('NOPAT')),
  // What was meant to be protected is: codes without their system, and with that of before.
  observation('bare', { code: 'V' }),
  observation('old', { system: 'http://hl7.org/fhir/v3/Confidentiality', code: 'R' }),
  observation('of-others', { system: 'urn:letters', code: 'V' }),
  ...['N', 'R', 'V'].flatMap((level): FhirResource[] => [
    {
      resourceType: 'Binary',
      id: `bytes-${level}`,
      contentType: 'text/plain',
      data: Buffer.from(level).toString('base64'),
    },
    documentOf(`doc-${level}`, level),
  ]),
  {
    resourceType: 'Composition',
    id: 'composed',
    status: 'final',
    type: { text: 'x' },
    subject,
    date: '2026-01-01',
    author: [{ display: 'x' }],
    title: 'x',
    confidentiality: 'V',
  },
];
const ALL = RECORD.map(({ resourceType, id }) => `${resourceType}/${id}`);
const but = (...hidden: readonly string[]) => ALL.filter(name => !hidden.some(id => name.endsWith(`/${id}`)));
const VERY = ['v', 'bare', 'doc-V', 'bytes-V', 'composed'];

onStoresInTurn(
  'security labels',
  stage => {
    it('hide what is more confidential than a role sees, by the higher of two labels, with its bytes', async () => {
      const { talk } = stage();
      const sees = {
        owner: ALL,
        officer: ALL,
        clinician: but(...VERY),
        patient: but(...VERY, 'nopat'),
        service: but(...VERY, 'r', 'old', 'doc-R', 'bytes-R'),
      };
      for (const [who, names] of Object.entries(sees)) {
        const read: string[] = [];
        for (const name of ALL) if ((await talk.get(name, as(who))).status === 200) read.push(name);
        assert.deepEqual(read, names, who);
        for (const type of ['Observation', 'DocumentReference', 'Composition']) {
          const wanted = names.filter(name => name.startsWith(`${type}/`));
          const { entry = [], total } = await talk.search(`${type}?patient=p`, as(who));
          assert.deepEqual(entry.map(({ resource }) => `${type}/${resource!.id}`).toSorted(), wanted.toSorted(), who);
          assert.equal(total, wanted.length);
        }
      }
    });

    it('that came later hide the versions from before, and none that was lowered', async () => {
      const { talk } = stage();
      const seen = async (who: string, name: string) => {
        const { status, body } = await talk.get<Bundle>(`${name}/_history`, as(who));
        const versions = (body.entry ?? [])
          .map(({ response }) => Number(/\d+/.exec(response!.etag!)![0]))
          .toSorted((a, b) => a - b);
        for (const version of [1, 2, 3]) {
          const reply = await talk.get(`${name}/_history/${version}`, as(who));
          assert.equal(reply.status === 200 || reply.status === 410, versions.includes(version), `${name} ${version}`);
        }
        return status === 404 ? [] : versions;
      };
      const write = async (...levels: readonly (string | undefined)[]) => {
        const id = `later-${levels.join('-')}`;
        for (const level of levels) {
          const done =
            level === 'deleted'
              ? await talk.delete(`Observation/${id}`, as('owner'))
              : await talk.update(observation(id, ...(level === undefined ? [] : [confidential(level)])), as('owner'));
          assert.ok(done.status < 300, done.text);
        }
        return `Observation/${id}`;
      };
      const raised = await write('N', 'R', 'V');
      const deleted = await write('N', 'V', 'deleted');
      // The label of a version stays in its text, though a later one has none.
      const lower = async (name: string) => {
        const parameters = {
          resourceType: 'Parameters',
          parameter: [{ name: 'meta', valueMeta: { security: [confidential('V')] } }],
        };
        const reply = await talk.send('POST', `${name}/$meta-delete`, {
          headers: { ...as('owner'), 'content-type': 'application/fhir+json' },
          body: JSON.stringify(parameters),
        });
        assert.equal(reply.status, 200, reply.text);
      };
      const lowered = await write('N', 'V');
      await lower(lowered);
      for (const name of [raised, deleted]) {
        assert.deepEqual(await seen('clinician', name), [], name);
        assert.deepEqual(await seen('owner', name), [1, 2, 3], name);
      }
      assert.deepEqual(await seen('clinician', lowered), [1, 3]);
      const { body } = await talk.get<Bundle>('Observation/_history?_count=200', as('clinician'));
      const told = body
        .entry!.filter(({ fullUrl }) => fullUrl!.includes('/later-'))
        .map(({ fullUrl }) => fullUrl!.split('/').at(-1));
      assert.deepEqual([...new Set(told)], [lowered.split('/').at(-1)]);
      for (const name of [raised, lowered]) await talk.delete(name, as('owner'));
    });

    it('are told from what looks like none: an escaped character hides no label', async () => {
      const { talk } = stage();
      const text = JSON.stringify(observation('escaped', confidential('V')))
        .replace('v3-Conf', 'v3\\u002dConf')
        .replace('"V"', '"\\u0056"');
      const headers = { ...as('owner'), 'content-type': 'application/fhir+json' };
      assert.ok((await talk.send('PUT', 'Observation/escaped', { headers, body: text })).status < 300);
      assert.equal((await talk.get('Observation/escaped', as('clinician'))).status, 404);
      const document = documentOf('escaped', 'V');
      const hidden = JSON.stringify(document).replaceAll('v3-Conf', 'v3\\u002dConf');
      assert.ok((await talk.send('PUT', 'DocumentReference/escaped', { headers, body: hidden })).status < 300);
      assert.equal((await talk.get('DocumentReference/escaped', as('clinician'))).status, 404);
      for (const name of ['Observation/escaped', 'DocumentReference/escaped']) await talk.delete(name, as('owner'));
    });

    it('of what a Bundle holds are labels of the Bundle, by JSON and by XML', async () => {
      const { talk } = stage();
      const composed = RECORD.at(-1) as Composition;
      const inner: Bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: composed }] };
      const bundles: readonly [string, Bundle, string | undefined][] = [
        ['normal', { ...inner, entry: [{ resource: observation('low', confidential('L')) }] }, undefined],
        ['held-r', { ...inner, entry: [{ resource: observation('r', confidential('R')) }] }, 'R'],
        ['held-v', inner, 'V'],
        ['nested', { ...inner, entry: [{ resource: inner }] }, 'V'],
        ['own', { ...inner, meta: { security: [actCode('NOPAT'), confidential('V')] } }, 'V'],
      ];
      for (const [id, bundle, level] of bundles) {
        const reply = await talk.update({ ...bundle, id }, as('owner'));
        assert.equal(reply.status, 201, reply.text);
        const { body } = await talk.get<Bundle>(`Bundle/${id}`, as('owner'));
        const levels = body.meta?.security?.flatMap(({ system, code }) =>
          system === actCode('').system ? [] : [code],
        );
        assert.deepEqual(levels, level && [level], id);
        assert.deepEqual(body.entry, bundle.entry);
        assert.equal((await talk.get(`Bundle/${id}`, as('clinician'))).status, level === 'V' ? 404 : 200, id);
        assert.equal((await talk.get(`Bundle/${id}`, as('service'))).status, level ? 404 : 200, id);
      }
      const xml = await talk.send('PUT', 'Bundle/by-xml', {
        headers: { ...as('owner'), 'content-type': 'application/fhir+xml' },
        body: `<Bundle xmlns="http://hl7.org/fhir"><id value="by-xml"/><type value="collection"/><entry><resource><Basic><meta><security>
          <code value="V"/></security></meta><code><text value="x"/></code></Basic></resource></entry></Bundle>`,
      });
      assert.equal(xml.status, 201, xml.text);
      assert.equal((await talk.get('Bundle/by-xml', as('clinician'))).status, 404);
      assert.equal((await talk.get('Bundle/by-xml', as('owner'))).status, 200);
    });

    it('are raised by whoever may write, and taken away by whoever keeps privacy alone', async () => {
      const { talk } = stage();
      const lowered = { status: 403, detail: 'label-lowered' };
      const labelsOf = (code: string) => ({
        resourceType: 'Parameters' as const,
        parameter: [{ name: 'meta', valueMeta: { security: [confidential(code)] } }],
      });
      const change = (who: string, how: 'add' | 'delete', code: string) =>
        talk.send('POST', `Observation/plain/$meta-${how}`, {
          headers: { ...as(who), 'content-type': 'application/fhir+json' },
          body: JSON.stringify(labelsOf(code)),
        });
      assert.equal((await change('specialist', 'add', 'R')).status, 200);
      assert.deepEqual(refusal(await change('specialist', 'delete', 'R')), lowered);
      const patch = await talk.send('PATCH', 'Observation/plain', {
        headers: { ...as('clinician'), 'content-type': 'application/json-patch+json' },
        body: JSON.stringify([{ op: 'remove', path: '/meta/security' }]),
      });
      assert.deepEqual(refusal(patch), lowered);
      const { securityLabel: _, ...bare } = documentOf('doc-R', 'R');
      assert.deepEqual(refusal(await talk.update(bare, as('clinician'))), lowered);
      assert.equal(
        (await talk.update({ ...documentOf('doc-R', 'R'), status: 'superseded' }, as('clinician'))).status,
        200,
      );
      const old = await talk.send('PATCH', 'Observation/old', {
        headers: { ...as('clinician'), 'content-type': 'application/json-patch+json' },
        body: JSON.stringify([{ op: 'remove', path: '/meta/security' }]),
      });
      assert.deepEqual(refusal(old), lowered);
      // What is deleted comes back with its labels.
      assert.equal((await talk.delete('Observation/old', as('specialist'))).status, 204);
      assert.deepEqual(refusal(await talk.update(observation('old'), as('specialist'))), lowered);
      assert.deepEqual(refusal(await talk.update(observation('old', confidential('L')), as('specialist'))), lowered);
      assert.equal((await talk.update(observation('old', confidential('R')), as('specialist'))).status, 201);
      assert.equal((await talk.delete('Observation/old', as('owner'))).status, 204);
      assert.equal((await talk.update(observation('old'), as('owner'))).status, 201);
      assert.equal((await change('officer', 'delete', 'R')).status, 200);
      // Nothing but labels.
      assert.equal((await talk.update(observation('plain'), as('officer'))).status, 403);
    });
  },
  {
    set: async ({ server, talk }) => {
      Object.assign(server.engine, { identify: identifyAs(PRINCIPALS) });
      for (const one of RECORD) {
        const reply = await talk.update(one as FhirResource & { id: string }, as('owner'));
        assert.ok(reply.status < 300, reply.text);
      }
    },
  },
);
