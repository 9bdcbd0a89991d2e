/** SMART Health Links to what was released: https://build.fhir.org/ig/HL7/smart-health-cards-and-links/links-specification.html */
import assert from 'node:assert/strict';
import type { AuditEvent, DocumentReference, Patient } from 'fhir/r4.js';
import { base64url, compactDecrypt } from 'jose';
import { describe, it } from 'mocha';
import type { Resource } from '../../src/fhir/resource.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { type GivenValues, runOn } from '../support/records-request.js';
import { asRelease, PACKAGE_TEXT, releasingFeatures, requestReleased } from '../support/released-request.js';
import type { Talk } from '../support/talk.js';
import { ADMIN, refusedAs, workTokens } from '../support/work.js';

const PASSCODE = { name: 'passcode', valueString: 'blue 7 tulips' };
interface Payload {
  readonly url: string;
  readonly key: string;
  readonly flag?: string;
  readonly exp: number;
  readonly label: string;
}
interface Manifest {
  readonly files: readonly { readonly contentType: string; readonly embedded?: string; readonly location?: string }[];
}
const healthLink = async (talk: Talk, ...more: GivenValues) => {
  const { id, document } = await requestReleased(talk);
  const given = [{ name: 'method', valueCode: 'health-link' }, ...more];
  const { body, status, text } = await runOn(talk, `${id}/$deliver`, given);
  assert.equal(status, 200, text);
  const find = (name: string) => body.parameter!.find(each => each.name === name)!;
  const link = find('health-link').valueUri!;
  assert.match(Buffer.from(find('qr').valueAttachment!.data!, 'base64').toString(), /^<svg /);
  const payload = JSON.parse(Buffer.from(link.slice('shlink:/'.length), 'base64url').toString()) as Payload;
  return { id, document, payload, delivery: find('delivery').valueReference!.reference! };
};
const manifest = async ({ url }: Payload, body: unknown) => {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, text, body: JSON.parse(text) as Manifest & { readonly remainingAttempts?: number } };
};
const revokedNow = async (talk: Talk, { id, delivery }: { readonly id: string; readonly delivery: string }) => {
  const { status, text } = await runOn(talk, `${id}/$delivery-outcome`, [
    { name: 'delivery', valueReference: { reference: delivery } },
    { name: 'outcome', valueCode: 'revoked' },
    { name: 'reason', valueString: 'Asked for.' },
  ]);
  assert.equal(status, 200, text);
};
/** The words of the package in a file. */
const opened = async (file: string, { key }: Payload): Promise<string> => {
  const { plaintext, protectedHeader } = await compactDecrypt(file, base64url.decode(key));
  const { alg, enc, cty } = protectedHeader;
  assert.deepEqual([alg, enc, cty], ['dir', 'A256GCM', 'application/fhir+json']);
  const { entry } = JSON.parse(Buffer.from(plaintext).toString()) as {
    readonly entry: readonly {
      readonly resource: { readonly content: readonly { readonly attachment: { readonly data: string } }[] };
    }[];
  };
  return Buffer.from(entry[0]!.resource.content[0]!.attachment.data, 'base64').toString();
};

