/** Scans on their way into the record: batches, index fields, the second person, what is sent back and taken back. docs/records-desk.md */
import assert from 'node:assert/strict';
import type { DocumentReference, List, Parameters, ParametersParameter, Patient, Provenance, Task } from 'fhir/r4.js';
import { it } from 'mocha';
import { createRandom } from '../support/random.js';
import { depthOf, fullIt } from '../support/depth.js';
import { onStoresInFull, onStoresInTurn } from '../support/both-stores.js';
import {
  ANN,
  as,
  base64,
  BEN,
  FIELDS,
  fieldsWith,
  fileOf,
  indexAs,
  intakeTokens,
  intakeWorld,
  notePage,
  oneScan,
  refusedScan,
  scanAt,
  scanDetails,
  stepAs,
  tagsOf,
  takeIn,
  toldOf,
} from '../support/intake.js';
import { aPng, aText } from '../support/scans.js';
import type { Headers, Reply, Talk } from '../support/talk.js';
import { workStateOf } from '../support/work.js';

const valueOf = ({ parameter = [] }: Parameters, name: string) => parameter.find(each => each.name === name)?.valueCode;
const taskAt = async (talk: Talk, id: string): Promise<Task> => (await talk.get<Task>(`Task/${id}`, as('root'))).body;

const ROOT = as('root');
const ratesOf = async (talk: Talk) => {
  const { body } = await talk.get<Parameters>('DocumentReference/$intake-rates', ANN);
  return new Map(
    (body.parameter ?? []).map(({ part = [] }) => {
      const number = (name: string) => part.find(each => each.name === name)!;
      const errors = part
        .filter(({ name }) => name === 'error')
        .map(({ part: of }) => `${of![0]!.valueCode} ${of![1]!.valueUnsignedInt}`);
      const [indexed, checked, wrong] = ['indexed', 'checked', 'wrong'].map(name => number(name).valueUnsignedInt);
      const rate = part.find(({ name }) => name === 'rate')?.valueDecimal;
      return [number('who').valueReference?.display, { indexed, checked, wrong, rate, errors: errors.toSorted() }];
    }),
  );
};

const WALKS = depthOf('SCAN_WALKS');

interface Tried {
  readonly document: string;
  readonly task: string;
  readonly headers: Headers;
}

/** What somebody may try, by operations and by plain FHIR. */
const TRIES: readonly ((talk: Talk, tried: Tried) => Promise<Reply<unknown>>)[] = [
  (talk, { document, headers }) => indexAs(talk, document, FIELDS, headers),
  (talk, { document, headers }) => indexAs(talk, document, FIELDS, headers),
  ...['index', 'accept', 'pass', 'pass', 'take', 'index-anew'].map(
    name =>
      (talk: Talk, { task, headers }: Tried) =>
        stepAs(talk, task, name, headers),
  ),
  (talk, { task, headers }) => stepAs(talk, task, 'send-back', headers, 'wrong-date'),
  async (talk, { document, headers }) =>
    talk.update({ ...(await scanAt(talk, document)), id: document, docStatus: 'final' }, headers),
  async (talk, { document, headers }) => {
    const { docStatus: _, ...scan } = await scanAt(talk, document);
    return talk.update({ ...scan, id: document }, headers);
  },
  ...(['completed', 'in-progress'] as const).map(status => async (talk: Talk, { task, headers }: Tried) => {
    const { businessStatus: _, extension: _words, ...work } = await taskAt(talk, task);
    return talk.update({ ...work, id: task, status, for: { reference: 'Patient/1' } }, headers);
  }),
  (talk, { document, headers }) =>
    talk.send('POST', `DocumentReference/${document}/$meta-delete`, {
      headers: { ...headers, 'content-type': 'application/fhir+json' },
      body: JSON.stringify({
        resourceType: 'Parameters',
        parameter: [{ name: 'meta', valueMeta: { tag: [{ system: 'urn:chartroom:intake', code: 'pending-qc' }] } }],
      }),
    }),
];

