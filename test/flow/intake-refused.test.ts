/** What is refused of scans on their way into the record, whoever writes and by whatever way; and what comes in anew. docs/records-desk.md */
import assert from 'node:assert/strict';
import type { AuditEvent, Binary, DocumentReference, List, ParametersParameter, Provenance, Task } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
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
  takeIn,
  toldOf,
} from '../support/intake.js';
import { aPng } from '../support/scans.js';

import { fullIt } from '../support/depth.js';
const ROOT = as('root');

onStoresInTurn(
  'what is refused of scans',
  stage => {
    it('drops nothing that comes under the identifier of something else, or that was rejected', async () => {
      const { talk } = stage();
      const named = (value: string): ParametersParameter[] => [
        { name: 'identifier', valueIdentifier: { system: 'urn:x', value } },
      ];
      const [one, two] = [fileOf(notePage('identifier one')), fileOf(notePage('identifier two'))];
      const first = await takeIn(talk, [one, two], named('used'));
      assert.equal(first.status, 201, first.text);
      for (const files of [[two, one], [one], [one, two, one], [one, fileOf(notePage('identifier three'))]]) {
        const other = await takeIn(talk, files, named('used'));
        assert.deepEqual([other.status, scanDetails(other)], [409, ['identifier-of-other-batch']], other.text);
      }
      const identifier = [{ system: 'urn:x', value: 'list' }];
      await talk.update<List>(
        { resourceType: 'List', id: 'other-list', identifier, status: 'current', mode: 'snapshot' },
        ROOT,
      );
      assert.deepEqual(scanDetails(await takeIn(talk, [one], named('list'))), ['identifier-of-other-batch']);
      const [taken, left] = toldOf(first.body);
      assert.equal((await stepAs(talk, taken!.task, 'reject', BEN, 'illegible')).status, 200);
      assert.equal((await takeIn(talk, [one, two], named('used'))).status, 200, 'one is there still');
      assert.equal((await stepAs(talk, left!.task, 'reject', BEN, 'illegible')).status, 200);
      const rejected = await takeIn(talk, [one, two], named('used'));
      assert.deepEqual([rejected.status, scanDetails(rejected)], [409, ['batch-rejected']], rejected.text);
    });

    fullIt('takes no batch that is too large together, before it reads any of it', async () => {
      const { talk } = stage();
      const body = Buffer.concat([notePage('large'), Buffer.alloc(6 * 1024 * 1024, 'word ')]);
      const stored = await talk.send<Binary>('POST', 'Binary', {
        headers: { ...ROOT, 'content-type': 'text/plain', prefer: 'return=minimal' },
        body,
      });
      assert.equal(stored.status, 201, stored.text);
      const id = stored.header('location')!.split('/Binary/')[1]!.split('/')[0]!;
      const file = { name: 'file', part: [{ name: 'attachment', valueAttachment: { url: `Binary/${id}` } }] };
      const many = await takeIn(
        talk,
        Array.from({ length: 43 }, () => file),
      );
      assert.deepEqual([many.status, scanDetails(many)], [413, ['batch-too-large']], many.text);
      const few = await takeIn(talk, [file, file]);
      assert.equal(few.status, 201, few.text);
    });

    it('keeps what was noticed when it comes in anew, so that a second person looks again', async () => {
      const { talk } = stage();
      const blank = aPng(60, 60, () => false);
      const { document, task, found } = toldOf((await takeIn(talk, [fileOf(blank)])).body)[0]!;
      assert.ok(found.length > 0);
      await indexAs(talk, document, FIELDS);
      assert.equal((await stepAs(talk, task, 'reject', BEN, 'wrong-patient')).status, 200);
      const link = await talk.search<Provenance>(`Provenance?entity=DocumentReference/${document}`, ANN);
      const copy = link.entry![0]!.resource!.target[0]!.reference!;
      const anew = (await talk.search<Task>(`Task?focus=${copy}`, ANN)).entry![0]!.resource!;
      assert.deepEqual(
        anew.input?.map(({ type }) => type.coding?.[0]?.code),
        [...found, 'DQ-came-in-anew'],
      );
    });

    it('keeps its statuses, its bytes and itself while its Task is open, whatever was said of it before', async () => {
      const { talk } = stage();
      const { document, task } = await oneScan(talk, 'guarded');
      const scan = await scanAt(talk, document);
      const patch = (path: string, value: unknown) =>
        talk.send('PATCH', `DocumentReference/${document}`, {
          headers: { ...ROOT, 'content-type': 'application/json-patch+json' },
          body: JSON.stringify([{ op: 'add', path, value }]),
        });
      const data = base64('other bytes');
      const tries = async (): Promise<void> => {
        for (const docStatus of ['entered-in-error', 'final', 'amended'])
          refusedScan(await patch('/docStatus', docStatus), 'final-by-process');
        for (const status of ['entered-in-error', 'superseded'])
          refusedScan(await patch('/status', status), 'status-by-process');
        refusedScan(await patch('/content/0/attachment', { contentType: 'text/plain', data }), 'received-bytes-stay');
        refusedScan(await patch('/content/0/attachment/contentType', 'text/x-notes'), 'received-bytes-stay');
        refusedScan(await talk.delete(`DocumentReference/${document}`, ROOT), 'under-review');
        const { docStatus: _, ...rest } = scan;
        refusedScan(await talk.update({ ...rest, id: document }, ROOT), 'final-by-process');
      };
      await tries();
      assert.equal((await indexAs(talk, document, FIELDS)).status, 200);
      await tries();
      refusedScan(await patch('/content/0/attachment/title', 'Other'), 'index-under-review');
      refusedScan(await patch('/category', [{ text: 'Other' }]), 'index-under-review');
      assert.equal((await patch('/description', 'A note.')).status, 200, 'what nobody looks at may be said');
      assert.equal((await stepAs(talk, task, 'reject', BEN, 'illegible')).status, 200);
      refusedScan(await patch('/docStatus', 'final'), 'rejected-stays');
      refusedScan(await patch('/status', 'current'), 'rejected-stays');
      assert.equal((await talk.delete(`DocumentReference/${document}`, ROOT)).status, 204);
    });

    it('is as confidential when it comes in anew as it was, whatever brings it in (ACC)', async () => {
      const { talk } = stage();
      const R = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' };
      const PSY = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' };
      const bytes = notePage('confidential');
      const { document, task } = toldOf((await takeIn(talk, [fileOf(bytes)])).body)[0]!;
      const scan = await scanAt(talk, document);
      const labelled = { ...scan, id: document, meta: { security: [PSY] }, securityLabel: [{ coding: [R] }] };
      assert.equal((await talk.update<DocumentReference>(labelled, ANN)).status, 200);
      const seen = async (id: string): Promise<void> => {
        const { meta, securityLabel } = await scanAt(talk, id);
        assert.deepEqual([meta?.security, securityLabel], [[PSY], [{ coding: [R] }]], id);
      };
      await seen(document);
      const again = toldOf((await takeIn(talk, [fileOf(bytes), fileOf(bytes)])).body);
      for (const each of again) await seen(each.document);
      // A better picture of it, under way beside it.
      const better = await talk.create<DocumentReference>(
        {
          resourceType: 'DocumentReference',
          status: 'current',
          docStatus: 'preliminary',
          relatesTo: [{ code: 'replaces', target: { reference: `DocumentReference/${again[1]!.document}` } }],
          content: [{ attachment: { contentType: 'text/plain', data: base64('A better picture.') } }],
        },
        ANN,
      );
      assert.equal(better.status, 201, better.text);
      await seen(better.body.id);
      await indexAs(talk, document, FIELDS);
      assert.equal((await stepAs(talk, task, 'reject', BEN, 'wrong-patient')).status, 200);
      const link = await talk.search<Provenance>(`Provenance?entity=DocumentReference/${document}`, ANN);
      await seen(link.entry![0]!.resource!.target[0]!.reference!.split('/')[1]!);
      const plain = toldOf((await takeIn(talk, [fileOf(notePage('plain'))])).body)[0]!;
      const { meta, securityLabel } = await scanAt(talk, plain.document);
      assert.deepEqual([meta?.security, securityLabel], [undefined, undefined], 'the control');
    });

    fullIt('comes in anew together with others, as long as there is room for all', async () => {
      const { talk } = stage();
      const large = Buffer.concat([notePage('too much together'), Buffer.alloc(1_600_000, 'word ')]);
      const files = [1, 2].map(n => fileOf(Buffer.concat([large, Buffer.from(String(n))])));
      const two = toldOf((await takeIn(talk, files)).body);
      for (const { document } of two) assert.equal((await indexAs(talk, document, FIELDS)).status, 200);
      const together = await talk.send('POST', 'Task/$transition', {
        headers: { ...BEN, 'content-type': 'application/fhir+json' },
        body: JSON.stringify({
          resourceType: 'Parameters',
          parameter: [
            { name: 'name', valueCode: 'reject' },
            { name: 'reason', valueString: 'wrong-patient' },
            ...two.map(({ task }) => ({ name: 'task', valueReference: { reference: `Task/${task}` } })),
          ],
        }),
      });
      assert.equal(together.status, 200, together.text);
    });

    it('is written by its Task alone where one request would write both', async () => {
      const { talk } = stage();
      const { document, task } = await oneScan(talk, 'both at once');
      const scan = await scanAt(talk, document);
      const { businessStatus: _, ...work } = (await talk.get<Task>(`Task/${task}`, ROOT)).body;
      const entries = [
        { ...scan, subject: { reference: 'Patient/1' } },
        { ...work, status: 'in-progress', for: { reference: 'Patient/1' } },
      ];
      const reply = await talk.send('POST', '', {
        headers: { ...ANN, 'content-type': 'application/fhir+json' },
        body: JSON.stringify({
          resourceType: 'Bundle',
          type: 'transaction',
          entry: entries.map(resource => ({
            resource,
            request: { method: 'PUT', url: `${resource.resourceType}/${resource.id!}` },
          })),
        }),
      });
      refusedScan(reply, 'document-beside');
    });

    fullIt('has in the audit trail whose fields were judged, whether they hold or not', async () => {
      const { talk } = stage();
      const { document } = await oneScan(talk, 'audited');
      const patientsIn = async (outcome: string, code = 'index'): Promise<(string | undefined)[]> => {
        const asked = `AuditEvent?subtype=urn:chartroom:operation|${code}&outcome=${outcome}&_count=1&_sort=-date`;
        const { entry = [] } = await talk.search<AuditEvent>(asked, ROOT);
        return (entry[0]?.resource?.entity ?? []).flatMap(({ what }) =>
          what?.reference?.startsWith('Patient/') ? [what.reference] : [],
        );
      };
      const other = fieldsWith({ name: 'patient', valueReference: { reference: 'Patient/2' } });
      refusedScan(await indexAs(talk, document, other), 'DQ-patient-mismatch');
      assert.deepEqual(await patientsIn('4'), ['Patient/2']);
      assert.equal((await indexAs(talk, document, FIELDS)).status, 200);
      assert.deepEqual(await patientsIn('0'), ['Patient/1']);
      const named = [{ name: 'identifier', valueIdentifier: { system: 'urn:x', value: 'audited' } }];
      const file = fileOf(notePage('known'), { name: 'patient', valueReference: { reference: 'Patient/2' } });
      for (const status of [201, 200]) {
        assert.equal((await takeIn(talk, [file], named)).status, status);
        assert.deepEqual(await patientsIn('0', 'intake'), ['Patient/2'], String(status));
      }
    });
  },
  { config: { tokens: intakeTokens, auth: 'token', intakeWait: '120' }, set: intakeWorld },
);
