/** Bytes that are here with labels beyond whoever brings them in again: no second document shows what the first one hides. docs/records-desk.md */
import assert from 'node:assert/strict';
import type { DocumentReference } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { as, base64, fileOf, intakeTokens, intakeWorld, notePage, scanAt, takeIn, toldOf } from '../support/intake.js';

const ROOT = as('root');
const SENDER = as('sender');
const CONFIDENTIALITY = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const R = { system: CONFIDENTIALITY, code: 'R' };

onStoresInTurn(
  'bytes that come in again from somebody who may not see them',
  stage => {
    const kept = async (words: string, security: readonly (typeof R)[]): Promise<string> => {
      const reply = await stage().talk.create<DocumentReference>(
        {
          resourceType: 'DocumentReference',
          ...(security.length > 0 ? { meta: { security: [...security] } } : {}),
          status: 'current',
          subject: { reference: 'Patient/1' },
          content: [{ attachment: { contentType: 'text/plain', data: base64(notePage(words)) } }],
        },
        ROOT,
      );
      assert.equal(reply.status, 201, reply.text);
      return reply.body.id;
    };

    it('are as confidential as they were, and nobody is told where they were (ACC, LBL-3)', async () => {
      const { talk } = stage();
      const [hidden, open] = [await kept('restricted', [R]), await kept('known to all', [])];
      assert.equal((await talk.get(`DocumentReference/${hidden}`, SENDER)).status, 404, 'the sender does not see it');
      assert.equal((await talk.get(`DocumentReference/${open}`, SENDER)).status, 200, 'the control');
      const reply = await takeIn(
        talk,
        ['restricted', 'known to all'].map(each => fileOf(notePage(each))),
        [],
        SENDER,
      );
      assert.equal(reply.status, 201, reply.text);
      assert.ok(!reply.text.includes(hidden), 'nothing of what is hidden is told');
      assert.ok(reply.text.includes(open), 'what is seen is named');
      const [again, control] = toldOf(reply.body);
      assert.deepEqual((await scanAt(talk, again!.document)).meta?.security, [R]);
      assert.equal((await scanAt(talk, control!.document)).meta?.security, undefined);
      const { url } = (await scanAt(talk, again!.document)).content[0]!.attachment;
      const bytes = await fetch(url!, { headers: { ...SENDER, accept: 'text/plain' } });
      assert.equal(bytes.status, 404, 'nor are its bytes');
      assert.equal((await talk.get(`DocumentReference/${again!.document}`, SENDER)).status, 404);
      assert.equal((await talk.get(`DocumentReference/${control!.document}`, SENDER)).status, 200);
    });
  },
  { config: { tokens: intakeTokens, auth: 'token', intakeWait: '120' }, set: intakeWorld },
);
