/** Attacks on what stands beside the records: jobs of others, metrics, the log, documents that are made of a record. */
import assert from 'node:assert/strict';
import type { Composition, Parameters } from 'fhir/r4.js';
import { it } from 'mocha';
import type { Stage } from '../support/both-stores.js';
import type { Headers } from '../support/talk.js';
import { type Attacker, CANARY, canaryOf } from './attack-world.js';

/** As somebody writes them whose record, or not, they are about. */
const composition = (id: string, patient: string, title: string, named: readonly string[]): Composition => ({
  ...{ resourceType: 'Composition', id, status: 'final', type: { text: 'note' }, date: '2026-01-02', title },
  subject: { reference: `Patient/${patient}` },
  author: [{ reference: 'Practitioner/doctor' }],
  section: [{ title, entry: named.map(reference => ({ reference })) }],
});

/** `logged`: all lines of the log until now. */
export function tellBeside(stage: () => Stage, as: (who: Attacker) => Headers, logged: readonly string[]): void {
  const talkAs = async (who: Attacker, path: string, method = 'GET') => {
    const { status, text } = await stage().talk.send(method, path, { headers: as(who) });
    return { status, text: text.replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, 'uuid') };
  };

  /** Without what every answer has of its own. */
  const plainly = ({ status, text }: { readonly status: number; readonly text: string }): string =>
    `${status} ${text}`.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '').replaceAll(/"id":"[0-9a-z]{12,40}"/g, 'id');

  it('is in no job of somebody else, and whether there is one is told to nobody', async () => {
    const { talk } = stage();
    const begun = await talk.send('POST', '$import', {
      headers: { ...as('owner'), 'content-type': 'application/fhir+ndjson', prefer: 'respond-async' },
      body: `${JSON.stringify({ resourceType: 'Basic', id: 'hid-imported', code: { text: canaryOf('job') } })}\n`,
    });
    assert.equal(begun.status, 202, begun.text);
    const id = new URL(begun.header('content-location')!).searchParams.get('job')!;
    const absent = id.slice(0, -3) + (id.endsWith('aaa') ? 'bbb' : 'aaa');
    for (const who of ['worker'] as const)
      for (const [path, method] of [
        ['$jobs-status?job=', 'GET'],
        ['$jobs?job=', 'GET'],
        ['$jobs-cancel?job=', 'POST'],
        ['$jobs-status?job=', 'DELETE'],
      ] as const) {
        const [one, none] = [await talkAs(who, path + id, method), await talkAs(who, path + absent, method)];
        assert.ok(!one.text.includes(CANARY) && !one.text.includes(id), one.text);
        assert.equal(one.text.replaceAll(id, absent), none.text, `${method} ${path}`);
        assert.equal(one.status, none.status, `${method} ${path}`);
      }
    const listed = await talk.get<Parameters>('$jobs', as('worker'));
    assert.equal(listed.status, 200, listed.text);
    assert.ok(!listed.text.includes(id));
    for (const who of ['laboratory', 'house'] as const)
      assert.equal((await talkAs(who, `$jobs-status?job=${id}`)).status, 403);
    // Its owner has it, and nobody has cancelled it.
    const seen = await talk.get<Parameters>(`$jobs?job=${id}`, as('owner'));
    assert.ok(seen.text.includes(id) && !seen.text.includes('cancelled'), seen.text);
  });

  it('is in no document that is made of a record', async () => {
    const { talk } = stage();
    const hidden = ['Observation/hid-Observation', 'Observation/ref-Observation', 'Condition/hid-Condition'];
    for (const one of [
      composition('hid-note', 'hid-p', canaryOf('note'), hidden),
      composition('own-note', 'own', 'mine', ['Observation/own-Observation', ...hidden]),
    ])
      assert.equal((await talk.update(one, as('owner'))).status, 201);
    for (const path of [
      'Composition/hid-note/$document',
      'DocumentReference/$docref?patient=hid-p',
      'DocumentReference/$docref?patient=hid-p&start=2020-01-01',
    ]) {
      const [one, none] = [await talkAs('app', path), await talkAs('app', path.replace('hid-', 'abs-'))];
      assert.ok(!one.text.includes(CANARY), one.text);
      assert.equal(plainly(one).replaceAll('hid-', 'abs-'), plainly(none), path);
    }
    for (const path of ['Composition/own-note/$document', 'DocumentReference/$docref?patient=own']) {
      const { status, text } = await talkAs('app', path);
      assert.ok(status < 500 && !text.includes(CANARY), `${status} ${text}`);
    }
    // It would notice.
    const owned = await talkAs('owner', 'Composition/own-note/$document');
    assert.ok(owned.status === 200 && owned.text.includes(CANARY), owned.text);
    for (const who of ['laboratory', 'narrow'] as const)
      assert.equal((await talkAs(who, 'Composition/own-note/$document')).status, 403, who);
  });

  it('stands in no metric and in no line of the log, whatever was asked', async () => {
    const { server } = stage();
    const { status, text } = await server.request.get('/metrics');
    assert.equal(status, 200);
    assert.ok(text.includes('chartroom_requests_total'), text.slice(0, 500));
    for (const told of [text, ...logged])
      assert.ok(!told.includes(CANARY) && !/\b(?:hid|own)-\w/.test(told), told.slice(0, 1000));
    assert.ok(logged.length > 100, String(logged.length));
  });
}
