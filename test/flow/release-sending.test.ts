/** Deliveries that the server sends itself: a link by email, a package to another record system; what proves them, and what follows where they fail. docs/records-desk.md */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type {
  AuditEvent,
  Binary,
  Bundle,
  Communication,
  DocumentReference,
  Parameters as Given,
  Task,
} from 'fhir/r4.js';
import { after, describe, it } from 'mocha';
import type { FhirError } from '../../src/fhir/error.js';
import { openMail } from '../../src/outgoing/mail.js';
import { outgoingCode } from '../../src/outgoing/trouble.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { AUTHORITY } from '../support/certificate.js';
import { openRelay } from '../support/mail-relay.js';
import { type GivenValues, runOn } from '../support/records-request.js';
import { PACKAGE_TEXT, releasingFeatures, requestReleased } from '../support/released-request.js';
import { steppedTime } from '../support/stepped-time.js';
import type { Talk } from '../support/talk.js';
import { ADMIN, asRole, CLERK, FHIR_JSON, lead, refusedAs, workStateOf, workTokens } from '../support/work.js';

import { fullIt } from '../support/depth.js';
const folder = mkdtempSync(join(tmpdir(), 'chartroom-sending-'));
const [relay, deaf] = [await openRelay(), await openRelay({ plain: true })];

/** Of IHE: the same was submitted before. */
const DUPLICATE = 'XDSDuplicateUniqueIdInRegistry';

/** Another record system: what it was sent, and what it answers. */
const received: {
  readonly authorization: string | undefined;
  readonly prefer: unknown;
  readonly bundle: Bundle;
}[] = [];
const answers: number[] = [];
/** Characters of what it answers beside. */
let chatter = 0;
const other = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    received.push({
      authorization: request.headers.authorization,
      prefer: request.headers['prefer'],
      bundle: JSON.parse(Buffer.concat(parts).toString()) as Bundle,
    });
    const location = answers[0] === 409 ? DUPLICATE : 'DocumentReference/42/_history/1';
    response.writeHead(answers.shift() ?? 200, { 'content-type': 'application/fhir+json' });
    response.end(
      JSON.stringify({
        resourceType: 'Bundle',
        entry: [{ response: { status: '201', location } }],
        id: 'x'.repeat(chatter),
      }),
    );
  });
}).listen(0, '127.0.0.1');
await once(other, 'listening');
after(() => {
  relay.close();
  deaf.close();
  other.close();
  other.closeAllConnections();
});

const receivers = join(folder, 'receivers.json');
const base = `http://localhost:${(other.address() as AddressInfo).port}/fhir`;
writeFileSync(receivers, JSON.stringify({ 'county-hospital': { base, authorization: 'Bearer of-the-county' } }));
const mailCa = join(folder, 'authority.pem');
writeFileSync(mailCa, AUTHORITY);
const mailFrom = 'records@hospital.example.org';

const PASSCODE = { name: 'passcode', valueString: 'plough-tram-willow-9' };
const email = (to: string): GivenValues => [
  { name: 'method', valueCode: 'email' },
  { name: 'to', valueString: to },
  PASSCODE,
];
const toHospital: GivenValues = [
  { name: 'method', valueCode: 'ehr' },
  { name: 'receiver', valueCode: 'county-hospital' },
];

