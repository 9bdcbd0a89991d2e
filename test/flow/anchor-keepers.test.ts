/** Who keeps anchors of the audit trail elsewhere (src/compose/anchor-keepers.ts): each gets them in its own way, and by what it has anybody can verify. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as wholeText } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'mocha';
import { exportTrail } from '../../src/audit/ledger/export.js';
import { anchorsGiven, witnessGiven } from '../../src/audit/ledger/report.js';
import { sourceOfStore } from '../../src/audit/ledger/store-source.js';
import { verifyText } from '../support/audit-trail.js';
import { AUTHORITY } from '../support/certificate.js';
import { openRelay, type TestRelay } from '../support/mail-relay.js';
import { openS3Server, type S3Server } from '../support/s3.js';
import { type RunningServer, startServer } from '../support/server.js';
import { startCollector, type SyslogCollector } from '../support/syslog-collector.js';
import { TestWitness } from '../support/witness.js';

const LOCKED =
  '<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Years>7</Years></DefaultRetention></Rule>';

describe('keepers of anchors', () => {
  const data = mkdtempSync(join(tmpdir(), 'chartroom-keepers-'));
  const ca = join(data, 'authority.pem');
  writeFileSync(ca, AUTHORITY);
  const posted: string[] = [];
  let answer = 204;
  const witness = new TestWitness();
  const web = createServer((request, response) => {
    void wholeText(request).then(body => {
      if (request.url === '/witness/add-checkpoint') {
        const { status, contentType, text } = witness.add(body);
        return void response.writeHead(status, { 'content-type': contentType }).end(text);
      }
      if (answer < 300) posted.push(body);
      response.writeHead(answer).end();
    });
  });
  let [relay, collector, s3, server]: [TestRelay?, SyslogCollector?, S3Server?, RunningServer?] = [];
  const configured = () => {
    const { port } = web.address() as AddressInfo;
    return {
      ...{ data, baseUrl: 'http://x.test/fhir' },
      ...{ mail: `smtps://localhost:${relay!.port}`, mailFrom: 'chartroom@x.test', mailCa: ca },
      syslog: `tcp://127.0.0.1:${collector!.port}`,
      blobsEndpoint: s3!.endpoint,
      auditAnchors: `http://127.0.0.1:${port}/anchors, s3://anchors/of/x, mailto:privacy@x.test, syslog:, witness:http://127.0.0.1:${port}/witness#${witness.keyText}`,
    };
  };
  const anchor = async (): Promise<void> => {
    await server!.request.get('/fhir/Patient?name=nobody').expect(200);
    await server!.engine.ledger.upkeep();
  };
  const lines = (): string[] => readFileSync(join(data, 'anchors'), 'utf8').trimEnd().split('\n');
  /** In the order of their times. */
  const objects = (): string[] =>
    [...s3!.objects].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, bytes]) => bytes.toString().trimEnd());
  const messages = (): string[] =>
    collector!.messages
      .filter(message => message.includes(' AUDIT-ANCHOR '))
      .map(message => message.slice(message.indexOf('{')));

  before(async () => {
    await new Promise<void>(done => web.listen(0, '127.0.0.1', done));
    [relay, collector, s3] = await Promise.all([openRelay(), startCollector({ plain: true }), openS3Server('anchors')]);
    server = await startServer({ store: 'embedded', config: configured() });
    witness.trusted = await server.engine.ledger.keyTexts();
  });
  after(async () => {
    await server?.stop();
    web.close();
    relay?.close();
    await Promise.all([collector?.stop(), s3?.close()]);
    rmSync(data, { recursive: true, force: true });
  });

  it('of which one is away keep the others from nothing', async () => {
    answer = 503;
    await anchor();
    await anchor();
    assert.deepEqual([posted, objects(), messages()], [[], [], lines()], 'the bucket locks nothing: it gets nothing');
    assert.equal(relay!.taken.length, 1);
    answer = 204;
    s3!.objectLock = '<ObjectLockEnabled>Enabled</ObjectLockEnabled>';
    await anchor();
    assert.deepEqual(
      [posted, objects(), messages()],
      [lines(), [], lines()],
      'nor one that has no retention of its own',
    );
    s3!.objectLock = LOCKED;
    await anchor();
    assert.deepEqual([posted, objects(), messages()], [lines(), lines(), lines()]);
    assert.equal(lines().length, 4);
    const names = [...s3!.objects.keys()];
    assert.ok(
      names.every(name => /^of\/x\/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z\.json$/.test(name)),
      names.join(' '),
    );
  });

  it('by mail are one a day, with a line that verifies', () => {
    assert.equal(relay!.taken.length, 1);
    const [{ to, text }] = relay!.taken as [{ to: string; text: string }];
    assert.equal(to, 'privacy@x.test');
    // As the mailbox shows it: https://www.rfc-editor.org/rfc/rfc2045#section-6.7
    const shown = Buffer.from(
      text
        .slice(text.indexOf('\n\n') + 2)
        .replaceAll('=\n', '')
        .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
      'latin1',
    ).toString();
    const file = join(data, 'mailed');
    writeFileSync(file, shown.split('\n').find(line => line.startsWith('{'))!);
    assert.deepEqual(anchorsGiven(file), [JSON.parse(lines()[0]!)]);
    writeFileSync(file, /x\.test\/fhir\/audit\/anchor\n[^]*?\n\n— .*\n/.exec(shown)![0]);
    assert.deepEqual(anchorsGiven(file), [{ note: (JSON.parse(lines()[0]!) as { note: string }).note }]);
  });

  it('with a witness among them are seen once an hour, and an export shows it', async () => {
    assert.equal(witness.asked, 1);
    const { engine } = server!;
    const source = sourceOfStore({ store: engine.kept, base: engine.settings.base, anchors: join(data, 'anchors') });
    const text: string[] = [];
    for await (const line of exportTrail(source, { made: Date.now(), texts: false })) text.push(`${line}\n`);
    const witnesses = [witnessGiven(witness.keyText)];
    const { seen, findings } = await verifyText(text.join(''), { keys: await engine.ledger.keyTexts(), witnesses });
    assert.deepEqual(
      [seen?.by, seen?.anchors, findings.named.filter(({ isWarning }) => !isWarning)],
      [witness.name, 1, []],
    );
  });

  it('that do not answer keep the server from ending no longer than a moment', async () => {
    collector!.pause();
    const { connections } = collector!;
    await server!.request.get('/fhir/Patient?name=nobody').expect(200);
    const sent = server!.engine.ledger.upkeep();
    while (collector!.connections === connections) await pause(20);
    await server!.stop();
    server = undefined;
    await sent;
  });

  it('are refused at the start where they cannot be asked', async () => {
    const refused = async (auditAnchors: string, others: object, message: RegExp) =>
      assert.rejects(
        startServer({ store: 'embedded', config: { ...configured(), blobsEndpoint: '', ...others, auditAnchors } }),
        message,
      );
    await refused('mailto:privacy@x.test', { mail: '' }, /needs CHARTROOM_MAIL/);
    await refused('mailto:privacy@x.test,b@x.test', {}, /https:\/\/host\/path/);
    await refused('mailto:a b@x.test', {}, /names one address/);
    await refused('witness:https://w.test', {}, /https:\/\/host\/path/);
    await refused('witness:https://w.test#w', {}, /key of a witness/);
    await refused('syslog:', { syslog: '' }, /needs CHARTROOM_SYSLOG/);
    await refused('https://a.test/1, https://b.test/2', {}, /one address of each kind/);
    await refused('ftp://a.test/1', {}, /https:\/\/host\/path/);
  });
});
