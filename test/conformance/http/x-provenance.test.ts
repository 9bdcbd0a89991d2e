/** X-Provenance: https://hl7.org/fhir/R4/provenance.html#header; src/interactions/write/sent-provenance.ts */
import assert from 'node:assert/strict';
import type { AuditEvent, Bundle, CapabilityStatement, Patient, Provenance } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { post, put, send } from '../../support/bundles.js';
import { refusal } from '../../support/talk.js';

const patient = (id: string): Patient & { id: string } => ({ resourceType: 'Patient', id, active: true });
/** Without target, as a client sends it. */
const said = (name: string, more: object = {}) => ({
  'x-provenance': Buffer.from(
    JSON.stringify({
      resourceType: 'Provenance',
      recorded: '2026-01-02T03:04:05Z',
      agent: [{ who: { display: name } }],
      ...more,
    }),
  ).toString('latin1'),
});

onStoresInTurn('X-Provenance', stage => {
  const about = async (reference: string) =>
    ((await stage().talk.search<Provenance>(`Provenance?target=${reference}`)).entry ?? []).map(
      ({ resource }) => resource!,
    );
  const total = async () => (await stage().talk.search('Provenance?_summary=count')).total;

  it('is stored with a create, an update, a patch and a deletion, about the version that came of it', async () => {
    const { talk } = stage();
    // Node writes headers as UTF-8 where they go with a text, and byte by byte where they go with bytes.
    const created = await talk.send<Patient & { id: string }>('POST', 'Patient', {
      headers: { 'content-type': 'application/fhir+json', ...said('Zoë Source') },
      body: Buffer.from(JSON.stringify({ resourceType: 'Patient', active: true })),
    });
    assert.equal(created.status, 201, created.text);
    const { id } = created.body;
    const [first] = await about(`Patient/${id}`);
    assert.deepEqual(first!.target, [{ reference: `Patient/${id}/_history/1` }]);
    assert.equal(first!.agent[0]!.who.display, 'Zoë Source', 'the header is UTF-8');
    assert.equal((await talk.update({ ...patient(id), gender: 'male' }, said('b'))).status, 200);
    const patched = await talk.send('PATCH', `Patient/${id}`, {
      headers: { 'content-type': 'application/json-patch+json', ...said('c') },
      body: JSON.stringify([{ op: 'replace', path: '/active', value: false }]),
    });
    assert.equal(patched.status, 200, patched.text);
    assert.equal((await talk.delete(`Patient/${id}`, said('d'))).status, 204);
    const versions = (await about(`Patient/${id}`)).map(({ target }) => target[0]!.reference!.split('/').at(-1)!);
    assert.deepEqual(versions.toSorted(), ['1', '2', '3', '4']);
    const events = await talk.search<AuditEvent>(`AuditEvent?entity=Provenance/${first!.id}`);
    assert.equal(events.entry?.length, 1);
  });

  it('of a transaction is about all that it writes, of a batch about each entry', async () => {
    const { talk } = stage();
    const entries = [put(patient('xp-1')), post({ resourceType: 'Basic', code: { text: 'x' } })];
    const done = await send(talk, 'transaction', entries, said('t'));
    assert.equal(done.status, 200, done.text);
    const [whole, ...others] = await about('Patient/xp-1');
    assert.equal(others.length, 0);
    assert.deepEqual(whole!.target.map(({ reference }) => reference!.split('/')[0]!).toSorted(), ['Basic', 'Patient']);
    const each = await send(talk, 'batch', [put(patient('xp-2')), put(patient('xp-3'))], said('e'));
    assert.equal(each.status, 200, each.text);
    for (const id of ['xp-2', 'xp-3']) assert.equal((await about(`Patient/${id}`)).length, 1);
  });

  it('is not stored where nothing is written', async () => {
    const { talk } = stage();
    await talk.update(patient('xp-4'));
    const before = await total();
    assert.equal((await talk.update(patient('xp-4'), said('same'))).status, 200);
    const again = await talk.create({ resourceType: 'Patient' }, { 'if-none-exist': '_id=xp-4', ...said('there') });
    assert.equal(again.status, 200, again.text);
    const wrong = await talk.create({ resourceType: 'Patient', birthDate: 'no date' }, said('refused'));
    assert.equal(wrong.status, 400);
    assert.equal(await total(), before);
  });

  it('that is none refuses the write, with nothing stored', async () => {
    const { talk } = stage();
    const before = [await total(), (await talk.search('Patient?_summary=count')).total];
    const refused = async (header: string) =>
      refusal(await talk.create({ resourceType: 'Patient' }, { 'x-provenance': header }));
    assert.equal((await refused('{"resourceType":')).status, 400);
    assert.deepEqual(await refused('{"resourceType":"Patient"}'), { status: 400, detail: 'wrong-resource-type' });
    const targeted = said('a', { target: [{ reference: 'Patient/1' }] });
    assert.deepEqual(await refused(targeted['x-provenance']), { status: 400, detail: 'provenance-target' });
    const reply = await talk.create({ resourceType: 'Patient' }, said('a', { agent: undefined }));
    assert.equal(reply.status, 400);
    assert.match(reply.text, /Provenance\.agent/);
    const read = await talk.get<Bundle>('Patient', said('a'));
    assert.deepEqual(refusal(read), { status: 400, detail: 'provenance-of-nothing' });
    assert.deepEqual([await total(), (await talk.search('Patient?_summary=count')).total], before);
  });

  it('is told of in /metadata', async () => {
    const { rest } = (await stage().talk.get<CapabilityStatement>('metadata')).body;
    assert.match(rest![0]!.documentation!, /X-Provenance/);
  });

  it('goes with what a token of one patient may write, where it may make a Provenance', async () => {
    const { server, talk } = stage();
    await talk.update(patient('p-own'));
    const { identify } = server.engine;
    const observation = (id: string) => ({
      ...{ resourceType: 'Observation' as const, status: 'final' as const, code: { text: 'x' } },
      subject: { reference: `Patient/${id}` },
    });
    const as = async (scopes: string, id: string) => {
      const granted = server.engine.readScopes(scopes).scopes;
      const principal = { name: 'app', role: 'admin', scopes: granted, patient: 'p-own' };
      Object.assign(server.engine, { identify: async () => principal });
      return (await talk.create(observation(id), said('an app'))).status;
    };
    try {
      assert.equal(await as('patient/Observation.cruds patient/Provenance.c', 'p-own'), 201);
      assert.equal(await as('patient/Observation.cruds', 'p-own'), 403);
      assert.equal(await as('patient/Observation.cruds patient/Provenance.c', 'p-other'), 403);
    } finally {
      Object.assign(server.engine, { identify });
    }
  });
});
