/**
 * Formats, methods and headers, on both stores: https://hl7.org/fhir/R4/http.html#mime-type, #Status-Codes, #options
 */
import assert from 'node:assert/strict';
import type { CapabilityStatement, OperationOutcome, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { refusal } from '../../support/talk.js';

const JSON_TYPE = 'application/fhir+json; charset=utf-8';
const XML_TYPE = 'application/fhir+xml; charset=utf-8';
const XML = `<?xml version="1.0" encoding="UTF-8"?>
<Patient xmlns="http://hl7.org/fhir"><id value="xml"/><active value="true"/><name><family value="Aarnio"/></name></Patient>`;

onStoresInTurn(
  'formats, methods and headers',
  stage => {
    it('answers in the format that _format or Accept names, _format first', async () => {
      const { talk } = stage();
      const rows: [path: string, accept: string, type: string][] = [
        ['Patient/p', 'application/fhir+json', JSON_TYPE],
        ['Patient/p', 'application/json', JSON_TYPE],
        ['Patient/p', 'text/json', JSON_TYPE],
        ['Patient/p', '*/*', JSON_TYPE],
        ['Patient/p', 'application/fhir+json; fhirVersion=4.0', JSON_TYPE],
        ['Patient/p', 'application/fhir+xml', XML_TYPE],
        ['Patient/p', 'application/xml', XML_TYPE],
        ['Patient/p', 'text/xml', XML_TYPE],
        ['Patient/p', 'application/fhir+xml;q=0.5, application/fhir+json', JSON_TYPE],
        ['Patient/p', 'text/csv, application/fhir+xml;q=0.1', XML_TYPE],
        ['Patient/p?_format=xml', 'application/fhir+json', XML_TYPE],
        ['Patient/p?_format=application/fhir%2Bxml', '*/*', XML_TYPE],
        ['Patient/p?_format=application/fhir+xml', '*/*', XML_TYPE],
        ['Patient/p?_format=json', 'application/fhir+xml', JSON_TYPE],
        ['Patient?_id=p&_format=xml', '*/*', XML_TYPE],
        ['Patient/p/_history', 'application/fhir+xml', XML_TYPE],
        ['metadata', 'application/fhir+xml', XML_TYPE],
      ];
      for (const [path, accept, type] of rows) {
        const reply = await talk.get(path, { accept });
        assert.deepEqual([reply.status, reply.header('content-type')], [200, type], `${path} ${accept}`);
        assert.ok(reply.text.startsWith(type === XML_TYPE ? '<' : '{'));
      }
    });

    it('returns 406 for a format it cannot write', async () => {
      const { talk } = stage();
      for (const accept of ['text/csv', 'application/fhir+turtle', 'application/fhir+json; fhirVersion=3.0'])
        assert.equal(refusal(await talk.get('Patient/p', { accept })).status, 406, accept);
      assert.equal(refusal(await talk.get('Patient/p?_format=html')).status, 406);
    });

    it('returns 415 for a body that is none of its formats', async () => {
      const { talk } = stage();
      const post = (type: string) => talk.send('POST', 'Patient', { headers: { 'content-type': type }, body: '{}' });
      for (const type of ['text/csv', 'application/json-patch+json', 'application/fhir+json; fhirVersion=5.0'])
        assert.equal(refusal(await post(type)).status, 415, type);
      const search = { headers: { 'content-type': 'application/fhir+json' }, body: '{}' };
      assert.equal(refusal(await talk.send('POST', 'Patient/_search', search)).status, 415);
    });

    it('reads XML and gives it back as XML and as JSON', async () => {
      const { talk } = stage();
      const headers = { 'content-type': 'application/fhir+xml', accept: 'application/fhir+xml' };
      const created = await talk.send('PUT', 'Patient/xml', { headers, body: XML });
      assert.deepEqual([created.status, created.header('content-type')], [201, XML_TYPE]);
      assert.ok(created.text.includes('<family value="Aarnio"/>'));
      assert.equal((await talk.get<Patient>('Patient/xml')).body.name?.[0]?.family, 'Aarnio');
    });

    it('writes refusals in the format that was asked for', async () => {
      const reply = await stage().talk.get('Patient/nobody', { accept: 'application/fhir+xml' });
      assert.deepEqual([reply.status, reply.header('content-type')], [404, XML_TYPE]);
      assert.ok(reply.text.includes('<OperationOutcome xmlns="http://hl7.org/fhir">'));
    });

    it('prints on several lines with _pretty', async () => {
      const { talk } = stage();
      assert.ok((await talk.get('Patient/p?_pretty=true')).text.includes('\n  "id": "p"'));
      assert.ok(!(await talk.get('Patient/p')).text.includes('\n'));
      assert.equal((await talk.get('Patient/p?_pretty=yes')).status, 400);
    });

    it('tells OPTIONS what an address allows', async () => {
      const { talk } = stage();
      const allow = async (path: string) => {
        const reply = await talk.send('OPTIONS', path);
        assert.equal(reply.status, 204);
        return reply.header('allow')?.split(', ').toSorted();
      };
      assert.deepEqual(await allow('Patient'), ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']);
      assert.deepEqual(await allow('Patient/p'), ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'PUT']);
      assert.deepEqual(await allow(''), ['GET', 'HEAD', 'OPTIONS', 'POST']);
      assert.deepEqual(await allow('metadata'), ['GET', 'HEAD', 'OPTIONS']);
    });

    it('says in /metadata that other origins may call', async () => {
      const { rest } = (await stage().talk.get<CapabilityStatement>('metadata')).body;
      assert.equal(rest?.[0]?.security?.cors, true);
    });

    it('answers a preflight of an allowed origin and exposes what clients need', async () => {
      const { talk } = stage();
      const origin = 'https://app.example';
      const preflight = await talk.send('OPTIONS', 'Patient/p', {
        headers: { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'if-match' },
      });
      assert.equal(preflight.status, 204);
      assert.equal(preflight.header('access-control-allow-origin'), origin);
      assert.ok(preflight.header('access-control-allow-methods')?.includes('PUT'));
      assert.ok(preflight.header('access-control-allow-headers')?.includes('If-Match'));
      const reply = await talk.get('Patient/p', { origin });
      assert.equal(reply.header('access-control-allow-origin'), origin);
      assert.ok(reply.header('access-control-expose-headers')?.includes('ETag'));
      const stranger = await talk.get('Patient/p', { origin: 'https://evil.example' });
      assert.equal(stranger.header('access-control-allow-origin'), undefined);
    });

    it('gives each request an id of its own, and that of the client back beside it', async () => {
      const { talk } = stage();
      const answers = [];
      for (const id of ['r-1', 'r-1', 'not an id']) answers.push(await talk.get('Patient/p', { 'x-request-id': id }));
      assert.deepEqual(
        answers.map(answer => answer.header('x-correlation-id')),
        ['r-1', 'r-1', undefined],
      );
      const own = answers.map(answer => answer.header('x-request-id') ?? '');
      for (const id of own) assert.match(id, /^[0-9a-z]{14}$/);
      assert.equal(new Set(own).size, 3);
    });

    it('returns 405 with Allow for a method that an address does not have', async () => {
      const { talk } = stage();
      for (const [method, path] of [
        ['PATCH', 'Patient/p/_history'],
        ['PUT', 'Patient/_history'],
        ['DELETE', 'Patient/_search'],
        ['POST', 'Patient/p'],
        ['PUT', ''],
        ['PUT', 'metadata'],
        ['DELETE', 'Patient/p/_history'],
      ] as const) {
        const reply = await talk.send(method, path, {
          headers: { 'content-type': 'application/fhir+json' },
          body: '{}',
        });
        assert.equal(refusal(reply).status, 405, `${method} ${path}`);
        assert.ok(reply.header('allow'), `${method} ${path}`);
      }
    });

    it('refuses what it does not offer, and /metadata does not claim it', async () => {
      const { talk } = stage();
      for (const path of ['$convert', 'Patient/$match', 'Organization/p/$everything', 'Patient/p/_history/1/$diff'])
        assert.equal(refusal(await talk.get(path)).status, 404, path);
      for (const path of [
        'Patient/p/Nothing',
        'Group/g/Observation',
        'Patient/p/Location',
        'Patient/p/_history/1/x',
        '_unknown',
        'Patient/_unknown',
      ])
        assert.equal(refusal(await talk.get(path)).status, 404, path);
      const { rest } = (await talk.get<CapabilityStatement>('metadata')).body;
      const [server] = rest ?? [];
      assert.ok(!server?.operation?.some(({ name }) => ['match', 'convert', 'everything'].includes(name)));
      const own = server?.resource?.filter(({ operation }) => operation?.some(({ name }) => name === 'everything'));
      assert.deepEqual(
        own?.map(({ type }) => type),
        ['Encounter', 'Group', 'Patient'],
      );
    });

    it('answers every refusal with an OperationOutcome and never with a stack', async () => {
      const { talk } = stage();
      for (const path of ['Patient/nobody', 'Nothing', 'Patient?x=y', '%', 'Patient?_count=%', 'Patient?_page=x']) {
        const reply = await talk.get<OperationOutcome>(path);
        refusal(reply);
        assert.doesNotMatch(reply.text, /node_modules|\.js:|at \w+ \(/, path);
      }
    });
  },
  {
    config: { corsOrigins: 'https://app.example' },
    set: async ({ talk }) => void (await talk.update({ resourceType: 'Patient', id: 'p', active: true })),
  },
);
