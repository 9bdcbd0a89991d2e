/** The text of a scan is hidden wherever its scan is: by its date, by who wrote it, by its name, by the condition of a role. docs/records-desk.md */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle, ConsentProvision, DocumentReference } from 'fhir/r4.js';
import { it } from 'mocha';
import { realPause } from '../../src/platform/real-time.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { actor, privacyConsent } from '../support/consents.js';
import { as, FIELDS, fileOf, indexAs, intakeTokens, intakeWorld, takeIn, toldOf } from '../support/intake.js';
import { aPdf } from '../support/scans.js';

const ROOT = as('root');
const CLEO = as('cleo');
const script = join(mkdtempSync(join(tmpdir(), 'chartroom-hidden-')), 'reads.mjs');
writeFileSync(script, `process.stdout.write('A note about the zebra');`);

onStoresInTurn(
  'texts of scans that are hidden',
  stage => {
    /** Statuses and counts by which somebody would see something of a document. */
    const seenOf = async (id: string, ofScan: string) => {
      const { talk } = stage();
      const ids = async (query: string): Promise<boolean> => {
        const found = await talk.search<DocumentReference>(query, CLEO);
        return (found.entry ?? []).some(({ resource }) => resource?.id === id);
      };
      const counted = await talk.get<Bundle>(`DocumentReference?_id=${id}&_summary=count`, CLEO);
      const whole = (await talk.get<DocumentReference>(`DocumentReference/${id}`, ROOT)).body;
      const bytes = await fetch(whole.content[0]!.attachment.url!, { headers: { ...CLEO, accept: '*/*' } });
      return {
        read: (await talk.get(`DocumentReference/${id}`, CLEO)).status === 200,
        version: (await talk.get(`DocumentReference/${id}/_history/1`, CLEO)).status === 200,
        found: await ids('DocumentReference?patient=Patient/1&_sort=_id&_elements=id'),
        pointed: await ids(`DocumentReference?_id=${ofScan}&_revinclude=DocumentReference:relatesto`),
        words: ofScan === id || (await ids('DocumentReference?_text=zebra')),
        everything: await ids('Patient/1/$everything'),
        counted: counted.body.total === 1,
        bytes: bytes.status === 200,
      };
    };
    const every = <T>(value: T) => ({
      ...{ read: value, version: value, found: value, pointed: value, words: value },
      ...{ everything: value, counted: value, bytes: value },
    });

    it('are by whatever hides the scan, and seen again with it (E2, S4)', async () => {
      const { talk } = stage();
      const reply = await takeIn(talk, [fileOf(aPdf(['BT ET']))]);
      assert.equal(reply.status, 201, reply.text);
      const { document } = toldOf(reply.body)[0]!;
      let text: string | undefined;
      for (let looks = 0; looks < 1200 && text === undefined; looks++) {
        const query = `DocumentReference?relationship=DocumentReference/${document}$transforms`;
        text = (await talk.search<DocumentReference>(query, ROOT)).entry?.[0]?.resource?.id;
        await realPause(25);
      }
      assert.ok(text);
      assert.equal((await indexAs(talk, document, FIELDS)).status, 200);
      assert.deepEqual(await seenOf(text, document), every(true));
      const { date } = (await talk.get<DocumentReference>(`DocumentReference/${document}`, ROOT)).body;
      const rows: Record<string, ConsentProvision> = {
        period: { type: 'deny', dataPeriod: { start: '2026-01-01', end: date! } },
        author: { type: 'deny', actor: [actor('Practitioner/dr', 'AUT')] },
        instance: {
          type: 'deny',
          data: [{ meaning: 'instance', reference: { reference: `DocumentReference/${document}` } }],
        },
      };
      for (const [name, provision] of Object.entries(rows)) {
        const consent = privacyConsent('hides', '1', {
          ...provision,
          class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'DocumentReference' }],
        });
        assert.ok((await talk.update(consent, ROOT)).status < 300);
        assert.equal((await talk.get(`DocumentReference/${document}`, CLEO)).status, 404, name);
        assert.deepEqual({ [name]: await seenOf(text, document) }, { [name]: every(false) });
        assert.equal((await talk.delete('Consent/hides', ROOT)).status, 204);
      }
      assert.deepEqual(await seenOf(text, document), every(true));
    });
  },
  {
    config: {
      ...{ auth: 'token', tokens: intakeTokens, fulltext: 'on' },
      ocr: JSON.stringify([process.execPath, script]),
    },
    set: intakeWorld,
  },
);
