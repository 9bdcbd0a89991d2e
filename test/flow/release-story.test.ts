/** A request for records to its end: chosen, confirmed by somebody else, packed, released with its disclosure, closed; and what stops it on the way. docs/records-desk.md */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { AuditEvent, DocumentReference, List, OperationOutcome, Provenance, Task } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { plainPdf } from '../support/hostile-pdfs.js';
import { pageTexts, skipWithoutProgram, toolOutput } from '../support/pdf-tools.js';
import { type GivenValues, runOn } from '../support/records-request.js';
import {
  documentRead,
  documentsTold,
  inputsOf,
  jobEnded,
  outputsOf,
  packageResult,
  packed,
  SECOND,
  storyConsent,
  storyDocument,
  storySearching,
} from '../support/release-story.js';
import { steppedTime } from '../support/stepped-time.js';
import type { Talk } from '../support/talk.js';
import { ADMIN, CLERK, lead, refusedAs, workStateOf, workTokens } from '../support/work.js';

import { fullIt } from '../support/depth.js';
const DISCLOSED =
  'AuditEvent?type=http://dicom.nema.org/resources/ontology/DCM|110106' +
  '&subtype=http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle|disclose&patient=Patient/';

const taskOf = async (talk: Talk, id: string): Promise<Task> => (await talk.get<Task>(`Task/${id}`, CLERK)).body;
const disclosed = async (talk: Talk, patient: string): Promise<readonly AuditEvent[]> =>
  ((await talk.search<AuditEvent>(`${DISCLOSED}${patient}`, ADMIN)).entry ?? []).map(({ resource }) => resource!);