describe('SMART Health Links', () => {
  onStoresInTurn(
    'to released records',
    stage => {
      it('lead to a manifest with the package, embedded or for one use, by their passcode', async () => {
        const { talk } = stage();
        const { payload, delivery, document } = await healthLink(talk, PASSCODE, { name: 'label', valueString: 'Ada' });
        assert.deepEqual([payload.flag, payload.label, payload.key.length], ['P', 'Ada', 43]);
        assert.ok(payload.url.length <= 128 && base64url.decode(payload.url.split('/').at(-1)!).length >= 32);
        const asked = { recipient: 'An app', passcode: PASSCODE.valueString };
        const embedded = await manifest(payload, asked);
        assert.equal(embedded.status, 200, embedded.text);
        assert.equal(await opened(embedded.body.files[0]!.embedded!, payload), PACKAGE_TEXT);
        const apart = await manifest(payload, { ...asked, embeddedLengthMax: 10 });
        const { location, contentType, embedded: none } = apart.body.files[0]!;
        assert.deepEqual([contentType, none], ['application/fhir+json', undefined]);
        const file = await fetch(location!);
        assert.equal(file.headers.get('content-type'), 'application/jose');
        assert.equal(await opened(await file.text(), payload), PACKAGE_TEXT);
        const twice = await fetch(location!);
        assert.equal(twice.status, 404, await twice.text());
        const { entry = [] } = await talk.search<AuditEvent>(
          `AuditEvent?entity=DocumentReference/${document}&_count=100`,
          ADMIN,
        );
        const uses = entry.filter(each => JSON.stringify(each).includes(`recipient-of-${delivery.split('/')[1]}`));
        assert.equal(uses.length, 3);
        const all = await talk.get('AuditEvent?_count=1000', ADMIN);
        const token = payload.url.split('/').at(-1)!;
        for (const secret of [token, `POST /health-links/${token}`])
          assert.ok(!all.text.includes(secret) && !all.text.includes(Buffer.from(secret).toString('base64')));
      });

      it('count wrong passcodes over their whole life, and are over then', async () => {
        const { talk } = stage();
        const { payload } = await healthLink(talk, PASSCODE, { name: 'tries', valuePositiveInt: 2 });
        const right = { recipient: 'An app', passcode: PASSCODE.valueString };
        const wrong = { ...right, passcode: 'red 7 tulips' };
        const first = await manifest(payload, wrong);
        assert.deepEqual([first.status, first.body], [401, { remainingAttempts: 1 }]);
        assert.equal((await manifest(payload, right)).status, 200);
        const last = await manifest(payload, { recipient: 'An app' });
        assert.deepEqual([last.status, last.body], [401, { remainingAttempts: 0 }]);
        assert.equal((await manifest(payload, right)).status, 404);
        assert.equal((await manifest({ ...payload, url: `${payload.url}x` }, right)).status, 404);
      });

      it('lead to their file where they say so, and to nothing once they are revoked', async () => {
        const { talk } = stage();
        const direct = await healthLink(talk, { name: 'direct', valueBoolean: true });
        assert.equal(direct.payload.flag, 'U');
        const get = async (query: string) => {
          const answer = await fetch(`${direct.payload.url}${query}`);
          return { status: answer.status, text: await answer.text() };
        };
        assert.equal((await get('')).status, 400);
        const file = await get('?recipient=An%20app');
        assert.equal(await opened(file.text, direct.payload), PACKAGE_TEXT);
        assert.equal((await manifest(direct.payload, { recipient: 'An app' })).status, 404);
        for (const body of [{}, [], { recipient: ' ' }, { recipient: 7 }])
          assert.equal((await manifest(direct.payload, body)).status, 400);
        await revokedNow(talk, direct);
        assert.equal((await get('?recipient=An%20app')).status, 404);
        const open = await healthLink(talk);
        assert.equal((await manifest(open.payload, { recipient: 'An app' })).status, 200);
        const both = await runOn(talk, `${open.id}/$deliver`, [
          { name: 'method', valueCode: 'health-link' },
          PASSCODE,
          { name: 'direct', valueBoolean: true },
        ]);
        refusedAs(both, 400, 'bad-parameter-value', 'Parameters.parameter[2]');
        // Also where the file was named before.
        const held = await healthLink(talk);
        const named = await manifest(held.payload, { recipient: 'An app', embeddedLengthMax: 10 });
        await revokedNow(talk, held);
        assert.equal((await fetch(named.body.files[0]!.location!)).status, 404);
        // A link of this kind opens no page.
        const token = open.payload.url.split('/').at(-1)!;
        const page = `${talk.base.replace('/fhir', '')}/released-records`;
        const answer = await fetch(page, { method: 'POST', body: new URLSearchParams({ link: token, passcode: '' }) });
        assert.equal(answer.status, 404, await answer.text());
      });

      it('are asked for by pages of any origin, and by HEAD not at all', async () => {
        const { talk } = stage();
        const { payload } = await healthLink(
          talk,
          { name: 'direct', valueBoolean: true },
          { name: 'downloads', valuePositiveInt: 1 },
        );
        const address = `${payload.url}?recipient=A%20page`;
        const origin = 'https://viewer.example.org';
        const preflight = await talk.send('OPTIONS', address, {
          headers: {
            origin,
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'content-type',
          },
        });
        assert.deepEqual([preflight.status, preflight.header('access-control-allow-origin')], [204, '*']);
        assert.match(preflight.header('access-control-allow-headers')!, /Content-Type/);
        const head = await talk.send('HEAD', address);
        assert.deepEqual([head.status, head.header('allow')], [405, 'GET, POST']);
        const got = await talk.send('GET', address, { headers: { origin } });
        assert.equal(await opened(got.text, payload), PACKAGE_TEXT);
        const headers = ['access-control-allow-origin', 'cross-origin-resource-policy'].map(name => got.header(name));
        assert.deepEqual(headers, ['*', 'cross-origin']);
        const other = await healthLink(talk);
        const foreign = { origin, 'sec-fetch-site': 'cross-site', 'content-type': 'application/json' };
        const body = JSON.stringify({ recipient: 'A page', embeddedLengthMax: 10 });
        const asked = await talk.send<never>('POST', other.payload.url, { headers: foreign, body });
        assert.deepEqual([asked.status, asked.header('access-control-allow-origin')], [200, '*'], asked.text);
        const { location } = (JSON.parse(asked.text) as Manifest).files[0]!;
        assert.equal((await talk.send('HEAD', location!)).status, 405);
        assert.equal((await talk.send('GET', location!)).status, 200);
        // Positive control: nothing else is.
        const page = talk.base.replace('/fhir', '/released-records');
        assert.equal((await talk.send('POST', page, { headers: foreign, body: 'link=x' })).status, 403);
        assert.equal((await talk.send('HEAD', page)).status, 200);
      });

      it('give what is current alone, and tell who asked, by what they call themselves', async () => {
        const { talk } = stage();
        const { payload, document } = await healthLink(talk);
        const recipient = `An app\n${'x'.repeat(300)}`;
        assert.equal((await manifest(payload, { recipient })).status, 200);
        const { entry = [] } = await talk.search<AuditEvent>(
          `AuditEvent?entity=DocumentReference/${document}&_count=100`,
          ADMIN,
        );
        const details = entry.flatMap(({ resource }) => resource!.entity!.flatMap(({ detail = [] }) => detail));
        assert.deepEqual(
          details.flatMap(({ type, valueString }) => (type === 'recipient' ? [valueString] : [])),
          [`An app ${'x'.repeat(193)}`],
        );
        const { body: shown } = await talk.get<DocumentReference>(`DocumentReference/${document}`, ADMIN);
        for (const [status, expected] of [
          ['entered-in-error', 404],
          ['current', 200],
        ] as const) {
          const resource = { ...shown, status } as unknown as Resource;
          const body = { resource, decimals: undefined };
          await asRelease(talk, { kind: 'update', type: 'DocumentReference', id: document, body });
          assert.equal((await manifest(payload, { recipient: 'An app' })).status, expected);
        }
      });

      it('are used so often from one address, and no more for a while', async () => {
        const { talk } = stage();
        const address = `${talk.base.replace('/fhir', '/health-links')}/${'x'.repeat(43)}?recipient=me`;
        let answer = await talk.send('GET', address);
        for (let more = 0; answer.status === 404 && more < 200; more++) answer = await talk.send('GET', address);
        assert.deepEqual([answer.status, /too-many-uses/.test(answer.text)], [429, true]);
        assert.ok(Number(answer.header('retry-after')) > 0);
        // A page of another address has its own count.
        const elsewhere = await talk.send('GET', address, { headers: { 'x-forwarded-for': '192.0.2.7' } });
        assert.equal(elsewhere.status, 404);
      });
    },
    {
      features: releasingFeatures,
      config: { auth: 'token', tokens: workTokens, trustedProxies: '127.0.0.1' },
      set: async ({ talk }) => {
        await talk.update<Patient>(
          { resourceType: 'Patient', id: 'asked-for', name: [{ family: 'Secretname' }] },
          ADMIN,
        );
      },
    },
  );
});
