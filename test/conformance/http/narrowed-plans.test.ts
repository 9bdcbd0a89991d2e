/** A query that a permission narrows is driven by the index that drives it without: its condition is a filter beside, or a better index. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { createPatientCompartment } from '../../../src/access/patient-compartment.js';
import { type Restrictions, UNRESTRICTED } from '../../../src/access/permission.js';
import { createView } from '../../../src/access/view.js';
import { all, type Where } from '../../../src/search/query.js';
import { onBothStores, type Stage } from '../../support/both-stores.js';
import { putTogether } from '../../support/talk.js';

const token = (code: string, value: string, system?: string): Where => ({
  kind: 'param',
  code,
  test: { kind: 'token', any: [{ ...(system === undefined ? {} : { system }), code: value }] },
});
const ofPatient = (id: string): Where => ({
  kind: 'param',
  code: 'patient',
  test: { kind: 'reference', to: { kind: 'local', type: 'Patient', id } },
});
const CODE = token('code', '1-1', 'http://loinc.org');
const DATE: Where = { kind: 'param', code: 'date', test: { kind: 'date', any: [{ highMin: Date.UTC(2026, 0, 1) }] } };

async function set({ talk }: Stage): Promise<void> {
  const observations = Array.from({ length: 200 }, (_, n) => ({
    resourceType: 'Observation',
    id: `o${n}`,
    status: n % 2 === 0 ? 'final' : 'amended',
    code: { coding: [{ system: 'http://loinc.org', code: `1-${n % 4}` }] },
    effectiveDateTime: `2026-01-${String(1 + (n % 28)).padStart(2, '0')}`,
    subject: { reference: `Patient/p${n % 20}` },
  }));
  await putTogether(talk, observations);
}

onBothStores(
  'plans of narrowed queries',
  stage => {
    const explain = (restrictions: Restrictions, where: Where) =>
      createView(stage().server.engine, restrictions, undefined).explain({
        types: ['Observation'],
        where,
        sort: [],
        limit: 20,
      });
    const compartment = (): Restrictions =>
      new Map([['Observation', createPatientCompartment(stage().server.engine.definitions).of('Observation', 'p1')!]]);
    const status: Restrictions = new Map([['Observation', token('status', 'final')]]);
    const listed: Restrictions = new Map([
      [
        'Observation',
        {
          kind: 'param',
          code: 'subject',
          test: { kind: 'reference', to: { kind: 'among', type: 'Patient', ids: new Set(['p1', 'p3', 'p5']) } },
        },
      ],
    ]);

    for (const [what, where] of [
      ['patient and code', all(ofPatient('p1'), CODE)],
      ['patient, code and date', all(ofPatient('p1'), CODE, DATE)],
      ['an id', token('_id', 'o1')],
    ] as const)
      it(`are those of the queries: by ${what}`, async () => {
        const { driver } = await explain(UNRESTRICTED, where);
        assert.ok(driver.by !== 'type', JSON.stringify(driver));
        for (const restrictions of [compartment(), status, listed]) {
          const narrowed = await explain(restrictions, where);
          assert.deepEqual(narrowed.driver, driver);
          assert.ok((narrowed.keys ?? 0) <= 50 && (narrowed.documents ?? 0) <= 50, JSON.stringify(narrowed));
        }
      });

    it('are driven by the compartment where the query says less', async () => {
      for (const where of [CODE, DATE, all()] as const) {
        const { rows, keys = 0, documents = 0 } = await explain(compartment(), where);
        assert.ok(rows > 0);
        assert.ok(keys <= 60 && documents <= 60, `${keys} keys, ${documents} documents for ${rows} of 200`);
      }
    });
  },
  { set },
);
