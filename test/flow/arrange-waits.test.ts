/** Large scans whose pages are arranged: their bytes are no long text that others wait for. docs/records-desk.md */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { DocumentReference, Parameters, ParametersParameter } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { FULL } from '../support/depth.js';
import { ANN, as, base64, fileOf, intakeTokens, intakeWorld, scanAt, takeIn, toldOf } from '../support/intake.js';
import { aPdf } from '../support/scans.js';
import { FHIR_JSON } from '../support/work.js';

/** Bytes of each of three scans. */
const SIZE = FULL ? 10_000_000 : 400_000;

/** A page that draws a word, with what no reader looks at beside it. */
const largeScan = (word: string): Buffer =>
  aPdf([`% ${randomBytes(SIZE / 2).toString('hex')}\nBT /F1 12 Tf 50 700 Td (${word}) Tj ET`]);

/** The longest turn of the event loop, in ms, and what was done meanwhile. */
async function longestTurn<T>(work: () => Promise<T>): Promise<readonly [number, T]> {
  let [longest, last, isOver] = [0, performance.now(), false];
  const look = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  const done = await work();
  isOver = true;
  return [longest, done];
}

onStoresInTurn(
  'large scans whose pages are arranged',
  stage => {
    it('are joined, and keep others waiting for less long than the same bytes as base64 do', async () => {
      const { talk } = stage();
      const scans: string[] = [];
      for (const word of ['One', 'Two', 'Three']) {
        const reply = await takeIn(talk, [fileOf(largeScan(word))]);
        assert.equal(reply.status, 201, reply.text);
        scans.push(toldOf(reply.body)[0]!.document);
      }
      const page = (scan: string): ParametersParameter => ({
        name: 'page',
        part: [
          { name: 'scan', valueReference: { reference: `DocumentReference/${scan}` } },
          { name: 'number', valuePositiveInt: 1 },
        ],
      });
      const body = JSON.stringify({
        resourceType: 'Parameters',
        parameter: [{ name: 'document', part: scans.map(page) }],
      });
      const [joined, reply] = await longestTurn(() =>
        talk.send<Parameters>('POST', 'DocumentReference/$arrange-pages', { headers: { ...ANN, ...FHIR_JSON }, body }),
      );
      assert.equal(reply.status, 200, reply.text);
      const made = reply.body.parameter![0]!.part!.find(({ name }) => name === 'document')!.valueReference!.reference!;
      const { attachment } = (await scanAt(talk, made.split('/')[1]!)).content[0]!;
      const held = await fetch(attachment.url!, { headers: { ...as('root'), accept: 'application/pdf' } });
      const bytes = Buffer.from(await held.arrayBuffer());
      assert.deepEqual([bytes.length, attachment.contentType], [attachment.size, 'application/pdf']);
      if (!FULL) return;
      const resource: DocumentReference = {
        resourceType: 'DocumentReference',
        status: 'current',
        content: [{ attachment: { contentType: 'application/pdf', data: base64(bytes) } }],
      };
      const [control, stored] = await longestTurn(() => talk.create(resource, as('root')));
      assert.equal(stored.status, 201, stored.text);
      assert.ok(joined < control, `${Math.round(joined)} ms, and ${Math.round(control)} ms as base64`);
    });
  },
  { config: { tokens: intakeTokens, auth: 'token', intakeWait: '120', maxBody: '134217728' }, set: intakeWorld },
);
