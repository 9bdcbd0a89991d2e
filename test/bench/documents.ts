/** Workloads of documents: submissions (ITI-65), searches over many (ITI-67), and bytes that are large. */
import { drive, requestBytes } from './drive.js';
import { MHD } from '../support/submission.js';
import type { World } from './load.js';
import { LOINC } from './population.js';
import type { Workload } from './workloads.js';

/** The rows that `--only documents` stands for. */
export const DOCUMENT_ROWS: ReadonlySet<string> = new Set([
  'create-document',
  'read-binary',
  'provide-documents',
  'find-documents',
  'upload-100mb',
  'download-100mb',
]);

const JSON_TYPE = 'application/fhir+json';
const WRITE = { Accept: JSON_TYPE, 'Content-Type': JSON_TYPE };
const OCTETS = 'application/octet-stream';
const SCANNED = 100 * 1024;
const LARGE = 100 * 1024 * 1024;
/** Documents of each patient: 2,500 patients have 100,000. */
const DOCUMENTS_OF_ONE = 40;
const TYPES = ['34133-9', '11506-3', '18842-5', '28570-0', '60591-5'];

interface Searchset {
  readonly entry?: readonly unknown[];
}

export function documentWorkloads(world: World): Workload[] {
  return [provide(world), find(world), ...large()];
}

/** Stands for the number of a request, in twelve digits. */
const NUMBER = '@@@@@@@@@@@@';
const CONTENTS = ['a', 'b', 'c'];

/** Three documents of 100 KB each, of which each has bytes of its own. */
function provide({ people }: World): Workload {
  const subject = { reference: `Patient/${people[0]!.id}` };
  const urn = (kind: string) => `urn:uuid:00000000-0000-4000-8000-${kind}${NUMBER.slice(1)}`;
  const coded = (system: string, code: string) => ({ coding: [{ system, code }] });
  const post = (fullUrl: string, resource: { readonly resourceType: string }) => ({
    fullUrl,
    resource,
    request: { method: 'POST', url: resource.resourceType },
  });
  const page = Buffer.alloc(SCANNED, 'A scanned page. ').toString('base64').slice(16);
  const documents = CONTENTS.map(kind => {
    const identifier = { system: 'urn:ietf:rfc:3986', value: urn(kind).replace('-8000-', '-9000-') };
    const attachment = { contentType: 'text/plain', url: urn(kind) };
    return post(urn(`${Number.parseInt(kind, 16) - 9}`), {
      resourceType: 'DocumentReference',
      masterIdentifier: identifier,
      status: 'current',
      subject,
      content: [{ attachment }],
    } as { readonly resourceType: string });
  });
  const binaries = CONTENTS.map((kind, at) =>
    post(urn(kind), {
      resourceType: 'Binary',
      contentType: 'text/plain',
      data: `${'ABC'[at]!.repeat(4)}${NUMBER}${page}`,
    } as { readonly resourceType: string }),
  );
  const set = post(urn('f'), {
    resourceType: 'List',
    extension: [
      {
        url: `${MHD}/StructureDefinition/ihe-designationType`,
        valueCodeableConcept: coded('http://snomed.info/sct', '225728007'),
      },
      { url: `${MHD}/StructureDefinition/ihe-sourceId`, valueIdentifier: { value: 'urn:oid:1.2.3.4' } },
    ],
    identifier: [{ use: 'usual', system: 'urn:ietf:rfc:3986', value: urn('e') }],
    status: 'current',
    mode: 'working',
    code: coded(`${MHD}/CodeSystem/MHDlistTypes`, 'submissionset'),
    subject,
    date: '2026-01-02T03:04:05Z',
    entry: documents.map(({ fullUrl }) => ({ item: { reference: fullUrl } })),
  } as { readonly resourceType: string });
  const text = JSON.stringify({
    resourceType: 'Bundle',
    meta: { profile: [`${MHD}/StructureDefinition/IHE.MHD.Minimal.ProvideBundle`] },
    type: 'transaction',
    entry: [set, ...documents, ...binaries],
  });
  let sent = 0;
  return {
    name: 'provide-documents',
    next() {
      const number = String(++sent).padStart(NUMBER.length, '0');
      const body = text.replaceAll(NUMBER, number).replaceAll(NUMBER.slice(1), number.slice(1));
      return requestBytes('POST', '/fhir', WRITE, body);
    },
    status: 200,
    check(body) {
      const { entry = [] } = JSON.parse(body.toString()) as Searchset;
      if (entry.length !== 1 + 2 * CONTENTS.length) throw new Error(`A submission has ${entry.length} entries.`);
    },
  };
}

