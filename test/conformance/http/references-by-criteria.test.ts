/**
 * `Patient?identifier=…` as a reference means the one that matches, in every write, and never stays as it is:
 * https://hl7.org/fhir/R4/http.html#trules. Between the entries of a batch there are no references: #brules.
 */
import assert from 'node:assert/strict';
import type { Bundle, Device, Observation, OperationOutcome, Patient } from 'fhir/r4.js';
import { before, describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { done, entry, named, post, put, refused, send, statuses, uuid } from '../../support/bundles.js';
import { refusal, type Reply } from '../../support/talk.js';

const JSON_BODY = { 'content-type': 'application/fhir+json' };
const known = (value: string): Patient => ({ resourceType: 'Patient', identifier: [{ system: 'urn:refs', value }] });
const by = (value: string) => `Patient?identifier=urn:refs|${value}`;
const observation = (subject: string, more: Partial<Observation> = {}): Observation => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  subject: { reference: subject },
  ...more,
});

onStoresInTurn('references by criteria', stage => {
  let one = '';
  before('makes who is meant', async () => {
    const { talk } = stage();
    one = `Patient/${(await talk.create(known('one'))).body.id}`;
    for (const _ of [1, 2]) await talk.create(known('two'));
    await talk.update({ ...observation('Patient/x'), id: 'patched' });
  });

  const patch = (path: string, reference: string) =>
    stage().talk.send<Observation>('PATCH', path, {
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify([{ op: 'add', path: '/subject', value: { reference } }]),
    });
  const fhirpath = (path: string, reference: string) =>
    stage().talk.send<Observation>('PATCH', path, {
      headers: JSON_BODY,
      body: JSON.stringify({
        resourceType: 'Parameters',
        parameter: [
          {
            name: 'operation',
            part: [
              { name: 'type', valueCode: 'replace' },
              { name: 'path', valueString: 'Observation.subject' },
              { name: 'value', valueReference: { reference } },
            ],
          },
        ],
      }),
    });
  let count = 0;
  const writes: readonly (readonly [string, (reference: string) => Promise<Reply<Observation>>])[] = [
    ['POST', reference => stage().talk.create(observation(reference))],
    ['PUT', reference => stage().talk.update({ ...observation(reference), id: `put-${++count}` })],
    [
      'conditional PUT',
      reference =>
        stage().talk.send('PUT', `Observation?identifier=urn:refs|o${++count}`, {
          headers: JSON_BODY,
          body: JSON.stringify(observation(reference)),
        }),
    ],
    [
      'POST of XML',
      reference =>
        stage().talk.send('POST', 'Observation', {
          headers: { 'content-type': 'application/fhir+xml' },
          body: `<Observation xmlns="http://hl7.org/fhir"><status value="final"/><code><text value="x"/></code><subject><reference value="${reference}"/></subject></Observation>`,
        }),
    ],
    ['JSON Patch', reference => patch('Observation/patched', reference)],
    ['FHIRPath Patch', reference => fhirpath('Observation/patched', reference)],
  ];

  for (const [title, write] of writes)
    describe(`of a ${title}`, () => {
      it('become the one that matches', async () => {
        for (const reference of [
          by('one'),
          `${stage().talk.base}/${by('one')}`,
          `${by('one')}&amp;_format=json`.replaceAll('amp;', title.includes('XML') ? 'amp;' : ''),
        ]) {
          const reply = await write(reference);
          assert.ok(reply.status < 300, reply.text);
          assert.equal(reply.body.subject?.reference, one);
          assert.equal(
            (await stage().talk.get<Observation>(`Observation/${reply.body.id}`)).body.subject?.reference,
            one,
          );
        }
      });
      for (const [what, reference, status, detail] of [
        ['nothing', by('nobody'), 412, 'no-match'],
        ['several', by('two'), 412, 'multiple-matches'],
        ['an unknown type', 'Nonsense?identifier=x', 400, 'invalid'],
        ['an unknown parameter', 'Patient?nothing=x', 400, undefined],
        ['everything', 'Patient?', 400, 'no-criteria'],
      ] as const)
        it(`that match ${what} are refused with ${status} at their element`, async () => {
          const reply = (await write(reference)) as Reply<unknown>;
          assert.equal(reply.status, status, reply.text);
          if (detail) assert.equal(refusal(reply).detail, detail);
          assert.deepEqual((reply.body as OperationOutcome).issue[0]?.expression, ['Observation.subject.reference']);
        });
    });

  it('are followed wherever they stand, and written as an escape, too', async () => {
    const { talk } = stage();
    const reference = by('one');
    const made = await talk.create(
      observation('Patient/x', {
        contained: [{ resourceType: 'Device', id: 'd', patient: { reference } } as Device],
        device: { reference: '#d' },
        performer: [{ reference: 'Patient/y' }, { reference }],
        extension: [{ url: 'urn:x', valueReference: { reference } }],
      }),
    );
    assert.equal(made.text.split(one).length - 1, 3, made.text);
    const escaped = await talk.send<Observation>('POST', 'Observation', {
      headers: JSON_BODY,
      body: JSON.stringify(observation(reference)).replace('?', '\\u003F'),
    });
    assert.equal(escaped.body.subject?.reference, one);
  });

  it('that were stored in the past do not stand in the way of a patch', async () => {
    const { talk, server } = stage();
    const old = by('long gone');
    const { body } = await talk.create(observation('Patient/before'));
    const row = (await server.engine.store.read('Observation', body.id))!;
    const text = Buffer.from(
      row.text!.toString().replace('Patient/before', old).replace('"versionId":"1"', '"versionId":"2"'),
    );
    await server.engine.store.commit({
      changes: [{ ...row, version: 2, text, entries: [], replaces: row }],
    });
    const reply = await talk.send<Observation>('PATCH', `Observation/${body.id}`, {
      headers: { 'content-type': 'application/json-patch+json' },
      body: '[{"op":"add","path":"/language","value":"en"}]',
    });
    assert.deepEqual([reply.status, reply.body.subject?.reference], [200, old], reply.text);
  });

  it('of entries of a batch and of a transaction mean the same', async () => {
    for (const type of ['batch', 'transaction'] as const) {
      const entries = [post(observation(by('one'))), put({ ...observation(by('one')), id: `in-${type}` })];
      const answers = await done(send(stage().talk, type, entries, { prefer: 'return=representation' }));
      for (const { resource } of answers) assert.equal((resource as Observation).subject?.reference, one);
    }
    const bad = await done(
      send(stage().talk, 'batch', [post(observation(by('nobody'))), post(observation(by('two')))]),
    );
    assert.deepEqual(statuses(bad), ['412', '412']);
    const [first] = bad.map(({ response }) => response?.outcome as OperationOutcome);
    assert.deepEqual(first?.issue[0]?.expression, ['Bundle.entry[0].resource.subject.reference']);
  });

  describe('in a JSON Patch of a Bundle', () => {
    const patchOf = (...operations: object[]) => ({
      resourceType: 'Binary' as const,
      contentType: 'application/json-patch+json',
      data: Buffer.from(JSON.stringify(operations)).toString('base64'),
    });
    const whole = (reference: string) => patchOf({ op: 'add', path: '/subject', value: { reference, display: 'x' } });
    const alone = (value: string) => patchOf({ op: 'replace', path: '/subject/reference', value });
    for (const [title, shape] of [
      ['a Reference', whole],
      ['its text alone', alone],
    ] as const)
      it(`${title} follows names and criteria of a transaction, which a batch has none of`, async () => {
        const { talk } = stage();
        const entries = [
          post(known(`new-${title}`), { fullUrl: uuid(1) }),
          entry('PATCH', 'Observation/patched', shape(uuid(1))),
        ];
        const answers = await done(send(talk, 'transaction', entries));
        const subject = async () => (await talk.get<Observation>('Observation/patched')).body.subject?.reference;
        assert.equal(await subject(), named(answers[0]));
        const criteria = [
          post(known(`newer-${title}`)),
          entry('PATCH', 'Observation/patched', shape(by(`newer-${title}`))),
        ];
        const [made] = await done(send(talk, 'transaction', criteria));
        assert.equal(await subject(), named(made));
        assert.deepEqual(statuses(await done(send(talk, 'batch', entries))), ['201', '400']);
        assert.equal(await subject(), named(made));
      });
    it('what matches nothing is told at the entry', async () => {
      const reply = await send(stage().talk, 'transaction', [
        entry('PATCH', 'Observation/patched', whole(by('nobody'))),
      ]);
      assert.deepEqual(refused(reply), { status: 412, detail: 'no-match', at: 'Bundle.entry[0].resource' });
    });
  });

  it('in a Bundle that is stored as one stay, as those of a document do', async () => {
    const inner: Bundle = {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: observation(by('nobody')) }],
    };
    assert.equal((await stage().talk.create(inner)).status, 201);
  });

  describe('between the entries of a batch', () => {
    const refuses = async (resource: Parameters<typeof post>[0]) => {
      const { talk } = stage();
      const answers = await done(send(talk, 'batch', [post(known('named'), { fullUrl: uuid(1) }), post(resource)]));
      assert.deepEqual(statuses(answers), ['201', '400']);
    };
    it('are refused with 400, wherever they stand', async () => {
      await refuses(observation(uuid(1)));
      await refuses(observation('Patient/x', { extension: [{ url: 'urn:x', valueUri: uuid(1) }] }));
      await refuses(
        observation('Patient/x', {
          text: {
            status: 'additional',
            div: `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${uuid(1)}">x</a></div>`,
          },
        }),
      );
    });
    it('in a PUT and a FHIRPath Patch, too', async () => {
      const { talk } = stage();
      const reference = uuid(1);
      const parameters = {
        resourceType: 'Parameters' as const,
        parameter: [{ name: 'operation', part: [{ name: 'value', valueReference: { reference } }] }],
      };
      const answers = await done(
        send(talk, 'batch', [
          post(known('named'), { fullUrl: reference }),
          put({ ...observation(reference), id: 'batch-put' }),
          entry('PATCH', 'Observation/patched', parameters),
        ]),
      );
      assert.deepEqual(statuses(answers), ['201', '400', '400']);
    });
    it('but a name that no entry has is no reference to one', async () => {
      const entries = [post(known('named'), { fullUrl: uuid(1) }), post(observation(uuid(2)))];
      assert.deepEqual(statuses(await done(send(stage().talk, 'batch', entries))), ['201', '201']);
    });
  });
});
