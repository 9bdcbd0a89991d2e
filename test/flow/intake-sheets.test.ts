/** Files with separator sheets between their documents, taken in: each document by itself, what came in as it was. docs/records-desk.md */
import assert from 'node:assert/strict';
import type { DocumentReference, List, ParametersParameter, Provenance } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn, type Stage } from '../support/both-stores.js';
import {
  ANN,
  as,
  BEN,
  FIELDS,
  fileOf,
  indexAs,
  intakeTokens,
  intakeWorld,
  refusedScan,
  scanAt,
  stepAs,
  takeIn,
  toldOf,
} from '../support/intake.js';
import { aPdf, aPng } from '../support/scans.js';
import { type SeparatorSheet, serverMark } from '../../src/features/intake/sheets/sheet-text.js';
import { sheetPage, WRITTEN_PAGE } from '../support/separator-sheets.js';

/** Equal pages would be told as duplicates. */
const ownPage = (text: string): string => `BT /F1 12 Tf 50 700 Td (${text}) Tj ET`;

const ownSheet = ({ server }: Stage, said: SeparatorSheet): string =>
  sheetPage({ server: serverMark(server.base), ...said });

const SEPARATED: ParametersParameter = { name: 'separated', valueBoolean: true };

onStoresInTurn(
  'scans with separator sheets',
  stage => {
    it('become a document for each sheet, and the file stays as it came (S4)', async () => {
      const { talk } = stage();
      const question = 'Patient/1/$separator-sheet?encounter=e1&type=http://loinc.org%7C11506-3&pages=1';
      const printed = await fetch(`${stage().server.base}/${question}`, { headers: ANN });
      assert.deepEqual([printed.status, printed.headers.get('content-type')], [200, 'application/pdf']);
      const content = /stream\n(.*)endstream/s.exec(Buffer.from(await printed.arrayBuffer()).toString('latin1'))![1]!;
      assert.ok(!content.includes('Lindqvist') && content.includes('MRN-1'), 'it names nobody');
      const file = aPdf([
        content,
        WRITTEN_PAGE,
        ownSheet(stage(), { patient: '2', pages: 2 }),
        WRITTEN_PAGE,
        WRITTEN_PAGE,
      ]);
      const named: ParametersParameter[] = [
        { name: 'identifier', valueIdentifier: { system: 'urn:x', value: 'sheets' } },
      ];
      const reply = await takeIn(talk, [fileOf(file, SEPARATED)], named);
      assert.equal(reply.status, 201, reply.text);
      const told = toldOf(reply.body);
      assert.deepEqual(
        told.map(({ found }) => found),
        [[], []],
      );
      const scans = await Promise.all(told.map(({ document }) => scanAt(talk, document)));
      assert.deepEqual(
        scans.map(({ subject, context, type, docStatus }) => [
          subject?.reference,
          context?.encounter?.[0]?.reference,
          type?.coding?.[0]?.code,
          docStatus,
        ]),
        [
          ['Patient/1', 'Encounter/e1', '11506-3', 'preliminary'],
          ['Patient/2', undefined, undefined, 'preliminary'],
        ],
      );
      const batch = (await talk.get<List>(reply.body.parameter![0]!.valueReference!.reference!, ANN)).body;
      const whole = await scanAt(talk, batch.entry![0]!.item.reference!.split('/')[1]!);
      assert.deepEqual([whole.status, whole.subject, whole.meta?.tag?.[0]?.code], ['superseded', undefined, 'split']);
      const raw = await fetch(whole.content[0]!.attachment.url!, { headers: { ...ANN, accept: 'application/pdf' } });
      assert.deepEqual(Buffer.from(await raw.arrayBuffer()), file);
      const links = await talk.search<Provenance>(`Provenance?entity=DocumentReference/${whole.id!}`, ANN);
      assert.equal(links.total, 2);
      assert.ok(!JSON.stringify(scans).includes(whole.id!), 'no document of a patient names it');
      const again = await takeIn(talk, [fileOf(file, SEPARATED)], named);
      assert.deepEqual([again.status, toldOf(again.body)], [200, told]);
      // What a sheet says confirms nobody: people index it, and another one looks where that is asked for.
      const [first] = told;
      refusedScan(
        await indexAs(talk, first!.document, [FIELDS.find(({ name }) => name === 'date')!]),
        'DQ-patient-unconfirmed',
      );
      assert.equal((await indexAs(talk, first!.document, FIELDS)).status, 200);
      refusedScan(await stepAs(talk, first!.task, 'pass', ANN), 'same-person');
      assert.equal((await stepAs(talk, first!.task, 'pass', BEN)).status, 200);
    });

    it('are of nobody where their sheet does not hold, until a person says whose (S4)', async () => {
      const { talk, server } = stage();
      const patient = (reference: string): ParametersParameter => ({ name: 'patient', valueReference: { reference } });
      const encounter: ParametersParameter = { name: 'encounter', valueReference: { reference: 'Encounter/e1' } };
      const ways: [name: string, sheet: string, ...sent: ParametersParameter[]][] = [
        ['another', ownSheet(stage(), { patient: '2', encounter: 'e2', pages: 1 }), patient('Patient/1'), encounter],
        ['no patient', ownSheet(stage(), { patient: 'no-such-one', pages: 1 }), encounter],
        ['no encounter', ownSheet(stage(), { patient: '1', encounter: 'none', pages: 1 })],
        ['encounter of another', ownSheet(stage(), { patient: '1', encounter: 'e2', pages: 1 })],
        ['other server', sheetPage({ server: serverMark('https://example.org/fhir'), patient: '1', pages: 1 })],
        ['no server', sheetPage({ patient: '1', pages: 1 }), patient('Patient/1')],
      ];
      const files = ways.map(([name, sheet, ...sent]) =>
        fileOf(aPdf([sheet, ownPage(`sheet ${name}`)]), SEPARATED, ...sent),
      );
      const own = [ownSheet(stage(), { patient: '1', pages: 1 }), ownPage('absolute')];
      const named = fileOf(aPdf(own), SEPARATED, patient(`${server.base}/Patient/1`), encounter);
      const told = toldOf((await takeIn(talk, [...files, named])).body);
      const scans = await Promise.all(told.map(({ document }) => scanAt(talk, document)));
      assert.deepEqual(
        scans.map(({ subject, context }, at) => [
          ways[at]?.[0],
          told[at]!.found,
          subject?.reference,
          context?.encounter?.[0]?.reference,
        ]),
        [
          ...ways.map(([name]) => [name, ['DQ-sheet-mismatch'], undefined, undefined]),
          [undefined, [], 'Patient/1', 'Encounter/e1'],
        ],
      );
    });

    it('whose pages are known are as confidential as these are, and so is what came in (S4)', async () => {
      const { talk } = stage();
      const page = 'BT /F1 12 Tf 50 700 Td (Known already) Tj ET';
      const secret = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'V' };
      const file = aPdf([
        ownSheet(stage(), { patient: '1', pages: 1 }),
        page,
        ownSheet(stage(), { patient: '2', pages: 1 }),
        page,
      ]);
      const [one, two] = toldOf((await takeIn(talk, [fileOf(file, SEPARATED)])).body);
      assert.deepEqual([one!.found, two!.found], [[], ['DQ-duplicate']], 'equal parts are told');
      const first = await scanAt(talk, one!.document);
      const labelled = { ...first, meta: { ...first.meta, security: [secret] } };
      assert.equal((await talk.update<DocumentReference>(labelled, as('root'))).status, 200);
      const other = aPdf([
        ownSheet(stage(), { patient: '1', pages: 1 }),
        page,
        ownSheet(stage(), { patient: '2', pages: 1 }),
        ownPage('another'),
      ]);
      const again = (await takeIn(talk, [fileOf(other, SEPARATED)], [], as('root'))).body;
      assert.deepEqual(
        toldOf(again).map(({ found }) => found),
        [['DQ-duplicate', 'DQ-duplicate'], []],
      );
      const batch = (await talk.get<List>(again.parameter![0]!.valueReference!.reference!, as('root'))).body;
      const ids = batch.entry!.map(({ item }) => item.reference!.split('/')[1]!);
      const scans = await Promise.all(
        ids.map(async id => (await talk.get<DocumentReference>(`DocumentReference/${id}`, as('root'))).body),
      );
      assert.deepEqual(
        scans.map(({ meta }) => meta!.security?.map(({ code }) => code)),
        [['V'], ['V'], undefined],
        'the whole, its part, and not the other',
      );
    });

    it('are refused where nothing can be taken apart, and sheets where they would say what is not so', async () => {
      const { talk } = stage();
      refusedScan(await takeIn(talk, [fileOf(aPng(40, 40), SEPARATED)]), 'type-not-separated');
      const ask = (path: string, headers = ANN) => talk.get(path, headers);
      refusedScan(await ask('Patient/1/$separator-sheet?encounter=e2'), 'encounter-of-other');
      refusedScan(await ask('Patient/1/$separator-sheet?encounter=none'), 'unknown-encounter');
      for (const query of ['type=11506-3', 'pages=501', 'pages=0'])
        assert.equal((await ask(`Patient/1/$separator-sheet?${query}`)).status, 400, query);
      assert.equal((await ask('Patient/nobody/$separator-sheet')).status, 404);
      assert.equal((await ask('Patient/1/$separator-sheet', as('cleo'))).status, 403);
    });
  },
  { config: { tokens: intakeTokens, auth: 'token', intakeWait: '120' }, set: intakeWorld },
);