/** Five criteria over all documents. */
function find({ people }: World): Workload {
  const total = people.length * DOCUMENTS_OF_ONE;
  const document = (at: number) =>
    JSON.stringify({
      resourceType: 'DocumentReference',
      status: at % 7 === 0 ? 'superseded' : 'current',
      type: { coding: [{ system: LOINC, code: TYPES[Math.floor(at / people.length) % TYPES.length] }] },
      category: [{ coding: [{ system: LOINC, code: at % 2 === 0 ? '11369-6' : '47039-3' }] }],
      subject: { reference: `Patient/${people[at % people.length]!.id}` },
      date: new Date(Date.UTC(2024, 0, 1) + at * 60_000).toISOString(),
      content: [{ attachment: { contentType: 'application/pdf', title: `Page ${at}` } }],
    });
  let asked = 0;
  return {
    name: 'find-documents',
    async before(port) {
      let at = 0;
      await drive({
        port,
        callers: 32,
        next: () =>
          at < total
            ? requestBytes('POST', '/fhir/DocumentReference', { ...WRITE, Prefer: 'return=minimal' }, document(at++))
            : undefined,
        answered(_, status) {
          if (status !== 201) throw new Error(`A document was answered with ${status}.`);
        },
      });
    },
    next() {
      const number = asked++;
      const { id } = people[number % people.length]!;
      const type = TYPES[number % TYPES.length];
      const query = `patient=${id}&type=${LOINC}|${type}&category=${LOINC}|11369-6,${LOINC}|47039-3&date=ge2024-01-01&status=current`;
      return requestBytes('GET', `/fhir/DocumentReference?${query}`, { Accept: JSON_TYPE });
    },
    status: 200,
    check(body) {
      const { entry = [] } = JSON.parse(body.toString()) as Searchset;
      if (entry.length < 1 || entry.length > DOCUMENTS_OF_ONE) throw new Error(`${entry.length} documents were found.`);
    },
  };
}

/** 100 MB in and out, one at a time. */
function large(): Workload[] {
  let body: Buffer | undefined;
  let sent = 0;
  const upload = () => {
    body ??= requestBytes(
      'PUT',
      '/fhir/Binary/large',
      { 'Content-Type': OCTETS, Prefer: 'return=minimal' },
      Buffer.alloc(LARGE, 7),
    );
    // Bytes that are stored already would not be stored again.
    body.write(String(++sent).padStart(12, '0'), body.length - 12);
    return body;
  };
  return [
    {
      name: 'upload-100mb',
      callers: 1,
      next: upload,
      status: 200,
      before: port => once(port, upload()),
      check: () => {},
    },
    {
      name: 'download-100mb',
      callers: 1,
      next: () => requestBytes('GET', '/fhir/Binary/large', { Accept: OCTETS }),
      status: 200,
      before: port => once(port, upload()),
      check(bytes) {
        if (bytes.length !== LARGE) throw new Error(`${bytes.length} bytes were answered.`);
      },
    },
  ];
}

async function once(port: number, bytes: Buffer): Promise<void> {
  const waiting = [bytes];
  await drive({ port, callers: 1, next: () => waiting.pop() });
}
