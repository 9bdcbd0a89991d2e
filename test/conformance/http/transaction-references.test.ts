/**
 * References of a transaction in the corners: what is a name and what is not, versions, documents, criteria and what they see.
 * https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
 */
import assert from 'node:assert/strict';
import type { Basic, Bundle, DocumentReference, FhirResource, List, Observation, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { parseJson } from '../../../src/fhir/json/json.js';
import { SYSTEM } from '../../../src/identity/principal.js';
import { perform } from '../../../src/interactions/perform.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { done, entry, named, post, put, send, statuses, uuid } from '../../support/bundles.js';

const patient = (more: Partial<Patient> = {}): Patient => ({ resourceType: 'Patient', ...more });
const known = (value: string, more: Partial<Patient> = {}): Patient =>
  patient({ identifier: [{ system: 'urn:refs', value }], ...more });
const observation = (reference: string, more: Partial<Observation> = {}): Observation => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'refs' },
  subject: { reference },
  ...more,
});

onStoresInTurn('references of a transaction', stage => {
  const transact = (entries: Parameters<typeof send>[2]) => send(stage().talk, 'transaction', entries);
  /** The stored resource of each entry that wrote one. */
  const stored = async <T = FhirResource>(entries: Parameters<typeof send>[2]) => {
    const names = (await done(transact(entries))).map(named);
    const bodies = await Promise.all(names.map(async name => (await stage().talk.get<T>(name)).body));
    return { names, bodies };
  };

  describe('by fullUrl', () => {
    it('follow updates and reads, whose ids are not new', async () => {
      const { talk } = stage();
      const updated = await stored<Observation>([
        put(patient({ id: 'rp' }), { fullUrl: uuid(1) }),
        post(observation(uuid(1))),
      ]);
      assert.equal(updated.bodies[1]?.subject?.reference, 'Patient/rp');
      const answers = await done(
        transact([entry('GET', 'Patient/rp', undefined, { fullUrl: uuid(1) }), post(observation(uuid(1)))]),
      );
      const read = (await talk.get<Observation>(named(answers[1]))).body;
      assert.equal(read.subject?.reference, 'Patient/rp');
    });

    it('reach every place that names an entry, and leave strings and canonicals alone', async () => {
      const name = uuid(1);
      const div = (link: string) =>
        `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${link}">a</a><img alt="${name}" src='${link}#x'/> ${name}</div>`;
      const binary = { resourceType: 'Binary', contentType: 'text/plain', data: 'eA==' } as const;
      const list: List = {
        resourceType: 'List',
        status: 'current',
        mode: 'working',
        text: { status: 'generated', div: div(name) },
        contained: [{ resourceType: 'Basic', id: 'inner', code: { text: 'x' }, subject: { reference: name } } as Basic],
        identifier: [{ system: name, value: name }],
        extension: [
          { url: 'http://e.example/a', valueReference: { reference: name } },
          { url: 'http://e.example/b', extension: [{ url: 'c', valueUri: `${name}#part` }] },
          { url: 'http://e.example/d', valueString: name },
          { url: 'http://e.example/e', valueCanonical: name },
          { url: 'http://e.example/f', valueAttachment: { url: name } },
        ],
        entry: [{ item: { reference: '#inner' } }],
        note: [{ text: name }],
      };
      const { names, bodies } = await stored<List>([post(binary, { fullUrl: name }), post(list)]);
      const to = names[0]!;
      const { extension = [], ...got } = bodies[1]!;
      assert.equal(
        got.text?.div,
        div(to)
          .replaceAll(`'${to}#x'`, `"${to}#x"`)
          .replaceAll(`alt="${to}"`, `alt="${name}"`)
          .replace(` ${to}<`, ` ${name}<`),
      );
      assert.equal((got.contained?.[0] as Basic | undefined)?.subject?.reference, to);
      assert.deepEqual(got.identifier, [{ system: to, value: name }]);
      assert.equal(extension[0]?.valueReference?.reference, to);
      assert.equal(extension[1]?.extension?.[0]?.valueUri, `${to}#part`);
      assert.deepEqual([extension[2]?.valueString, extension[3]?.valueCanonical], [name, name]);
      assert.equal(extension[4]?.valueAttachment?.url, to);
      assert.equal(got.entry?.[0]?.item.reference, '#inner');
      assert.equal(got.note?.[0]?.text, name);
    });

    it('keep their versions: of what gets its first, the first; below an address of this server, as they are', async () => {
      const other = 'http://other.example/fhir/Patient/v';
      const { talk } = stage();
      await talk.update(patient({ id: 'own' }));
      const { names, bodies } = await stored<Observation>([
        post(patient(), { fullUrl: other }),
        put(patient({ id: 'own', active: true }), { fullUrl: `${talk.base}/Patient/own` }),
        post(observation(`${other}/_history/7`)),
        post(observation('Patient/own/_history/1')),
        post(observation(`${talk.base}/Patient/own/_history/1`)),
      ]);
      assert.deepEqual(
        bodies.slice(2).map(({ subject }) => subject?.reference),
        [`${names[0]}/_history/1`, 'Patient/own/_history/1', `${talk.base}/Patient/own/_history/1`],
      );
    });

    it('stay where they name no entry, and in a document, which has names of its own', async () => {
      const document: Bundle = {
        resourceType: 'Bundle',
        type: 'collection',
        entry: [
          { fullUrl: uuid(1), resource: patient({ id: 'inner' }) },
          { fullUrl: uuid(2), resource: observation(uuid(1), { performer: [{ reference: 'Patient?identifier=x' }] }) },
        ],
      };
      const { bodies } = await stored([
        post(patient(), { fullUrl: uuid(1) }),
        post(document, { fullUrl: uuid(3) }),
        post(observation(uuid(9))),
      ]);
      assert.deepEqual((bodies[1] as Bundle).entry, document.entry);
      assert.equal((bodies[2] as Observation).subject?.reference, uuid(9));
    });

    it('are followed in the Parameters of a patch', async () => {
      const { talk } = stage();
      await talk.update(observation('Patient/nobody', { id: 'patched' }));
      const part = [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: 'Observation.subject' },
        { name: 'value', valueReference: { reference: uuid(1) } },
      ];
      const { names, bodies } = await stored<Observation>([
        post(patient(), { fullUrl: uuid(1) }),
        entry('PATCH', 'Observation/patched', { resourceType: 'Parameters', parameter: [{ name: 'operation', part }] }),
      ]);
      assert.equal(bodies[1]?.subject?.reference, names[0]);
    });
  });

  describe('by criteria', () => {
    it('see what the Bundle leaves: not what it deletes or changes away, but what it changes towards', async () => {
      const { talk } = stage();
      await talk.update(known('moved', { id: 'mv1' }));
      await talk.update(known('moved', { id: 'mv2' }));
      const refers = post(observation('Patient?identifier=urn:refs|moved'));
      assert.equal((await transact([refers])).status, 412);
      const answers = await done(transact([refers, entry('DELETE', 'Patient/mv1')]));
      const { body } = await talk.get<Observation>(named(answers[0]));
      assert.equal(body.subject?.reference, 'Patient/mv2');
      const swap = await stored<Observation>([
        refers,
        put(known('left', { id: 'mv2' })),
        put(known('moved', { id: 'mv3' })),
      ]);
      assert.equal(swap.bodies[0]?.subject?.reference, 'Patient/mv3');
    });

    it('see what a patch makes of a resource, and what it leaves as it was', async () => {
      const { talk } = stage();
      await talk.update(known('before', { id: 'patched-by' }));
      const patch = (path: string, value: unknown) =>
        entry('PATCH', 'Patient/patched-by', {
          resourceType: 'Binary',
          contentType: 'application/json-patch+json',
          data: Buffer.from(JSON.stringify([{ op: 'add', path, value }])).toString('base64'),
        });
      const refers = (value: string) => post(observation(`Patient?identifier=urn:refs|${value}`));
      const kept = await stored<Observation>([patch('/active', true), refers('before')]);
      assert.equal(kept.bodies[1]?.subject?.reference, 'Patient/patched-by');
      const changed = [patch('/identifier/0/value', 'after')];
      assert.equal((await transact([...changed, refers('before')])).status, 412);
      const found = await stored<Observation>([...changed, refers('after')]);
      assert.equal(found.bodies[1]?.subject?.reference, 'Patient/patched-by');
      assert.equal((await talk.get('Patient/patched-by')).header('etag'), 'W/"3"');
    });

    it('start from what the client sent when the transaction has to run again', async () => {
      const { talk } = stage();
      await talk.create(known('again'));
      const bundle = (i: number) =>
        transact([
          put(patient({ id: 'hot', name: [{ text: `${i}` }] }), { fullUrl: uuid(1) }),
          post(patient(), { fullUrl: uuid(2) }),
          post(observation(uuid(2), { performer: [{ reference: 'Patient?identifier=urn:refs|again' }] })),
        ]);
      const all = await Promise.all(Array.from({ length: 12 }, (_, i) => done(bundle(i))));
      for (const [, made, written] of all) {
        const { body } = await talk.get<Observation>(named(written));
        assert.equal(body.subject?.reference, named(made));
        assert.equal((await talk.get(body.subject?.reference ?? '')).status, 200);
      }
      assert.equal((await talk.get('Patient/hot')).header('etag'), 'W/"12"');
    });
  });

  it('are followed in resources that were read by themselves: their text is not kept', async () => {
    const { talk, server } = stage();
    const { engine } = server;
    await talk.create(known('by-text'));
    const reference = 'Patient?identifier=urn:refs|by-text';
    const texts = [{ resourceType: 'Patient' }, observation(uuid(1), { performer: [{ reference }] })];
    const result = await perform(
      { engine, principal: SYSTEM, requestId: 'text', address: 'test', request: 'test' },
      {
        kind: 'transaction',
        entries: texts.map((resource, i) => ({
          fullUrl: uuid(i + 1),
          request: 'test',
          ask: {
            kind: 'create',
            type: resource.resourceType,
            body: parseJson(Buffer.from(JSON.stringify(resource)), { maxDepth: 64 }),
          },
        })),
      },
    );
    const [made, written] = (JSON.parse(result.text!.toString()) as Bundle).entry!;
    const { text } = await talk.get(named(written));
    assert.ok(text.includes(`"subject":{"reference":"${named(made)}"}`), text);
    assert.ok(!text.includes('?'), text);
  });

  it('store a document submission as IHE MHD shapes it (ITI-65)', async () => {
    const { talk } = stage();
    await talk.update(known('mhd', { id: 'mhd' }));
    const bytes = Buffer.alloc(20_000, 'document ');
    const document: DocumentReference = {
      resourceType: 'DocumentReference',
      status: 'current',
      masterIdentifier: { system: 'urn:ietf:rfc:3986', value: 'urn:oid:1.2.3.4' },
      subject: { reference: uuid(4) },
      content: [{ attachment: { contentType: 'text/plain', url: uuid(3) } }],
    };
    const submission: List = {
      resourceType: 'List',
      status: 'current',
      mode: 'working',
      subject: { reference: uuid(4) },
      entry: [{ item: { reference: uuid(2) } }],
    };
    const answers = await done(
      transact([
        post(submission, { fullUrl: uuid(1) }),
        post(document, { fullUrl: uuid(2) }),
        post(
          { resourceType: 'Binary', contentType: 'text/plain', data: bytes.toString('base64') },
          { fullUrl: uuid(3) },
        ),
        entry('GET', 'Patient/mhd', undefined, { fullUrl: uuid(4) }),
      ]),
    );
    assert.deepEqual(statuses(answers), ['201', '201', '201', '200']);
    const [list, reference, binary] = answers.slice(0, 3).map(named);
    const listed = (await talk.get<List>(list!)).body;
    assert.deepEqual([listed.subject?.reference, listed.entry?.[0]?.item.reference], ['Patient/mhd', reference]);
    const { url } = (await talk.get<DocumentReference>(reference!)).body.content[0]!.attachment;
    assert.equal(url, `${stage().server.base}/${binary}`);
    assert.equal((await talk.get(url ?? '', { accept: 'text/plain' })).text, bytes.toString());
  });
});