onStoresInTurn(
  'a release',
  stage => {
    it('ROI-1: goes from the choice to its end, and tells the disclosure in the commit of the release', async function () {
      const { talk } = stage();
      const patient = 'story';
      const id = await storySearching(talk, patient, [
        storyDocument(patient, 'one', 'Patient: Ada Lindqvist\nMRN: MRN-1\nAll is well.'),
        storyDocument(patient, 'two', '', {
          content: [
            { attachment: { contentType: 'application/pdf', data: plainPdf('Topsecret words').toString('base64') } },
          ],
        }),
        storyDocument(patient, 'draft', 'Not yet.', { docStatus: 'preliminary' }),
      ]);
      // No other way leads there.
      for (const [name, code] of [
        ['select', 'quality-review'],
        ['release', 'released'],
      ] as const) {
        const task = await taskOf(talk, id);
        const forged = { ...task, id, businessStatus: { coding: [{ system: 'urn:chartroom:state', code }] } };
        const reply = await talk.update(forged, ADMIN);
        assert.equal(reply.status, 422, `${name}: ${reply.text}`);
        assert.equal((await lead<OperationOutcome>(talk, id, { name })).status, 422);
      }
      refusedAs(await runOn(talk, `${id}/$release`), 422, 'not-ready', 'Task.businessStatus');

      const words = {
        name: 'redact',
        part: [
          { name: 'document', valueReference: { reference: `DocumentReference/${patient}-two` } },
          { name: 'page', valuePositiveInt: 1 },
          { name: 'area', valueString: '0.1 0.07 0.6 0.06' },
        ],
      };
      const stray = { ...words, part: [words.part[0]!, { name: 'page', valuePositiveInt: 9 }] };
      refusedAs(await runOn(talk, `${id}/$release-select`, [stray]), 422, 'no-such-page', 'Parameters.parameter[0]');
      const chosen = await runOn(talk, `${id}/$release-select`, [words]);
      assert.equal(chosen.status, 200, chosen.text);
      const documents = documentsTold(chosen.body);
      assert.deepEqual(documents.toSorted(), [
        `DocumentReference/${patient}-one/_history/1`,
        `DocumentReference/${patient}-two/_history/1`,
      ]);
      assert.equal(workStateOf(await taskOf(talk, id)), 'quality-review');
      assert.equal((await runOn(talk, `${id}/$release-package`)).status, 422);

      // Who has chosen confirms nothing, and nobody writes that by hand.
      refusedAs(
        await runOn(talk, `${id}/$release-confirm`, [documentRead(documents[0]!)]),
        422,
        'same-person',
        'Task.input',
      );
      const open = await taskOf(talk, id);
      const { input: before = [] } = open;
      const forged = before.map(each =>
        inputsOf(open, 'chosen').includes(each)
          ? { ...each, type: { coding: [{ system: 'urn:chartroom:input', code: 'document-confirmed' }] } }
          : each,
      );
      refusedAs(await talk.update({ ...open, id, input: forged }, ADMIN), 422, 'release-kept', 'Task.input');
      const wrong = { ...documentRead(documents[0]!) };
      wrong.part = wrong.part!.map(each => (each.name === 'birth-date' ? { ...each, valueDate: '1971-02-03' } : each));
      refusedAs(
        await runOn(talk, `${id}/$release-confirm`, [wrong], SECOND),
        422,
        'identifiers-differ',
        'Parameters.parameter[0]',
      );
      const confirmed = await runOn(
        talk,
        `${id}/$release-confirm`,
        documents.map(each => documentRead(each)),
        SECOND,
      );
      assert.equal(confirmed.status, 200, confirmed.text);
      assert.equal(confirmed.body.parameter![0]!.valueUnsignedInt, 0);
      refusedAs(
        await runOn(talk, `${id}/$release-confirm`, [documentRead(documents[0]!)], SECOND),
        422,
        'confirmed-already',
        'Parameters.parameter[0]',
      );

      const ended = await jobEnded(talk, await runOn(talk, `${id}/$release-package`));
      assert.equal(ended.status, 200, ended.text);
      const told = packageResult(ended).parameter!;
      const ready = await taskOf(talk, id);
      assert.equal(workStateOf(ready), 'ready');
      const [pack, set] = ['package', 'frozen-set'].map(code => outputsOf(ready, code)[0]!.valueReference!.reference!);
      assert.deepEqual([told[0]!.valueReference!.reference, told[1]!.valueReference!.reference], [pack, set]);
      const { body: list, text: listText } = await talk.get<List>(set!, CLERK);
      assert.ok(list.entry, listText);
      assert.deepEqual(
        list.entry.map(({ item }) => item.reference),
        documents,
      );
      const { body: document } = await talk.get<DocumentReference>(pack!, CLERK);
      const url = document.content[0]!.attachment.url!.replace(/^.*\/fhir\//, '');
      const got = await fetch(`${talk.base}/${url}`, { headers: { ...CLERK, accept: 'application/pdf' } });
      const binary = Buffer.from(await got.arrayBuffer());
      assert.equal(createHash('sha256').update(binary).digest('hex'), told[2]!.valueString);
      refusedAs(await talk.update({ ...list, id: list.id!, title: 'Else' }, ADMIN), 422, 'frozen-set', 'List.code');

      assert.deepEqual(await disclosed(talk, patient), []);
      const released = await runOn<Task>(talk, `${id}/$release`);
      assert.equal(released.status, 200, released.text);
      assert.equal(workStateOf(released.body), 'released');
      const [event, ...others] = await disclosed(talk, patient);
      assert.deepEqual(others, []);
      assert.equal(outputsOf(released.body, 'disclosure')[0]!.valueReference!.reference, `AuditEvent/${event!.id}`);
      assert.deepEqual(
        event!
          .entity!.flatMap(({ what }) => what?.reference ?? [])
          .filter(each => each.startsWith('DocumentReference')),
        documents,
      );
      const said = JSON.stringify(event);
      for (const word of ['164.508', 'HLEGAL', 'Doe & Partners', '1 Court Street', `Task/${id}`, 'records-specialist'])
        assert.ok(said.includes(word), word);
      const { entry: provenances = [] } = await talk.search<Provenance>(`Provenance?target=Task/${id}`, ADMIN);
      const activities = provenances.map(({ resource }) => resource!.activity!.coding![0]!.code ?? '');
      assert.deepEqual(activities.toSorted(), ['accept', 'identify', 'log', 'package', 'release', 'select']);
      refusedAs(await runOn(talk, `${id}/$release`), 422, 'released-already', 'Task.businessStatus');
      assert.equal((await lead(talk, id, { name: 'close' })).body.status, 'completed');
      assert.equal((await disclosed(talk, patient)).length, 1);
      skipWithoutProgram(this, 'qpdf');
      toolOutput('qpdf', binary, ['--check']);
      skipWithoutProgram(this, 'pdftotext');
      const text = pageTexts(binary).join();
      assert.ok(text.includes('All is well') && !text.includes('Topsecret'));
    });

    it('asks about pages that name somebody else', async () => {
      const { talk } = stage();
      const id = await storySearching(talk, 'named', [
        storyDocument('named', 'other', 'Patient: Grace Hopper\nMRN: 999\n'),
      ]);
      const [document] = documentsTold((await runOn(talk, `${id}/$release-select`)).body);
      const reply = await runOn(talk, `${id}/$release-confirm`, [documentRead(document!)], SECOND);
      refusedAs(reply, 422, 'other-patient-named', 'Parameters.parameter[0]');
      assert.match(reply.text, /other-name, other-identifier/);
      assert.ok(!/Hopper|999/.test(reply.text));
      const answered = documentRead(document!, [{ name: 'answer', valueString: 'Her sister, named in the history.' }]);
      const { status, text, body } = await runOn(talk, `${id}/$release-confirm`, [answered], SECOND);
      assert.equal(status, 200, text);
      assert.equal(body.parameter![1]!.part![1]!.valueCode, 'text');
    });

    it('is stopped by what has changed since it was chosen, and then nothing goes out', async () => {
      const { talk } = stage();
      const change = async (patient: string, write: () => Promise<unknown>, expected: RegExp): Promise<void> => {
        const id = await storySearching(talk, patient, [storyDocument(patient, 'one', 'Words.')]);
        await packed(talk, id);
        await write();
        const reply = await runOn(talk, `${id}/$release`);
        assert.equal(reply.status, 422, reply.text);
        assert.match(reply.text, expected);
        assert.equal(workStateOf(await taskOf(talk, id)), 'ready');
        assert.deepEqual(await disclosed(talk, patient), []);
        // And may be chosen anew.
        const { body, text } = await lead(talk, id, { name: 'reopen', reason: 'Something has changed.' });
        assert.equal(workStateOf(body), 'searching', text);
      };
      const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }];
      await change(
        'revoked',
        () => talk.update({ ...storyConsent('revoked'), status: 'inactive' }, ADMIN),
        /authorization-deficient/,
      );
      await change(
        'labelled',
        () => talk.update({ ...storyDocument('labelled', 'one', 'Words.'), meta: { security } }, ADMIN),
        /restricted/,
      );
      await change(
        'retracted',
        () => talk.update({ ...storyDocument('retracted', 'one', 'Words.'), status: 'entered-in-error' }, ADMIN),
        /entered-in-error/,
      );
      await change(
        'corrected',
        () => talk.update(storyDocument('corrected', 'one', 'Other words.'), ADMIN),
        /another version/,
      );
      await change('deleted', () => talk.delete('DocumentReference/deleted-one', ADMIN), /gone/);
    });

    fullIt('is made once more with the same bytes, and with a passphrase that is kept nowhere', async () => {
      const { talk, server } = stage();
      const id = await storySearching(talk, 'again', [storyDocument('again', 'one', 'Words.')]);
      await packed(talk, id);
      const hash = async () => outputsOf(await taskOf(talk, id), 'package')[0]!.extension![0]!.valueString;
      const first = await hash();
      const repeat = async (more: GivenValues = []) => {
        const ended = await jobEnded(talk, await runOn(talk, `${id}/$release-package`, more));
        assert.equal(ended.status, 200, ended.text);
      };
      await repeat();
      assert.equal(await hash(), first);
      const passphrase = 'correct horse battery';
      await repeat([{ name: 'passphrase', valueString: passphrase }]);
      assert.notEqual(await hash(), first);
      const jobs = JSON.stringify(await server.engine.jobs.list());
      assert.ok(!jobs.includes(passphrase));
      assert.equal((await runOn(talk, `${id}/$release-package?passphrase=correct+horse+battery`)).status, 400);
      assert.equal(
        (await runOn(talk, `${id}/$release-package`, [{ name: 'passphrase', valueString: 'short' }])).status,
        400,
      );
      const zip = await runOn(talk, `${id}/$release-package`, [
        { name: 'form', valueCode: 'zip' },
        { name: 'passphrase', valueString: passphrase },
      ]);
      assert.equal(zip.status, 400);
      for (const form of ['zip', 'both', 'document']) {
        await repeat([{ name: 'form', valueCode: form }]);
        assert.equal(outputsOf(await taskOf(talk, id), 'package').length, 1);
      }
    });

    fullIt('goes out once, however many clerks release it at once', async () => {
      const { talk } = stage();
      const id = await storySearching(talk, 'race', [storyDocument('race', 'one', 'Words.')]);
      await packed(talk, id);
      const replies = await Promise.all(
        Array.from({ length: 16 }, (_, n) => runOn(talk, `${id}/$release`, [], n % 2 === 0 ? CLERK : ADMIN)),
      );
      assert.deepEqual(
        replies.map(({ status }) => status).toSorted((one, other) => one - other),
        [200, ...Array.from({ length: 15 }, () => 422)],
      );
      assert.equal((await disclosed(talk, 'race')).length, 1);
      // Again for the same people: what went out before stays told, and is no document that goes out itself.
      await lead(talk, id, { name: 'reopen', reason: 'One was left out.' });
      await packed(talk, id);
      const { body } = await runOn<Task>(talk, `${id}/$release`);
      assert.deepEqual(
        ['package', 'frozen-set', 'disclosure'].map(code => outputsOf(body, code).length),
        [2, 2, 2],
      );
      assert.equal((await disclosed(talk, 'race')).length, 2);
    });
  },
  {
    time: steppedTime(Date.UTC(2026, 2, 10, 12)),
    config: { auth: 'token', tokens: workTokens },
    set: async ({ talk }) => {
      await talk.update({ resourceType: 'Organization', id: 'law', name: 'Doe & Partners' }, ADMIN);
    },
  },
);