describe('what a release sends itself', () => {
  const time = steppedTime(Date.UTC(2026, 2, 10, 12));
  const begun = async (talk: Talk, given: GivenValues, who = CLERK) => {
    const { id } = await requestReleased(talk);
    const { status, body, text } = await runOn(talk, `${id}/$deliver`, given, who);
    assert.equal(status, 200, text);
    const named = body.parameter!.find(({ name }) => name === 'delivery')!.valueReference!.reference!;
    return { id, named, answer: body };
  };
  const ended = async (talk: Talk, { id, named, answer }: Awaited<ReturnType<typeof begun>>) => {
    for (;;) {
      const { body: told } = await talk.get<Communication>(named, CLERK);
      if (told.status !== 'in-progress') {
        const { body: task } = await talk.get<Task>(`Task/${id}`, CLERK);
        return { told, task, answer, named };
      }
      time.step(1000);
      await pause(20);
    }
  };
  /** Delivers, and waits until it is known what came of it. */
  const delivered = async (talk: Talk, given: GivenValues, who = CLERK) => ended(talk, await begun(talk, given, who));
  /** To a system that is not well: delivers, and waits until that has been tried once. */
  const tried = async (talk: Talk) => {
    const from = received.length;
    answers.push(503);
    const delivery = await begun(talk, toHospital);
    while (received.length === from) {
      // Where the job looks before the delivery is committed, it looks again a little later: by the clock of the server.
      time.step(100);
      await pause(20);
    }
    return { delivery, attempts: () => received.length - from };
  };
  const detail = ({ extension = [] }: Communication, code: string): string | undefined =>
    extension.find(each => each.extension!.some(({ valueCode }) => valueCode === code))?.extension![1]!.valueString;

  onStoresInTurn(
    'by email and to another system',
    stage => {
      it('is the link alone, in a mail that names nobody, and the relay’s answer proves it', async () => {
        const { talk } = stage();
        const { told, answer, task } = await delivered(talk, email('ada@example.org'));
        assert.deepEqual([told.status, workStateOf(task)], ['completed', 'released']);
        assert.match(detail(told, 'proof')!, /queued as Q4711/);
        // Whoever delivers does not learn the link.
        assert.ok(answer.parameter!.every(({ name }) => name !== 'link'));
        const { to, text } = relay.taken.findLast(each => each.to === 'ada@example.org')!;
        assert.equal(to, 'ada@example.org');
        const plain = text.replaceAll('=\n', '').replaceAll('=3D', '=');
        const [, token] = /released-records#([\w-]{20,})/.exec(plain)!;
        for (const secret of ['Lindqvist', 'asked-for', 'Ada <', 'plough', task.id!, task.identifier![0]!.value!])
          assert.ok(!plain.includes(secret), secret);
        assert.ok(!JSON.stringify([told, task]).includes(token!));
        const got = await fetch(`${talk.base.replace(/\/fhir\/?$/, '')}/released-records`, {
          method: 'POST',
          body: new URLSearchParams({ link: token!, passcode: PASSCODE.valueString }),
        });
        assert.equal(await got.text(), PACKAGE_TEXT);
      });

      fullIt('is tried again where the relay says later, and is told as failed where it says never', async () => {
        const { talk } = stage();
        const address = `later-${stage().server.engine.store.name}@example.org`;
        const { told } = await delivered(talk, email(address));
        assert.equal(told.status, 'completed');
        assert.equal(relay.taken.filter(({ to }) => to === address).length, 1);
        const { told: never, task } = await delivered(talk, email('nobody@example.org'));
        assert.deepEqual([never.status, workStateOf(task)], ['not-done', 'searching']);
        assert.match(never.statusReason!.text!, /550/);
        assert.ok(!never.statusReason!.text!.includes('no such mailbox'));
      });

      fullIt('goes to one mailbox, and not by an address that a header could be made of', async () => {
        const { talk } = stage();
        const { id } = await requestReleased(talk);
        const before = relay.taken.length;
        for (const to of [
          'ada',
          'a@b, c@d',
          'Ada <ada@example.org>',
          'ada@example.org\r\nBcc: x@y',
          'adä@example.org',
          `${'x'.repeat(300)}@y`,
        ])
          refusedAs(
            await runOn(talk, `${id}/$deliver`, email(to)),
            400,
            'bad-parameter-value',
            'Parameters.parameter[1]',
          );
        const nowhere = [toHospital[0]!, { name: 'receiver', valueCode: 'elsewhere' }];
        refusedAs(await runOn(talk, `${id}/$deliver`, nowhere), 400, 'bad-parameter-value', 'Parameters.parameter[1]');
        assert.equal(relay.taken.length, before);
      });

      it('reaches another record system as provided documents, and its answer proves it', async () => {
        const { talk } = stage();
        answers.push(503);
        const from = received.length;
        const { told, task } = await delivered(talk, toHospital);
        assert.deepEqual([told.status, workStateOf(task)], ['completed', 'released']);
        assert.equal(detail(told, 'proof'), '200 DocumentReference/42/_history/1');
        const sent = received.slice(from);
        assert.equal(sent.length, 2);
        // The same again: whoever has taken the first one knows it.
        assert.deepEqual(sent[0]!.bundle, sent[1]!.bundle);
        const [{ authorization, bundle }] = sent as [(typeof sent)[number]];
        assert.equal(authorization, 'Bearer of-the-county');
        const resources = bundle.entry!.map(({ resource }) => resource!);
        const binary = resources.find((each): each is Binary => each.resourceType === 'Binary')!;
        assert.equal(Buffer.from(binary.data!, 'base64').toString(), PACKAGE_TEXT);
        const document = resources.find(
          (each): each is DocumentReference => each.resourceType === 'DocumentReference',
        )!;
        assert.equal(document.subject!.reference, undefined);
        assert.deepEqual(document.subject!.identifier, { system: 'urn:mrn', value: 'MRN-9' });
        // Another server of this kind takes it, once.
        const take = () => talk.send('POST', '', { headers: { ...ADMIN, ...FHIR_JSON }, body: JSON.stringify(bundle) });
        assert.equal((await take()).status, 200);
        const again = await take();
        assert.deepEqual([again.status, again.text.includes(DUPLICATE)], [409, true], again.text);
        // The trail names who has it.
        const exported = async (): Promise<AuditEvent | undefined> =>
          (await talk.search<AuditEvent>('AuditEvent?type=110106&_count=50', ADMIN)).entry
            ?.map(({ resource }) => resource!)
            .find(event => JSON.stringify(event).includes(told.id!));
        let event = await exported();
        while (!event) {
          time.step(20);
          await pause(20);
          event = await exported();
        }
        assert.ok(event.agent.some(({ name, requestor }) => name === 'county-hospital' && !requestor));
      });

      fullIt('is taken where the other system says that it has it from an attempt before', async () => {
        answers.push(503, 409);
        const { told } = await delivered(stage().talk, toHospital);
        assert.deepEqual([told.status, detail(told, 'proof')], ['completed', '409 it has the document already']);
      });

      fullIt('is told as failed where the other system does not take it', async () => {
        const { talk } = stage();
        answers.push(422);
        const { told, task } = await delivered(talk, toHospital);
        assert.deepEqual([told.status, workStateOf(task)], ['not-done', 'searching']);
        assert.match(told.statusReason!.text!, /422/);
      });

      fullIt('is taken where the other system says so, however much it says beside', async () => {
        const { talk } = stage();
        chatter = 5_000_000;
        try {
          const { told, task } = await delivered(talk, toHospital);
          assert.deepEqual([told.status, workStateOf(task)], ['completed', 'released']);
          assert.equal(detail(told, 'proof'), '200');
        } finally {
          chatter = 0;
        }
        assert.equal(received.at(-1)!.prefer, 'return=minimal');
      });

      fullIt('comes to its end whoever has delivered', async () => {
        const { talk } = stage();
        const { told } = await delivered(talk, email('ada@example.org'), asRole('service'));
        assert.equal(told.status, 'completed');
        const { told: never, task } = await delivered(talk, email('nobody@example.org'), asRole('privacy-officer'));
        assert.deepEqual([never.status, workStateOf(task)], ['not-done', 'searching']);
      });

      fullIt('keeps its request open until it is known what came of it', async () => {
        const { talk } = stage();
        const { delivery } = await tried(talk);
        refusedAs(await lead(talk, delivery.id, { name: 'close' }), 422, 'delivery-under-way', 'Task.output');
        const { told, task } = await ended(talk, delivery);
        assert.deepEqual([told.status, workStateOf(task)], ['completed', 'released']);
        assert.equal((await lead(talk, delivery.id, { name: 'close' })).status, 200);
      });

      it('is not sent again once the request is worked on again, and says so', async () => {
        const { talk } = stage();
        const { delivery, attempts } = await tried(talk);
        assert.equal((await lead(talk, delivery.id, { name: 'reopen', reason: 'Of somebody else.' })).status, 200);
        const { told, task } = await ended(talk, delivery);
        assert.deepEqual([told.status, workStateOf(task), attempts()], ['stopped', 'searching', 1]);
        assert.match(told.statusReason!.text!, /not sent/);
      });

      it('is stopped where somebody cancels it, and says so', async () => {
        const { talk } = stage();
        const { delivery, attempts } = await tried(talk);
        const { body: list } = await talk.get<Given>('$jobs', CLERK);
        const job = list.parameter!.find(({ part }) => JSON.stringify(part).includes('release-sending'))!;
        const named = job.part!.find(({ name }) => name === 'id')!.valueId!;
        const cancelled = await talk.send('POST', '$jobs-cancel', {
          headers: { ...CLERK, ...FHIR_JSON },
          body: JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'job', valueId: named }] }),
        });
        assert.equal(cancelled.status, 202, cancelled.text);
        const { told, task } = await ended(talk, delivery);
        assert.deepEqual([told.status, workStateOf(task), attempts()], ['stopped', 'released', 1]);
        assert.match(told.statusReason!.text!, /cancelled/);
      });
    },
    {
      time,
      config: {
        ...{ auth: 'token', tokens: workTokens, receivers },
        ...{ mail: `smtps://localhost:${relay.port}`, mailFrom, mailCa },
      },
      features: releasingFeatures,
      set: async ({ talk }) => {
        const identifier = [
          { system: 'http://hl7.org/fhir/sid/us-ssn', value: '999-99-9999' },
          { use: 'old' as const, system: 'urn:mrn', value: 'MRN-1', type: { coding: [{ code: 'MR' }] } },
          { system: 'urn:lab', value: 'L-2' },
          { system: 'urn:mrn', value: 'MRN-9', type: { coding: [{ code: 'MR' }] } },
        ];
        await talk.update(
          { resourceType: 'Patient', id: 'asked-for', identifier, name: [{ text: 'Ada Lindqvist' }] },
          ADMIN,
        );
      },
    },
  );

  it('may do later where the relay does not take this server, and never where it takes no such mailbox', async () => {
    const letter = { to: 'ada@example.org', subject: 'S', text: 'T', id: '1' };
    const sent = async (to: string, says: Parameters<typeof openRelay>[0]): Promise<unknown> => {
      const own = await openRelay(says);
      const mail = openMail({ url: `smtps://localhost:${own.port}`, from: mailFrom, ca: AUTHORITY });
      return mail
        .send({ ...letter, to })
        .then(
          () => 'sent',
          (error: unknown) => outgoingCode(error) ?? (error as FhirError).kind,
        )
        .finally(() => own.close());
    };
    assert.equal(await sent('ada@example.org', {}), 'sent');
    assert.equal(await sent('ada@example.org', { greeting: '554 5.3.2 No service' }), 'outgoing-broken');
    assert.equal(await sent('ada@example.org', { sender: '530 5.7.0 Authenticate first' }), 'outgoing-broken');
    assert.equal(await sent('nobody@example.org', {}), 'unprocessable');
  });

  it('goes to no relay without TLS, nor to one that proves nothing', async () => {
    const letter = { to: 'ada@example.org', subject: 'S', text: 'T', id: '1' };
    await assert.rejects(openMail({ url: `smtp://localhost:${deaf.port}`, from: mailFrom }).send(letter), error =>
      ['outgoing-untrusted', 'outgoing-broken'].includes(String(outgoingCode(error))),
    );
    assert.ok(deaf.lines.length > 0 && !deaf.lines.some(line => line.startsWith('MAIL')));
    const before = relay.lines.length;
    await assert.rejects(openMail({ url: `smtps://localhost:${relay.port}`, from: mailFrom }).send(letter));
    assert.equal(relay.lines.length, before);
    assert.throws(() => openMail({ url: 'relay.example.org', from: mailFrom }), /CHARTROOM_MAIL/);
    assert.throws(() => openMail({ url: 'smtps://relay.example.org', from: 'Ada' }), /CHARTROOM_MAIL_FROM/);
  });
});
