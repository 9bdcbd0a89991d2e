/** Scans that a command reads: a text of its own for each, which says so, and is as confidential, as final and of whom its scan is. docs/records-desk.md */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, Binary, Device, DocumentReference, Meta, ParametersParameter } from 'fhir/r4.js';
import { it } from 'mocha';
import { realPause } from '../../src/platform/real-time.js';
import { onStoresInTurn } from '../support/both-stores.js';
import {
  ANN,
  as,
  BEN,
  FIELDS,
  fileOf,
  indexAs,
  intakeTokens,
  intakeWorld,
  notePage,
  stepAs,
  takeIn,
  toldOf,
} from '../support/intake.js';
import { aPdf } from '../support/scans.js';

import { fullIt } from '../support/depth.js';
const ROOT = as('root');
const script = join(mkdtempSync(join(tmpdir(), 'chartroom-reads-')), 'reads.mjs');
writeFileSync(
  script,
  `
import { readFileSync } from 'node:fs';
const text = [...readFileSync(process.argv[2], 'latin1').matchAll(/\\(([^()]*)\\) Tj/g)].map(each => each[1]).join('\\n');
if (text.includes('SLOW')) setTimeout(() => process.stdout.write(text), 400);
else if (text.includes('HANG')) setInterval(() => {}, 1000);
else if (text.includes('FAIL')) process.exit(1);
else if (text.includes('FLOOD')) process.stdout.write('x'.repeat(2_000_000));
else process.stdout.write(text.replace('BLANK', ''));
`,
);
const page = (...words: string[]): Buffer => aPdf(words.map(each => `BT /F1 12 Tf 50 700 Td (${each}) Tj ET`));

const parsedId = (url: string): string => /Binary\/([^/?]+)/.exec(url)![1]!;