onStoresInTurn(
  'intake of scans',
  stage => {
    it('makes a batch: a document for each file, with its bytes, who sent it, and a Task', async () => {
      const { talk } = stage();
      const files = [notePage('batch'), aPng(40, 40, (x, y) => x === y)];
      const reply = await takeIn(
        talk,
        [fileOf(files[0]!), fileOf(files[1]!, { name: 'patient', valueReference: { reference: 'Patient/1' } })],
        [
          { name: 'title', valueString: 'Monday' },
          { name: 'identifier', valueIdentifier: { system: 'urn:x', value: 'b|1' } },
        ],
      );
      assert.equal(reply.status, 201, reply.text);
      const told = toldOf(reply.body);
      const batch = await talk.get<List>(reply.body.parameter![0]!.valueReference!.reference!, ANN);
      assert.deepEqual(
        batch.body.entry?.map(({ item }) => item.reference),
        told.map(({ document }) => `DocumentReference/${document}`),
      );
      assert.deepEqual([batch.body.title, batch.body.source?.display], ['Monday', 'ann']);
      for (const [at, { document, task }] of told.entries()) {
        const scan = await scanAt(talk, document);
        assert.deepEqual([scan.status, scan.docStatus, tagsOf(scan)], ['current', 'preliminary', ['pending-index']]);
        const { url = '', contentType } = scan.content[0]!.attachment;
        assert.equal(contentType, ['text/plain', 'image/png'][at]);
        const raw = await fetch(url, { headers: { ...ANN, accept: contentType! } });
        assert.deepEqual(Buffer.from(await raw.arrayBuffer()), files[at]);
        const work = await taskAt(talk, task);
        assert.deepEqual(
          [work.focus?.reference, workStateOf(work)],
          [`DocumentReference/${document}`, 'pending-index'],
        );
        assert.equal(work.for?.reference, at === 0 ? undefined : 'Patient/1');
        const { entry = [] } = await talk.search<Provenance>(`Provenance?target=DocumentReference/${document}`, ANN);
        assert.equal(entry.length, 1);
        assert.match(JSON.stringify(entry[0]!.resource), /ni:\/\/\/sha-256;.*/);
      }
      const again = await takeIn(
        talk,
        files.map(file => fileOf(file)),
        [{ name: 'identifier', valueIdentifier: { system: 'urn:x', value: 'b|1' } }],
      );
      assert.equal(again.status, 200, again.text);
      assert.deepEqual(toldOf(again.body), told);
    });

    it('takes in nothing of a batch with a file that it does not take, and says which', async () => {
      const { talk } = stage();
      const count = async () => (await talk.search('DocumentReference?_summary=count', ANN)).total;
      const before = await count();
      const reply = await takeIn(talk, [
        fileOf(notePage('good')),
        fileOf(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0])),
        { name: 'file', part: [{ name: 'attachment', valueAttachment: { url: 'Binary/none' } }] },
      ]);
      refusedScan(reply, 'type-not-taken');
      assert.deepEqual(scanDetails(reply), ['type-not-taken', 'no-bytes']);
      assert.equal(await count(), before);
      const wrong = await takeIn(talk, [{ name: 'file', part: [{ name: 'what', valueString: 'x' }] }]);
      assert.equal(wrong.status, 400);
      const lying = await takeIn(talk, [
        {
          name: 'file',
          part: [{ name: 'attachment', valueAttachment: { contentType: 'application/pdf', data: base64(aPng(9, 9)) } }],
        },
      ]);
      refusedScan(lying, 'content-type-mismatch');
      assert.equal(await count(), before);
      assert.equal((await takeIn(talk, [fileOf(notePage('x'))], [], as('cleo'))).status, 403);
    });

    it('is final after a second person has looked, who is not the indexer', async () => {
      const { talk } = stage();
      const { document, task } = await oneScan(talk, 'second person');
      const indexed = await indexAs(talk, document, FIELDS);
      assert.equal(indexed.status, 200, indexed.text);
      assert.deepEqual(
        [valueOf(indexed.body, 'state'), valueOf(indexed.body, 'second-person')],
        ['pending-qc', 'new-staff'],
      );
      const scan = await scanAt(talk, document);
      assert.deepEqual(
        [scan.docStatus, tagsOf(scan), scan.subject?.reference],
        ['preliminary', ['pending-qc'], 'Patient/1'],
      );
      refusedScan(await stepAs(talk, task, 'pass', ANN), 'same-person');
      const passed = await stepAs(talk, task, 'pass', BEN);
      assert.equal(passed.status, 200, passed.text);
      const final = await scanAt(talk, document);
      assert.deepEqual([final.docStatus, tagsOf(final), final.content], ['final', [], scan.content]);
    });

    it('goes back for a reason, is indexed anew, and is looked at anew', async () => {
      const { talk } = stage();
      const { document, task } = await oneScan(talk, 'rework');
      await indexAs(talk, document, FIELDS);
      refusedScan(await stepAs(talk, task, 'send-back', BEN, 'I do not like it'), 'no-reject-reason');
      refusedScan(await stepAs(talk, task, 'send-back', BEN, 'wrong-patient'), 'wrong-patient-stays');
      const back = await stepAs(talk, task, 'send-back', BEN, 'wrong-type');
      assert.equal(back.body.statusReason?.coding?.[0]?.display, 'Wrong document type');
      const anew = await indexAs(
        talk,
        document,
        fieldsWith({ name: 'type', valueCoding: { system: 'http://loinc.org', code: '18842-5' } }),
        BEN,
      );
      assert.deepEqual(
        [valueOf(anew.body, 'state'), valueOf(anew.body, 'second-person')],
        ['pending-qc', 'noticed'],
        anew.text,
      );
      refusedScan(await stepAs(talk, task, 'pass', BEN), 'same-person');
      assert.equal((await stepAs(talk, task, 'pass', ANN)).status, 200);
      assert.equal((await scanAt(talk, document)).type?.coding?.[0]?.code, '18842-5');
    });

    fullIt('counts for each indexer what was checked, and what was wrong', async () => {
      const { talk } = stage();
      const before = await ratesOf(talk);
      const steps = [['send-back', 'wrong-date'], ['reject', 'illegible'], ['pass'], []] as const;
      for (const [name, reason] of steps) {
        const { document, task } = await oneScan(talk, `rates ${name} ${before.size}`);
        await indexAs(talk, document, FIELDS, ROOT);
        if (name !== undefined) assert.equal((await stepAs(talk, task, name, BEN, reason)).status, 200);
        if (name === 'send-back') await indexAs(talk, document, FIELDS, BEN);
      }
      const rates = await ratesOf(talk);
      assert.deepEqual(rates.get('root'), {
        indexed: 4,
        checked: 3,
        wrong: 2,
        rate: 0.6667,
        errors: ['illegible 1', 'wrong-date 1'],
      });
      assert.equal(rates.get('ben')!.indexed, (before.get('ben')?.indexed ?? 0) + 1);
      const none = await talk.get<Parameters>('DocumentReference/$intake-rates?end=2001-01-01', ANN);
      assert.equal(none.body.parameter, undefined);
      const turned = await talk.get('DocumentReference/$intake-rates?start=2026-02-01&end=2026-01', ANN);
      assert.equal(turned.status, 400, turned.text);
      const month = await talk.get('DocumentReference/$intake-rates?start=2026-01-31&end=2026-01', ANN);
      assert.equal(month.status, 200, month.text);
      assert.equal((await talk.get('DocumentReference/$intake-rates', as('cleo'))).status, 403);
    });

    it('leaves the record of a wrong patient, and comes in anew without a word of it', async () => {
      const { talk } = stage();
      const { document, task } = await oneScan(talk, 'wrong patient');
      await indexAs(talk, document, FIELDS);
      const rejected = await stepAs(talk, task, 'reject', BEN, 'wrong-patient');
      assert.equal(rejected.status, 200, rejected.text);
      const gone = await scanAt(talk, document);
      assert.deepEqual([gone.status, gone.docStatus, tagsOf(gone)], ['entered-in-error', 'entered-in-error', []]);
      const link = await talk.search<Provenance>(`Provenance?entity=DocumentReference/${document}`, ANN);
      const copy = link.entry![0]!.resource!.target[0]!.reference!.split('/')[1]!;
      const scan = await scanAt(talk, copy);
      assert.deepEqual(
        [scan.docStatus, scan.subject, scan.relatesTo, tagsOf(scan)],
        ['preliminary', undefined, undefined, ['pending-index']],
      );
      assert.equal(scan.content[0]!.attachment.hash, gone.content[0]!.attachment.hash);
      assert.notEqual(scan.content[0]!.attachment.url, gone.content[0]!.attachment.url);
      assert.ok(!JSON.stringify([scan, gone]).includes(`DocumentReference/`));
      const about = await talk.search<Task>(`Task?focus=DocumentReference/${copy}`, ANN);
      const anew = about.entry![0]!.resource!;
      assert.deepEqual(
        anew.input?.map(({ type }) => type.coding?.[0]?.code),
        ['DQ-came-in-anew'],
      );
      const put = await talk.update({ ...gone, id: document, status: 'current', docStatus: 'final' }, BEN);
      refusedScan(put, 'rejected-stays');
    });

    it('is judged alike by plain FHIR', async () => {
      const { talk } = stage();
      const { document, task } = await oneScan(talk, 'plain');
      const scan = await scanAt(talk, document);
      const write = (changes: Partial<DocumentReference>, headers = ANN) =>
        talk.update<DocumentReference>({ ...scan, id: document, ...changes }, headers);
      refusedScan(await write({ docStatus: 'final' }), 'final-by-process');
      refusedScan(
        await write({ content: [{ attachment: { contentType: 'text/plain', data: base64('else') } }] }),
        'received-bytes-stay',
      );
      const work = await taskAt(talk, task);
      const lead = (status: Task['status'], headers = ANN, more: Partial<Task> = {}) => {
        const { businessStatus: _, ...rest } = work;
        return talk.update({ ...rest, ...more, id: task, status }, headers);
      };
      const missing = await lead('in-progress', ANN, { for: { reference: 'Patient/1' } });
      refusedScan(missing, 'DQ-patient-missing');
      assert.deepEqual(scanDetails(missing), [
        'DQ-patient-missing',
        'DQ-encounter-missing',
        'DQ-type-missing',
        'DQ-date-missing',
        'DQ-author-missing',
      ]);
      const written = await write({
        subject: { reference: 'Patient/1', identifier: { value: 'MRN-1' } },
        type: { coding: [{ system: 'http://loinc.org', code: ' 11506-3'.trim(), display: 'Progress   note ' }] },
        author: [{ reference: 'Practitioner/dr' }],
        contained: [{ resourceType: 'Patient', id: 's', name: [{ family: 'LINDQVIST', given: ['Beate'] }] } as Patient],
        context: {
          encounter: [{ reference: 'Encounter/e1' }],
          period: { start: '2026-01-05' },
          sourcePatientInfo: { reference: '#s' },
        },
      });
      assert.equal(written.status, 200, written.text);
      assert.equal(written.body.type?.coding?.[0]?.display, 'Progress note');
      refusedScan(await lead('in-progress', ANN, { for: { reference: 'Patient/2' } }), 'work-for-another');
      refusedScan(await lead('completed', ANN, { for: { reference: 'Patient/1' } }), 'second-person-asked');
      const forged = { extension: [{ url: 'urn:chartroom:indexer', valueReference: { display: 'nobody' } }] };
      const led = await lead('in-progress', ANN, { for: { reference: 'Patient/1' }, ...forged });
      assert.equal(led.status, 200, led.text);
      assert.equal(
        led.body.extension?.find(({ url }) => url === 'urn:chartroom:indexer')?.valueReference?.display,
        'ann',
      );
      const now = await scanAt(talk, document);
      refusedScan(
        await talk.update({ ...now, id: document, subject: { reference: 'Patient/2' } }, BEN),
        'index-under-review',
      );
      refusedScan(await talk.update({ ...now, id: document, docStatus: 'final' }, as('root')), 'final-by-process');
      refusedScan(await talk.delete(`DocumentReference/${document}`, as('root')), 'under-review');
      const { businessStatus: _, extension: _words, ...rest } = led.body;
      refusedScan(await talk.update({ ...rest, id: task, status: 'completed' }, ANN), 'same-person');
      const done = await talk.update({ ...rest, id: task, status: 'completed' }, BEN);
      assert.equal(done.status, 200, done.text);
      assert.equal((await scanAt(talk, document)).docStatus, 'final');
    });

    it('says which rule an index field breaks', async () => {
      const { talk } = stage();
      const { document } = await oneScan(talk, 'rules');
      const rows: readonly (readonly [code: string, ...others: ParametersParameter[]])[] = [
        ['DQ-patient-unknown', { name: 'patient', valueReference: { reference: 'Practitioner/dr' } }],
        ['DQ-patient-mismatch', { name: 'identifier', valueString: 'MRN-2' }],
        ['DQ-patient-mismatch', { name: 'birthdate', valueDate: '1980-01-01' }],
        ['DQ-patient-mismatch', { name: 'family', valueString: 'Berg' }, { name: 'given', valueString: 'Ada' }],
        ['DQ-encounter-of-other', { name: 'encounter', valueReference: { reference: 'Encounter/e2' } }],
        ['DQ-date-future', { name: 'date', valueDateTime: '2999-01-01' }],
        ['DQ-date-before-birth', { name: 'date', valueDateTime: '1970-01-01' }],
      ];
      for (const [code, ...others] of rows) refusedScan(await indexAs(talk, document, fieldsWith(...others)), code);
      const without = (name: string) => FIELDS.filter(each => each.name !== name);
      for (const name of ['encounter', 'type', 'date', 'author'])
        refusedScan(await indexAs(talk, document, without(name)), `DQ-${name}-missing`);
      refusedScan(await indexAs(talk, document, without('birthdate')), 'DQ-patient-unconfirmed');
      assert.deepEqual((await scanAt(talk, document)).subject, undefined);
      const consent = { name: 'type', valueCoding: { system: 'http://loinc.org', code: '59284-0' } };
      const found = await indexAs(talk, document, [
        ...without('patient').filter(({ name }) => name !== 'encounter' && name !== 'type' && name !== 'date'),
        consent,
        { name: 'date', valueDateTime: '2026' },
      ]);
      assert.equal(found.status, 200, found.text);
      assert.match(found.text, /DQ-date-imprecise/);
      assert.equal(valueOf(found.body, 'second-person'), 'noticed');
      refusedScan(await indexAs(talk, document, FIELDS), 'not-to-be-indexed');
    });

    it('are never final by one person alone, whatever they try', async () => {
      const { talk } = stage();
      const random = createRandom(19);
      const people = { ann: ANN, ben: BEN, root: as('root') } as const;
      const names = Object.keys(people) as (keyof typeof people)[];
      const finals: string[] = [];
      for (let walk = 0; walk < WALKS; walk++) {
        const { document, task } = await oneScan(talk, `walk ${walk}`);
        const steps: string[] = [];
        for (let step = 0; step < 10; step++) {
          const who = random.pick(names);
          const reply = await random.pick(TRIES)(talk, { document, task, headers: people[who] });
          steps.push(`${who} ${reply.status}`);
          assert.ok(reply.status < 500, reply.text);
          if ((await scanAt(talk, document)).docStatus !== 'final') continue;
          const work = await taskAt(talk, task);
          const indexer = work.extension?.find(({ url }) => url === 'urn:chartroom:indexer')?.valueReference?.display;
          assert.equal(workStateOf(work), 'final', steps.join(', '));
          assert.ok(indexer !== undefined && indexer !== who, steps.join(', '));
          finals.push(who);
          break;
        }
      }
      assert.ok(finals.length > 0, 'some of them get there');
    });
  },
  // Everybody stays new, so that each scan needs a second person.
  { config: { tokens: intakeTokens, auth: 'token', intakeNewStaff: '1000', intakeWait: '120' }, set: intakeWorld },
);

