/**
 * What the server writes about documents, judged by HL7's validator with the package of IHE MHD: metadata of whole C-CDA documents,
 * SubmissionSets, Provenance, Tasks, and the audit event of each transaction against its profile. Not a part of `npm test`: see written.test.ts.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  AuditEvent,
  Bundle,
  DocumentReference,
  FhirResource,
  Meta,
  Parameters as Input,
  Patient,
} from 'fhir/r4.js';
import { after, describe, it } from 'mocha';
import { aCareRecord } from '../support/care-record.js';
import { askDocref, documentsIn, LOINC } from '../support/docref.js';
import { aBinary, aDocument, base64 } from '../support/document-reference.js';
import { readCdaExamples } from '../support/documents.js';
import { askOracle, type OracleIssue, oracleScript } from '../support/oracle.js';
import { aPdf } from '../support/scans.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';
import { skipWithout } from '../support/shared.js';
import { aSubmission, MHD, PATIENT } from '../support/submission.js';
import { type Talk, talkTo } from '../support/talk.js';

const PACKAGES = ['ihe.iti.mhd#4.2.3', 'ihe.iti.balp#1.1.4', 'hl7.fhir.us.core#6.1.0'];
/** No package that is at hand offline has it: https://terminology.hl7.org/CodeSystem-v3-HL7DocumentFormatCodes.html */
const ABSENT =
  "No definition could be found for URL value 'http://terminology.hl7.org/CodeSystem/v3-HL7DocumentFormatCodes'";
/** Codes tell these profiles apart, by value sets that no validator has offline. */
const UNTOLD = /^Profile .*Bundle-uv-ips\|1\.1\.0, Element matches more than one slice - observation-pregnancy-edd, /;
type Level = Parameters<typeof aSubmission>[0];
const subject = { reference: `Patient/${PATIENT}` };

describe('what is written about documents, judged by HL7', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-oracle-documents-'));
  let server: RunningServer | undefined;
  after(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('has no errors', async function () {
    const script = oracleScript(this);
    const examples = skipWithout(this, 'data', 'ccda-hl7-examples');
    server = await startServer({ store: await newStore(this, 'embedded') });
    const talk = talkTo(server.base);
    const identifier = [{ system: 'urn:oid:1.2.3.9', value: PATIENT }];
    await talk.update<Patient>({ resourceType: 'Patient', id: PATIENT, identifier });
    const documents = readCdaExamples(examples).filter(
      ({ text }) => /<ClinicalDocument[\s>]/.test(text) && /<recordTarget/.test(text),
    );
    assert.ok(documents.length >= 10);
    for (const { name, text } of documents) {
      const reply = await talk.create(aDocument({ contentType: 'text/xml', data: base64(text) }, { subject }));
      assert.equal(reply.status, 201, `${name}: ${reply.text.slice(0, 300)}`);
    }
    for (const level of ['minimal', 'uncontained', 'comprehensive'] as const) await provide(talk, level);
    await publish(talk);
    await generate(talk);
    await consume(talk);
    const files: string[] = [];
    const audited = new Set<string>();
    for (const type of ['DocumentReference', 'List', 'Provenance', 'Task', 'AuditEvent'])
      for (const resource of await all(talk, type)) {
        const file = join(folder, `${type}-${resource.id}.json`);
        const profile = profileFor(resource);
        if (resource.resourceType === 'AuditEvent' && profile !== undefined) audited.add(profile);
        writeFileSync(file, JSON.stringify(claiming(resource, profile)));
        files.push(file);
      }
    assert.deepEqual([...audited].toSorted(), Object.values(AUDIT_PROFILES).toSorted());
    const control = files.find(file => readFileSync(file, 'utf8').includes(AUDIT_PROFILES['ITI-65']))!;
    files.push(join(folder, 'control.json'));
    writeFileSync(files.at(-1)!, readFileSync(control, 'utf8').replace('"display":"Job"', '"display":"Jobs"'));
    const { issues } = askOracle(script, { files, packages: PACKAGES });
    const [found, others] = [true, false].map(is => issues.filter(({ file }) => file.endsWith('control.json') === is));
    assert.deepEqual(others!.filter(({ text }) => text !== ABSENT).map(inWords), []);
    assert.ok(found!.length > 0, 'a display that the profile does not want is found');
  });

  it('has no errors where a document is made of a record on demand', async function () {
    const script = oracleScript(this);
    server ??= await startServer({ store: await newStore(this, 'embedded') });
    const talk = talkTo(server.base);
    const files: string[] = [];
    const keep = (name: string, text: string): void => {
      files.push(join(folder, name));
      writeFileSync(files.at(-1)!, text);
    };
    for (const resource of aCareRecord('cared-for')) await talk.update(resource as Patient);
    await talk.update<Patient>({
      resourceType: 'Patient',
      id: 'unknown',
      name: [{ text: 'Nobody Known' }],
      birthDate: '1980-01-02',
    });
    for (const id of ['cared-for', 'unknown']) {
      const on = { name: 'on-demand', valueBoolean: true };
      const type = { name: 'type', valueCoding: { system: LOINC, code: '60591-5' } };
      const { body, text } = await askDocref(talk).post({ name: 'patient', valueId: id }, on, type);
      const [document] = documentsIn(body);
      assert.ok(document, text);
      const bytes = await (await fetch(document.content[0]!.attachment.url!, { headers: { accept: '*/*' } })).text();
      keep(`ips-${id}.json`, bytes);
      keep(`document-${id}.json`, JSON.stringify(document));
      if (id === 'unknown') keep('control.json', bytes.replace('"type":"document"', '"type":"documents"'));
    }
    const { issues } = askOracle(script, { files, packages: ['hl7.fhir.uv.ips#1.1.0', ...PACKAGES] });
    const [found, others] = [true, false].map(is => issues.filter(({ file }) => file.endsWith('control.json') === is));
    assert.deepEqual(others!.filter(({ text }) => !UNTOLD.test(text)).map(inWords), []);
    assert.ok(found!.length > 0, 'a Bundle of another type is found');
  });
});

