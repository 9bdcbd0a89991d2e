/** Pages of scans that are split, joined, ordered and turned before their index: none is lost or doubled, and what they were of stays. docs/records-desk.md */
import assert from 'node:assert/strict';
import type {
  Bundle,
  DocumentReference,
  OperationOutcome,
  Parameters,
  ParametersParameter,
  Provenance,
  Task,
} from 'fhir/r4.js';
import { it } from 'mocha';
import { extractText } from 'unpdf';
import { openPdf } from '../../src/fhir/content/pdfium.js';
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
  stepAs,
  takeIn,
  toldOf,
} from '../support/intake.js';
import { aPdf, aTiff, WHITE_FAX } from '../support/scans.js';
import { FHIR_JSON, workStateOf } from '../support/work.js';

const ROOT = as('root');
const CONFIDENTIALITY = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const pile = (...words: string[]): Buffer => aPdf(words.map(each => `BT /F1 12 Tf 50 700 Td (${each}) Tj ET`));

const pdfWords = async (bytes: Buffer): Promise<string[]> => (await extractText(new Uint8Array(bytes))).text;

interface PlacedPage {
  readonly scan: string;
  readonly number: number;
  readonly turn?: number;
}

onStoresInTurn(
  'pages that are put into other documents',
  stage => {
    const scanned = async (bytes: Buffer, ...parts: ParametersParameter[]) => {
      const reply = await takeIn(stage().talk, [fileOf(bytes, ...parts)]);
      assert.equal(reply.status, 201, reply.text);
      return toldOf(reply.body)[0]!;
    };
    const scanOf = async (id: string): Promise<DocumentReference> =>
      (await stage().talk.get<DocumentReference>(`DocumentReference/${id}`, ROOT)).body;
    const stateOf = async (id: string): Promise<string | undefined> =>
      workStateOf((await stage().talk.get<Task>(`Task/${id}`, ROOT)).body);
    const placed = ({ scan, number, turn }: PlacedPage): ParametersParameter[] => [
      { name: 'scan', valueReference: { reference: `DocumentReference/${scan}` } },
      { name: 'number', valuePositiveInt: number },
      ...(turn === undefined ? [] : [{ name: 'turn', valuePositiveInt: turn }]),
    ];
    const arrange = (documents: readonly (readonly PlacedPage[])[], leftOut: readonly PlacedPage[] = [], who = ANN) =>
      stage().talk.send<Parameters & OperationOutcome>('POST', 'DocumentReference/$arrange-pages', {
        headers: { ...who, ...FHIR_JSON },
        body: JSON.stringify({
          resourceType: 'Parameters',
          parameter: [
            ...documents.map(pages => ({
              name: 'document',
              part: pages.map(page => ({ name: 'page', part: placed(page) })),
            })),
            ...leftOut.map(page => ({ name: 'left-out', part: placed(page) })),
          ],
        } satisfies Parameters),
      });
    const made = ({ parameter = [] }: Parameters): readonly { document: string; task: string }[] =>
      parameter.map(({ part = [] }) => {
        const at = (name: string) => part.find(each => each.name === name)!.valueReference!.reference!.split('/')[1]!;
        return { document: at('document'), task: at('task') };
      });
    const bytesOf = async (id: string): Promise<Buffer> => {
      const { url } = (await scanOf(id)).content[0]!.attachment;
      return Buffer.from(await (await fetch(url!, { headers: { ...ROOT, accept: 'application/pdf' } })).arrayBuffer());
    };
    const refused = (reply: Awaited<ReturnType<typeof arrange>>, status: number, detail: string): void => {
      assert.equal(reply.status, status, reply.text);
      assert.match(reply.text, new RegExp(`"${detail}"`));
    };

    it('bring nothing of what other pages draw, and are refused where nobody can tell what that is (S3)', async () => {
      const square = 'q 100 0 0 100 50 300 cm';
      const shared = await scanned(
        aPdf([`${square} /X1 Do Q`, 'BT /F1 12 Tf 50 700 Td (Second) Tj ET'], '0 0 1 1 re f'),
      );
      const pages = [1, 2].map(number => [{ scan: shared.document, number }]);
      const reply = await arrange(pages);
      assert.equal(reply.status, 200, reply.text);
      const [first, second] = await Promise.all(made(reply.body).map(({ document }) => bytesOf(document)));
      assert.ok(first!.includes('/Form') && !second!.includes('/Form'), 'One of them draws the form.');
      const unsure = await scanned(aPdf([`${square} /X1 %\n Do Q`, ''], '0 0 1 1 re f'));
      refused(await arrange([1, 2].map(number => [{ scan: unsure.document, number }])), 422, 'pages-share-resources');
      assert.equal(await stateOf(unsure.task), 'pending-index');
    });

    it('are split, joined, ordered and turned, and what they were of stays as it came (S4)', async () => {
      const { talk } = stage();
      const [one, other] = [await scanned(pile('First', 'Second', 'Blank')), await scanned(pile('Third'))];
      const came = await bytesOf(one.document);
      const [a, b] = [one.document, other.document];
      const reply = await arrange(
        [
          [{ scan: a, number: 2, turn: 90 }],
          [
            { scan: b, number: 1 },
            { scan: a, number: 1 },
          ],
        ],
        [{ scan: a, number: 3 }],
      );
      assert.equal(reply.status, 200, reply.text);
      const [left, right] = made(reply.body);
      assert.deepEqual(
        [await pdfWords(await bytesOf(left!.document)), await pdfWords(await bytesOf(right!.document))],
        [['Second'], ['Third', 'First']],
      );
      const turned = await openPdf(await bytesOf(left!.document));
      assert.ok(typeof turned !== 'string');
      const page = turned.pdfium.FPDF_LoadPage(turned.document, 0);
      assert.equal(turned.pdfium.FPDFPage_GetRotation(page), 1);
      turned.close();
      for (const { document, task } of [one, other]) {
        const { status, meta } = await scanOf(document);
        assert.deepEqual([status, meta?.tag, await stateOf(task)], ['superseded', undefined, 'rearranged']);
      }
      assert.deepEqual(await bytesOf(a), came);
      const { entry = [] } = await talk.search<Provenance>(
        `Provenance?target=DocumentReference/${right!.document}`,
        ROOT,
      );
      const sources = entry.flatMap(({ resource }) => (resource!.entity ?? []).map(({ what }) => what.reference));
      for (const id of [a, b]) assert.ok(sources.includes(`DocumentReference/${id}`), sources.join());
      // They go on like any scan.
      assert.equal((await indexAs(talk, left!.document, FIELDS)).status, 200);
      assert.equal(await stateOf(left!.task), 'pending-qc');
      refused(await arrange([[{ scan: left!.document, number: 1 }]]), 422, 'not-to-be-indexed');
      refused(await arrange([[{ scan: a, number: 1 }]]), 422, 'not-to-be-indexed');
    });

    it('are neither lost nor doubled, and nothing is changed by what is refused (422)', async () => {
      const { talk } = stage();
      const { document: scan, task } = await scanned(pile('First', 'Second'));
      const first = { scan, number: 1 };
      refused(await arrange([[first]]), 422, 'page-missing');
      refused(await arrange([[first, first, { scan, number: 2 }]]), 422, 'page-twice');
      refused(await arrange([[first, { scan, number: 3 }]]), 422, 'no-such-page');
      refused(await arrange([[first]], [{ scan, number: 2, turn: 45 }]), 400, 'bad-parameter-value');
      assert.equal((await arrange([], [first])).status, 400);
      const text = await scanned(Buffer.from('No pages'));
      refused(await arrange([[{ scan: text.document, number: 1 }]]), 422, 'type-not-arranged');
      const broken = await scanned(Buffer.from('%PDF-1.4\nnothing of a PDF'));
      refused(await arrange([[{ scan: broken.document, number: 1 }]]), 422, 'pages-unreadable');
      assert.equal((await arrange([[first, { scan, number: 2 }]], [], as('cleo'))).status, 403);
      assert.deepEqual([(await scanOf(scan)).status, await stateOf(task)], ['current', 'pending-index']);
      const { body } = await talk.get<Task>(`Task/${task}`, ROOT);
      const plain = await talk.update({ ...body, id: task, status: 'cancelled' }, BEN);
      assert.equal(plain.status, 422, plain.text);
      assert.match(plain.text, /operation-needed/);
    });

    const labelled = (of: string, code: string) =>
      stage().talk.send('POST', `${of}/$meta-add`, {
        headers: { ...ROOT, ...FHIR_JSON },
        body: JSON.stringify({
          resourceType: 'Parameters',
          parameter: [{ name: 'meta', valueMeta: { security: [{ system: CONFIDENTIALITY, code }] } }],
        }),
      });
    const noticedOf = async (task: string): Promise<string[]> =>
      ((await stage().talk.get<Task>(`Task/${task}`, ROOT)).body.input ?? []).map(
        ({ type, valuePositiveInt: page }) => `${type.coding![0]!.code}${page === undefined ? '' : ` ${page}`}`,
      );

    it('take along what was noticed of the scans, and that one was sent back, so that a second person looks (S4)', async () => {
      const { talk } = stage();
      const counted = { name: 'pages', valuePositiveInt: 5 };
      const short = await scanned(pile('Of a short one', 'Another'), counted);
      assert.deepEqual(short.found, ['DQ-pages-missing']);
      const clean = await scanned(pile('Of a clean one'));
      assert.equal((await indexAs(talk, clean.document, FIELDS)).status, 200);
      assert.equal((await stepAs(talk, clean.task, 'send-back', BEN, 'wrong-date')).status, 200);
      const reply = await arrange([
        [{ scan: short.document, number: 2 }],
        [
          { scan: short.document, number: 1 },
          { scan: clean.document, number: 1 },
        ],
      ]);
      assert.equal(reply.status, 200, reply.text);
      const [one, both] = made(reply.body);
      assert.deepEqual(await noticedOf(one!.task), ['DQ-pages-missing', 'DQ-rearranged']);
      assert.deepEqual(await noticedOf(both!.task), ['DQ-pages-missing', 'DQ-sent-back', 'DQ-rearranged']);
      const indexed = await indexAs(talk, both!.document, FIELDS);
      assert.equal(indexed.body.parameter?.find(({ name }) => name === 'second-person')?.valueCode, 'noticed');
      assert.equal(await stateOf(both!.task), 'pending-qc');
    });

    it('are of one patient, however scans name it, and of scans of which some page is placed, 200 at most (422)', async () => {
      const { talk } = stage();
      const of = (id: string) => ({ name: 'patient', valueReference: { reference: `Patient/${id}` } });
      const [one, same, other] = [
        await scanned(pile('Of one'), of('1')),
        await scanned(pile('Of one as well'), of('1')),
        await scanned(pile('Of the other'), of('2')),
      ];
      const [a, b, c] = [one, same, other].map(({ document: scan }) => ({ scan, number: 1 }));
      refused(await arrange([[a!, c!]]), 422, 'patients-differ');
      refused(await arrange([[a!]], [c!]), 422, 'nothing-placed');
      assert.equal((await scanOf(c!.scan)).status, 'current');
      const { meta: _, ...plain } = await scanOf(b!.scan);
      const shown = { reference: `${talk.base}/Patient/1`, display: 'Ada' };
      const put = await talk.update({ ...plain, id: b!.scan, subject: shown }, ROOT);
      assert.equal(put.status, 200, put.text);
      const reply = await arrange([[a!, b!], [c!]]);
      assert.equal(reply.status, 200, reply.text);
      const kept = await Promise.all(made(reply.body).map(({ document }) => scanOf(document)));
      assert.deepEqual(
        kept.map(({ subject }) => subject?.reference),
        ['Patient/1', 'Patient/2'],
      );
      const pages = Array.from({ length: 202 }, () => ({ compression: 4, strip: WHITE_FAX }));
      const long = await scanned(aTiff(pages));
      const all = pages.map((_page, at) => ({ scan: long.document, number: at + 1 }));
      const short = await arrange([all.slice(0, 201)]);
      refused(short, 422, 'too-many-pages');
      assert.match(short.text, /202 pages/);
      assert.equal((await scanOf(long.document)).status, 'current');
    });

    it('are never said to be elsewhere by somebody who has put them nowhere (422)', async () => {
      const { talk } = stage();
      const { task, document } = await scanned(aPdf(['0 0 1 1 re f']));
      const { body: now } = await talk.get<Task>(`Task/${task}`, ROOT);
      const businessStatus = { coding: [{ system: 'urn:chartroom:state', code: 'rearranged' }] };
      const byHand = await talk.update({ ...now, status: 'cancelled', businessStatus }, ROOT);
      assert.equal(byHand.status, 422, byHand.text);
      const body = { resourceType: 'Parameters', parameter: [{ name: 'name', valueCode: 'arrange' }] };
      const asked = { headers: { ...ROOT, ...FHIR_JSON }, body: JSON.stringify(body) };
      const step = await talk.send('POST', `Task/${task}/$transition`, asked);
      assert.equal(step.status, 422, step.text);
      assert.deepEqual([await stateOf(task), (await scanOf(document)).status], ['pending-index', 'current']);
    });

    it('have the labels of the bytes, and those that are set meanwhile, or nothing is stored', async () => {
      const one = await scanned(pile('Labelled bytes'));
      const { url } = (await scanOf(one.document)).content[0]!.attachment;
      assert.equal((await labelled(`Binary/${url!.split('/').at(-1)}`, 'R')).status, 200);
      const reply = await arrange([[{ scan: one.document, number: 1 }]]);
      assert.equal(reply.status, 200, reply.text);
      const alone = await scanOf(made(reply.body)[0]!.document);
      assert.deepEqual(
        alone.meta?.security?.map(({ code }) => code),
        ['R'],
      );
      const { document: scan, task } = await scanned(pile(...Array.from({ length: 20 }, (_, at) => `Page ${at}`)));
      const pages = Array.from({ length: 20 }, (_, at) => ({ scan, number: at + 1 }));
      const [both] = await Promise.all([arrange([pages]), labelled(`DocumentReference/${scan}`, 'R')]);
      if (both.status !== 200) {
        assert.ok([409, 412].includes(both.status), both.text);
        assert.equal(await stateOf(task), 'pending-index');
        return;
      }
      const { entry = [] } = (
        await stage().talk.get<Bundle<DocumentReference>>(`DocumentReference/${scan}/_history`, ROOT)
      ).body;
      const over = entry.map(({ resource }) => resource!).find(({ status }) => status === 'superseded')!;
      const next = await scanOf(made(both.body)[0]!.document);
      assert.deepEqual(next.meta?.security, over.meta?.security);
    });

    it('are as confidential as the scans that they are of, and of the patient whom these name', async () => {
      const { talk } = stage();
      const named = { name: 'patient', valueReference: { reference: 'Patient/1' } };
      const [one, other] = [await scanned(pile('Of one'), named), await scanned(pile('Of another'))];
      const security = [{ system: CONFIDENTIALITY, code: 'R' }];
      const { meta, ...plain } = await scanOf(one.document);
      const put = await talk.update({ ...plain, id: one.document, meta: { tag: meta!.tag!, security } }, ROOT);
      assert.equal(put.status, 200, put.text);
      const [a, b] = [one.document, other.document];
      const alone = await scanned(pile('Alone'), named);
      const reply = await arrange([
        [
          { scan: a, number: 1 },
          { scan: b, number: 1 },
        ],
        [{ scan: alone.document, number: 1 }],
      ]);
      assert.equal(reply.status, 200, reply.text);
      const [both, single] = await Promise.all(made(reply.body).map(({ document }) => scanOf(document)));
      assert.deepEqual(
        [
          both!.meta?.security?.map(({ code }) => code),
          both!.subject?.reference,
          single!.meta?.security,
          single!.subject?.reference,
        ],
        [['R'], 'Patient/1', undefined, 'Patient/1'],
      );
    });
  },
  { config: { auth: 'token', tokens: intakeTokens, intakeNewStaff: '50' }, set: intakeWorld },
);
