/** Composition/$document on both stores: https://hl7.org/fhir/R4/operation-composition-document.html, https://hl7.org/fhir/R4/documents.html */
import assert from 'node:assert/strict';
import type {
  Bundle,
  Composition,
  FhirResource,
  OperationOutcome,
  Organization,
  Parameters,
  Practitioner,
} from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { hiding } from '../../support/restricted.js';
import { idsOf, refusal, type Talk } from '../../support/talk.js';

/** A document, or why there is none. */
type Answer = Omit<Bundle, 'resourceType'> & Pick<OperationOutcome, 'issue'>;
const FHIR = { 'content-type': 'application/fhir+json' };
const HOUSE: Organization = { resourceType: 'Organization', id: 'doc-org', name: 'House' };
const AUTHOR: Practitioner = { resourceType: 'Practitioner', id: 'doc-author', name: [{ family: 'Author' }] };
const CONTENT: readonly FhirResource[] = [
  HOUSE,
  { resourceType: 'Patient', id: 'doc-pat', managingOrganization: { reference: 'Organization/doc-org' } },
  AUTHOR,
  {
    resourceType: 'Observation',
    id: 'doc-obs',
    status: 'final',
    code: { text: 'weight' },
    subject: { reference: 'Patient/doc-pat' },
    performer: [{ reference: 'Practitioner/doc-author' }, { reference: 'Practitioner/doc-gone' }],
    valueQuantity: { value: 70, unit: 'kg' },
  },
];
const COMPOSITION: Composition = {
  resourceType: 'Composition',
  id: 'doc',
  status: 'final',
  type: { coding: [{ system: 'http://loinc.org', code: '11488-4' }] },
  subject: { reference: 'Patient/doc-pat' },
  date: '2026-01-02T03:04:05Z',
  contained: [{ ...AUTHOR, id: 'inside' }],
  author: [{ reference: 'Practitioner/doc-author' }, { reference: '#inside' }],
  title: 'A note',
  section: [
    {
      title: 'Outer',
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">a</div>' },
      section: [{ title: 'Inner', entry: [{ reference: 'Observation/doc-obs' }] }],
    },
    { title: 'Again', entry: [{ reference: 'Observation/doc-obs' }] },
  ],
};

async function putAll(talk: Talk, resources: readonly FhirResource[]): Promise<void> {
  for (const resource of resources) {
    const { status, text } = await talk.update(resource);
    assert.ok(status === 200 || status === 201, text);
  }
}

const namesIn = ({ entry = [] }: Pick<Bundle, 'entry'>): string[] =>
  entry.map(({ resource }) => `${resource?.resourceType}/${resource?.id}`);