const inWords = ({ file, expression, text }: OracleIssue): string => `${file.split('/').at(-1)} ${expression}: ${text}`;

const posts = async (talk: Talk, path: string, resource: Bundle | Input): Promise<void> => {
  const headers = { 'content-type': 'application/fhir+json' };
  const reply = await talk.send('POST', path, { headers, body: JSON.stringify(resource) });
  assert.equal(reply.status, 200, reply.text);
};

/** ITI-65. */
async function provide(talk: Talk, level: Level): Promise<void> {
  const { bundle, set } = aSubmission(level);
  set.identifier = [
    {
      use: 'usual',
      system: 'urn:ietf:rfc:3986',
      value: `urn:oid:2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`,
    },
  ];
  await posts(talk, '', bundle);
}

/** ITI-105: a scan, which gets a Task. */
async function publish(talk: Talk): Promise<void> {
  const meta = { profile: [`${MHD}/StructureDefinition/IHE.MHD.SimplifiedPublish.DocumentReference`] };
  const masterIdentifier = { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` };
  const attachment = { contentType: 'application/pdf', data: base64(aPdf(['', '0 0 9 9 re f'])) };
  assert.equal((await talk.create(aDocument(attachment, { meta, masterIdentifier, subject }))).status, 201);
}

/** ITI-106. */
const generate = (talk: Talk): Promise<void> => {
  const text = `<ClinicalDocument xmlns="urn:hl7-org:v3"><id root="1.2.3.4.6"/><title>A</title>
    <recordTarget><patientRole><id root="1.2.3.9" extension="${PATIENT}"/></patientRole></recordTarget>
    <component><structuredBody/></component></ClinicalDocument>`;
  const parameter = [{ name: 'document', resource: aBinary('text/xml', text) }];
  return posts(talk, 'DocumentReference/$generate-metadata', { resourceType: 'Parameters', parameter });
};

/** ITI-66, ITI-67, ITI-68. */
async function consume(talk: Talk): Promise<void> {
  const code = encodeURIComponent(`${MHD}/CodeSystem/MHDlistTypes|submissionset`);
  await talk.search(`List?patient=${PATIENT}&status=current&code=${code}`);
  const found = await talk.search<DocumentReference>(`DocumentReference?patient=${PATIENT}&status=current`);
  const { url } = found.entry![0]!.resource!.content[0]!.attachment;
  assert.equal((await talk.get(url!, { accept: '*/*' })).status, 200);
}

async function all(talk: Talk, type: string): Promise<(FhirResource & { id: string })[]> {
  const bundle = await talk.search(`${type}?_count=500`);
  const resources = (bundle.entry ?? []).map(({ resource }) => resource as FhirResource & { id: string });
  assert.ok(resources.length > 0, type);
  return resources;
}

function claiming(resource: FhirResource, profile: string | undefined): FhirResource {
  if (profile === undefined) return resource;
  const meta: Meta = {
    ...resource.meta,
    profile: [...(resource.meta?.profile ?? []), `${MHD}/StructureDefinition/${profile}`],
  };
  return { ...resource, meta };
}

const AUDIT_PROFILES = {
  'ITI-65': 'IHE.MHD.ProvideBundle.Audit.Recipient',
  'ITI-66': 'IHE.MHD.FindDocumentLists.Audit.Responder',
  'ITI-67': 'IHE.MHD.FindDocumentReferences.Audit.Responder',
  'ITI-68': 'IHE.MHD.RetrieveDocument.Audit.Responder',
  'ITI-105': 'IHE.MHD.SimplifiedPublish.Audit.Recipient',
  'ITI-106': 'IHE.MHD.GenerateMetadata.Audit.Recipient',
} as const;

/** What MHD wants of it beyond what it claims. */
function profileFor(resource: FhirResource): string | undefined {
  if (resource.resourceType === 'List') return 'IHE.MHD.Minimal.SubmissionSet';
  return resource.resourceType === 'AuditEvent' ? auditProfile(resource) : undefined;
}

/** Of the one event that stands for a transaction as a whole. */
function auditProfile({ type, subtype = [], entity = [], outcome }: AuditEvent): string | undefined {
  const code = subtype.find(({ system }) => system === 'urn:ihe:event-type-code')?.code as keyof typeof AUDIT_PROFILES;
  const isOf = (wanted: string): boolean =>
    entity.some(({ what }) => what?.reference?.startsWith(`${wanted}/`) === true);
  if (code === undefined || outcome !== '0' || !isOf('Patient')) return undefined;
  if (code === 'ITI-65' && type.code !== '110107') return undefined;
  if ((code === 'ITI-105' || code === 'ITI-106') && !isOf('DocumentReference')) return undefined;
  return AUDIT_PROFILES[code];
}
