/** What was chosen, made and released stays so, by whatever way somebody tries to change it. docs/records-desk.md */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Binary, DocumentReference, List, ParametersParameter, Task, TaskInput } from 'fhir/r4.js';
import { it } from 'mocha';
import { documents } from '../../src/features/documents/index.js';
import { releaseOfInformation } from '../../src/features/release/index.js';
import { GROUND_SYSTEM } from '../../src/features/release/letters/refusal-grounds.js';
import { recordsWork } from '../../src/features/work/index.js';
import type { Feature } from '../../src/interactions/feature.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { type GivenValues, requestBegun, runOn } from '../support/records-request.js';
import {
  documentRead,
  documentsTold,
  inputsOf,
  jobEnded,
  outputsOf,
  packed,
  SECOND,
  storyConsent,
  storyDocument,
  storySearching,
} from '../support/release-story.js';
import { timeFrom } from '../support/stepped-time.js';
import type { Headers, Reply, Talk } from '../support/talk.js';
import { ADMIN, asRole, CLERK, FHIR_JSON, lead, refusedAs, workStateOf, workTokens } from '../support/work.js';

import { fullIt } from '../support/depth.js';
/** What happens after the bytes of a package are made, and before it is told. */
let meanwhile: (() => Promise<void>) | undefined;
/** What happens after it is told, and before its job has ended. */
let afterwards: ((job: string) => Promise<void>) | undefined;
const features: readonly Feature[] = [
  documents,
  recordsWork,
  {
    ...releaseOfInformation,
    open(ground) {
      const parts = releaseOfInformation.open(ground as Parameters<typeof releaseOfInformation.open>[0]);
      const jobs = (parts.jobs ?? []).map(job => ({
        ...job,
        finish: async (work: Parameters<NonNullable<typeof job.finish>>[0]) => {
          const then = afterwards;
          afterwards = undefined;
          await then?.(work.id);
          return job.finish?.(work) ?? {};
        },
        step: async (work: Parameters<typeof job.step>[0]) => {
          const stepped = await job.step(work);
          if (!(stepped.state as { readonly made?: unknown }).made) return stepped;
          const then = meanwhile;
          meanwhile = undefined;
          await then?.();
          return stepped;
        },
      }));
      return { ...parts, jobs };
    },
  },
];

