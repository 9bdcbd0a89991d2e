/**
 * References of a transaction on both stores: names of entries, conditional references.
 * https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
 */
import assert from 'node:assert/strict';
import type { Bundle, DocumentReference, FhirResource, List, Observation, Patient, Resource } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onBothStores } from '../../support/both-stores.js';
import { answered, entry, nameOf, refused, send, statuses } from '../../support/bundles.js';

const urn = (n: number): string => `urn:uuid:3c7f3e1b-8d5b-4b2a-9c43-${String(n).padStart(12, '0')}`;
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

onBothStores('references of a transaction', stage => {
  const post = (entries: Parameters<typeof send>[2]) => send(stage().talk, 'transaction', entries);
  /** The stored resource of each entry that wrote one. */
  const stored = async <T extends Resource = FhirResource>(entries: Parameters<typeof send>[2]) => {
    const answers = answered(await post(entries));
    const names = answers.map(nameOf);
    const bodies = await Promise.all(names.map(async name => (await stage().talk.get<FhirResource>(name)).body));
    return { names, bodies: bodies as unknown as T[] };
  };

  describe('by fullUrl', () => {
    it('become Type/id, forwards, backwards and in circles', async () => {
      const { names, bodies } = await stored<Observation>([
        entry('POST Observation', observation(urn(1), { hasMember: [{ reference: urn(3) }] }), { fullUrl: urn(2) }),
        entry('POST Patient', patient({ link: [{ other: { reference: urn(1) }, type: 'seealso' }] }), {
          fullUrl: urn(1),
        }),
        entry('POST Observation', observation(urn(1), { hasMember: [{ reference: urn(2) }] }), { fullUrl: urn(3) }),
      ]);
      const [a, p, b] = bodies;
      assert.deepEqual([a?.subject?.reference, a?.hasMember?.[0]?.reference], [names[1], names[2]]);
      assert.deepEqual([b?.subject?.reference, b?.hasMember?.[0]?.reference], [names[1], names[0]]);
      assert.equal((p as Resource as Patient).link?.[0]?.other.reference, names[1]);
      assert.equal((await stage().talk.search(`Observation?subject=${names[1]}`)).total, 2, 'and are indexed as such');
    });

    it('follow updates, conditional creates and reads, whose ids are not new', async () => {
      const { talk } = stage();
      const put = await stored<Observation>([
        entry('PUT Patient/rp', patient({ id: 'rp' }), { fullUrl: urn(1) }),
        entry('POST Observation', observation(urn(1))),
      ]);
      assert.equal(put.bodies[1]?.subject?.reference, 'Patient/rp');
      const { body } = await talk.create(known('same'));
      const same = { fullUrl: urn(1), ifNoneExist: 'identifier=urn:refs|same' };
      const create = await stored<Observation>([
        entry('POST Observation', observation(urn(1))),
        entry('POST Patient', known('same'), same),
      ]);
      assert.equal(create.bodies[0]?.subject?.reference, `Patient/${body.id}`);
      const again = await stored<Observation>([
        entry('POST Patient', known('made'), { fullUrl: urn(1), ifNoneExist: 'identifier=urn:refs|made' }),
        entry('POST Patient', known('made'), { fullUrl: urn(2), ifNoneExist: 'identifier=urn:refs|made' }),
        entry('POST Observation', observation(urn(2))),
      ]);
      assert.equal(again.bodies[2]?.subject?.reference, again.names[0]);
      const reply = await post([
        entry('GET Patient/rp', undefined, { fullUrl: urn(1) }),
        entry('POST Observation', observation(urn(1))),
      ]);
      const read = (await talk.get<Observation>(nameOf(answered(reply)[1]))).body;
      assert.equal(read.subject?.reference, 'Patient/rp');
    });

    it('reach every place that names an entry, and leave strings and canonicals alone', async () => {
      const name = urn(1);
      const div = (link: string) =>
        `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${link}">a</a><img alt="${name}" src='${link}#x'/> ${name}</div>`;
      const binary = { resourceType: 'Binary', contentType: 'text/plain', data: 'eA==' } as const;
      const list: List = {
        resourceType: 'List',
        status: 'current',
        mode: 'working',
        text: { status: 'generated', div: div(name) },
        contained: [observation(name, { id: 'inner' })],
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
      const { names, bodies } = await stored<List>([
        entry('POST Binary', binary, { fullUrl: name }),
        entry('POST List', list),
      ]);
      const to = names[0]!;
      const { extension = [], ...got } = bodies[1]!;
      assert.equal(
        got.text?.div,
        div(to)
          .replaceAll(`'${to}#x'`, `"${to}#x"`)
          .replaceAll(`alt="${to}"`, `alt="${name}"`)
          .replace(` ${to}<`, ` ${name}<`),
      );
      assert.equal((got.contained?.[0] as Observation).subject?.reference, to);
      assert.deepEqual(got.identifier, [{ system: to, value: name }]);
      assert.equal(extension[0]?.valueReference?.reference, to);
      assert.equal(extension[1]?.extension?.[0]?.valueUri, `${to}#part`);
      assert.deepEqual([extension[2]?.valueString, extension[3]?.valueCanonical], [name, name]);
      assert.equal(extension[4]?.valueAttachment?.url, to);
      assert.equal(got.entry?.[0]?.item.reference, '#inner');
      assert.equal(got.note?.[0]?.text, name);
    });

    it('resolve relative and absolute addresses of another server against the fullUrl, and no others', async () => {
      const other = 'http://other.example/fhir';
      const { names, bodies } = await stored<Observation>([
        entry('POST Patient', patient({ id: '123' }), { fullUrl: `${other}/Patient/123` }),
        entry('POST Observation', observation('Patient/123', { performer: [{ reference: 'Patient/124' }] }), {
          fullUrl: `${other}/Observation/9`,
        }),
        entry('POST Observation', observation(`${other}/Patient/123#name`)),
        entry('POST Observation', observation('Patient/123')),
      ]);
      assert.deepEqual(
        bodies.slice(1).map(({ subject }) => subject?.reference),
        [names[0], `${names[0]}#name`, 'Patient/123'],
      );
      assert.equal(bodies[1]?.performer?.[0]?.reference, 'Patient/124');
    });

    it('keep their versions: of what gets its first, the first; below an address of this server, as they are', async () => {
      const other = 'http://other.example/fhir/Patient/v';
      const { talk } = stage();
      await talk.update(patient({ id: 'own' }));
      const { names, bodies } = await stored<Observation>([
        entry('POST Patient', patient(), { fullUrl: other }),
        entry('PUT Patient/own', patient({ id: 'own', active: true }), { fullUrl: `${talk.base}/Patient/own` }),
        entry('POST Observation', observation(`${other}/_history/7`)),
        entry('POST Observation', observation('Patient/own/_history/1')),
        entry('POST Observation', observation(`${talk.base}/Patient/own/_history/1`)),
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
          { fullUrl: urn(1), resource: patient({ id: 'inner' }) },
          { fullUrl: urn(2), resource: observation(urn(1), { performer: [{ reference: 'Patient?identifier=x' }] }) },
        ],
      };
      const { bodies } = await stored([
        entry('POST Patient', patient(), { fullUrl: urn(1) }),
        entry('POST Bundle', document, { fullUrl: urn(3) }),
        entry('POST Observation', observation(urn(9))),
      ]);
      assert.deepEqual((bodies[1] as Bundle).entry, document.entry);
      assert.equal((bodies[2] as Observation).subject?.reference, urn(9));
    });

    it('are followed in the Parameters of a patch', async () => {
      const { talk } = stage();
      await talk.update(observation('Patient/nobody', { id: 'patched' }));
      const part = [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: 'Observation.subject' },
        { name: 'value', valueReference: { reference: urn(1) } },
      ];
      const { names, bodies } = await stored<Observation>([
        entry('POST Patient', patient(), { fullUrl: urn(1) }),
        entry('PATCH Observation/patched', { resourceType: 'Parameters', parameter: [{ name: 'operation', part }] }),
      ]);
      assert.equal(bodies[1]?.subject?.reference, names[0]);
    });
  });

  describe('by criteria', () => {
    it('become the one that matches, in the store or in the Bundle', async () => {
      const { talk } = stage();
      const { body } = await talk.create(known('stored'));
      const { names, bodies } = await stored<Observation>([
        entry('POST Patient', known('here')),
        entry('POST Observation', observation('Patient?identifier=urn:refs|stored')),
        entry('POST Observation', observation('Patient?identifier=urn:refs|here')),
        entry('POST Observation', observation(`${talk.base}/Patient?identifier=urn:refs|here`)),
        entry('POST Observation', observation('Patient?identifier=urn%3Arefs%7Cstored')),
      ]);
      assert.deepEqual(
        bodies.slice(1).map(({ subject }) => subject?.reference),
        [`Patient/${body.id}`, names[0], names[0], `Patient/${body.id}`],
      );
    });

    it('see what the Bundle leaves: not what it deletes or changes away, but what it changes towards', async () => {
      const { talk } = stage();
      await talk.update(known('moved', { id: 'mv1' }));
      await talk.update(known('moved', { id: 'mv2' }));
      const refers = entry('POST Observation', observation('Patient?identifier=urn:refs|moved'));
      assert.equal(refused(await post([refers]))[0], 412);
      const reply = await post([refers, entry('DELETE Patient/mv1')]);
      const { body } = await talk.get<Observation>(nameOf(answered(reply)[0]));
      assert.equal(body.subject?.reference, 'Patient/mv2');
      const swap = await stored<Observation>([
        refers,
        entry('PUT Patient/mv2', known('left', { id: 'mv2' })),
        entry('PUT Patient/mv3', known('moved', { id: 'mv3' })),
      ]);
      assert.equal(swap.bodies[0]?.subject?.reference, 'Patient/mv3');
    });

    it('see what a patch makes of a resource, and what it leaves as it was', async () => {
      const { talk } = stage();
      await talk.update(known('before', { id: 'patched-by' }));
      const patch = (path: string, value: unknown) =>
        entry('PATCH Patient/patched-by', {
          resourceType: 'Binary',
          contentType: 'application/json-patch+json',
          data: Buffer.from(JSON.stringify([{ op: 'add', path, value }])).toString('base64'),
        });
      const refers = (value: string) => entry('POST Observation', observation(`Patient?identifier=urn:refs|${value}`));
      const kept = await stored<Observation>([patch('/active', true), refers('before')]);
      assert.equal(kept.bodies[1]?.subject?.reference, 'Patient/patched-by');
      const changed = [patch('/identifier/0/value', 'after')];
      assert.equal(refused(await post([...changed, refers('before')]))[0], 412);
      const found = await stored<Observation>([...changed, refers('after')]);
      assert.equal(found.bodies[1]?.subject?.reference, 'Patient/patched-by');
      assert.equal((await talk.get('Patient/patched-by')).header('etag'), 'W/"3"');
    });

    it('fail the whole with 412 at the element for no match and for two', async () => {
      const { talk } = stage();
      await talk.create(known('double'));
      await talk.create(known('double'));
      const first = entry('POST Patient', known('with'));
      const at = 'Bundle.entry[1].resource.subject.reference';
      const refers = (query: string) => post([first, entry('POST Observation', observation(query))]);
      assert.deepEqual(refused(await refers('Patient?identifier=urn:refs|nobody')), [412, 'no-match', at]);
      const [status, , place] = refused(await refers('Patient?identifier=urn:refs|double'));
      assert.deepEqual([status, place], [412, at]);
      assert.deepEqual(refused(await refers('Patient?')), [400, 'no-criteria', at]);
      assert.deepEqual(
        refused(await refers('Elephant?identifier=x')).filter((_, i) => i !== 1),
        [400, at],
      );
      assert.deepEqual(
        refused(await refers('Patient?colour=red')).filter((_, i) => i !== 1),
        [400, at],
      );
      assert.equal((await talk.search('Patient?identifier=urn:refs|with')).total, 0);
      assert.deepEqual(statuses(await post([first])), ['201 Created']);
    });

    it('start from what the client sent when the transaction has to run again', async () => {
      const { talk } = stage();
      await talk.create(known('again'));
      const bundle = () =>
        post([
          entry('PUT Patient/hot', patient({ id: 'hot' }), { fullUrl: urn(1) }),
          entry('POST Patient', patient(), { fullUrl: urn(2) }),
          entry(
            'POST Observation',
            observation(urn(2), { performer: [{ reference: 'Patient?identifier=urn:refs|again' }] }),
          ),
        ]);
      const replies = await Promise.all(Array.from({ length: 12 }, bundle));
      for (const reply of replies) {
        const [, made, written] = answered(reply);
        const { body } = await talk.get<Observation>(nameOf(written));
        assert.equal(body.subject?.reference, nameOf(made));
        assert.equal((await talk.get(body.subject?.reference ?? '')).status, 200);
      }
      assert.equal((await talk.get('Patient/hot')).header('etag'), 'W/"12"');
    });
  });

  it('store a document submission as IHE MHD shapes it (ITI-65)', async () => {
    const { talk } = stage();
    await talk.update(known('mhd', { id: 'mhd' }));
    const bytes = Buffer.alloc(20_000, 'document ');
    const document: DocumentReference = {
      resourceType: 'DocumentReference',
      status: 'current',
      masterIdentifier: { system: 'urn:ietf:rfc:3986', value: 'urn:oid:1.2.3.4' },
      subject: { reference: urn(4) },
      content: [{ attachment: { contentType: 'text/plain', url: urn(3) } }],
    };
    const submission: List = {
      resourceType: 'List',
      status: 'current',
      mode: 'working',
      subject: { reference: urn(4) },
      entry: [{ item: { reference: urn(2) } }],
    };
    const reply = await post([
      entry('POST List', submission, { fullUrl: urn(1) }),
      entry('POST DocumentReference', document, { fullUrl: urn(2) }),
      entry(
        'POST Binary',
        { resourceType: 'Binary', contentType: 'text/plain', data: bytes.toString('base64') },
        { fullUrl: urn(3) },
      ),
      entry('GET Patient/mhd', undefined, { fullUrl: urn(4) }),
    ]);
    assert.deepEqual(statuses(reply), ['201 Created', '201 Created', '201 Created', '200 OK']);
    const [list, reference, binary] = answered(reply).slice(0, 3).map(nameOf);
    const listed = (await talk.get<List>(list!)).body;
    assert.deepEqual([listed.subject?.reference, listed.entry?.[0]?.item.reference], ['Patient/mhd', reference]);
    const { url } = (await talk.get<DocumentReference>(reference!)).body.content[0]!.attachment;
    assert.equal(url, binary);
    assert.equal((await talk.get(url ?? '', { accept: 'text/plain' })).text, bytes.toString());
  });
});
