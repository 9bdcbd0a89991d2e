/** DocumentReference/$docref on both stores: https://hl7.org/fhir/us/core/OperationDefinition-docref.html; the CCD that it makes: https://hl7.org/cda/us/ccda/ */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Bundle, CodeableConcept, Composition, Condition, DocumentReference, OperationOutcome } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { IPS_BUNDLE } from '../../../src/features/documents/docref/ips/ips.js';
import { bundleMetadata } from '../../../src/features/documents/mhd/bundle-metadata.js';
import { readCda } from '../../../src/features/documents/read/cda.js';
import { READ_LIMITS } from '../../../src/features/documents/read/document-metadata.js';
import { aCareRecord, NASTY } from '../../support/care-record.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { elementsOf, faultsOfCcd, readWholeCda } from '../../support/ccd-rules.js';
import { FULL } from '../../support/depth.js';
import { aDocument, base64, sha1 } from '../../support/document-reference.js';
import {
  askDocref,
  documentsIn,
  FHIR_JSON,
  type FoundDocuments,
  type GivenParameters,
  LOINC,
  patientOf,
  warningsIn,
} from '../../support/docref.js';
import { hiding } from '../../support/restricted.js';
import { readText, skipWithout } from '../../support/shared.js';
import { idsOf, linkOf, putTogether, refusal, type Stored, walk } from '../../support/talk.js';

async function bytesOf(document: DocumentReference): Promise<string> {
  const { url } = document.content[0]!.attachment;
  return (await fetch(url!, { headers: { accept: 'application/xml' } })).text();
}