const taskOf = async (talk: Talk, id: string): Promise<Task & { id: string }> => {
  const { body } = await talk.get<Task>(`Task/${id}`, CLERK);
  return { ...body, id };
};
const packageOf = async (talk: Talk, id: string): Promise<DocumentReference & { id: string }> => {
  const named = outputsOf(await taskOf(talk, id), 'package').at(-1)!.valueReference!.reference!;
  const { body } = await talk.get<DocumentReference>(named, CLERK);
  return { ...body, id: body.id! };
};
const binaryOf = (document: DocumentReference): string =>
  document.content[0]!.attachment.url!.replace(/^.*\/fhir\//, '');
const hiding = (patient: string): ParametersParameter => ({
  name: 'redact',
  part: [
    { name: 'document', valueReference: { reference: `DocumentReference/${patient}-one` } },
    { name: 'page', valuePositiveInt: 1 },
  ],
});
const confirm = (talk: Talk, id: string, chosen: Parameters<typeof documentsTold>[0]) =>
  runOn(
    talk,
    `${id}/$release-confirm`,
    documentsTold(chosen).map(each => documentRead(each)),
    SECOND,
  );
const input = (code: string, value: object): TaskInput => ({
  type: { coding: [{ system: 'urn:chartroom:input', code }] },
  ...value,
});

onStoresInTurn(
  'what a release has chosen',
  stage => {
    it('is what is packed: a page that is withheld meanwhile is in no package', async () => {
      const { talk } = stage();
      const patient = 'meanwhile';
      const id = await storySearching(talk, patient, [storyDocument(patient, 'one', 'Words.')]);
      const first = await runOn(talk, `${id}/$release-select`);
      assert.equal((await confirm(talk, id, first.body)).status, 200);
      const outcome: number[] = [];
      meanwhile = async () => {
        const again = await runOn(talk, `${id}/$release-select`, [hiding(patient)]);
        outcome.push(again.status, (await confirm(talk, id, again.body)).status);
      };
      const refused = await jobEnded(talk, await runOn(talk, `${id}/$release-package`));
      assert.deepEqual(outcome, [200, 200]);
      assert.equal(refused.status, 422, refused.text);
      assert.match(refused.text, /selection-changed/);
      assert.equal(workStateOf(await taskOf(talk, id)), 'quality-review');
      assert.deepEqual(outputsOf(await taskOf(talk, id), 'package'), []);
      refusedAs(await runOn(talk, `${id}/$release`), 422, 'not-ready', 'Task.businessStatus');
      // Asked for again, it is made of what is chosen now.
      assert.equal((await jobEnded(talk, await runOn(talk, `${id}/$release-package`))).status, 200);
      assert.equal((await runOn(talk, `${id}/$release`)).status, 200);
    });

    fullIt('is replaced by nobody who has seen another one, and its marks are put on no other bytes', async () => {
      const { talk } = stage();
      const patient = 'marked-before';
      const document = `DocumentReference/${patient}-one`;
      const id = await storySearching(talk, patient, [storyDocument(patient, 'one', 'Words.')]);
      const select = (marks: GivenValues, seen?: string) =>
        runOn(talk, `${id}/$release-select`, marks, { ...CLERK, ...(seen ? { 'if-match': `W/"${seen}"` } : {}) });
      const seen = (await taskOf(talk, id)).meta!.versionId!;
      assert.equal((await select([hiding(patient)], seen)).status, 200);
      const choice = (task: Task) => JSON.stringify(inputsOf(task, 'chosen'));
      const made = await taskOf(talk, id);
      assert.match(choice(made), /urn:chartroom:redaction/);
      const late = await select([], seen);
      refusedAs(late, 412, 'version-mismatch', 'http.If-Match');
      assert.equal(choice(await taskOf(talk, id)), choice(made));

      const marked = (reference: string, sha256?: string): ParametersParameter => ({
        name: 'redact',
        part: [
          { name: 'document', valueReference: { reference } },
          { name: 'page', valuePositiveInt: 1 },
          ...(sha256 === undefined ? [] : [{ name: 'sha256', valueString: sha256 }]),
        ],
      });
      const hash = inputsOf(made, 'chosen')[0]!.extension!.find(({ url }) => url.endsWith('sha256'))!.valueString!;
      assert.equal((await select([marked(`${document}/_history/1`, hash)])).status, 200);
      const write = async (words: string, more: Partial<DocumentReference> = {}): Promise<void> => {
        assert.equal((await talk.update(storyDocument(patient, 'one', words, more), ADMIN)).status, 200);
      };
      // The same bytes, of which something else is said.
      await write('Words.', { description: 'Another title' });
      assert.equal((await select([marked(`${document}/_history/1`, hash)])).status, 200);
      assert.equal((await select([marked(`${document}/_history/2`)])).status, 200);
      await write('Other words, somewhere else.');
      for (const mark of [
        marked(`${document}/_history/1`, hash),
        marked(document, hash),
        marked(`${document}/_history/2`),
      ]) {
        const refused = await select([mark]);
        refusedAs(refused, 422, 'marked-before', 'Parameters.parameter[0]');
        assert.match(refused.text, /marked-before-one is another one since it was marked .* draw its marks anew/);
      }
      refusedAs(await select([marked(document, 'abc')]), 400, 'bad-parameter-value', 'Parameters.parameter[0]');
      assert.equal((await select([marked(`${document}/_history/3`)])).status, 200);
    });

    it('stays in its package, which nobody changes or deletes', async () => {
      const { talk } = stage();
      const [mine, other] = [
        await storySearching(talk, 'mine', [storyDocument('mine', 'one', 'Mine.')]),
        await storySearching(talk, 'other', [storyDocument('other', 'one', 'Of somebody else.')]),
      ];
      await packed(talk, mine);
      await packed(talk, other);
      assert.equal((await runOn(talk, `${mine}/$release`)).status, 200);
      const [document, stranger] = [await packageOf(talk, mine), await packageOf(talk, other)];
      const type = 'DocumentReference.type';
      refusedAs(await talk.update({ ...document, content: stranger.content }, ADMIN), 422, 'package-kept', type);
      const { type: _type, ...bare } = document;
      refusedAs(await talk.update({ ...bare, content: stranger.content }, ADMIN), 422, 'package-kept', type);
      refusedAs(await talk.delete(`DocumentReference/${document.id}`, ADMIN), 422, 'package-kept', type);
      const bytes = await talk.send('PUT', binaryOf(document), {
        headers: { ...ADMIN, 'content-type': 'application/octet-stream' },
        body: 'Other bytes.',
      });
      refusedAs(bytes, 422, 'package-kept', 'Binary');
      refusedAs(await talk.delete(binaryOf(document), ADMIN), 422, 'package-kept', 'Binary');
      // Nor does anybody make one by hand.
      const { id: _id, ...forged } = document;
      refusedAs(await talk.create(forged, ADMIN), 422, 'package-kept', type);
      assert.equal((await packageOf(talk, mine)).meta!.versionId, document.meta!.versionId);
      const link = [
        { name: 'method', valueCode: 'link' },
        { name: 'passcode', valueString: 'spelt on the phone' },
      ];
      assert.equal((await runOn(talk, `${mine}/$deliver`, link)).status, 200);
    });

    it('is erased where that is ordered, with what tells of it', async () => {
      const { talk } = stage();
      const id = await storySearching(talk, 'ordered', [storyDocument('ordered', 'one', 'Words.')]);
      await packed(talk, id);
      assert.equal((await runOn(talk, `${id}/$release`)).status, 200);
      const hand = [
        { name: 'method', valueCode: 'hand' },
        { name: 'taken-by', valueString: 'Ada' },
        { name: 'identity-document', valueString: 'passport' },
      ];
      assert.equal((await runOn(talk, `${id}/$deliver`, hand)).status, 200);
      const task = await taskOf(talk, id);
      const document = await packageOf(talk, id);
      const [list, delivery] = ['frozen-set', 'delivery'].map(
        kind => outputsOf(task, kind).at(-1)!.valueReference!.reference!,
      );
      for (const address of [delivery!, list!, `DocumentReference/${document.id}`, binaryOf(document)]) {
        assert.equal((await talk.delete(address, ADMIN)).status, 422, address);
        const purged = await talk.send('POST', `${address}/$purge`, { headers: ADMIN });
        assert.equal(purged.status, 200, purged.text);
        assert.equal((await talk.get(`${address}/_history/1`, ADMIN)).status, 404, address);
        assert.equal((await talk.get(address, ADMIN)).status, 410, address);
      }
    });

    it('was chosen for what was asked for, which stays until the request is reopened', async () => {
      const { talk } = stage();
      const id = await storySearching(talk, 'asked', [storyDocument('asked', 'one', 'Words.')]);
      await packed(talk, id);
      const task = await taskOf(talk, id);
      const changed = (code: string, value: object): Task & { id: string } => ({
        ...task,
        input: [...task.input!.filter(({ type }) => type.coding?.[0]?.code !== code), input(code, value)],
      });
      const identifier = task.identifier!.map(each => ({ ...each, value: 'another' }));
      for (const altered of [
        changed('requester-class', { valueCode: 'patient' }),
        changed('delivery-address', { valueString: '2 Other Street' }),
        changed('left-out', { valueReference: { reference: 'DocumentReference/asked-one' } }),
        { ...task, reasonCode: { text: 'Another one' } },
        { ...task, identifier },
      ])
        refusedAs(await talk.update(altered, ADMIN), 422, 'request-kept', 'Task.input');
      const note = [{ text: 'She has called.' }];
      assert.equal((await talk.update({ ...task, note }, ADMIN)).status, 200);
      await lead(talk, id, { name: 'reopen', reason: 'She has moved.' });
      const reopened = await taskOf(talk, id);
      const moved = reopened.input!.map(each =>
        each.type.coding?.[0]?.code === 'delivery-address' ? { ...each, valueString: '2 Other Street' } : each,
      );
      const { status, text } = await talk.update({ ...reopened, input: moved }, CLERK);
      assert.equal(status, 200, text);
    });

    it('is written by nobody in a Task that becomes a request for records', async () => {
      const { talk } = stage();
      const id = await requestBegun(talk, { name: 'patient', valueReference: { reference: 'Patient/mine' } });
      const { id: _id, meta: _meta, code, ...bare } = await taskOf(talk, id);
      const forged = {
        ...bare,
        input: [
          ...bare.input!,
          input('document-confirmed', { valueReference: { reference: 'DocumentReference/mine-one/_history/1' } }),
        ],
      };
      const other = await talk.create<Task>({ ...forged, code: { text: 'Something else' } }, ADMIN);
      assert.equal(other.status, 201, other.text);
      const recoded = { ...other.body, id: other.body.id, code: code! };
      refusedAs(await talk.update(recoded, ADMIN), 422, 'release-kept', 'Task.input');
      const honest = { ...recoded, input: bare.input! };
      assert.equal((await talk.update(honest, ADMIN)).status, 200);
    });

    fullIt('is told by no List that somebody calls so', async () => {
      const { talk } = stage();
      const list: List = { resourceType: 'List', status: 'current', mode: 'working' };
      const frozen = { coding: [{ system: 'urn:chartroom:list', code: 'frozen-set' }] };
      refusedAs(await talk.create({ ...list, code: frozen }, ADMIN), 422, 'frozen-set', 'List.code');
      const { status, body } = await talk.create<List>(list, ADMIN);
      assert.equal(status, 201);
      refusedAs(await talk.update({ ...list, id: body.id, code: frozen }, ADMIN), 422, 'frozen-set', 'List.code');
      assert.equal((await talk.update({ ...list, id: body.id, title: 'Mine' }, ADMIN)).status, 200);
    });

    it('is chosen, packed and released by those whose work that is, in whatever state', async () => {
      const { talk } = stage();
      const id = await storySearching(talk, 'by-others', [storyDocument('by-others', 'one', 'Words.')]);
      const others = [asRole('privacy-officer'), asRole('service')];
      const refuse = async (operation: string): Promise<void> => {
        for (const other of others) {
          const { status, text } = await runOn(talk, `${id}/$${operation}`, [], other);
          assert.equal(status, 403, text);
        }
      };
      for (const operation of ['release-select', 'release-package', 'release']) await refuse(operation);
      assert.equal((await runOn(talk, `${id}/$release-select`)).status, 200);
      await refuse('release-select');
      await packed(talk, id);
      await refuse('release-package');
      await refuse('release');
    });

    it('and that nobody got is current in no chart', async () => {
      const { talk } = stage();
      const id = await storySearching(talk, 'nobody', [storyDocument('nobody', 'one', 'Words.')]);
      await packed(talk, id);
      const first = await packageOf(talk, id);
      assert.equal(first.status, 'current');
      const isGone = async ({ id: at, ...document }: DocumentReference) => {
        const { body } = await talk.get<DocumentReference>(`DocumentReference/${at}`, CLERK);
        const { status } = await talk.get(binaryOf(document), ADMIN);
        // Nobody reads what it was.
        assert.equal((await talk.get(`${binaryOf(document)}/_history/1`, ADMIN)).status, 404);
        return [body.status, status];
      };
      const form = [{ name: 'form', valueCode: 'zip' }];
      assert.equal((await jobEnded(talk, await runOn(talk, `${id}/$release-package`, form))).status, 200);
      const second = await packageOf(talk, id);
      assert.deepEqual(await isGone(first), ['entered-in-error', 410]);
      assert.equal(second.status, 'current');
      await lead(talk, id, { name: 'reopen', reason: 'One is missing.' });
      assert.deepEqual(await isGone(second), ['entered-in-error', 410]);
      assert.equal((await runOn(talk, `${id}/$release-select`)).status, 200);
      // What somebody got stays.
      await lead(talk, id, { name: 'reopen', reason: 'Once more.' });
      await packed(talk, id);
      assert.equal((await runOn(talk, `${id}/$release`)).status, 200);
      const third = await packageOf(talk, id);
      await lead(talk, id, { name: 'reopen', reason: 'More is asked for.' });
      await packed(talk, id);
      assert.equal((await talk.get<DocumentReference>(`DocumentReference/${third.id}`, CLERK)).body.status, 'current');
    });

    fullIt('is taken back by a clerk who may not read it, too', async () => {
      const { talk } = stage();
      const patient = 'unread';
      const label = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'V' };
      const securityLabel = [{ coding: [label] }];
      const id = await storySearching(talk, patient, [storyDocument(patient, 'one', 'Words.', { securityLabel })]);
      const consent = storyConsent(patient);
      const named = { ...consent, provision: { ...consent.provision, securityLabel: [label] } };
      assert.equal((await talk.update(named, ADMIN)).status, 200);
      const chosen = await runOn(talk, `${id}/$release-select`, [], ADMIN);
      const read = documentsTold(chosen.body).map(each => documentRead(each));
      const confirmed = await runOn(talk, `${id}/$release-confirm`, read, asRole('privacy-officer'));
      assert.equal(confirmed.status, 200, confirmed.text);
      const ended = await jobEnded(talk, await runOn(talk, `${id}/$release-package`, [], ADMIN), ADMIN);
      assert.equal(ended.status, 200, ended.text);
      const made = outputsOf(await taskOf(talk, id), 'package').at(-1)!.valueReference!.reference!;
      const told = async (headers: Headers) => talk.get<DocumentReference>(made, headers);
      assert.equal((await told(CLERK)).status, 404);
      const { body: before } = await told(ADMIN);
      assert.equal(before.status, 'current');
      await lead(talk, id, { name: 'reopen', reason: 'One is missing.' });
      assert.equal((await told(ADMIN)).body.status, 'entered-in-error');
      assert.equal((await talk.get(binaryOf(before), ADMIN)).status, 410);
    });

    fullIt('is made by a job that its request names, and leaves nothing behind where it is not finished', async () => {
      const { talk } = stage();
      const patient = 'unfinished';
      const id = await storySearching(talk, patient, [storyDocument(patient, 'one', 'Words.')]);
      const chosen = await runOn(talk, `${id}/$release-select`);
      assert.equal((await confirm(talk, id, chosen.body)).status, 200);
      const named = async (): Promise<string | undefined> =>
        outputsOf(await taskOf(talk, id), 'package-job').at(-1)?.valueId;
      const binary = async (job: string, version = ''): Promise<number> =>
        (await talk.get(`Binary/${job}${version}`, ADMIN)).status;
      const asked: Reply<unknown>[] = [];
      const seen: (string | undefined)[] = [];
      // Another package is asked for when the bytes of the first one are there, and before they are told of.
      meanwhile = async () => {
        seen.push(await named());
        asked.push(await runOn(talk, `${id}/$release-package`));
        while ((await named()) === seen[0]) await pause(20);
      };
      const first = await runOn(talk, `${id}/$release-package`);
      const job = first.header('content-location')!.replace(/^.*job=/, '');
      const ended = await jobEnded(talk, first);
      const second = await jobEnded(talk, asked[0]!);
      assert.deepEqual([seen[0], ended.status, second.status], [job, 422, 200], ended.text);
      const made = await packageOf(talk, id);
      assert.equal(await named(), undefined);
      assert.notEqual(binaryOf(made), `Binary/${job}`);
      assert.deepEqual([await binary(job), await binary(job, '/_history/1')], [410, 404]);
      // What belongs to the request otherwise is nobody's package.
      const paper = await talk.create<Binary>(
        {
          resourceType: 'Binary',
          contentType: 'text/plain',
          securityContext: { reference: `Task/${id}` },
          data: 'UGFwZXI=',
        },
        ADMIN,
      );
      assert.equal(paper.status, 201, paper.text);
      assert.equal((await talk.delete(`Binary/${paper.body.id}`, ADMIN)).status, 204);
    });

    fullIt('stays where the job that has made it is cancelled too late, and goes where that is in time', async () => {
      const { talk } = stage();
      const id = await storySearching(talk, 'late', [storyDocument('late', 'one', 'Words.')]);
      const chosen = await runOn(talk, `${id}/$release-select`);
      assert.equal((await confirm(talk, id, chosen.body)).status, 200);
      const cancel = async (job: string): Promise<number> =>
        (
          await talk.send('POST', '$jobs-cancel', {
            headers: { ...CLERK, ...FHIR_JSON },
            body: JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'job', valueId: job }] }),
          })
        ).status;
      const jobIn = (asked: Reply<unknown>): string => asked.header('content-location')!.replace(/^.*job=/, '');
      // In time: its bytes are there, and nothing tells of them.
      const seen: number[] = [];
      let early: string | undefined;
      meanwhile = async () => {
        early = outputsOf(await taskOf(talk, id), 'package-job').at(-1)!.valueId!;
        seen.push((await talk.get(`Binary/${early}`, ADMIN)).status, await cancel(early));
      };
      await runOn(talk, `${id}/$release-package`);
      while (seen.length < 2 || (await talk.get(`Binary/${early}`, ADMIN)).status === 200) await pause(20);
      assert.deepEqual([seen, workStateOf(await taskOf(talk, id))], [[200, 202], 'quality-review']);
      assert.deepEqual(outputsOf(await taskOf(talk, id), 'package-job'), []);
      // Too late: it is released before.
      const done: number[] = [];
      afterwards = async job => {
        done.push((await runOn(talk, `${id}/$release`)).status, await cancel(job));
      };
      const job = jobIn(await runOn(talk, `${id}/$release-package`));
      while (done.length < 2) await pause(20);
      assert.deepEqual(done, [200, 202]);
      assert.equal((await talk.get(`Binary/${job}`, ADMIN)).status, 200);
      assert.equal(binaryOf(await packageOf(talk, id)), `Binary/${job}`);
    });

    fullIt('and was packed goes with a request that comes to nothing', async () => {
      const { talk } = stage();
      const ground = { system: GROUND_SYSTEM, code: 'legal-proceeding' };
      const endings: Readonly<Record<string, GivenValues>> = {
        withdraw: [],
        deny: [{ name: 'reason-code', valueCoding: ground }],
      };
      for (const [ending, more] of Object.entries(endings)) {
        const patient = `to-${ending}`;
        const id = await storySearching(talk, patient, [storyDocument(patient, 'one', 'Words.')]);
        await packed(talk, id);
        const made = await packageOf(talk, id);
        const named = { name: 'name', valueCode: ending };
        const ended = await runOn(talk, `${id}/$transition`, [
          named,
          { name: 'reason', valueString: 'So it is.' },
          ...more,
        ]);
        assert.equal(ended.status, 200, ended.text);
        const { body } = await talk.get<DocumentReference>(`DocumentReference/${made.id}`, CLERK);
        const { status } = await talk.get(binaryOf(made), ADMIN);
        assert.deepEqual([body.status, status], ['entered-in-error', 410], patient);
      }
    });
  },
  {
    time: timeFrom(Date.UTC(2026, 2, 10, 12)),
    config: { auth: 'token', tokens: workTokens },
    features,
    set: async ({ talk }) => {
      await talk.update({ resourceType: 'Organization', id: 'law', name: 'Doe & Partners' }, ADMIN);
    },
  },
);
