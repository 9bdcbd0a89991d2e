/**
 * What is given out: requests of all classes over documents of all kinds, each judged from what it was made of by rules that are written a second time; and rows for what no
 * coin decides. 45 CFR 164.502(b), 164.508(a)(2), 164.524(a)(1); 42 CFR 2.31
 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Resource } from '../../../src/fhir/resource.js';
import { documentKey } from '../../../src/features/release/coverage.js';
import { readReasonWords } from '../../../src/features/release/reasons.js';
import { isCodedAs } from '../../../src/features/release/coverage.js';
import { RELEASE_REASONS, selectDocuments } from '../../../src/features/release/selection.js';
import { depthOf } from '../../support/depth.js';
import { createRandom } from '../../support/random.js';
import {
  type DocumentDrawn,
  drawDocuments,
  drawnConsent,
  drawnLabel,
  drawnDocument,
  drawnTask,
  drawRequest,
  expectedOf,
  requesterClasses,
  type RequestDrawn,
  WORLD_BASES,
} from '../../support/release-world.js';

const folder = new URL('../../../../profiles/release/rules/', import.meta.url);

/** Judged by the function under test, in the words of `expectedOf`. */
function judged(request: RequestDrawn, documents: readonly DocumentDrawn[]): string[] {
  const asked = {
    of: requesterClasses.get(request.classCode)!,
    task: drawnTask(request, documents),
    bases: WORLD_BASES,
  };
  return selectDocuments({
    ...asked,
    consent: drawnConsent(request.consent),
    documents: documents.map(drawnDocument),
  }).map(
    ({ document, isIn, reasons }) =>
      `${documentKey(document).split('/')[1]!} ${isIn ? 'in' : 'out'} ${reasons.toSorted().join(' ')}`,
  );
}

