/** Links to what was released: a passcode, an end, so many tries and downloads, and an event of each use. docs/records-desk.md */
import assert from 'node:assert/strict';
import type { AuditEvent, Communication, DocumentReference, Parameters, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import type { Resource } from '../../src/fhir/resource.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { type GivenValues, runOn } from '../support/records-request.js';
import { asRelease, PACKAGE_TEXT, releasingFeatures, requestReleased } from '../support/released-request.js';
import { steppedTime } from '../support/stepped-time.js';
import type { Reply, Talk } from '../support/talk.js';
import { ADMIN, CLERK, refusedAs, workTokens } from '../support/work.js';

const DAY = 86_400_000;
const POSTED = Buffer.from('POST /released-records').toString('base64');
const PASSCODE = 'Käse & Brot 7';
const linkTo = (talk: Talk, id: string, ...more: GivenValues): Promise<Reply<Parameters>> =>
  runOn(talk, `${id}/$deliver`, [
    { name: 'method', valueCode: 'link' },
    ...(more.some(({ name }) => name === 'passcode') ? [] : [{ name: 'passcode', valueString: PASSCODE }]),
    ...more,
  ]);
interface MadeLink {
  readonly id: string;
  readonly document: string;
  readonly delivery: string;
  readonly address: string;
  readonly token: string;
}
const madeLink = async (talk: Talk, ...more: GivenValues): Promise<MadeLink> => {
  const { id, document } = await requestReleased(talk);
  const { body, status, text } = await linkTo(talk, id, ...more);
  assert.equal(status, 200, text);
  const link = body.parameter!.find(({ name }) => name === 'link')!.valueUrl!;
  const [address = '', token = ''] = link.split('#');
  return { id, document, address, token, delivery: body.parameter![0]!.valueReference!.reference! };
};
/** Posts the form: status and body. */
const use = async ({ address, token }: Pick<MadeLink, 'address' | 'token'>, passcode = PASSCODE) => {
  const answer = await fetch(address, { method: 'POST', body: new URLSearchParams({ link: token, passcode }) });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
};
const REVOKED: GivenValues = [
  { name: 'outcome', valueCode: 'revoked' },
  { name: 'reason', valueString: 'Asked for.' },
];
const revoke = (talk: Talk, { id, delivery }: MadeLink) =>
  runOn(talk, `${id}/$delivery-outcome`, [{ name: 'delivery', valueReference: { reference: delivery } }, ...REVOKED]);
/** What an OperationOutcome says, but for the id of its request. */
const saidIn = (text: string): string => text.replaceAll(/[0-9a-f-]{36}/g, '');

describe('links to released records', () => {
  const time = steppedTime(Date.UTC(2026, 2, 10, 12));
  onStoresInTurn(
    'of a delivery',
    stage => {
      const eventsOf = async (query: string): Promise<readonly AuditEvent[]> => {
        const { entry = [] } = await stage().talk.search<AuditEvent>(`AuditEvent?${query}&_count=1000`, ADMIN);
        return entry.map(({ resource }) => resource!);
      };

      it('give the package to whoever has them and the passcode, with an event of each use', async () => {
        const { talk } = stage();
        const link = await madeLink(talk);
        assert.ok(Buffer.from(link.token, 'base64url').length >= 16);
        const page = await fetch(link.address);
        assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*script-src 'sha256-/);
        assert.match(await page.text(), /<form method="post" action="\/released-records">/);
        const got = await use(link);
        assert.deepEqual([got.status, got.text], [200, PACKAGE_TEXT]);
        assert.equal(got.headers.get('content-disposition'), 'attachment; filename="records.txt"');
        assert.equal(got.headers.get('cache-control'), 'no-store');
        assert.equal((await use(link, 'another passcode')).status, 404);
        const events = await eventsOf(`entity=DocumentReference/${link.document}`);
        const uses = events.filter(({ agent }) =>
          JSON.stringify(agent).includes(`recipient-of-${link.delivery.split('/')[1]}`),
        );
        assert.deepEqual(
          uses.map(({ outcome }) => outcome).toSorted((one, other) => Number(one) - Number(other)),
          ['0', '4'],
        );
        assert.ok(uses.some(each => JSON.stringify(each).includes('Patient/asked-for')));
        // Nothing that was kept has the token or the passcode.
        const kept = JSON.stringify([
          events,
          await talk.get(`Task/${link.id}`, CLERK),
          await talk.get(link.delivery, CLERK),
        ]);
        assert.ok(!kept.includes(link.token) && !kept.includes(PASSCODE));
        const records: string[] = [];
        for await (const { id, value } of stage().server.engine.store.records.all()) records.push(id, value);
        assert.ok(records.length > 0 && !records.some(each => each.includes(link.token) || each.includes(PASSCODE)));
      });

      it('say the same of what is unknown, over, used up, revoked, or has another passcode', async () => {
        const { talk } = stage();
        const [over, revoked, spent, wrong] = [
          await madeLink(talk, { name: 'expires', valueDateTime: '2026-03-12' }),
          await madeLink(talk),
          await madeLink(talk, { name: 'downloads', valuePositiveInt: 1 }),
          await madeLink(talk),
        ];
        assert.equal((await use(over)).status, 200);
        assert.equal((await use(spent)).status, 200);
        assert.equal((await revoke(talk, revoked)).status, 200);
        assert.equal((await talk.get<Communication>(revoked.delivery, CLERK)).body.status, 'stopped');
        refusedAs(await revoke(talk, revoked), 422, 'nothing-to-revoke', 'Parameters.parameter[0]');
        time.step(3 * DAY);
        const unknown = { address: over.address, token: 'x'.repeat(43) };
        const answers = [
          await use(unknown),
          await use(over),
          await use(revoked),
          await use(spent),
          await use(wrong, 'no, not this'),
        ];
        time.set(time.now() - 3 * DAY);
        for (const { status, text } of answers) {
          assert.equal(status, 404, text);
          assert.equal(saidIn(text), saidIn(answers[0]!.text));
        }
        for (const token of ['', 'é'.repeat(500)]) assert.equal((await use({ ...unknown, token })).status, 404);
        const refused = await eventsOf('outcome=4&_sort=-date');
        assert.ok(refused.filter(each => each.entity?.[0]?.query === POSTED).length >= 4);
      });

      it('are closed by wrong passcodes, and a right one begins to count anew', async () => {
        const { talk } = stage();
        const link = await madeLink(talk, { name: 'tries', valuePositiveInt: 2 });
        for (let round = 0; round < 2; round++) {
          assert.equal((await use(link, 'wrong one')).status, 404);
          assert.equal((await use(link)).status, 200);
        }
        assert.deepEqual([(await use(link, 'wrong one')).status, (await use(link, 'wrong two')).status], [404, 404]);
        const closed = await use(link);
        assert.deepEqual([closed.status, /no-tries/.test(closed.text)], [429, true]);
      });

      it('give no more than they have to those who ask at once', async () => {
        const { talk } = stage();
        const link = await madeLink(
          talk,
          { name: 'downloads', valuePositiveInt: 2 },
          { name: 'tries', valuePositiveInt: 10 },
        );
        const all = await Promise.all([1, 2, 3].map(() => use(link)));
        assert.equal(all.filter(({ status }) => status === 200).length, 2);
        const guessed = await madeLink(talk, { name: 'tries', valuePositiveInt: 2 });
        const guesses = await Promise.all([1, 2, 3].map(each => use(guessed, `guess number ${each}`)));
        assert.ok(guesses.every(({ status }) => status === 404 || status === 429));
        assert.equal((await use(guessed)).status, 429);
      });

      it('are revoked also where what told of their delivery is gone', async () => {
        const { talk } = stage();
        const link = await madeLink(talk);
        await asRelease(talk, { kind: 'delete', type: 'Communication', id: link.delivery.split('/')[1]! });
        const done = await revoke(talk, link);
        assert.equal(done.status, 200, done.text);
        assert.equal((await use(link)).status, 404);
        refusedAs(await revoke(talk, link), 422, 'nothing-to-revoke', 'Parameters.parameter[0]');
      });

      it('give what is current alone', async () => {
        const { talk } = stage();
        const link = await madeLink(talk);
        const { body: shown } = await talk.get<DocumentReference>(`DocumentReference/${link.document}`, ADMIN);
        const resource = { ...shown, status: 'entered-in-error' } as unknown as Resource;
        const ask = { kind: 'update', type: 'DocumentReference', id: link.document } as const;
        await asRelease(talk, { ...ask, body: { resource, decimals: undefined } });
        assert.equal((await use(link)).status, 404);
      });

      it('end with a delivery that went wrong', async () => {
        const { talk } = stage();
        const link = await madeLink(talk);
        const wrong = await runOn(talk, `${link.id}/$delivery-outcome`, [
          { name: 'delivery', valueReference: { reference: link.delivery } },
          { name: 'outcome', valueCode: 'wrong-recipient' },
          { name: 'received-by', valueString: 'Somebody else' },
          { name: 'reason', valueString: 'The address had a slip.' },
        ]);
        assert.equal(wrong.status, 200, wrong.text);
        assert.equal((await use(link)).status, 404);
      });

      it('are not made of what cannot be meant', async () => {
        const { talk } = stage();
        const { id } = await requestReleased(talk);
        const rows: readonly GivenValues[] = [
          [{ name: 'passcode', valueString: '1234567' }],
          [{ name: 'passcode', valueString: 'aaaaaaaaaaaa' }],
          [{ name: 'passcode', valueString: 'x1y2'.repeat(26) }],
          [{ name: 'expires', valueDateTime: '2026-03-09' }],
          [{ name: 'expires', valueDateTime: '2026-09-01' }],
          [{ name: 'downloads', valuePositiveInt: 21 }],
          [{ name: 'tries', valuePositiveInt: 11 }],
          [{ name: 'taken-by', valueString: 'Somebody' }],
        ];
        for (const row of rows) {
          const { status, text } = await linkTo(talk, id, ...row);
          assert.deepEqual(
            [status, /bad-parameter-value/.test(text), text.includes('Parameters.parameter[')],
            [400, true, true],
            text,
          );
        }
        const bare = await runOn(talk, `${id}/$deliver`, [{ name: 'method', valueCode: 'link' }]);
        refusedAs(bare, 400, 'bad-parameter-value', 'Parameters.parameter');
        assert.equal(
          (await fetch(`${talk.base.replace('/fhir', '')}/released-records`, { method: 'DELETE' })).status,
          405,
        );
        const large = await fetch(`${talk.base.replace('/fhir', '')}/released-records`, {
          method: 'POST',
          body: 'x'.repeat(5000),
        });
        assert.equal(large.status, 413);
        await large.text();
      });
    },
    {
      time,
      features: releasingFeatures,
      config: { auth: 'token', tokens: workTokens },
      set: async ({ talk }) => {
        await talk.update<Patient>(
          { resourceType: 'Patient', id: 'asked-for', name: [{ family: 'Secretname' }] },
          ADMIN,
        );
      },
    },
  );
});
