/**
 * Two EHRs exchange documents by way of the server, each with a published FHIR client (fhir-kit-client): one publishes and replaces, the other
 * one finds and retrieves. https://profiles.ihe.net/ITI/MHD/4.2.3/
 */
import assert from 'node:assert/strict';
import type { Bundle, DocumentReference, Patient } from 'fhir/r4.js';
import { Client } from 'fhir-kit-client';
import { before, it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { base64, sha1 } from '../support/document-reference.js';
import { aSubmission, PATIENT } from '../support/submission.js';
import { bearerOf, tokenFile } from '../support/tokens.js';

const tokens = tokenFile({ north: 'writer', south: 'reader' });

onStoresInTurn(
  'two EHRs',
  stage => {
    const as = (name: string): Client =>
      new Client({ baseUrl: stage().server.base, customHeaders: { ...bearerOf(name) } });
    const found = async (searchParams: Record<string, string>): Promise<readonly DocumentReference[]> => {
      const bundle = (await as('south').search({
        resourceType: 'DocumentReference',
        searchParams,
      })) as unknown as Bundle;
      return (bundle.entry ?? []).map(({ resource }) => resource as DocumentReference);
    };
    const retrieved = async ({ content }: DocumentReference): Promise<string> => {
      const { url, contentType } = content[0]!.attachment;
      const answer = await fetch(url!, { headers: { accept: contentType!, ...bearerOf('south') } });
      assert.equal(answer.status, 200);
      return answer.text();
    };
    const publish = async (text: string, replaces?: string): Promise<string> => {
      const { bundle, document, binary, attachment } = aSubmission('comprehensive');
      document.date = replaces === undefined ? '2026-01-02T03:04:05Z' : '2026-02-03T04:05:06Z';
      binary.data = base64(text);
      Object.assign(attachment, { size: text.length, hash: sha1(text) });
      if (replaces !== undefined) document.relatesTo = [{ code: 'replaces', target: { reference: replaces } }];
      const body = bundle as unknown as Parameters<Client['transaction']>[0]['body'];
      const answer = (await as('north').transaction({ body })) as unknown as Bundle;
      return answer.entry![1]!.response!.location!.split('/_history')[0]!;
    };

    before('registers a patient', async () => {
      const body: Patient & { id: string } = { resourceType: 'Patient', id: PATIENT };
      await as('north').update({ resourceType: 'Patient', id: PATIENT, body: body as never });
    });

    it('publish, find by patient, type, date and facility, retrieve, replace, find, and retrieve both', async () => {
      const patient = `Patient/${PATIENT}`;
      const first = await publish('the first report');
      const about = { patient, status: 'current' };
      for (const more of [
        {},
        { type: 'http://loinc.org|60591-5' },
        { date: 'ge2026-01-01', 'date:below': '' },
        { facility: 'http://snomed.info/sct|82242000', setting: 'http://snomed.info/sct|408467006' },
      ]) {
        const asked = Object.fromEntries(Object.entries({ ...about, ...more }).filter(([, value]) => value !== ''));
        const documents = await found(asked);
        assert.deepEqual(
          documents.map(({ id }) => `DocumentReference/${id}`),
          [first],
          JSON.stringify(asked),
        );
        assert.equal(await retrieved(documents[0]!), 'the first report');
      }
      assert.deepEqual(await found({ ...about, type: 'http://loinc.org|11488-4' }), [], 'the control');
      assert.deepEqual(await found({ ...about, date: 'lt2026-01-01' }), []);

      const second = await publish('the second report', first);
      const current = await found(about);
      assert.deepEqual(
        current.map(({ id }) => `DocumentReference/${id}`),
        [second],
      );
      const superseded = await found({ patient, status: 'superseded' });
      assert.deepEqual(
        superseded.map(({ id }) => `DocumentReference/${id}`),
        [first],
      );
      assert.equal(await retrieved(current[0]!), 'the second report');
      assert.equal(await retrieved(superseded[0]!), 'the first report');
      const successors = await found({ relatesto: first, relation: 'replaces' });
      assert.deepEqual(
        successors.map(({ id }) => `DocumentReference/${id}`),
        [second],
      );
    });

    it('only one of which may publish', async () => {
      const { bundle } = aSubmission('minimal');
      const body = bundle as unknown as Parameters<Client['transaction']>[0]['body'];
      const refused = await as('south')
        .transaction({ body })
        .then(
          () => undefined,
          (error: unknown) => (error as { response?: { status?: number } }).response?.status,
        );
      assert.equal(refused, 403);
    });
  },
  { config: { auth: 'token', tokens } },
);
