/** What was given out of a patient's record is told, and found: https://profiles.ihe.net/ITI/BALP, 45 CFR 164.528 */
import assert from 'node:assert/strict';
import type { AuditEvent, OperationOutcome, ParametersParameter } from 'fhir/r4.js';
import { it } from 'mocha';
import type { Resource } from '../../src/fhir/resource.js';
import { readDisclosure, tellDisclosure } from '../../src/interactions/tell.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { talkTo } from '../support/talk.js';
import { bearerOf, tokenFile } from '../support/tokens.js';

const PEOPLE = { petra: 'privacy-officer', rosa: 'records-specialist', carl: 'clinician', admin: 'admin' } as const;
const FOUND =
  'AuditEvent?type=http://dicom.nema.org/resources/ontology/DCM|110106' +
  '&subtype=http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle|disclose&patient=Patient/';
const COURT = {
  ...{ recipient: 'County Court', address: '+1 555 0100', purpose: 'HLEGAL', basis: '164.512(f)(1)' },
  description: 'Discharge summary, on paper',
};

onStoresInTurn(
  'disclosures',
  stage => {
    const as = (who: keyof typeof PEOPLE) => talkTo(stage().server.base, bearerOf(who));
    const disclose = (
      who: keyof typeof PEOPLE,
      patient: string,
      values: Readonly<Record<string, string | undefined>>,
      more: readonly ParametersParameter[] = [],
    ) => {
      const given = Object.entries(values).flatMap(([name, valueString]) =>
        valueString === undefined ? [] : [{ name, valueString }],
      );
      return as(who).send<OperationOutcome>('POST', `Patient/${patient}/$disclose`, {
        body: JSON.stringify({ resourceType: 'Parameters', parameter: [...given, ...more] }),
        headers: { 'content-type': 'application/fhir+json' },
      });
    };
    const found = async (patient: string) =>
      ((await as('petra').search<AuditEvent>(`${FOUND}${patient}`)).entry ?? []).map(each => each.resource!);
    const data = (reference: string): ParametersParameter => ({ name: 'data', valueReference: { reference } });

    it('are written down by who keeps records or privacy, and found by patient', async () => {
      const reply = await disclose(
        'rosa',
        'p1',
        { ...COURT, when: '2026-01', authorizer: 'Eve', request: 'Task/t1', 'suspended-until': '2027-01-01' },
        [data('Observation/o1')],
      );
      assert.equal(reply.status, 200, reply.text);
      const [event, ...more] = await found('p1');
      assert.deepEqual(more, []);
      assert.ok(reply.text.includes(`"AuditEvent/${event!.id}"`));
      assert.equal((await as('petra').get(`AuditEvent/${event!.id}`)).status, 200);
      assert.deepEqual(JSON.parse(JSON.stringify(readDisclosure(event as unknown as Resource, []))), {
        ...{ direction: 'given', patient: 'p1', basis: COURT.basis, purpose: 'HLEGAL', when: '2026-01' },
        ...{ data: ['Observation/o1/_history/1'], description: COURT.description, request: 'Task/t1' },
        ...{ other: { name: 'County Court', address: '+1 555 0100' }, suspendedUntil: '2027-01-01' },
        ...{ custodian: { name: 'rosa' }, authorizer: { name: 'Eve' } },
      });
      const asked = await as('petra').search<AuditEvent>('AuditEvent?agent-name=rosa&subtype=operation');
      assert.equal(asked.entry?.length, 1, 'the operation is told as any other');
    });

    it('are told by whatever gives something out', async () => {
      const { engine } = stage().server;
      const id = await tellDisclosure(
        { engine, requestId: 'req-7' },
        {
          ...{ direction: 'given', patient: 'p2', purpose: 'PUBHLTH', basis: '164.512(b)' },
          ...{ data: ['Observation/o2'], other: { name: 'Registry', address: 'https://registry.example/fhir' } },
        },
      );
      assert.deepEqual(
        (await found('p2')).map(event => event.id),
        [id],
      );
    });

    const refused: [what: string, values: Record<string, string | undefined>, status: number, detail: string][] = [
      ['a purpose that is none', { ...COURT, purpose: 'FUN' }, 400, 'bad-parameter-value'],
      ['a paragraph that is none', { ...COURT, basis: 'because' }, 400, 'bad-parameter-value'],
      ['no recipient', { ...COURT, recipient: undefined }, 400, 'bad-parameter-value'],
      ['nothing that was given', { ...COURT, description: undefined }, 400, 'bad-parameter-value'],
      ['what is still to come', { ...COURT, when: '2999' }, 400, 'bad-parameter-value'],
      ['a request that is no resource', { ...COURT, request: 'a call' }, 400, 'bad-parameter-value'],
      ['a recipient that is no party', { ...COURT, 'recipient-reference': 'AuditEvent/x' }, 400, 'bad-parameter-value'],
      [
        'an authorizer that is no party',
        { ...COURT, authorizer: 'Eve', 'authorizer-reference': 'Task/t1' },
        400,
        'bad-parameter-value',
      ],
      ['an authorizer without a name', { ...COURT, 'authorizer-reference': 'Patient/eve' }, 400, 'bad-parameter-value'],
      ['spaces for a name', { ...COURT, recipient: '  ' }, 400, 'bad-parameter-value'],
      ['an unknown name', { ...COURT, recipent: 'x' }, 400, 'unknown-parameter'],
    ];
    for (const [what, values, status, detail] of refused)
      it(`are refused with ${what}`, async () => {
        const before = (await found('p1')).length;
        const reply = await disclose('petra', 'p1', values);
        assert.deepEqual([reply.status, reply.body.issue[0]?.details?.coding?.[0]?.code], [status, detail], reply.text);
        assert.equal((await found('p1')).length, before);
      });

    it('name nothing of another patient, of nobody, or that is not there, and answer alike', async () => {
      const texts = new Set<string>();
      for (const reference of [
        'Observation/o2',
        'Observation/never',
        'Observation/o1/_history/7',
        'urn:x',
        'Basic/b',
      ]) {
        const reply = await disclose('petra', 'p1', COURT, [data(reference)]);
        assert.equal(reply.status, 422, reference);
        texts.add(reply.body.issue[0]!.diagnostics ?? '');
      }
      assert.equal(texts.size, 1);
    });

    it('are written by nobody else, of nobody who is not there', async () => {
      assert.equal((await disclose('carl', 'p1', COURT)).status, 403);
      assert.equal((await disclose('petra', 'never', COURT)).status, 404);
    });
  },
  {
    config: { auth: 'token', tokens: tokenFile(PEOPLE) },
    async set({ server }) {
      const talk = talkTo(server.base, bearerOf('admin'));
      for (const n of [1, 2]) {
        await talk.update({ resourceType: 'Patient', id: `p${n}` });
        const subject = { reference: `Patient/p${n}` };
        await talk.update({ resourceType: 'Observation', id: `o${n}`, status: 'final', code: { text: 'x' }, subject });
      }
      await talk.update({ resourceType: 'Basic', id: 'b', code: { text: 'x' } });
    },
  },
);
