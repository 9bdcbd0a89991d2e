/**
 * What a search may ask for, on both stores: beyond the limits it is refused at once, within them it is answered, or refused
 * with the remedy once too much had to be looked at; never an error of the server. docs/searching.md#limits
 */
import assert from 'node:assert/strict';
import type { Bundle, OperationOutcome } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { hasTurn, onBothStores } from '../../support/both-stores.js';
import { ALLOWED, type CostlySearch, REFUSED, SANE } from '../../support/costly.js';
import type { Reply, Talk } from '../../support/talk.js';

const PATIENTS = 30;
const OBSERVATIONS = 120;

const ask = (talk: Talk, { type, parameters }: CostlySearch): Promise<Reply<Bundle>> =>
  talk.send<Bundle>('POST', `${type === '' ? '' : `${type}/`}_search`, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value])).toString(),
  });

const codeOf = (reply: Reply<unknown>) => (reply.body as OperationOutcome).issue[0]?.code;

onBothStores(
  'costly searches',
  (stage, store) => {
    describe('beyond the limits', () => {
      for (const search of REFUSED.filter((_, at) => hasTurn(at, store)))
        it(search.name, async () => {
          const reply = await ask(stage().talk, search);
          assert.equal(reply.status, 400, reply.text);
          assert.equal(codeOf(reply), 'too-costly');
          assert.match(reply.text, /at most/);
        });
    });

    describe('within the limits', () => {
      for (const search of ALLOWED.filter((_, at) => hasTurn(at, store)))
        it(search.name, async () => {
          const reply = await ask(stage().talk, search);
          if (reply.status !== 200) assert.deepEqual([reply.status, codeOf(reply)], [400, 'too-costly'], reply.text);
        });
    });

    describe('of sane clients', () => {
      for (const search of SANE)
        it(search.name, async () => {
          const reply = await ask(stage().talk, search);
          assert.equal(reply.status, 200, reply.text);
          assert.ok((reply.body.entry ?? []).length > 0);
        });
    });

    it('a search that names a thousand patients is recorded with each of them, and once as a whole', async () => {
      const { talk } = stage();
      const named = Array.from({ length: 1000 }, (_, at) => `Patient/named-${at}`).join(',');
      const search: CostlySearch = { name: '', type: 'Condition', parameters: [['subject', named]] };
      const reply = await ask(talk, search);
      assert.equal(reply.status, 200, reply.text);
      const events = await talk.search('AuditEvent?patient=named-7');
      assert.equal(events.entry?.length, 1);
      assert.ok(JSON.stringify(events).length < 5000);
      const more = await ask(talk, {
        ...search,
        parameters: [
          ['subject', named],
          ['subject', 'Patient/named-1000'],
        ],
      });
      assert.deepEqual([more.status, codeOf(more)], [400, 'too-costly']);
    });
  },
  {
    async set({ talk }) {
      const entry = [
        ...Array.from({ length: PATIENTS }, (_, i) => ({
          resourceType: 'Patient',
          id: `p${i}`,
          gender: i % 2 ? 'male' : 'female',
          name: [{ family: `Family ${i}`, given: ['Eve'] }],
          identifier: [{ system: 'urn:mrn', value: `${i}` }],
        })),
        ...Array.from({ length: OBSERVATIONS }, (_, i) => ({
          resourceType: 'Observation',
          id: `o${i}`,
          status: 'final',
          code: { coding: [{ system: 'http://loinc.org', code: `${1000 + (i % 40)}-1`, display: `Thing ${i}` }] },
          subject: { reference: `Patient/p${i % PATIENTS}` },
          effectiveDateTime: `2020-01-${String(1 + (i % 28)).padStart(2, '0')}`,
          valueQuantity: { value: i, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' },
        })),
      ].map(resource => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } }));
      const reply = await talk.send('POST', '', {
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
      });
      assert.equal(reply.status, 200, reply.text);
    },
  },
);