onStoresInTurn(
  'Composition/$document',
  stage => {
    const document = (path = 'Composition/doc/$document', headers = {}) => stage().talk.get<Answer>(path, headers);
    const post = (parameter: Parameters['parameter'], path = 'Composition/doc/$document') =>
      stage().talk.send<Answer>('POST', path, {
        headers: FHIR,
        body: JSON.stringify({ resourceType: 'Parameters', parameter }),
      });
    const persist: Parameters['parameter'] = [{ name: 'persist', valueBoolean: true }];

    it('gives the Composition first, then all that it refers to, each once, with addresses that references find', async () => {
      const { status, body, text } = await document();
      assert.equal(status, 200, text);
      const { base } = stage().server;
      assert.deepEqual(namesIn(body), [
        'Composition/doc',
        'Patient/doc-pat',
        'Practitioner/doc-author',
        'Observation/doc-obs',
        'Organization/doc-org',
      ]);
      assert.deepEqual(
        body.entry?.map(({ fullUrl }) => fullUrl),
        namesIn(body).map(name => `${base}/${name}`),
      );
      assert.ok(body.entry?.every(({ search, request, response }) => !(search ?? request ?? response)));
      assert.deepEqual([body.type, body.total, body.id], ['document', undefined, undefined]);
      assert.equal(body.identifier?.system, 'urn:ietf:rfc:3986');
      assert.match(
        body.identifier?.value ?? '',
        /^urn:uuid:[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
      );
      assert.ok(Math.abs(Date.parse(body.timestamp!) - Date.now()) < 600_000);
      const checked = await stage().talk.send<OperationOutcome>('POST', 'Bundle/$validate', {
        headers: FHIR,
        body: text,
      });
      assert.deepEqual(
        checked.body.issue.filter(({ severity }) => severity === 'error' || severity === 'fatal'),
        [],
      );
    });

    it('is the same by POST, by the id of the Composition, and by its address', async () => {
      const { identifier } = (await document()).body;
      const address = `${stage().server.base}/Composition/doc`;
      for (const id of ['doc', 'Composition/doc', address]) {
        const asked = await document(`Composition/$document?id=${encodeURIComponent(id)}`);
        assert.deepEqual(asked.body.identifier, identifier, asked.text);
        const posted = await post([{ name: 'id', valueUri: id }], 'Composition/$document');
        assert.deepEqual(posted.body.identifier, identifier, posted.text);
      }
      const xml = await document('Composition/doc/$document', { accept: 'application/fhir+xml' });
      assert.match(xml.text, /^<\?xml[^>]*><Bundle xmlns="http:\/\/hl7.org\/fhir"><identifier>/);
      const part = await document('Composition/doc/$document?_elements=type');
      assert.deepEqual([part.body.type, part.body.timestamp], ['document', undefined]);
    });

    for (const [path, status, detail] of [
      ['Composition/$document', 400, 'bad-parameter-value'],
      ['Composition/doc/$document?id=doc', 400, 'bad-parameter-value'],
      ['Composition/$document?id=http%3A%2F%2Fexample.org%2Ffhir%2FComposition%2Fdoc', 400, 'bad-parameter-value'],
      ['Composition/$document?id=Patient%2Fdoc-pat', 400, 'bad-parameter-value'],
      ['Composition/$document?id=..%2F..', 400, 'bad-parameter-value'],
      ['Composition/doc/$document?persist=perhaps', 400, 'bad-parameter-value'],
      ['Composition/doc/$document?graph=http%3A%2F%2Fexample.org%2Fg', 400, undefined],
      ['Composition/doc/$document?persist=true', 405, 'post-needed'],
      ['Composition/nothing/$document', 404, undefined],
      ['Composition/doc-deleted/$document', 410, undefined],
      ['Composition/$document?id=doc-deleted', 410, undefined],
    ] as const)
      it(`answers ${status} to GET ${decodeURIComponent(path)}`, async () => {
        const reply = await document(path);
        assert.equal(reply.status, status, reply.text);
        if (detail !== undefined) assert.deepEqual(refusal(reply), { status, detail });
        assert.ok((reply.body.issue[0]?.details?.text ?? '').length > 10);
      });

    it('says what is missing where the Composition itself refers to it, and where; elsewhere it warns', async () => {
      const { talk } = stage();
      const broken: Composition = {
        ...COMPOSITION,
        id: 'doc-broken',
        custodian: { reference: 'Organization/doc-none' },
        encounter: { reference: 'https://example.org/fhir/Encounter/1' },
        section: [{ entry: [{ reference: 'Observation/doc-obs' }, { reference: 'Observation/doc-none/_history/1' }] }],
      };
      await putAll(talk, [broken]);
      const reply = await document('Composition/doc-broken/$document');
      assert.equal(reply.status, 422);
      const told = reply.body.issue.map(({ expression, details }) => [expression?.[0], details?.coding?.[0]?.code]);
      assert.deepEqual(
        new Map(told as [string, string][]),
        new Map([
          ['Composition.custodian', 'reference-not-found'],
          ['Composition.encounter', 'reference-elsewhere'],
          ['Composition.section[0].entry[1]', 'reference-not-found'],
        ]),
      );
      const asked = {
        resourceType: 'Bundle',
        type: 'batch',
        entry: [{ request: { method: 'GET', url: 'Composition/doc/$document' } }],
      };
      const warned = await talk.send<Bundle>('POST', '', { headers: FHIR, body: JSON.stringify(asked) });
      const { resource, response } = warned.body.entry![0]!;
      assert.equal((resource as Bundle).type, 'document');
      const [warning] = (response!.outcome as OperationOutcome).issue;
      assert.deepEqual([warning?.severity, warning?.expression], ['warning', ['Observation.performer[1]']]);
    });

    it('takes the version that is referred to', async () => {
      const { talk } = stage();
      const note = (family: string): Practitioner => ({
        resourceType: 'Practitioner',
        id: 'doc-versions',
        name: [{ family }],
      });
      await putAll(talk, [note('Old'), note('New')]);
      const reference = 'Practitioner/doc-versions/_history/1';
      const { section: _, contained: __, ...old } = COMPOSITION;
      await putAll(talk, [{ ...old, id: 'doc-old', author: [{ reference }] }]);
      const { text, body } = await document('Composition/doc-old/$document');
      assert.ok(text.includes('"Old"') && !text.includes('"New"'), text);
      assert.equal(body.entry?.length, 4, text);
    });

    it('stores the document once, however often and by however many it is asked for, until something changes', async () => {
      const { talk } = stage();
      const made = await Promise.all(Array.from({ length: 6 }, () => post(persist)));
      const found = await talk.search<Bundle>('Bundle?type=document');
      assert.equal(idsOf(found).length, 1, 'one Bundle');
      const [id] = idsOf(found);
      for (const reply of made) {
        const { status, body } = reply;
        assert.ok(status === 200 || status === 201);
        assert.equal(reply.header('location'), `${stage().server.base}/Bundle/${id}/_history/1`);
        assert.equal(body.id, id);
      }
      assert.equal(made.filter(({ status }) => status === 201).length, 1);
      assert.deepEqual((await talk.get<Bundle>(`Bundle/${id}`)).body, made[0]!.body);
      await putAll(talk, [{ ...AUTHOR, name: [{ family: 'Changed' }] }]);
      const changed = await post(persist);
      assert.equal(changed.status, 201);
      assert.notDeepEqual(changed.body.identifier, made[0]!.body.identifier);
      assert.equal(idsOf(await talk.search('Bundle?type=document')).length, 2);
    });

    it('stores nothing where the document is not complete, and from within a transaction', async () => {
      const { talk } = stage();
      const count = async () => idsOf(await talk.search('Bundle?type=document')).length;
      const stored = await count();
      assert.equal((await post(persist, 'Composition/doc-broken/$document')).status, 422);
      const resource = { resourceType: 'Parameters', parameter: persist };
      const body = JSON.stringify({
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [{ resource, request: { method: 'POST', url: 'Composition/doc/$document' } }],
      });
      const reply = await talk.send<OperationOutcome>('POST', '', { headers: FHIR, body });
      assert.deepEqual(refusal(reply), { status: 422, detail: 'not-in-a-transaction' });
      assert.equal(await count(), stored);
    });

    it('has 16 MB at most', async () => {
      const { talk } = stage();
      const ids = [1, 2, 3, 4, 5, 6, 7].map(at => `doc-bytes-${at}`);
      for (const id of ids) {
        const headers = { 'content-type': 'application/octet-stream' };
        const { status } = await talk.send('PUT', `Binary/${id}`, { headers, body: Buffer.alloc(2 * 1024 * 1024, id) });
        assert.equal(status, 201);
      }
      const entry = ids.map(id => ({ reference: `Binary/${id}` }));
      await putAll(talk, [{ ...COMPOSITION, id: 'doc-large', section: [{ entry }] }]);
      assert.deepEqual(refusal(await document('Composition/doc-large/$document')), {
        status: 400,
        detail: 'document-too-large',
      });
      await putAll(talk, [{ ...COMPOSITION, id: 'doc-large', section: [{ entry: entry.slice(0, 1) }] }]);
      const { status, body } = await document('Composition/doc-large/$document');
      assert.equal(status, 200);
      const binary = body.entry?.find(({ resource }) => resource?.resourceType === 'Binary')?.resource;
      const { data = '' } = binary as { data?: string };
      assert.ok(Buffer.from(data, 'base64').equals(Buffer.alloc(2 * 1024 * 1024, ids[0])));
    });

    describe('for those who see a part', () => {
      const issuesOf = ({ status, body }: { status: number; body: Pick<OperationOutcome, 'issue'> }) => [
        status,
        body.issue,
      ];

      it('answers as if the rest were not there', async () => {
        const { talk } = stage();
        const hidden = await hiding(stage().server, ['Observation'], () => document());
        await putAll(talk, [
          {
            ...COMPOSITION,
            id: 'doc-absent',
            section: JSON.parse(JSON.stringify(COMPOSITION.section).replaceAll('doc-obs', 'doc-none')) as never[],
          },
        ]);
        assert.deepEqual(issuesOf(hidden), issuesOf(await document('Composition/doc-absent/$document')));
        const part = await hiding(stage().server, ['Organization'], () => document());
        assert.equal(part.status, 200);
        assert.ok(!part.text.includes('House'));
        assert.notDeepEqual(part.body.identifier, (await document()).body.identifier);
        const nothing = await hiding(stage().server, ['Composition'], () => document());
        const absent = await document('Composition/doc-none/$document');
        assert.deepEqual(issuesOf(nothing), issuesOf(absent));
      });
    });
  },
  {
    set: async ({ talk }) => {
      await putAll(talk, [...CONTENT, COMPOSITION, { ...COMPOSITION, id: 'doc-deleted' }]);
      await talk.delete('Composition/doc-deleted');
    },
  },
);