describe('the selection of documents for a release', () => {
  it('is what the rules say, of whatever is asked for by whomever', () => {
    const random = createRandom(20_261_130);
    const codes = [...requesterClasses.keys()];
    const met = new Set<string>();
    let [given, takenIn] = [0, 0];
    for (let at = 0; at < depthOf('RELEASES'); at++) {
      const request = drawRequest(random, codes[at % codes.length]!);
      const documents = drawDocuments(random);
      const found = judged(request, documents);
      assert.deepEqual(
        found,
        documents.map(each => expectedOf(each, request, documents)),
        JSON.stringify({ at, request }),
      );
      for (const each of found) {
        const [, verdict, ...reasons] = each.trim().split(' ');
        if (verdict === 'in') given++;
        if (verdict === 'in' && reasons.length > 0) takenIn++;
        for (const reason of reasons) met.add(reason);
      }
    }
    // Each rule was met, and something went out, so that nothing holds of nothing.
    assert.deepEqual([...met].toSorted(), RELEASE_REASONS.toSorted());
    assert.ok(given > 50 && takenIn > 5, `${given} ${takenIn}`);
  });

  it('take no type without a code for another one without a code (ROI-3)', () => {
    const coded = [{ system: 'http://loinc.org', code: '11506-3' }, { display: 'Note' }];
    assert.ok(isCodedAs(coded, [{ code: '11506-3' }]) && isCodedAs(coded, [coded[0]!]));
    assert.ok(!isCodedAs(coded, [{ display: 'Letter' }, { system: 'http://loinc.org' }]));
    assert.ok(!isCodedAs([{ system: 'http://loinc.org' }], [{ system: 'http://loinc.org' }]));
  });

  const plain: DocumentDrawn = {
    ...{
      id: 'd0',
      isOther: false,
      isDesk: false,
      isMachine: false,
      status: 'current',
      docStatus: 'final',
      type: '18842-5',
      year: 2021,
      visit: 'a',
    },
    ...{ level: undefined, labels: [], onContent: false, replaces: undefined, decision: undefined },
  };
  const open = (classCode: string): RequestDrawn => ({
    ...{ classCode, types: ['18842-5'], years: undefined, visit: undefined, consent: undefined },
  });
  const select = (classCode: string, change: object, consent?: object) =>
    selectDocuments({
      of: requesterClasses.get(classCode)!,
      task: drawnTask(open(classCode), []),
      consent: consent as Resource | undefined,
      documents: [{ ...drawnDocument(plain), ...change }],
      bases: WORLD_BASES,
    })[0]!.reasons.join(' ');
  const permit = (provision: object) => ({ resourceType: 'Consent', provision: { type: 'permit', ...provision } });

  it('is of the patient whom the source of a document names, too', () => {
    const from = (reference: string) => ({ context: { sourcePatientInfo: { reference } } });
    assert.equal(select('patient', from('#p')), '');
    assert.equal(select('patient', from('Patient/1/_history/2')), '');
    assert.equal(select('patient', from(`${WORLD_BASES[0]}/Patient/2`)), 'other-patient');
    assert.equal(select('patient', { subject: { display: 'Somebody' } }), 'other-patient');
  });

  it('goes by the higher of the labels of a document and its content, and by kinds of labels', () => {
    const meta = { security: [drawnLabel('R')] };
    assert.equal(select('payer', { meta }), 'restricted');
    assert.equal(select('payer', { meta, securityLabel: [{ coding: [drawnLabel('V')] }] }), 'very-restricted');
    const opioids = { meta: { security: [drawnLabel('R'), drawnLabel('OPIOIDUD')] } };
    assert.equal(select('attorney', opioids, permit({ securityLabel: [drawnLabel('SUD')] })), '');
    assert.equal(
      select('attorney', opioids, permit({ securityLabel: [drawnLabel('HIV')] })),
      'not-authorized restricted',
    );
    assert.equal(select('attorney', opioids, permit({})), 'restricted');
  });

  it('reaches what an authorization names, and nothing that it takes away', () => {
    const data = (meaning: string, reference: string) => ({ data: [{ meaning, reference: { reference } }] });
    const rows: readonly (readonly [object, string])[] = [
      [permit({}), ''],
      [{ resourceType: 'Consent' }, 'not-authorized'],
      [{ resourceType: 'Consent', provision: { type: 'deny' } }, 'not-authorized'],
      [permit(data('instance', 'DocumentReference/d0')), ''],
      [permit(data('instance', 'Encounter/a')), 'not-authorized'],
      [permit(data('related', 'Encounter/a')), ''],
      [permit(data('authoredby', 'Practitioner/1')), ''],
      [permit(data('authoredby', 'Practitioner/2')), 'not-authorized'],
      [permit({ class: [{ system: 'urn:ietf:bcp:13', code: 'text/plain' }] }), ''],
      [permit({ class: [{ system: 'urn:ietf:bcp:13', code: 'text/html' }] }), 'not-authorized'],
      [permit({ class: [{ code: 'DocumentReference' }] }), ''],
      [permit({ class: [{ code: 'Observation' }] }), 'not-authorized'],
      [permit({ dataPeriod: { start: '2021-06-16' } }), 'not-authorized'],
      [permit({ dataPeriod: { end: '2021-06-15' } }), ''],
      [permit({ provision: [{ type: 'deny', dataPeriod: { start: '2021-06-15' } }] }), 'not-authorized'],
      [permit({ provision: [{ type: 'deny', securityLabel: [drawnLabel('R')] }] }), ''],
      [permit({ provision: [{ type: 'deny', securityLabel: [drawnLabel('N')] }] }), 'not-authorized'],
    ];
    for (const [consent, reasons] of rows)
      assert.equal(
        select('attorney', { author: [{ reference: 'Practitioner/1' }] }, consent),
        reasons,
        JSON.stringify(consent),
      );
  });

  it('has words for each reason', () => {
    const words = readReasonWords(new URL('reasons.json', folder));
    assert.deepEqual([...words.keys()], RELEASE_REASONS);
    assert.throws(() => readReasonWords(new URL('requester-classes.json', folder)), /other-patient/);
  });
});