onStoresInTurn(
  'scans that a command reads',
  stage => {
    const OURS = 'urn:chartroom:machine-text';
    const machineTags = ({ meta }: DocumentReference) =>
      (meta?.tag ?? []).filter(({ system }) => system === OURS).map(({ code }) => code);
    const documents = async (query: string, headers = ROOT): Promise<DocumentReference[]> =>
      ((await stage().talk.search<DocumentReference>(`DocumentReference?${query}`, headers)).entry ?? []).map(
        ({ resource }) => resource!,
      );
    const scanOf = async (id: string): Promise<DocumentReference> =>
      (await stage().talk.get<DocumentReference>(`DocumentReference/${id}`, ROOT)).body;
    const textsOf = (id: string) => documents(`relationship=DocumentReference/${id}$transforms`);
    /** Until the command has been asked about it. */
    const untilRead = async (id: string): Promise<DocumentReference> => {
      for (let looks = 0; looks < 1200; looks++) {
        const scan = await scanOf(id);
        if (!machineTags(scan).includes('wanted')) return scan;
        await realPause(25);
      }
      throw new Error('Nobody has read it.');
    };
    const scanned = async (bytes: Buffer, ...parts: ParametersParameter[]) => {
      const reply = await takeIn(stage().talk, [fileOf(bytes, ...parts)]);
      assert.equal(reply.status, 201, reply.text);
      return toldOf(reply.body)[0]!;
    };
    const oneText = async (id: string): Promise<DocumentReference> => {
      await untilRead(id);
      const texts = await textsOf(id);
      assert.equal(texts.length, 1);
      return texts[0]!;
    };
    const bytesAt = async (document: DocumentReference): Promise<string> => {
      const reply = await fetch(document.content[0]!.attachment.url!, { headers: { ...ROOT, accept: 'text/plain' } });
      assert.equal(reply.status, 200);
      return reply.text();
    };
    const labelled = (id: string, code: string, name = '$meta-add') =>
      stage().talk.send<Meta>('POST', `DocumentReference/${id}/${name}`, {
        headers: { ...ROOT, 'content-type': 'application/fhir+json' },
        body: JSON.stringify({
          resourceType: 'Parameters',
          parameter: [
            {
              name: 'meta',
              valueMeta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code }] },
            },
          ],
        }),
      });

    it('have a text of their own, which says that a machine has read it and is found by its words (S4)', async () => {
      const { document } = await scanned(page('Progress note &lt;b&gt; <script>alert', 'of the zebra'));
      const text = await oneText(document);
      assert.equal(await bytesAt(text), 'Progress note &lt;b&gt; <script>alert\nof the zebra');
      const { contentType } = text.content[0]!.attachment;
      const [device] = (text.contained ?? []) as Device[];
      assert.deepEqual(
        [contentType, machineTags(text), text.docStatus, text.status, text.subject, text.author],
        ['text/plain; charset=utf-8', ['text'], 'preliminary', 'current', undefined, [{ reference: '#reader' }]],
      );
      assert.ok(device!.deviceName?.[0]?.name === 'node');
      assert.ok(text.text!.div.includes('&lt;script&gt;') && !text.text!.div.includes('<script'), text.text!.div);
      const scan = await scanOf(document);
      assert.deepEqual([machineTags(scan), scan.docStatus], [[], 'preliminary']);
      assert.deepEqual(
        (await documents('_text=zebra')).map(({ id }) => id),
        [text.id],
      );
      const { entry = [] } = await stage().talk.search<AuditEvent>(
        `AuditEvent?entity=DocumentReference/${text.id}&subtype=update`,
        ROOT,
      );
      assert.equal(entry.length, 1);
      assert.match(JSON.stringify(entry[0]!.resource!.agent), /"Chartroom".*"intake"/);
    });

    it('take it along: indexed, final, labelled, not labelled any more, entered in error, deleted', async () => {
      const { talk } = stage();
      const { document, task } = await scanned(page('A note of the visit'));
      const { id } = await oneText(document);
      const text = () => scanOf(id!);
      assert.equal((await indexAs(talk, document, FIELDS)).status, 200);
      assert.deepEqual(
        [
          (await text()).subject?.reference,
          (await text()).context?.encounter?.[0]?.reference,
          (await text()).docStatus,
        ],
        ['Patient/1', 'Encounter/e1', 'preliminary'],
      );
      assert.equal((await text()).context?.sourcePatientInfo, undefined);
      assert.equal((await labelled(document, 'R')).status, 200);
      assert.deepEqual(
        (await text()).meta?.security?.map(({ code }) => code),
        ['R'],
      );
      assert.equal((await stepAs(talk, task, 'pass', BEN)).status, 200);
      assert.deepEqual([(await text()).docStatus, (await text()).type?.coding?.[0]?.code], ['final', '11506-3']);
      const { meta: _, ...plain } = await scanOf(document);
      assert.equal((await talk.update({ ...plain, id: document, description: 'Plain.' }, ROOT)).status, 200);
      assert.deepEqual(
        (await text()).meta?.security?.map(({ code }) => code),
        ['R'],
      );
      assert.equal((await labelled(document, 'R', '$meta-delete')).status, 200);
      assert.equal((await text()).meta?.security, undefined);
      const { status: _status, ...rest } = await scanOf(document);
      assert.equal((await talk.update({ ...rest, id: document, status: 'entered-in-error' }, ROOT)).status, 200);
      assert.equal((await text()).status, 'entered-in-error');
      assert.equal((await talk.delete(`DocumentReference/${document}`, ROOT)).status, 204);
      assert.equal((await talk.get(`DocumentReference/${id}`, ROOT)).status, 410);
    });

    it('take it along where they are replaced, rejected, and come in anew', async () => {
      const { talk } = stage();
      const [one, other] = [await scanned(page('Left side')), await scanned(page('Wrong patient'))];
      const [first, second] = [await oneText(one.document), await oneText(other.document)];
      const better: DocumentReference = {
        resourceType: 'DocumentReference',
        status: 'current',
        relatesTo: [{ code: 'replaces', target: { reference: `DocumentReference/${one.document}` } }],
        content: [{ attachment: { contentType: 'text/plain', data: notePage('better').toString('base64') } }],
      };
      const replaced = await talk.create(better, ROOT);
      assert.equal(replaced.status, 201, replaced.text);
      assert.equal((await scanOf(first.id!)).status, 'superseded');
      assert.equal((await indexAs(talk, other.document, FIELDS)).status, 200);
      assert.equal((await stepAs(talk, other.task, 'reject', BEN, 'wrong-patient')).status, 200);
      assert.deepEqual(
        [(await scanOf(second.id!)).status, (await scanOf(second.id!)).docStatus],
        ['entered-in-error', 'entered-in-error'],
      );
      const anew = (await documents('doc-status=preliminary&subject:missing=true')).filter(
        ({ content }) =>
          content[0]!.attachment.hash !== undefined && content[0]!.attachment.contentType === 'application/pdf',
      );
      const found = await Promise.all(anew.map(async ({ id }) => [id, await bytesAt(await oneText(id!))] as const));
      const again = found.find(([, words]) => words === 'Wrong patient');
      assert.ok(again && again[0] !== other.document);
    });

    fullIt('are told where they cannot be read, and keep nobody waiting', async () => {
      const told = [];
      for (const words of ['HANG', 'FLOOD', 'FAIL', 'BLANK', 'After all of them'])
        told.push(await scanned(page(words)));
      const after = await oneText(told[4]!.document);
      assert.equal(await bytesAt(after), 'After all of them');
      const scans = await Promise.all(told.slice(0, 4).map(({ document }) => scanOf(document)));
      assert.deepEqual(scans.map(machineTags), [['failed'], ['failed'], ['failed'], ['none']]);
      for (const { document } of told.slice(0, 4)) assert.equal((await textsOf(document)).length, 0);
      const { document } = await scanned(notePage('no picture'));
      assert.deepEqual(machineTags(await scanOf(document)), []);
    });

    it('keep nobody waiting where their bytes are gone, and are counted by what came of them', async () => {
      const { talk, server } = stage();
      const gone: DocumentReference = {
        resourceType: 'DocumentReference',
        status: 'current',
        content: [{ attachment: { contentType: 'application/pdf', url: 'Binary/gone' } }],
      };
      const bytes = page('Gone').toString('base64');
      const kept = { resourceType: 'Binary' as const, id: 'gone', contentType: 'application/pdf', data: bytes };
      assert.equal((await talk.update<Binary>(kept, ROOT)).status, 201);
      const { body } = await talk.create(gone, ROOT);
      const purged = await talk.send('POST', 'Binary/gone/$purge', { headers: ROOT });
      assert.ok(purged.status < 300, purged.text);
      const tagged = await talk.send<Meta>('POST', `DocumentReference/${body.id}/$meta-add`, {
        headers: { ...ROOT, 'content-type': 'application/fhir+json' },
        body: JSON.stringify({
          resourceType: 'Parameters',
          parameter: [{ name: 'meta', valueMeta: { tag: [{ system: OURS, code: 'wanted' }] } }],
        }),
      });
      assert.equal(tagged.status, 200, tagged.text);
      assert.deepEqual(machineTags(await untilRead(body.id)), ['failed']);
      const counted = async (): Promise<string> => (await fetch(new URL('/metrics', server.base))).text();
      for (let looks = 0; looks < 400 && !(await counted()).includes('outcome="no-bytes"'); looks++)
        await realPause(25);
      assert.match(await counted(), /chartroom_scans_read_total\{outcome="no-bytes"\} 1\n/);
    });

    fullIt('are read while others come in', async () => {
      const first = await scanned(page('SLOW'));
      let others = 0;
      // Each commit wakes the job, more often than it can read one.
      while (others < 2000 && machineTags(await scanOf(first.document)).includes('wanted')) {
        await scanned(page(`Beside it ${others++}`));
        await realPause(20);
      }
      assert.ok(others < 2000, 'It is not read while others come in.');
      assert.equal((await textsOf(first.document)).length, 1);
    });

    fullIt('lose their text with the bytes that it was read from, and are read again', async () => {
      const { talk } = stage();
      const { document, task } = await scanned(page('The first words'));
      const text = await oneText(document);
      assert.equal((await indexAs(talk, document, FIELDS)).status, 200);
      await stepAs(talk, task, 'pass', BEN);
      const { body: binary } = await talk.create<Binary>(
        { resourceType: 'Binary', contentType: 'application/pdf', data: page('Other words').toString('base64') },
        ROOT,
      );
      const { meta: _, ...scan } = await scanOf(document);
      const content = [{ attachment: { contentType: 'application/pdf', url: `Binary/${binary.id}` } }];
      const changed = await talk.update({ ...scan, id: document, content }, ROOT);
      assert.equal(changed.status, 200, changed.text);
      assert.deepEqual(machineTags(changed.body), ['wanted']);
      const again = await oneText(document);
      assert.deepEqual([again.id, await bytesAt(again)], [text.id, 'Other words']);
      const { entry = [] } = await talk.search<DocumentReference>(`DocumentReference/${text.id}/_history`, ROOT);
      assert.ok(entry.some(({ request }) => request?.method === 'DELETE'));
    });

    fullIt('lose their text with bytes that are written beside the document, and are read again (S4)', async () => {
      const { talk } = stage();
      const other = { contentType: 'application/pdf', data: page('Words behind it').toString('base64') };
      const { document, task } = await scanned(page('Words before it'));
      const text = await oneText(document);
      assert.equal((await indexAs(talk, document, FIELDS)).status, 200);
      assert.equal((await stepAs(talk, task, 'pass', BEN)).status, 200);
      const binary = parsedId((await scanOf(document)).content[0]!.attachment.url!);
      const put = () => talk.update<Binary>({ resourceType: 'Binary', id: binary, ...other }, ROOT);
      const inUse = await put();
      assert.equal(inUse.status, 409, inUse.text);
      assert.deepEqual([(await oneText(document)).id, await bytesAt(text)], [text.id, 'Words before it']);
      const purged = await talk.send('POST', `Binary/${binary}/$purge`, { headers: ROOT });
      assert.ok(purged.status < 300, purged.text);
      assert.equal((await talk.get(`DocumentReference/${text.id}/_history/1`, ROOT)).status, 404);
      assert.equal((await put()).status, 201);
      assert.deepEqual(await textsOf(document), []);
      const tag = [{ system: OURS, code: 'wanted' }];
      const { meta: _, ...scan } = await scanOf(document);
      const wanted = await talk.update({ ...scan, id: document, meta: { tag } }, ROOT);
      assert.equal(wanted.status, 200, wanted.text);
      assert.equal(await bytesAt(await oneText(document)), 'Words behind it');
      const { status: _status, ...rest } = await scanOf(document);
      assert.equal((await talk.update({ ...rest, id: document, status: 'entered-in-error' }, ROOT)).status, 200);
      const retracted = { resourceType: 'Binary' as const, id: binary, contentType: 'application/pdf' };
      const placed = await talk.update<Binary>({ ...retracted, data: page('Third').toString('base64') }, ROOT);
      assert.equal(placed.status, 200, placed.text);
      assert.deepEqual(await textsOf(document), []);
      const gone = await talk.send('POST', `DocumentReference/${document}/$purge`, { headers: ROOT });
      assert.ok(gone.status < 300, gone.text);
    });

    it('are erased with their scan and its bytes (S4)', async () => {
      const { talk } = stage();
      const { document, task } = await scanned(page('Erased words'));
      const text = await oneText(document);
      assert.equal((await indexAs(talk, document, FIELDS)).status, 200);
      assert.equal((await stepAs(talk, task, 'pass', BEN)).status, 200);
      const { status, text: told } = await talk.send('POST', `DocumentReference/${document}/$purge`, { headers: ROOT });
      assert.ok(status < 300, told);
      assert.equal((await talk.get(`DocumentReference/${text.id}/_history/1`, ROOT)).status, 404);
    });

    it('have texts that nobody else writes, by whatever way (422, S4)', async () => {
      const { talk } = stage();
      const { document } = await scanned(page('The words of the machine'));
      const text = await oneText(document);
      const tag = [{ system: OURS, code: 'text' }];
      const { id: _, ...forged } = text;
      const plain: DocumentReference = {
        resourceType: 'DocumentReference',
        status: 'current',
        content: [{ attachment: { title: 'Plain' } }],
      };
      const { body: other } = await talk.create(plain, ROOT);
      const tagged = await talk.send<Meta>('POST', `DocumentReference/${other.id}/$meta-add`, {
        headers: { ...ROOT, 'content-type': 'application/fhir+json' },
        body: JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag } }] }),
      });
      const replies = [
        tagged,
        await talk.create<DocumentReference>({ ...forged, meta: { tag } }, ROOT),
        await talk.update<DocumentReference>({ ...plain, id: 'forged', meta: { tag } }, ROOT),
      ];
      for (const { status, text: told } of replies) {
        assert.equal(status, 422, told);
        assert.match(told, /machine-text-tag.*DocumentReference\.meta\.tag/s);
      }
      assert.equal((await talk.update({ ...plain, id: other.id, description: 'Free.' }, ROOT)).status, 200);
    });

    it('are what is written: nobody writes the text alone, and whoever wants it read again says so', async () => {
      const { talk } = stage();
      const { document } = await scanned(page('Nobody writes this'));
      const text = await oneText(document);
      for (const reply of [
        await talk.update({ ...text, id: text.id!, docStatus: 'final' }, ROOT),
        await labelled(text.id!, 'N'),
      ]) {
        assert.equal(reply.status, 422, reply.text);
        assert.match(reply.text, /follows-its-scan/);
      }
      assert.equal((await talk.delete(`DocumentReference/${text.id}`, ROOT)).status, 204);
      const tag = [{ system: OURS, code: 'wanted' }];
      const scan = await scanOf(document);
      assert.equal((await talk.update({ ...scan, id: document, meta: { tag } }, ANN)).status, 200);
      assert.equal((await oneText(document)).id, text.id);
    });
  },
  {
    config: {
      ...{ auth: 'token', tokens: intakeTokens, intakeNewStaff: '50', fulltext: 'on' },
      ocr: JSON.stringify([process.execPath, script, '{file}']),
      // A program that hangs is waited for so long; the others may take as long on a machine that has much to do.
      ocrTime: '10',
    },
    set: intakeWorld,
  },
);