onStoresInTurn(
  '$docref',
  stage => {
    const ask = () => askDocref(stage().talk);
    const onDemand = { name: 'on-demand', valueBoolean: true };
    const of = (valueId: string) => ({ name: 'patient', valueId });

    describe('finds what is there', () => {
      const dated = (id: string, start: string, type: string, format?: string): DocumentReference =>
        aDocument(
          { contentType: 'text/plain', data: base64(id) },
          {
            id,
            type: { coding: [{ system: LOINC, code: type }] },
            subject: { reference: 'Patient/docs' },
            context: { period: { start, end: start } },
            content: [
              {
                attachment: { contentType: 'text/plain', data: base64(id) },
                ...(format === undefined ? {} : { format: { system: 'urn:f', code: format } }),
              },
            ],
          },
        );

      it('by patient, period, type and profile, and nothing that is of somebody else or over', async () => {
        const { talk } = stage();
        for (const document of [
          dated('docs-1', '2020-01-01', '11488-4'),
          dated('docs-2', '2021-01-01', '11488-4', 'http://example.org/profile'),
          dated('docs-3', '2022-01-01', '18842-5'),
          { ...dated('docs-4', '2022-01-01', '18842-5'), status: 'superseded' as const },
          { ...dated('docs-5', '2022-01-01', '18842-5'), subject: { reference: 'Patient/other' } },
        ])
          assert.equal((await talk.update(document)).status, 201);
        const type = (code: string) => ({ name: 'type', valueCoding: { system: LOINC, code } });
        const ids = async (...given: GivenParameters) => {
          const { status, body, text } = await ask().post(of('docs'), ...given);
          assert.equal(status, 200, text);
          assert.equal(body.type, 'searchset');
          return documentsIn(body)
            .map(({ id }) => id!)
            .toSorted();
        };
        assert.deepEqual(await ids(type('11488-4')), ['docs-1', 'docs-2']);
        assert.deepEqual(await ids(type('11488-4'), type('18842-5')), ['docs-1', 'docs-2', 'docs-3']);
        const start = { name: 'start', valueDateTime: '2020-06-01' };
        const end = { name: 'end', valueDateTime: '2021-06-01T00:00:00Z' };
        assert.deepEqual(await ids(type('11488-4'), type('18842-5'), start), ['docs-2', 'docs-3']);
        assert.deepEqual(await ids(type('11488-4'), type('18842-5'), start, end), ['docs-2']);
        assert.deepEqual(await ids({ name: 'profile', valueCanonical: 'http://example.org/profile|1.0' }), ['docs-2']);
        assert.deepEqual(await ids(type('99999-9')), []);
        // With a period the CCD of that time is a document, too.
        const { body } = await ask().get('patient=docs&start=2020-06-01&end=2021-06-01');
        assert.deepEqual(
          new Set(documentsIn(body).map(one => one.type?.coding?.[0]?.code)),
          new Set(['34133-9', '11488-4']),
        );
      });

      it('page by page, and shows a part where that is asked for', async () => {
        const { talk } = stage();
        const first = await ask().get('patient=docs&start=2019-01-01&_count=2');
        const bundle: Bundle<DocumentReference> = { ...first.body, resourceType: 'Bundle' };
        assert.equal(first.body.entry?.length, 2);
        assert.ok(linkOf(bundle, 'next') !== undefined);
        const pages = await walk(talk, bundle);
        const all = pages.flatMap(idsOf);
        assert.equal(new Set(all).size, all.length);
        assert.ok(['docs-1', 'docs-2', 'docs-3'].every(id => all.includes(id)));
        const { body } = await ask().get('patient=docs&start=2019-01-01&_elements=status');
        assert.ok(documentsIn(body).every(({ status, type }) => status && !type));
      });
    });

    for (const [query, detail] of [
      ['', 'bad-parameter-value'],
      ['start=2020', 'bad-parameter-value'],
      ['patient=Patient/docs', 'bad-parameter-value'],
      ['patient=docs&patient=docs', 'bad-parameter-value'],
      ['patient=docs&start=yesterday', 'bad-parameter-value'],
      ['patient=docs&start=2020-02-30', 'bad-parameter-value'],
      ['patient=docs&start=2021-01-01&end=2020-01-01', 'bad-parameter-value'],
      ['patient=docs&on-demand=perhaps', 'bad-parameter-value'],
      ['patient=docs&type=34133-9', 'bad-parameter-value'],
      ['patient=docs&_count=-1', undefined],
      ['patient=docs&abc=1', undefined],
    ] as const)
      it(`refuses ?${query} with 400 and says what to do`, async () => {
        const reply = await ask().get(query);
        assert.equal(reply.status, 400, reply.text);
        if (detail !== undefined) assert.deepEqual(refusal(reply as never), { status: 400, detail });
        assert.ok((reply.body.issue[0]?.details?.text ?? '').length > 10);
      });

    it('refuses a type without a code', async () => {
      const reply = await ask().post(of('docs'), { name: 'type', valueCoding: { system: LOINC } });
      assert.deepEqual(refusal(reply as never), { status: 400, detail: 'bad-parameter-value' });
    });

    it('has no documents of a patient who is not here, was deleted or is hidden, and says so alike', async () => {
      const { talk, server } = stage();
      await talk.update(patientOf('docref-gone'));
      await talk.delete('Patient/docref-gone');
      const asked = [
        await ask().get('patient=docref-nobody'),
        await ask().get('patient=docref-gone'),
        await hiding(server, ['Patient'], () => ask().get('patient=docs')),
      ];
      for (const { status, body } of asked) {
        assert.deepEqual([status, body.total, documentsIn(body).length], [200, 0, 0]);
        assert.deepEqual(warningsIn(body), ['unknown-patient']);
      }
    });

    it('makes nothing of a type that it does not make, and says so', async () => {
      const { body } = await ask().post(of('docs'), onDemand, { name: 'type', valueCoding: { code: '11488-4' } });
      assert.deepEqual([documentsIn(body).length, warningsIn(body)], [0, ['type-not-made']]);
    });

    describe('makes a CCD', () => {
      const made = async (id: string, query = '') => {
        const reply = await ask().get(`patient=${id}${query}`);
        assert.equal(reply.status, 200, reply.text);
        const documents = documentsIn(reply.body);
        assert.equal(documents.length, 1, reply.text);
        return documents[0]!;
      };

      it('of a record with something of each kind, which follows the rules of C-CDA 2.1', async () => {
        const document = await made('care');
        const text = await bytesOf(document);
        const root = readWholeCda(text);
        assert.deepEqual(faultsOfCcd(root), []);
        const attributes = [...elementsOf(root)].map(({ element }) => Object.fromEntries(element.attributes));
        const has = (wanted: Readonly<Record<string, string>>) =>
          attributes.some(one => Object.entries(wanted).every(([key, value]) => one[key] === value));
        for (const wanted of [
          // As exact as they were.
          { value: '197005' },
          { value: '2019' },
          { value: '20200203' },
          { value: '20260102030405.678+0100' },
          { value: '202511' },
          // Codes with the OIDs of their systems; of a local one there is none.
          { code: '195662009', codeSystem: '2.16.840.1.113883.6.96' },
          { code: '309362', codeSystem: '2.16.840.1.113883.6.88' },
          { code: '140', codeSystem: '2.16.840.1.113883.12.292' },
          { code: '99213', codeSystem: '2.16.840.1.113883.6.12' },
          { code: '7980', codeSystem: '2.16.840.1.113883.6.88' },
          { code: '247472004', codeSystem: '2.16.840.1.113883.6.96' },
          { code: 'L', codeSystem: '2.16.840.1.113883.5.83' },
          { code: '8517006', codeSystem: '2.16.840.1.113883.6.96' },
          { type: 'CD', nullFlavor: 'UNK' },
          // Values.
          { type: 'PQ', value: '120', unit: 'mm[Hg]' },
          { type: 'PQ', nullFlavor: 'UNK' },
          { inclusive: 'false', value: '0.5', unit: 'mg/dL' },
          { value: '1.5', unit: 'mg' },
          { value: '0.5', unit: 'd' },
          { negationInd: 'true', moodCode: 'EVN', classCode: 'SBADM' },
        ])
          assert.ok(has(wanted), JSON.stringify(wanted));
        assert.ok(text.includes('3 spoon fulls') && text.includes('Something for the cough'));
        assert.ok(!text.includes('MISTAKEN') && !text.includes('urn:local'));
        // A result that a report has is not there twice.
        assert.equal(text.split('extension="Observation/care-result"').length, 2);
      });

      it('that our own readers understand, escaped as XML wants it', async () => {
        const document = await made('care');
        const { attachment, format } = document.content[0]!;
        const text = await bytesOf(document);
        assert.deepEqual(
          [attachment.size, attachment.hash, attachment.data],
          [Buffer.byteLength(text), sha1(text), undefined],
        );
        assert.equal(format?.code, 'urn:hl7-org:sdwg:ccda-structuredBody:2.1');
        const read = readCda(Buffer.from(text), READ_LIMITS)!;
        assert.deepEqual(
          [read.masterIdentifier, read.type?.coding?.[0]?.code, read.format, read.title, read.body],
          [document.masterIdentifier, '34133-9', format, 'Continuity of Care Document', 'structuredBody'],
        );
        assert.deepEqual(read.patient?.name, [{ use: 'official', family: `O'Neil ${NASTY}`, given: ['Ann', 'B.'] }]);
        assert.deepEqual([read.patient?.birthDate, read.patient?.gender], ['1970-05', 'female']);
        assert.ok(
          read.patient.identifier.some(({ system, value }) => system === 'urn:oid:1.2.3.9' && value === 'care'),
        );
        assert.equal(read.author?.[0]?.kind, 'device');
        assert.equal(read.custodian?.name, `House ${NASTY}`);
        assert.equal(read.context?.period?.start, '2024-03-04T09:00:00+01:00');
        const page = await fetch(`${attachment.url}/$render`, { headers: { accept: 'text/html' } });
        assert.equal(page.status, 200);
        const html = await page.text();
        for (const title of ['Allergies and intolerances', 'Medications', 'Problems', 'Results', 'Vital signs'])
          assert.ok(html.includes(`<h2>${title}</h2>`), title);
        assert.ok(html.includes('&lt;b&gt;&amp;') && !html.includes('<b>&'));
      });

      it('and stores it as a document of this server', async () => {
        const document = await made('care');
        const { base } = stage().server;
        assert.deepEqual(
          [document.status, document.docStatus, document.subject?.reference, document.relatesTo, document.author],
          ['current', 'final', 'Patient/care', undefined, [{ reference: '#server' }]],
        );
        assert.equal(document.contained?.[0]?.resourceType, 'Device');
        assert.match(document.content[0]!.attachment.url!, new RegExp(`^${base}/Binary/`));
        assert.equal(document.context?.period?.start, '2024-03-04T09:00:00+01:00');
        const checked = await stage().talk.send<OperationOutcome>('POST', 'DocumentReference/$validate', {
          headers: FHIR_JSON,
          body: JSON.stringify(document),
        });
        assert.deepEqual(
          checked.body.issue.filter(({ severity }) => severity === 'error'),
          [],
        );
      });

      it('that says what is not known of an empty record', async () => {
        const text = await bytesOf(await made('empty'));
        const root = readWholeCda(text);
        assert.deepEqual(faultsOfCcd(root), []);
        const empty = [...elementsOf(root)].filter(
          ({ element }) => element.name === 'section' && element.attributes.get('nullFlavor') === 'NI',
        );
        assert.equal(empty.length, 6);
        assert.equal(text.split('<text>No information</text>').length, 7);
      });

      it('of the time that is asked for; what lasts is in it whenever it began', async () => {
        const document = await made('care', '&start=2026-01-01&end=2026-12-31&on-demand=true');
        assert.deepEqual(document.context?.period, { start: '2026-01-01', end: '2026-12-31' });
        const text = await bytesOf(document);
        assert.deepEqual(faultsOfCcd(readWholeCda(text)), []);
        assert.ok(text.includes('Creatinine') && text.includes('Penicillin G'));
        assert.ok(!text.includes('Appendectomy') && !text.includes('Office visit'));
      });

      it('once, by however many it is asked for, until something in it changes', async () => {
        const { talk } = stage();
        await talk.update(patientOf('shared'));
        const all = await Promise.all(Array.from({ length: 8 }, () => made('shared')));
        assert.equal(new Set(all.map(({ id }) => id)).size, 1);
        const count = async () => idsOf(await talk.search('DocumentReference?patient=shared')).length;
        assert.equal(await count(), 1);
        await talk.update({ ...patientOf('shared'), gender: 'other' });
        assert.notEqual((await made('shared')).id, all[0]!.id);
        assert.equal(await count(), 2);
        // One that was retracted is not given out again.
        const latest = await made('shared');
        await talk.update({ ...latest, status: 'entered-in-error' });
        assert.notEqual((await made('shared')).id, latest.id);
      });

      it('of what the caller sees, for those who see the same', async () => {
        const { server } = stage();
        const whole = await made('care');
        const part = await hiding(server, ['Condition', 'Medication'], () => made('care'));
        assert.notEqual(part.id, whole.id);
        const text = await bytesOf(part);
        assert.deepEqual(faultsOfCcd(readWholeCda(text)), []);
        assert.ok(!text.includes('pharyngitis') && !text.includes('Clopidogrel') && text.includes('Penicillin G'));
        assert.equal((await made('care')).id, whole.id);
      });

      it('of nothing from within a transaction', async () => {
        const { talk } = stage();
        await talk.update(patientOf('in-transaction'));
        const body = JSON.stringify({
          resourceType: 'Bundle',
          type: 'transaction',
          entry: [{ request: { method: 'POST', url: 'DocumentReference/$docref?patient=in-transaction' } }],
        });
        const reply = await talk.send<Bundle>('POST', '', { headers: FHIR_JSON, body });
        assert.equal(reply.status, 200, reply.text);
        assert.deepEqual(warningsIn(reply.body.entry![0]!.resource as unknown as FoundDocuments), ['not-made']);
        assert.equal(idsOf(await talk.search('DocumentReference?patient=in-transaction')).length, 0);
      });

      it('of every patient of Synthea, by the rules', async function () {
        const folder = skipWithout(this, 'data', 'synthea-seed', 'ndjson');
        const kinds = [
          'Patient',
          'Condition',
          'AllergyIntolerance',
          'MedicationRequest',
          'Medication',
          'Observation',
          'DiagnosticReport',
          'Procedure',
          'Immunization',
          'Encounter',
        ];
        const resources = kinds.flatMap(kind =>
          readText(join(folder, `${kind}.ndjson.gz`))
            .split('\n')
            .flatMap(line => (line === '' ? [] : [JSON.parse(line) as Stored & { resourceType: string }])),
        );
        const patients = resources.filter(({ resourceType }) => resourceType === 'Patient').slice(0, FULL ? 15 : 1);
        const isWanted = ({ id, resourceType, ...rest }: (typeof resources)[number]): boolean =>
          resourceType === 'Medication' ||
          patients.some(patient => patient.id === id || JSON.stringify(rest).includes(`Patient/${patient.id}"`));
        await putTogether(stage().talk, resources.filter(isWanted));
        for (const { id } of patients) {
          const text = await bytesOf(await made(id));
          assert.deepEqual(faultsOfCcd(readWholeCda(text)), [], id);
        }
      });
    });

    describe('makes an International Patient Summary', () => {
      const ips = { name: 'type', valueCoding: { system: LOINC, code: '60591-5' } };
      const made = async (id: string, ...given: GivenParameters) => {
        const { body, text } = await ask().post(of(id), onDemand, ...(given.length > 0 ? given : [ips]));
        const [document] = documentsIn(body);
        assert.ok(document, text);
        const { url } = document.content[0]!.attachment;
        const bytes = await (await fetch(url!, { headers: { accept: '*/*' } })).text();
        return { document, bytes, bundle: JSON.parse(bytes) as Bundle };
      };
      const resourcesIn = ({ entry = [] }: Bundle, type: string) =>
        entry.map(({ resource }) => resource!).filter(({ resourceType }) => resourceType === type);

      it('as a document of its own, with the sections that it must have and those that there are', async () => {
        const { document, bytes, bundle } = await made('care');
        const { attachment, format } = document.content[0]!;
        assert.deepEqual(
          [attachment.contentType, attachment.size, attachment.hash, format?.code, document.type?.coding?.[0]?.code],
          ['application/fhir+json', Buffer.byteLength(bytes), sha1(bytes), IPS_BUNDLE, '60591-5'],
        );
        assert.deepEqual([bundle.type, bundle.identifier], ['document', document.masterIdentifier]);
        assert.ok(bundle.timestamp);
        const [first] = bundle.entry!;
        const composition = first!.resource as Composition;
        assert.equal(composition.resourceType, 'Composition');
        assert.deepEqual(
          composition.section?.map(({ code }) => code?.coding?.[0]?.code),
          ['10160-0', '48765-2', '11450-4', '11369-6', '47519-4', '30954-2', '8716-3', '29762-2', '11348-0'],
        );
        const places = new Map(bundle.entry!.map(({ fullUrl, resource }) => [fullUrl, resource]));
        assert.equal(places.size, bundle.entry!.length, 'each once');
        for (const { entry = [], text } of composition.section ?? []) {
          assert.ok(entry.length > 0 && text!.div.includes('<table>'));
          for (const { reference } of entry) assert.ok(places.has(reference), reference);
        }
        assert.ok(places.has(composition.subject?.reference) && places.has(composition.author[0]?.reference));
        assert.deepEqual(resourcesIn(bundle, 'Medication').length, 1, 'what is referred to');
        assert.ok(!bytes.includes('MISTAKEN'));
        assert.equal(bundleMetadata(bundle as never, undefined)?.metadata.title, 'International Patient Summary');
      });

      it('of resources as they are stored, which our validator finds nothing wrong with', async () => {
        const { bytes, bundle } = await made('care');
        const stored = await stage().talk.get('Observation/care-result');
        assert.ok(bytes.includes(stored.text));
        const body = JSON.stringify({ ...bundle, meta: undefined }).replaceAll(/"meta":\{"profile":\[[^\]]*\]\},/g, '');
        const checked = await stage().talk.send<OperationOutcome>('POST', 'Bundle/$validate', {
          headers: FHIR_JSON,
          body,
        });
        assert.deepEqual(
          checked.body.issue.filter(({ severity }) => severity === 'error' || severity === 'fatal'),
          [],
        );
      });

      it('that says of an empty record that nothing is known', async () => {
        const { bundle } = await made('empty');
        const codes = ['MedicationStatement', 'AllergyIntolerance', 'Condition'].map(type => {
          const [one] = resourcesIn(bundle, type) as (Condition & { medicationCodeableConcept?: CodeableConcept })[];
          return (one?.code ?? one?.medicationCodeableConcept)?.coding?.[0]?.code;
        });
        assert.deepEqual(codes, ['no-medication-info', 'no-allergy-info', 'no-problem-info']);
        const composition = bundle.entry![0]!.resource as Composition;
        assert.ok(composition.section!.every(({ emptyReason }) => !emptyReason));
        assert.equal(composition.section!.length, 3);
      });

      it('once, by its profile, too; the CCD is another document', async () => {
        const { document } = await made('care');
        const byProfile = await made('care', { name: 'profile', valueCanonical: `${IPS_BUNDLE}|1.1.0` });
        assert.equal(byProfile.document.id, document.id);
        const ccd = { name: 'type', valueCoding: { system: LOINC, code: '34133-9' } };
        const { body } = await ask().post(of('care'), onDemand, ips, ccd);
        assert.deepEqual(
          new Set(documentsIn(body).map(({ type }) => type?.coding?.[0]?.code)),
          new Set(['34133-9', '60591-5']),
        );
      });
    });
  },
  {
    set: async ({ talk }) => {
      for (const resource of [...aCareRecord('care'), patientOf('docs'), patientOf('other'), patientOf('empty')])
        assert.equal((await talk.update(resource)).status, 201, JSON.stringify(resource));
    },
  },
);
