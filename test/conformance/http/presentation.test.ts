/**
 * One rule for how answers look and for parameters that nobody knows, on both stores:
 * https://hl7.org/fhir/R4/http.html#parameters, https://hl7.org/fhir/R4/search.html#summary, #errors
 */
import assert from 'node:assert/strict';
import type { Bundle, CapabilityStatement, OperationOutcome, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { INTERACTIONS } from '../../../src/interactions/kinds.js';
import { onStoresInTurn, type Stage } from '../../support/both-stores.js';
import { converse } from '../../support/exchange.js';
import { linkOf, refusal } from '../../support/talk.js';

const XML = 'application/fhir+xml';
const SUBSETTED = 'SUBSETTED';
const set = async ({ talk }: Stage): Promise<void> => {
  const patient: Patient = { resourceType: 'Patient', id: 'p', active: true, name: [{ family: 'Aarnio' }] };
  await talk.update({
    ...patient,
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">A</div>' },
  });
};
/** What is read by GET and is one resource. */
const READS = ['metadata', 'Patient/p', 'Patient/p/_history/1', 'OperationDefinition/purge'];

onStoresInTurn(
  'the form of an answer',
  stage => {
    it('is the one that was asked for, also where the address means nothing', async () => {
      const { talk } = stage();
      for (const path of [
        'Foo',
        'Foo/1',
        'Patient/a_b',
        'Patient/%',
        '$nosuch',
        'Patient/p/nothing',
        'Patient?a=%',
        'Patient/p?_pretty=abc',
      ])
        for (const [query, headers] of [
          ['', { accept: XML }],
          ['_format=xml', {}],
          ['_format=application/fhir%2Bxml', { accept: 'application/json' }],
        ] as const) {
          const reply = await talk.get(`${path}${query && `${path.includes('?') ? '&' : '?'}${query}`}`, headers);
          assert.ok(reply.status >= 400 && reply.status < 500, path);
          assert.match(reply.header('content-type') ?? '', /^application\/fhir\+xml/, `${path} ${query}`);
          assert.match(reply.text, /<OperationOutcome/);
        }
      const method = await talk.send('DELETE', 'metadata', { headers: { accept: XML } });
      assert.deepEqual([method.status, method.header('content-type')?.slice(0, 20)], [405, XML]);
      const pretty = await talk.get('Foo?_pretty=true');
      assert.ok(pretty.text.includes('\n'));
      for (const accept of ['text/csv', 'application/fhir+json'])
        assert.equal(refusal(await talk.get('Foo', { accept })).status, 404, accept);
      const head = await talk.send('HEAD', 'Foo', { headers: { accept: XML } });
      assert.match(head.header('content-type') ?? '', /xml/);
    });

    it('is the one that the form of a search by POST asks for, in its errors and pages, too', async () => {
      const { talk } = stage();
      await set(stage());
      const post = (path: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
        talk.send('POST', path, { headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body });
      for (const path of ['Patient/_search', '_search?_type=Patient', 'Patient/_search?_format=json'])
        for (const [body, status] of [
          ['_id=p&_format=xml', 200],
          ['_id=p&_format=application%2Ffhir%2Bxml', 200],
          ['nosuch=1&_format=xml', 400],
        ] as const) {
          const reply = await post(path, body, { accept: 'application/fhir+json' });
          assert.equal(reply.status, status, body);
          assert.match(reply.header('content-type') ?? '', /^application\/fhir\+xml/, `${path} ${body}`);
        }
      assert.ok((await post('Patient/_search', '_id=p&_pretty=true')).text.includes('\n'));
      assert.equal(refusal(await post('Patient/_search', '_id=p&_format=csv')).status, 406);
      assert.equal(refusal(await post('Patient/_search', '_id=p&_pretty=abc')).status, 400);
      assert.match((await post('Patient/_search', '_id=p')).header('content-type') ?? '', /json/);
    });

    for (const path of [
      ...READS,
      'Patient',
      'Patient/p/_history',
      'Patient/_history',
      '_history',
      'Patient/p/$everything',
    ])
      it(`refuses nonsense in _summary, _elements, _pretty and _format of ${path}`, async () => {
        for (const query of ['_summary=abc', '_summary=', '_elements=nothing', '_elements=', '_pretty=abc', '_pretty='])
          assert.equal((await stage().talk.get(`${path}?${query}`)).status, 400, query);
        assert.equal((await stage().talk.get(`${path}?_format=abc`)).status, 406);
        for (const query of ['_summary=true', '_summary=false', '_summary=data', '_pretty=false', '_format=xml'])
          assert.equal((await stage().talk.get(`${path}?${query}`)).status, 200, query);
      });

    for (const path of READS)
      it(`shows a part of ${path}, and says so`, async () => {
        const { talk } = stage();
        const whole = await talk.get(path);
        for (const query of ['_summary=true', '_summary=text', '_summary=data', '_elements=id']) {
          const part = await talk.get(`${path}?${query}`);
          assert.equal(part.status, 200, part.text);
          assert.ok(part.text.includes(SUBSETTED), query);
          if (query === '_elements=id') assert.ok(part.text.length < whole.text.length);
        }
        assert.equal((await talk.get(`${path}?_summary=false`)).text, whole.text);
        assert.equal(refusal(await talk.get(`${path}?_summary=count`)).status, 400);
      });

    it('is a refusal where a parameter is known to nobody, at every address', async () => {
      const { talk } = stage();
      const shapes = Object.values(INTERACTIONS).flatMap(({ addresses }) => addresses);
      const read = shapes.flatMap(shape => (shape.startsWith('GET ') ? shape.slice(4) : []));
      assert.ok(read.includes('T/I') && read.includes('metadata'));
      for (const shape of read) {
        const path = shape
          .replace(/^T/, 'Patient')
          .replace(/\bT\b/, 'Observation')
          .replace(/\bI\b/, 'p')
          .replace(/\bV\b/, '1');
        const reply = await talk.get(`${path}?nothing=1`);
        assert.deepEqual(refusal(reply), { status: 400, detail: 'unknown-parameter' }, path);
      }
    });

    it('of /metadata can be a small part of it', async () => {
      const { talk } = stage();
      const { body, text } = await talk.get<CapabilityStatement>('metadata?_elements=software,fhirVersion');
      assert.deepEqual([body.software?.name, body.fhirVersion, body.rest], ['Chartroom', '4.0.1', undefined]);
      assert.ok(text.length < 2000);
      assert.equal((await talk.get('metadata?mode=full')).status, 200);
      const terminology = await talk.get('metadata?mode=terminology');
      assert.deepEqual([terminology.status, terminology.body.resourceType], [200, 'TerminologyCapabilities']);
      for (const query of ['mode=nonsense', 'abc=1'])
        assert.equal(refusal(await talk.get(`metadata?${query}`)).detail, 'unknown-parameter', query);
    });
  },
  { set },
);

onStoresInTurn(
  'what is there by GET as by POST, and again or not',
  stage => {
    it('a search at _search, with its parameters in the address', async () => {
      const { talk } = stage();
      for (const path of [
        'Patient/_search?_id=p',
        '_search?_type=Patient&_id=p',
        'Patient/p/_search',
        'Patient/p/Patient/_search',
      ]) {
        const got = await talk.get<Bundle>(path);
        const posted = await talk.send<Bundle>('POST', path);
        assert.deepEqual([got.status, posted.status], [200, 200], got.text);
        assert.deepEqual(got.body.entry, posted.body.entry);
        assert.equal(linkOf(got.body, 'self'), linkOf(posted.body, 'self'));
      }
      const all = await talk.get<Bundle>('Patient/_search?family=aarnio');
      assert.equal(all.body.total, 1);
      assert.equal((await talk.send('HEAD', 'Patient/_search?_id=p')).status, 200);
      assert.equal((await talk.send('OPTIONS', 'Patient/_search')).header('allow'), 'GET, POST, HEAD, OPTIONS');
    });

    it('a version that the client has is not sent again', async () => {
      const { talk } = stage();
      const path = 'Patient/p/_history/1';
      const first = await talk.get(path);
      const modified = first.header('last-modified') ?? '';
      assert.equal(first.status, 200);
      const rows: [headers: Record<string, string>, status: number][] = [
        [{ 'if-none-match': 'W/"1"' }, 304],
        [{ 'if-none-match': '"0", W/"1"' }, 304],
        [{ 'if-none-match': '*' }, 304],
        [{ 'if-none-match': 'W/"2"' }, 200],
        [{ 'if-modified-since': modified }, 304],
        [{ 'if-modified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 200],
        [{ 'if-none-match': 'W/"2"', 'if-modified-since': modified }, 200],
        [{ 'if-modified-since': 'nonsense' }, 200],
      ];
      for (const [headers, expected] of rows) {
        const reply = await talk.get(path, headers);
        assert.deepEqual([reply.status, reply.header('etag')], [expected, 'W/"1"'], JSON.stringify(headers));
        if (expected === 304) assert.equal(reply.text, '');
      }
    });

    it('If-Match may list versions, one of which must be there', async () => {
      const { talk } = stage();
      const put = async (ifMatch: string) => {
        const before = (await talk.get('Patient/m')).header('etag');
        const reply = await talk.update<Patient>(
          { resourceType: 'Patient', id: 'm', active: true, birthDate: `2020-01-0${Number(before?.slice(3, -1)) + 1}` },
          { 'if-match': ifMatch },
        );
        return reply.status;
      };
      await talk.update({ resourceType: 'Patient', id: 'm' });
      assert.equal(await put('W/"1", W/"1"'), 200);
      assert.equal(await put('W/"1", W/"2"'), 200);
      assert.equal(await put('"3",'), 200);
      assert.equal(await put('*'), 200);
      for (const stale of ['W/"1"', 'W/"1", W/"2"']) assert.equal(await put(stale), 412, stale);
      for (const none of ['', ',', 'W/"5", "', 'W/"5" W/"6"']) assert.equal(await put(none), 400, none);
      const twice = 'If-Match: W/"5"\r\nIf-Match: W/"4"\r\n';
      const answer = await converse(
        stage().server.port,
        `DELETE /fhir/Patient/m HTTP/1.1\r\nHost: localhost\r\n${twice}Connection: close\r\n\r\n`,
        false,
      );
      assert.equal(answer?.status, 204);
    });
  },
  { set },
);

const LENIENT = { prefer: 'handling=lenient' };
const STRICT = { prefer: 'handling=strict' };
/** What reads, with a parameter that nobody knows. */
const UNKNOWN = [
  'Patient/p?abc=1',
  'Patient/p/_history/1?abc=1',
  'Patient/p/_history?abc=1',
  'Patient/_history?abc=1',
  '_history?abc=1',
  'Patient?abc=1',
  'Patient/p/$everything?abc=1',
  'Patient/p/$everything?_count=1&abc=1',
  'Patient/p/$meta?abc=1',
  '$reindex-status?abc=1',
  'metadata?abc=1',
];

for (const handling of ['strict', 'lenient'] as const)
  onStoresInTurn(
    `a parameter that nobody knows, with ${handling} handling as the default`,
    stage => {
      const fine = handling === 'lenient';
      for (const path of UNKNOWN)
        it(`is refused or passed over as the client says: ${path}`, async () => {
          const { talk } = stage();
          const statuses = [];
          for (const headers of [{}, STRICT, LENIENT, { prefer: 'return=minimal' }, { prefer: 'handling=abc' }])
            statuses.push((await talk.get(path, headers)).status);
          assert.deepEqual(statuses.slice(0, 4), [fine ? 200 : 400, 400, 200, fine ? 200 : 400]);
          const strict = await talk.get<OperationOutcome>(path, STRICT);
          assert.equal(strict.body.issue[0]?.expression?.[0], 'http.abc');
        });

      it('is named in a warning where the answer has room for one, and never in the self link', async () => {
        const { talk } = stage();
        for (const path of ['Patient?abc=1', 'Patient/p/$everything?abc=1', 'Patient/p/$everything?_count=5&abc=1']) {
          const { body } = await talk.get<Bundle>(path, LENIENT);
          const told = body.entry?.find(({ search }) => search?.mode === 'outcome')?.resource as OperationOutcome;
          assert.deepEqual([told?.issue[0]?.severity, told?.issue[0]?.expression], ['warning', ['http.abc']], path);
          assert.doesNotMatch(linkOf(body, 'self') ?? '', /abc/);
        }
        const history = await talk.get<Bundle>('Patient/p/_history?_count=1&abc=1', LENIENT);
        assert.match(linkOf(history.body, 'self') ?? '', /_history\?_count=1$/);
      });

      it('is refused where something is to change, whatever the client says', async () => {
        const { talk } = stage();
        const headers = { ...LENIENT, 'content-type': 'application/fhir+json' };
        for (const [method, path] of [
          ['POST', 'Patient/p/$purge?dryRun=true'],
          ['POST', '$reindex?abc=1'],
          ['DELETE', 'Patient/p?dryRun=true'],
        ] as const)
          assert.equal((await talk.send(method, path, { headers })).status, 400, path);
        assert.equal((await talk.get('Patient/p')).status, 200);
      });

      it('of an entry is handled as the request around the Bundle says', async () => {
        const entry = ['Patient/p?abc=1', 'Patient?abc=1'].map(url => ({ request: { method: 'GET', url } }));
        const body = JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry });
        for (const [headers, expected] of [
          [{}, fine ? '200' : '400'],
          [STRICT, '400'],
          [LENIENT, '200'],
        ] as const) {
          const all = { headers: { ...headers, 'content-type': 'application/fhir+json' }, body };
          const answer = (await stage().talk.send<Bundle>('POST', '', all)).body;
          for (const { response } of answer.entry ?? []) assert.equal(response?.status.slice(0, 3), expected);
        }
      });

      it('and a value that is not understood is refused all the same', async () => {
        for (const path of [
          'Patient/p?_summary=abc',
          'Patient/_history?_count=abc',
          'Patient/p/$everything?_since=abc',
        ])
          assert.equal((await stage().talk.get(path, LENIENT)).status, 400, path);
      });
    },
    { config: { handling }, set },
  );

describe('a value of handling that is none', () => {
  it('is refused at the start', async () => {
    const { loadConfig } = await import('../../../src/platform/config.js');
    assert.throws(() => loadConfig({ flags: { handling: 'loose' }, env: {} }), /CHARTROOM_HANDLING must be one of/);
  });
});
