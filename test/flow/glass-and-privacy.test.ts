/**
 * What a broken glass lifts of what a patient has said and of labels, and that nothing is written through it.
 * https://hl7.org/fhir/R4/security-labels.html#break-the-glass
 */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle, Patient } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { privacyConsent } from '../support/consents.js';
import { ADMIN } from '../support/roles.js';
import { type RunningServer, startServer } from '../support/server.js';
import { idsOf, type Talk, talkTo } from '../support/talk.js';
import { bearerOf, tokenFile } from '../support/tokens.js';

const REASON = 'Unconscious in the emergency room, allergies unknown';
const GLASS = { category: 'http://terminology.hl7.org/CodeSystem/v3-ActReason#BTG' };

describe('a broken glass, what a patient has said, and labels', () => {
  const PEOPLE = { carla: 'emergency', wanda: 'writer', admin: 'admin' } as const;
  const emergency = {
    types: [{ type: '*', letters: 'rs' }],
    operations: ['break-glass', 'break-glass-end'],
    purpose: 'TREAT',
    breakGlass: [{ type: '*', letters: 'rs' }],
  };
  let server: RunningServer;
  const as = (who: keyof typeof PEOPLE, more: Readonly<Record<string, string>> = {}): Talk =>
    talkTo(server.base, { ...bearerOf(who), ...more });
  const writer = { ...emergency, types: [{ type: '*', letters: 'cruds' }], labels: 'lowered' };
  const breakAs = (who: keyof typeof PEOPLE, patient: string) =>
    as(who).send('POST', `Patient/${patient}/$break-glass`, {
      body: JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'reason', valueString: REASON }] }),
      headers: { 'content-type': 'application/fhir+json' },
    });
  before('starts a server with roles that see what is normal', async () => {
    const roles = join(mkdtempSync(join(tmpdir(), 'chartroom-roles-')), 'roles.json');
    writeFileSync(roles, JSON.stringify({ admin: ADMIN, emergency, writer }));
    server = await startServer({ store: 'embedded', config: { auth: 'token', tokens: tokenFile(PEOPLE), roles } });
    const talk = as('admin');
    const label = (code: string) => ({
      meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code }] },
    });
    for (const id of ['silent', 'refuses', 'refuses-too']) {
      const subject = { reference: `Patient/${id}` };
      const observation = {
        resourceType: 'Observation' as const,
        status: 'final' as const,
        code: { text: 'x' },
        subject,
      };
      for (const one of [
        { resourceType: 'Patient' as const, id },
        { ...observation, id: `${id}-n` },
        { ...observation, id: `${id}-r`, ...label('R') },
        { ...observation, id: `${id}-v`, ...label('V') },
        {
          ...{ resourceType: 'Composition' as const, id: `${id}-composed`, status: 'final' as const, subject },
          ...{ type: { text: 'x' }, date: '2026-01-01', author: [{ display: 'x' }], title: 'x', confidentiality: 'V' },
        },
        {
          ...{ resourceType: 'Composition' as const, id: `${id}-open`, status: 'final' as const, subject },
          ...{ type: { text: 'x' }, date: '2026-01-01', author: [{ display: 'x' }], title: 'x', confidentiality: 'R' },
        },
        ...(id === 'silent' ? [] : [privacyConsent(`${id}-c`, id, { type: 'deny' })]),
      ]) {
        const reply = await talk.update(one as Patient & { id: string });
        assert.ok(reply.status < 300, reply.text);
      }
    }
  });
  after('stops it', () => server?.stop());

  const seen = async (talk: Talk, patient: string): Promise<string[]> => {
    const found: string[] = [];
    for (const name of [`Patient/${patient}`, ...['n', 'r', 'v'].map(each => `Observation/${patient}-${each}`)])
      if ((await talk.get(name)).status === 200) found.push(name.split('/')[1]!);
    return found;
  };

  it('lifts the denial of that patient and labels up to R, and neither V nor what another patient denies', async () => {
    assert.deepEqual(await seen(as('carla'), 'silent'), ['silent', 'silent-n']);
    assert.deepEqual(await seen(as('carla'), 'refuses'), []);
    const started = await breakAs('carla', 'refuses');
    assert.equal(started.status, 200, started.text);
    assert.deepEqual(await seen(as('carla', GLASS), 'refuses'), ['refuses', 'refuses-n', 'refuses-r']);
    assert.deepEqual(await seen(as('carla', GLASS), 'refuses-too'), []);
    // A Composition has a label of its own.
    assert.deepEqual(idsOf(await as('carla', GLASS).search('Composition')), ['refuses-open']);
    assert.equal((await as('carla', GLASS).get('Composition/refuses-composed')).status, 404);
    assert.deepEqual(await seen(as('carla', GLASS), 'silent'), ['silent', 'silent-n']);
    assert.deepEqual(await seen(as('carla'), 'refuses'), []);
    assert.deepEqual(idsOf(await as('carla', GLASS).search('Observation?_sort=_id')), [
      'refuses-n',
      'refuses-r',
      'silent-n',
    ]);
    assert.equal((await as('carla').send('POST', 'Patient/refuses/$break-glass-end')).status, 200);
    assert.equal((await as('carla', GLASS).get('Patient/refuses')).status, 403);
    assert.deepEqual(await seen(as('carla'), 'refuses'), []);
  });

  it('writes nothing through it, nor looks anything up for a write', async () => {
    const hidden = 'refuses-r';
    const text = {
      ...{ resourceType: 'Observation' as const, id: hidden, status: 'amended' as const, code: { text: 'x' } },
      subject: { reference: 'Patient/refuses' },
      meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] },
    };
    const { id: _, ...fresh } = text;
    const patched = JSON.stringify([{ op: 'replace', path: '/status', value: 'amended' }]);
    const patch = { headers: { 'content-type': 'application/json-patch+json' }, body: patched };
    const by = `Observation?_id=${hidden}`;
    const json = { 'content-type': 'application/fhir+json' };
    const entry = (method: string, url: string, more: object = {}) => ({ request: { method, url, ...more } });
    const patchEntry = {
      ...entry('PATCH', `Observation/${hidden}`),
      resource: {
        resourceType: 'Binary',
        contentType: 'application/json-patch+json',
        data: Buffer.from(patched).toString('base64'),
      },
    };
    const entries = [
      { ...entry('PUT', `Observation/${hidden}`), resource: text },
      patchEntry,
      { ...entry('PUT', 'Consent/refuses-c'), resource: privacyConsent('refuses-c', 'refuses', { type: 'permit' }) },
    ];
    const unless = { ...entry('POST', 'Observation', { ifNoneExist: `_id=${hidden}` }), resource: fresh };
    const sent = (type: string, of: readonly object[]) => ({
      headers: json,
      body: JSON.stringify({ resourceType: 'Bundle', type, entry: of }),
    });
    assert.equal((await breakAs('wanda', 'refuses')).status, 200);
    const glass = as('wanda', GLASS);
    const stored = (await as('admin').get(`Observation/${hidden}`)).text;
    const refused = async (what: string, { status, text: answer }: { status: number; text: string }) => {
      assert.ok([403, 404, 409, 412].includes(status), `${what}: ${status} ${answer}`);
      assert.ok(!answer.includes('"final"'), what);
    };
    assert.equal((await glass.get(`Observation/${hidden}`)).status, 200);
    await refused('PUT', await glass.update(text));
    await refused('PATCH', await glass.send('PATCH', `Observation/${hidden}`, patch));
    await refused('PATCH by criteria', await glass.send('PATCH', by, patch));
    // What is not seen is deleted as what is not there: nothing happens.
    for (const path of [`Observation/${hidden}`, by])
      assert.equal((await glass.send('DELETE', path)).status, 204, path);
    await refused('Consent', await glass.update(privacyConsent('refuses-c', 'refuses', { type: 'permit' })));
    await refused(
      '$meta-delete',
      await glass.send('POST', `Observation/${hidden}/$meta-delete`, {
        headers: json,
        body: JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: text.meta }] }),
      }),
    );
    const conditional = await glass.send('POST', 'Observation', {
      headers: { ...json, 'if-none-exist': `_id=${hidden}` },
      body: JSON.stringify(fresh),
    });
    // Another one is made, as where nothing matches: what is hidden is not given out.
    assert.equal(conditional.status, 201);
    assert.ok(!conditional.text.includes('"final"'));
    for (const [at, each] of entries.entries())
      await refused(`transaction ${at}`, await glass.send('POST', '', sent('transaction', [each])));
    const { body } = await glass.send<Bundle>(
      'POST',
      '',
      sent('batch', [
        unless,
        entry('DELETE', `Observation/${hidden}`),
        ...entries,
        entry('GET', `Observation/${hidden}`),
      ]),
    );
    assert.deepEqual(
      body.entry!.map(({ response }) => Number(response!.status.slice(0, 3)) < 300),
      [true, true, ...entries.map(() => false), true],
    );
    assert.match(body.entry![0]!.response!.status, /^201/);
    assert.equal((await as('admin').get(`Observation/${hidden}`)).text, stored);
    assert.equal(
      (await as('admin').get<{ provision: { type: string } }>('Consent/refuses-c')).body.provision.type,
      'deny',
    );
    // Beside it the role writes what it sees.
    const { meta: _meta, ...unlabelled } = text;
    const beside = { ...unlabelled, id: 'silent-n', subject: { reference: 'Patient/silent' } };
    const written = await glass.update(beside);
    assert.equal(written.status, 200, written.text);
    assert.equal((await as('wanda').send('POST', 'Patient/refuses/$break-glass-end')).status, 200);
  });
});
