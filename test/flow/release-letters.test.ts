/** Letters of the records desk: each a document and a Communication in one commit, with nothing but what it needs. docs/records-desk.md */
import assert from 'node:assert/strict';
import type { Bundle, OperationOutcome, Parameters, Patient, Provenance, Task } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { aboutTask, type GivenValues, ledTo, lettersOf, requestBegun, runOn } from '../support/records-request.js';
import { steppedTime } from '../support/stepped-time.js';
import type { Reply, Talk } from '../support/talk.js';
import { ADMIN, asRole, CLERK, FHIR_JSON, lead, refusedAs, workStateOf, workTokens } from '../support/work.js';

const GROUND = 'urn:chartroom:refusal-ground';
const letter = (talk: Talk, id: string, kind: string, ...more: GivenValues): Promise<Reply<Parameters>> =>
  runOn(talk, `${id}/$letter`, [{ name: 'kind', valueCode: kind }, ...more]);
/** A transition with a ground. */
const refuse = (talk: Talk, id: string, given: GivenValues): Promise<Reply<Task>> =>
  runOn<Task>(talk, `${id}/$transition`, given);
const denyBy = (code: string, reason = 'A note of the file that nobody outside reads.'): GivenValues => [
  { name: 'name', valueCode: 'deny' },
  { name: 'reason', valueString: reason },
  { name: 'reason-code', valueCoding: { system: GROUND, code } },
];