onStoresInTurn(
  'scans of somebody who is not new',
  stage => {
    it('are final at once, but for the sample and what is noticed', async () => {
      const { talk } = stage();
      let [asked, final] = [0, 0];
      for (let n = 0; n < 24; n++) {
        const { document } = await oneScan(talk, `sample ${n}`);
        const { body } = await indexAs(talk, document, FIELDS);
        const { docStatus, content } = await scanAt(talk, document);
        const isSampled = Buffer.from(content[0]!.attachment.hash!, 'base64').readUInt32BE(0) % 100 < 10;
        assert.equal(valueOf(body, 'second-person'), isSampled ? 'sample' : 'not-asked');
        assert.equal(docStatus, isSampled ? 'preliminary' : 'final');
        if (isSampled) asked++;
        else final++;
      }
      assert.ok(final > 0 && asked > 0);
      const [scan, crooked] = [0, 5].map(degrees => aPng(600, 800, aText(7, degrees), 200));
      const looked = await takeIn(talk, [
        fileOf(scan!, { name: 'pages', valuePositiveInt: 2 }),
        fileOf(crooked!, { name: 'pages', valuePositiveInt: 1 }),
        fileOf(aPng(600, 800, () => false, 200)),
        fileOf(Buffer.from('%PDF-1.7 and nothing else')),
      ]);
      assert.equal(looked.status, 201, looked.text);
      const codes = [['DQ-pages-missing'], ['DQ-page-skewed'], ['DQ-page-blank'], ['DQ-unreadable']];
      assert.deepEqual(
        toldOf(looked.body).map(({ found }) => found),
        codes,
      );
      const { input = [] } = await taskAt(talk, toldOf(looked.body)[1]!.task);
      assert.deepEqual([input[0]!.type.coding![0]!.code, input[0]!.valuePositiveInt], ['DQ-page-skewed', 1]);
      const twice = await takeIn(talk, [fileOf(notePage('twice')), fileOf(notePage('twice'))]);
      const [one, other] = toldOf(twice.body);
      assert.deepEqual([one!.found, other!.found], [[], ['DQ-duplicate']]);
      assert.equal(valueOf((await indexAs(talk, other!.document, FIELDS)).body, 'second-person'), 'noticed');
    });
  },
  { config: { tokens: intakeTokens, auth: 'token', intakeNewStaff: '0', intakeWait: '120' }, set: intakeWorld },
);

onStoresInFull(
  'scans of new staff',
  stage => {
    it('are checked until somebody has indexed as many as are asked', async () => {
      const { talk } = stage();
      const reasons: (string | undefined)[] = [];
      for (let n = 0; n < 5; n++) {
        const { document } = await oneScan(talk, `new ${n}`);
        reasons.push(valueOf((await indexAs(talk, document, FIELDS)).body, 'second-person'));
      }
      const unsampled = reasons.filter(reason => reason !== 'sample');
      assert.ok(
        reasons.slice(0, 2).every(reason => reason !== 'not-asked'),
        reasons.join(', '),
      );
      assert.equal(unsampled.at(-1), 'not-asked', reasons.join(', '));
      const { document } = await oneScan(talk, 'somebody else');
      assert.notEqual(valueOf((await indexAs(talk, document, FIELDS, BEN)).body, 'second-person'), 'not-asked');
      const found = await talk.search('Task?indexer:identifier=|ann', BEN);
      assert.equal(found.total, 5);
    });
  },
  { config: { tokens: intakeTokens, auth: 'token', intakeNewStaff: '2', intakeWait: '120' }, set: intakeWorld },
);
