/**
 * How entries of a Bundle say what they ask for: searches by POST, addresses that are left to the resource, ids that no address can have.
 * https://hl7.org/fhir/R4/http.html#transaction, #search
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { AuditEvent, Bundle, BundleEntry, FhirResource, OperationOutcome, Parameters } from 'fhir/r4.js';
import { before, describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { done, entry, named, post, refused, send, statuses } from '../../support/bundles.js';
import { idsOf, linkOf } from '../../support/talk.js';

const TYPES = ['batch', 'transaction'] as const;
const parameters = (...parameter: NonNullable<Parameters['parameter']>): Parameters => ({
  resourceType: 'Parameters',
  parameter,
});

/** The answer to a request whose path nobody has changed on its way. */
async function raw(port: number, method: string, path: string, body: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const head = [
    `${method} ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: close',
    'Content-Type: application/fhir+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  return text(socket);
}

onStoresInTurn('the entries of a Bundle', stage => {
  before('makes patients', async () => {
    const { talk } = stage();
    for (const [id, birthDate] of [
      ['one', '2001-01-01'],
      ['two', '2002-02-02'],
    ] as const)
      await talk.update({ resourceType: 'Patient', id, birthDate, active: id === 'one' });
    await talk.update({
      resourceType: 'Observation',
      id: 'digits',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: 'Patient/one' },
      valueQuantity: { value: 1.25 },
    });
  });

  describe('search by POST', () => {
    const rows: readonly [string, string, Parameters | undefined, readonly string[]][] = [
      ['in Parameters', 'Patient/_search', parameters({ name: '_id', valueString: 'one' }), ['one']],
      ['in the url', 'Patient/_search?_id=two', undefined, ['two']],
      ['in both', 'Patient/_search?_id=one,two', parameters({ name: 'active', valueBoolean: true }), ['one']],
      ['in both, which exclude each other', 'Patient/_search?_id=one', parameters({ name: '_id', valueId: 'two' }), []],
      ['a date', 'Patient/_search', parameters({ name: 'birthdate', valueDate: '2002-02-02' }), ['two']],
      [
        'several, with a modifier',
        'Patient/_search',
        parameters(
          { name: 'birthdate', valueString: 'gt2000' },
          { name: '_id:not', valueString: 'x' },
          { name: 'active', valueCode: 'false' },
        ),
        ['two'],
      ],
      ['a number', 'Observation/_search', parameters({ name: 'value-quantity', valueDecimal: 1.25 }), ['digits']],
      [
        'in a compartment',
        'Patient/one/Observation/_search',
        parameters({ name: '_id', valueString: 'digits' }),
        ['digits'],
      ],
      ['none', 'Patient/_search', undefined, ['one', 'two']],
      ['no parameter in Parameters', 'Patient/_search', { resourceType: 'Parameters' }, ['one', 'two']],
    ];
    for (const type of TYPES)
      for (const [title, url, resource, ids] of rows)
        it(`${title}: of a ${type}`, async () => {
          const [answer] = await done(send(stage().talk, type, [entry('POST', url, resource)]));
          assert.deepEqual(idsOf(answer?.resource as Bundle).toSorted(), ids);
        });

    it('says what it has used, and is recorded with it', async () => {
      const { talk } = stage();
      const [answer] = await done(
        send(talk, 'batch', [entry('POST', 'Patient/_search', parameters({ name: '_id', valueString: 'one' }))], {
          'x-request-id': 'search-entry',
        }),
      );
      assert.match(linkOf(answer?.resource as Bundle, 'self') ?? '', /Patient\?_id=one$/);
      const { entry: events = [] } = await talk.search<AuditEvent>(
        'AuditEvent?subtype=search-type&_sort=-_lastUpdated',
      );
      const own = events.find(({ resource }) =>
        resource?.entity?.some(({ what }) => what?.identifier?.value === 'search-entry'),
      );
      const query = own?.resource?.entity?.find(each => each.query)?.query ?? '';
      assert.match(Buffer.from(query, 'base64').toString(), /^POST .*Patient\/_search\n\n_id=one$/);
    });

    const bad: readonly [string, FhirResource][] = [
      ['another resource', { resourceType: 'Patient', id: 'one' }],
      [
        'a form in a Binary',
        { resourceType: 'Binary', contentType: 'application/x-www-form-urlencoded', data: 'X2lkPW9uZQ==' },
      ],
      ['a parameter without a value', parameters({ name: '_id' })],
      ['a parameter with a complex value', parameters({ name: 'identifier', valueIdentifier: { value: 'x' } })],
      ['a parameter with parts', parameters({ name: '_id', part: [{ name: 'x', valueString: 'one' }] })],
      ['a parameter with a resource', parameters({ name: '_id', resource: { resourceType: 'Patient' } })],
      ['Parameters that are not valid', { resourceType: 'Parameters', parameter: 'x' } as unknown as Parameters],
      ['an unknown parameter', parameters({ name: 'nothing', valueString: 'x' })],
    ];
    for (const [title, resource] of bad)
      it(`${title}: 400`, async () => {
        const { talk } = stage();
        const entries = [entry('POST', 'Patient/_search', resource)];
        assert.deepEqual(statuses(await done(send(talk, 'batch', entries))), ['400']);
        assert.equal((await send(talk, 'transaction', entries)).status, 400);
      });
  });

  describe('without a url', () => {
    const without = (method: 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET', resource?: FhirResource, more: object = {}) =>
      ({ ...(resource ? { resource } : {}), request: { method, ...more } }) as BundleEntry;
    for (const type of TYPES)
      it(`of a ${type}: a POST goes to the type of its resource, a PUT to its id`, async () => {
        const { talk } = stage();
        const identifier = [{ system: 'urn:entries', value: type }];
        const entries = [
          without('POST', { resourceType: 'Patient', identifier }),
          without('PUT', { resourceType: 'Patient', id: `${type}-own` }),
          without('POST', { resourceType: 'Organization', name: type }, { ifNoneExist: 'identifier=urn:nobody|x' }),
        ];
        const answers = await done(send(talk, type, entries));
        assert.deepEqual(statuses(answers), ['201', '201', '201']);
        assert.match(named(answers[0]), /^Patient\//);
        assert.equal(named(answers[1]), `Patient/${type}-own`);
      });
    const unclear: readonly [string, BundleEntry][] = [
      ['a PUT without an id', without('PUT', { resourceType: 'Patient' })],
      ['a DELETE', without('DELETE', { resourceType: 'Patient', id: 'one' })],
      ['a PATCH', without('PATCH', parameters({ name: 'x', valueString: 'x' }))],
      ['a GET', without('GET')],
      ['a POST of nothing', without('POST')],
      ['a POST of an unknown type', without('POST', { resourceType: 'Nonsense?x=y' } as unknown as FhirResource)],
      ['a PUT to an id that is an address', without('PUT', { resourceType: 'Patient', id: 'x?y=z' })],
    ];
    for (const [title, unclearEntry] of unclear)
      it(`${title}: refused`, async () => {
        const { talk } = stage();
        const reply = await send(talk, 'transaction', [post({ resourceType: 'Patient' }), unclearEntry]);
        assert.ok(reply.status === 400 || reply.status === 404, reply.text);
        assert.equal((await talk.get('Patient/one')).status, 200);
      });
  });

  describe('and other writes with the ids . and ..: 400', () => {
    for (const id of ['.', '..']) {
      const escaped = id.replaceAll('.', '%2e');
      const basic = { resourceType: 'Basic' as const, id, code: { text: 'x' } };
      it(`in the body of a create (${id})`, async () => {
        const reply = await stage().talk.create(basic);
        assert.deepEqual([reply.status, refused(reply).detail, refused(reply).at], [400, 'bad-id', 'Basic.id']);
      });
      it(`in entries (${id})`, async () => {
        const { talk } = stage();
        const bad = [
          entry('PUT', `Basic/${id}`, basic),
          entry('PUT', `Basic/${escaped}`, basic),
          entry('PUT', 'Basic?identifier=urn:entries|nobody', basic),
          entry('DELETE', `Basic/${id}`),
          entry('GET', `Basic/${id}`),
          { ...post({ ...basic, id: 'fine' }), fullUrl: `${talk.base}/Basic/${id}` },
          { ...post({ ...basic, id: 'fine' }), fullUrl: `http://elsewhere.example/Basic/${id}` },
          { resource: basic, request: { method: 'PUT' } } as unknown as BundleEntry,
        ];
        assert.deepEqual(new Set(statuses(await done(send(talk, 'batch', bad)))), new Set(['400']));
        for (const each of bad) {
          const whole = await send<OperationOutcome>(talk, 'transaction', [each]);
          assert.equal(whole.status, 400, whole.text);
        }
      });
      it(`in the address, as it comes from clients that do not resolve it (${id})`, async () => {
        for (const [method, path] of [
          ['PUT', `/fhir/Basic/${id}`],
          ['GET', `/fhir/Basic/${id}`],
          ['DELETE', `/fhir/Basic/${id}`],
          ['GET', `/fhir/Basic/${id}/_history`],
          ['POST', `/fhir/Basic/${id}/$meta`],
          ['GET', `/fhir/Patient/${id}/Observation`],
        ] as const)
          assert.match(
            await raw(stage().server.port, method, path, JSON.stringify(basic)),
            /^HTTP\/1.1 400 /,
            `${method} ${path}`,
          );
      });
    }
    it('but dots inside an id are fine: the positive control', async () => {
      for (const id of ['...', 'a.b', '.a', 'a..'])
        assert.equal((await stage().talk.update({ resourceType: 'Basic', id, code: { text: 'x' } })).status, 201, id);
    });
  });
});