describe('letters of the records desk', () => {
  const time = steppedTime(Date.UTC(2026, 2, 10, 12));
  onStoresInTurn(
    'about requests for records',
    stage => {
      it('are a page and a Communication, in the language that is asked for', async () => {
        const { talk } = stage();
        const id = await requestBegun(talk);
        const made = await letter(talk, id, 'acknowledged', {
          name: 'remark',
          valueString: 'Bring <i>your</i> papers.',
        });
        assert.equal(made.status, 200, made.text);
        const spanish = await letter(talk, id, 'acknowledged', { name: 'language', valueCode: 'es-MX' });
        assert.equal(spanish.status, 200, spanish.text);
        const [first, second] = await lettersOf(talk, id);
        const { document, communication, html } = first!;
        assert.deepEqual(
          made.body.parameter!.map(({ valueReference }) => valueReference!.reference),
          [`DocumentReference/${document.id}`, `Communication/${communication.id}`],
        );
        assert.deepEqual([document.subject?.reference, document.docStatus], ['Patient/asked-for', 'final']);
        assert.equal(document.content[0]!.attachment.contentType, 'text/html; charset=utf-8');
        assert.deepEqual(
          [communication.basedOn, communication.about],
          [[{ reference: `Task/${id}` }], communication.basedOn],
        );
        assert.equal(communication.recipient?.[0]?.display, 'Ada <b>Lindqvist</b> & Co. {tracking}');
        const text = communication.payload![1]!.contentString!;
        assert.match(
          text,
          /received your request for records on 2026-03-01\. .*\n\nYou will have an answer by 2026-03-31/,
        );
        assert.match(text, /To Ada <b>Lindqvist<\/b> & Co\. \{tracking\}\n/);
        assert.match(text, /Bring <i>your<\/i> papers/);
        assert.match(text, /Records desk, 1 Main Street/);
        // What people wrote is text, and no place of the template.
        assert.ok(html.includes('Ada &lt;b&gt;Lindqvist&lt;/b&gt; &amp; Co. {tracking}'), html);
        assert.ok(html.includes('Bring &lt;i&gt;your&lt;/i&gt; papers') && !html.includes('<i>'));
        assert.match(html, /<html lang="en">/);
        assert.match(second!.html, /<html lang="es">.*Recibimos su solicitud/s);
        for (const each of [html, text]) assert.doesNotMatch(each, /Secretname|asked-for|undefined|\{remark\}/);
      });

      it('are refused where they would not say what is so, or are none', async () => {
        const { talk } = stage();
        const id = await requestBegun(talk);
        for (const kind of ['deficient-authorization', 'extension', 'denial', 'cover', 'part-2-notice'])
          refusedAs(await letter(talk, id, kind), 422, 'no-reason-for-letter', 'Parameters.parameter[0]');
        const rows: readonly (readonly [string, GivenValues])[] = [
          ['Parameters.parameter[0]', [{ name: 'kind', valueCode: 'love' }]],
          ['Parameters.parameter[0]', [{ name: 'kind', valueCode: 'constructor' }]],
          ['Parameters.parameter', []],
          [
            'Parameters.parameter[1]',
            [
              { name: 'kind', valueCode: 'acknowledged' },
              { name: 'language', valueCode: 'tlh' },
            ],
          ],
          [
            'Parameters.parameter[1]',
            [
              { name: 'kind', valueCode: 'acknowledged' },
              { name: 'remark', valueString: ' ' },
            ],
          ],
          [
            'Parameters.parameter[1]',
            [
              { name: 'kind', valueCode: 'acknowledged' },
              { name: 'remark', valueString: 'x'.repeat(1001) },
            ],
          ],
        ];
        for (const [expression, parameter] of rows)
          refusedAs(await runOn(talk, `${id}/$letter`, parameter), 400, 'bad-parameter-value', expression);
        assert.equal((await letter(talk, 'nobody', 'acknowledged')).status, 404);
        const other = await talk.update<Task>(
          { resourceType: 'Task', id: 'plain', status: 'draft', intent: 'order' },
          ADMIN,
        );
        assert.equal(other.status, 201);
        refusedAs(await letter(talk, 'plain', 'acknowledged'), 422, 'no-records-request', 'Task.code');
        const reader = await runOn(
          talk,
          `${id}/$letter`,
          [{ name: 'kind', valueCode: 'acknowledged' }],
          asRole('reader'),
        );
        assert.equal(reader.status, 403);
        assert.deepEqual(await lettersOf(talk, id), []);
        // Positive control: of a request that is open this one is written.
        assert.equal((await letter(talk, id, 'acknowledged')).status, 200);
      });

      it('INFB-1: of a denial name the ground that its Task stores, and the ways to complain', async () => {
        const { talk } = stage();
        const id = await requestBegun(talk, { name: 'language', valueCode: 'es' });
        await ledTo(talk, id, 'log');
        const before = (await talk.get<Task>(`Task/${id}`, CLERK)).body;
        for (const [given, detail] of [
          [
            [
              { name: 'name', valueCode: 'deny' },
              { name: 'reason', valueString: 'No.' },
            ],
            'no-ground',
          ],
          [denyBy('because'), 'no-ground'],
          [denyBy('more-time'), 'no-ground'],
          [denyBy('danger', ' '), 'no-justification'],
        ] as const)
          refusedAs(await refuse(talk, id, [...given]), 422, detail, 'Task.statusReason');
        const put = await talk.update<Task>(
          { ...before, id, status: 'rejected', statusReason: { text: 'No.' } },
          CLERK,
        );
        refusedAs(put, 422, 'no-ground', 'Task.statusReason');
        assert.deepEqual(await lettersOf(talk, id), []);
        const denied = await refuse(talk, id, denyBy('danger'));
        assert.equal(denied.status, 200, denied.text);
        assert.deepEqual(
          [workStateOf(denied.body), denied.body.statusReason?.coding?.[0]?.code, denied.body.statusReason?.text],
          ['denied', 'danger', 'A note of the file that nobody outside reads.'],
        );
        const [spanish, ...none] = await lettersOf(talk, id);
        assert.deepEqual([spanish!.kind, none], ['denial', []]);
        assert.match(spanish!.html, /profesional de la salud con licencia ha juzgado.*45 CFR 164\.524\(a\)\(3\)\(i\)/s);
        // The Provenance of the transition and the letter are there together.
        const steps = await talk.get<Bundle<Provenance>>(`Provenance?target=Task/${id}`, CLERK);
        assert.ok(steps.body.entry!.some(({ resource }) => resource!.activity?.coding?.[0]?.code === 'deny'));
        assert.equal((await letter(talk, id, 'denial', { name: 'language', valueCode: 'en' })).status, 200);
        const english = (await lettersOf(talk, id))[1]!.html;
        assert.match(english, /have this decision reviewed by a licensed health care professional/);
        assert.match(english, /complain to Ms. Privacy, 555 0100\. .*Office for Civil Rights/s);
        assert.doesNotMatch(english, /A note of the file|gives no right/);
        refusedAs(await letter(talk, id, 'acknowledged'), 422, 'no-reason-for-letter', 'Parameters.parameter[0]');
      });

      it('say whether a denial can be reviewed, as its ground has it', async () => {
        const { talk } = stage();
        const rows = [
          ['psychotherapy-notes', /gives no right to have this decision reviewed/, /licensed health care professional/],
          ['names-another', /reviewed by a licensed health care professional/, /gives no right/],
          ['infeasibility', /It is infeasible\. \(45 CFR 171\.204\)/, /gives no right|reviewed by/],
        ] as const;
        for (const [code, says, not] of rows) {
          const id = await requestBegun(talk);
          await ledTo(talk, id, 'log');
          assert.equal((await refuse(talk, id, denyBy(code))).status, 200);
          const [{ html } = { html: '' }] = await lettersOf(talk, id);
          assert.match(html, says, code);
          assert.doesNotMatch(html, not, code);
        }
      });

      it('ROI-2: go with an extension, once, with its reason and the new day', async () => {
        const { talk } = stage();
        const extend = (id: string, until: string, ...more: GivenValues) =>
          refuse(talk, id, [
            { name: 'name', valueCode: 'extend-identity' },
            { name: 'until', valueDateTime: until },
            { name: 'reason', valueString: 'The papers are <elsewhere>.' },
            ...more,
          ]);
        const id = await requestBegun(talk);
        await ledTo(talk, id, 'log');
        const coded = (code: string) => ({ name: 'reason-code', valueCoding: { system: GROUND, code } });
        refusedAs(await extend(id, '2026-04-30', coded('danger')), 422, 'no-ground', 'Task.statusReason');
        refusedAs(await extend(id, '2026-05-10'), 422, 'term-not-extended', 'Task.restriction');
        assert.deepEqual(await lettersOf(talk, id), []);
        const extended = await extend(id, '2026-04-30');
        assert.equal(extended.body.restriction?.period?.end, '2026-04-30', extended.text);
        assert.equal(extended.body.statusReason?.coding?.[0]?.code, 'more-time');
        const letters = await lettersOf(talk, id);
        assert.equal(letters.length, 1);
        const [{ html, communication }] = letters as [(typeof letters)[number]];
        assert.match(html, /were to answer it by 2026-03-31/);
        assert.match(html, /The reason: The papers are &lt;elsewhere&gt;\./);
        assert.match(html, /an answer by 2026-04-30 at the latest/);
        assert.equal(communication.recipient?.[0]?.display, 'Ada <b>Lindqvist</b> & Co. {tracking}');
        // Whatever else is done with it makes no second letter.
        await ledTo(talk, id, 'identify');
        refusedAs(await extend(id, '2026-05-01'), 422, 'transition-refused', 'Parameters.parameter[0]');
        assert.equal((await lettersOf(talk, id)).length, 1);
        const named = await requestBegun(talk);
        await ledTo(talk, named, 'log');
        assert.equal((await extend(named, '2026-04-30', coded('infeasibility'))).status, 200);
        assert.equal((await letter(talk, named, 'extension', { name: 'language', valueCode: 'es' })).status, 200);
        assert.match((await lettersOf(talk, named))[1]!.html, /debíamos responder a más tardar el 2026-03-31/);
      });

      it('ROI-2: are written where plain FHIR extends or denies, and not where that is refused', async () => {
        const { talk } = stage();
        const id = await requestBegun(talk);
        const logged = await ledTo(talk, id, 'log');
        const extended: Task = {
          ...logged,
          id,
          restriction: { period: { end: '2026-04-15' } },
          statusReason: { text: 'A holiday.' },
        };
        assert.equal((await talk.update(extended, CLERK)).status, 200);
        assert.deepEqual(
          (await lettersOf(talk, id)).map(({ kind }) => kind),
          ['extension'],
        );
        const { body: now } = await talk.get<Task>(`Task/${id}`, CLERK);
        const coding = [{ system: GROUND, code: 'not-held' }];
        const denied: Task = {
          ...now,
          id,
          status: 'rejected',
          statusReason: { coding, text: 'Another house has them.' },
        };
        const transaction = {
          resourceType: 'Bundle',
          type: 'transaction',
          entry: [
            { resource: denied, request: { method: 'PUT', url: `Task/${id}` } },
            {
              resource: { resourceType: 'Patient', id: 'asked-for' },
              request: { method: 'PUT', url: 'Patient/asked-for', ifMatch: 'W/"99"' },
            },
          ],
        };
        const post = (body: object) =>
          talk.send<OperationOutcome>('POST', '', { headers: { ...FHIR_JSON, ...ADMIN }, body: JSON.stringify(body) });
        assert.equal((await post(transaction)).status, 412);
        assert.equal((await lettersOf(talk, id)).length, 1);
        assert.equal((await post({ ...transaction, entry: transaction.entry.slice(0, 1) })).status, 200);
        assert.deepEqual(
          (await lettersOf(talk, id)).map(({ kind }) => kind),
          ['extension', 'denial'],
        );
      });

      it('go with records once these may be given out', async () => {
        const { talk } = stage();
        const id = await requestBegun(
          talk,
          { name: 'requester-class', valueCode: 'payer' },
          { name: 'purpose', valueCode: 'HPAYMT' },
        );
        await ledTo(talk, id, 'log', 'identify', 'accept');
        assert.equal((await letter(talk, id, 'cover')).status, 200);
        assert.equal((await letter(talk, id, 'part-2-notice')).status, 200);
        const [cover, notice] = await lettersOf(talk, id);
        assert.match(cover!.html, /received this by mistake/);
        assert.doesNotMatch(cover!.html, /disclosed again/);
        assert.match(notice!.html, /42 CFR part 2 prohibits unauthorized use or disclosure of these records\./);
        assert.equal((await aboutTask(talk, 'DocumentReference?subject=Patient/asked-for', id)).length, 2);
        await lead(talk, id, { name: 'withdraw', reason: 'Not needed.' });
        refusedAs(await letter(talk, id, 'cover'), 422, 'no-reason-for-letter', 'Parameters.parameter[0]');
      });
    },
    {
      time,
      config: {
        ...{ auth: 'token', tokens: workTokens },
        ...{ recordsDesk: 'Records desk, 1 Main Street', complaintsTo: 'Ms. Privacy, 555 0100' },
      },
      set: async ({ talk }) => {
        await talk.update<Patient>(
          { resourceType: 'Patient', id: 'asked-for', name: [{ family: 'Secretname' }] },
          ADMIN,
        );
      },
    },
  );
});
