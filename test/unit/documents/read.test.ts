/** What documents say of themselves: each payload, each C-CDA example, and files that were made to harm their reader. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { after, describe, it } from 'mocha';
import { contentTypeOf } from '../../../src/fhir/content/content-type.js';
import { type DocumentMetadata, READ_LIMITS } from '../../../src/features/documents/read/document-metadata.js';
import { metadataIn } from '../../../src/features/documents/read/kinds.js';
import { documentMetadata, READING_POOL, wantedBytes } from '../../../src/features/documents/read/read-document.js';
import { limitBuffers } from '../../../src/features/documents/read/buffer-limit.js';
import { createPool, type Pool } from '../../../src/platform/pool.js';
import { DOCUMENTS, readCdaExamples, readPayloads } from '../../support/documents.js';
import { skipWithout } from '../../support/shared.js';

/** Read with other tools: pages; width and height in pixels. */
const PAGES: Readonly<Record<string, number | readonly [width: number, height: number, pages: number]>> = {
  'ccda-unstructured-sample.pdf': 3,
  'ccda-mcbee.pdf': 7,
  'lab-report-164947.pdf': 3,
  'uscore-polst.pdf': 3,
  'pdf-minimal.pdf': 1,
  'pdf-4-pages.pdf': 4,
  'pdf-arabic.pdf': 1,
  'pdf-a.pdf': 1,
  'pdf-with-attachment.pdf': 1,
  'pdf-form.pdf': 1,
  'pdf-grayscale-image.pdf': 1,
  'pdf-2mb.pdf': 1,
  'pdf-broken-trailer-loop.pdf': 1,
  'scan-fax-page-g4.tif': [3312, 2550, 1],
  'scan-fax-page2-g4.tif': [2560, 3300, 1],
  'scan-text.tif': [640, 480, 1],
  'scan-eurotext.tif': [1024, 800, 1],
  'scan-skewed.tif': [238, 171, 1],
  'scan-hebrew.jpg': [847, 1629, 1],
  'scan-g4.tif': [2548, 3296, 1],
  'scan-g4-multipage.tiff': [3307, 4677, 3],
  'multipage.tiff': [10, 10, 3],
  'photo.jpg': [128, 128, 1],
  'photo-exif-gps.jpg': [8, 8, 1],
  'photo.png': [128, 128, 1],
};

/** Modality, SOP class, patient, study. */
const IMAGING: Readonly<Record<string, readonly [string, string, string, string]>> = {
  'dicom-ct.dcm': ['CT', '1.2.840.10008.5.1.4.1.1.2', '1CT1', '1.3.6.1.4.1.5962.1.2.1.20040119072730.12322'],
  'dicom-mr.dcm': ['MR', '1.2.840.10008.5.1.4.1.1.4', '4MR1', '1.3.6.1.4.1.5962.1.2.4.20040826185059.5457'],
  'dicom-ecg-waveform.dcm': [
    'ECG',
    '1.2.840.10008.5.1.4.1.1.9.1.1',
    '642341',
    '1.3.76.13.65829.2.20130125082826.1072139.2',
  ],
  'dicom-us-rgb.dcm': ['US', '1.2.840.10008.5.1.4.1.1.6.1', '13US1', '1.3.6.1.4.1.5962.1.2.13.20040826185059.5457'],
};

const pools: Pool<never, never>[] = [];
const poolOf = (options: Partial<typeof READING_POOL>) => {
  const pool = createPool<never, never>({ ...READING_POOL, threads: 1, ...options });
  pools.push(pool);
  return pool as unknown as NonNullable<Parameters<typeof documentMetadata>[2]>;
};
/** Limits of a thread that no machine is too slow for: what the server has is stricter. */
const PATIENT = { time: 120_000 };

describe('reading documents', () => {
  after(() => Promise.all(pools.map(pool => pool.close())));

  it('tells pages, sizes and studies of the payloads', async function () {
    const pool = poolOf(PATIENT);
    for (const { file, bytes } of readPayloads(skipWithout(this, ...DOCUMENTS))) {
      const found = await documentMetadata(bytes, await contentTypeOf(bytes), pool);
      const [pages, imaging] = [PAGES[file], IMAGING[file]];
      if (typeof pages === 'number') assert.equal(found?.pages, pages, file);
      else if (pages) assert.deepEqual([found?.width, found?.height, found?.pages], pages, file);
      else if (imaging) {
        const { modality, sopClassUid, studyInstanceUid } = found!.imaging!;
        assert.deepEqual(
          [modality, sopClassUid, found!.patient!.identifier[0]!.value, studyInstanceUid],
          imaging,
          file,
        );
      } else if (file === 'pdf-encrypted.pdf') assert.equal(found, undefined);
      else assert.equal(found?.kind, 'cda', file);
    }
  });

  it('tells title, date and language of PDFs', async function () {
    const folder = skipWithout(this, ...DOCUMENTS);
    const read = (file: string) => metadataIn(new Uint8Array(readFileSync(join(folder, file))), 'application/pdf');
    assert.deepEqual(await read('lab-report-164947.pdf'), {
      kind: 'pdf',
      contentType: 'application/pdf',
      title: '197-996-9513-0 SAMPLE REPORT',
      creation: '2016-07-15T11:44:30-04:00',
      pages: 3,
    });
    assert.equal((await read('uscore-polst.pdf'))?.language, 'en-US');
  });

  it('wants the whole only of what keeps its table of contents at the end', () => {
    const large = 50 * 1024 * 1024;
    assert.equal(wantedBytes('application/pdf', large), large);
    assert.equal(wantedBytes('image/tiff', READ_LIMITS.bytes + 1), 0);
    for (const type of ['application/xml', 'application/dicom', 'image/jpeg', 'image/png'])
      assert.deepEqual([wantedBytes(type, large), wantedBytes(type, 3)], [READ_LIMITS.header, 3], type);
    for (const type of ['text/plain', 'application/zip', undefined]) assert.equal(wantedBytes(type, 9), 0);
  });

  it('leaves the bytes as they were', async function () {
    const bytes = readFileSync(join(skipWithout(this, ...DOCUMENTS), 'pdf-minimal.pdf'));
    const before = Buffer.from(bytes);
    assert.equal((await documentMetadata(bytes, 'application/pdf', poolOf(PATIENT)))?.pages, 1);
    assert.ok(bytes.equals(before));
  });
});

/** The header of a C-CDA document read another way: by what stands in its text, comments taken out. */
function readIndependently(text: string) {
  const header = text.replaceAll(/<!--[\s\S]*?-->/g, '').split(/<(?:structuredBody|nonXMLBody)[\s>]/)[0]!;
  const own = header.split('<recordTarget')[0]!;
  const role = /<patientRole[\s\S]*?<\/patientRole>/.exec(header)?.[0] ?? '';
  const attribute = (tag: string | undefined, name: string) =>
    new RegExp(`\\s${name}\\s*=\\s*["']([^"']*)`).exec(tag ?? '')?.[1];
  const ids = [...role.split('<patient>')[0]!.matchAll(/<id\s[^>]*>/g)].map(([tag]) => attribute(tag, 'extension'));
  const id = /<id\s[^>]*>/.exec(own)?.[0];
  const inner = (part: string, tag: string) =>
    new RegExp(`<${tag}[^>]*>([^<]*)`).exec(part)?.[1]?.replaceAll('&amp;', '&').replaceAll(/\s+/g, ' ').trim();
  return {
    root: attribute(id, 'root'),
    extension: attribute(id, 'extension'),
    title: inner(own, 'title'),
    code: attribute(/<code\s[^>]*>/.exec(own)?.[0], 'code'),
    ids: ids.filter(value => value !== undefined),
    family: inner(/<patient>[\s\S]*?<\/name>/.exec(role)?.[0] ?? '', 'family'),
    birth: attribute(/<birthTime[^>]*>/.exec(role)?.[0], 'value')?.slice(0, 8),
  };
}

/** That both readings say the same. */
function assertAgrees(
  found: DocumentMetadata | undefined,
  told: ReturnType<typeof readIndependently>,
  name: string,
): void {
  assert.ok(found, name);
  const uri = told.root!.includes('-') ? `urn:uuid:${told.root!.toLowerCase()}` : `urn:oid:${told.root}`;
  assert.deepEqual(
    found.masterIdentifier,
    told.extension === undefined ? { system: 'urn:ietf:rfc:3986', value: uri } : { system: uri, value: told.extension },
    name,
  );
  assert.equal(found.title, told.title, name);
  assert.equal(found.type?.coding?.[0]?.code, told.code, name);
  assert.equal(found.securityLabel?.[0]?.coding?.[0]?.code, 'N', name);
  assert.deepEqual(
    found.patient?.identifier.filter(({ system }) => system !== 'urn:ietf:rfc:3986').map(({ value }) => value),
    told.ids,
    name,
  );
  assert.equal(found.patient?.name?.[0]?.family, told.family, name);
  assert.equal(found.patient?.birthDate?.replaceAll('-', ''), told.birth, name);
}

const cda = (bytes: string | Buffer) => metadataIn(Buffer.from(bytes), 'application/xml');

describe('the header of C-CDA documents', () => {
  it('is what an independent reading finds, in each of the examples', async function () {
    let full = 0;
    for (const { name, text } of readCdaExamples(skipWithout(this, 'data', 'ccda-hl7-examples'))) {
      const found = await cda(text);
      if (!/<ClinicalDocument[\s>]/.test(text) || !/<recordTarget/.test(text)) continue;
      const told = readIndependently(text);
      if (told.root === undefined) continue;
      full++;
      assertAgrees(found, told, name);
    }
    assert.ok(full >= 19, `${full} full documents`);
  });

  it('is taken out whole', async function () {
    const folder = skipWithout(this, ...DOCUMENTS);
    const found = await cda(readFileSync(join(folder, 'ccda-unstructured-embedded-pdf.xml')));
    assert.deepEqual(found, {
      kind: 'cda',
      contentType: 'text/xml',
      masterIdentifier: { system: 'urn:oid:2.16.840.1.113883.19.5.99999.1', value: 'TT988' },
      type: { coding: [{ system: 'http://loinc.org', code: '11490-0', display: 'Physician Discharge summary' }] },
      title: 'Community Health and Hospitals: Discharge Summary',
      creation: '2009-03-29T22:44:11-07:00',
      securityLabel: [
        {
          coding: [
            { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'N', display: 'normal' },
          ],
        },
      ],
      language: 'en-US',
      format: {
        system: 'http://terminology.hl7.org/CodeSystem/v3-HL7DocumentFormatCodes',
        code: 'urn:hl7-org:sdwg:ccda-nonXMLBody:2.1',
      },
      patient: {
        identifier: [{ system: 'http://hl7.org/fhir/sid/us-ssn', value: '111-00-2330' }],
        name: [{ use: 'usual', family: 'Levin', given: ['Henry', 'L'] }],
        birthDate: '1953-03-02',
        gender: 'male',
      },
      author: [
        {
          kind: 'person',
          identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '99999999' }],
          name: { family: 'Seven', given: ['Henry'] },
          time: '2009-03-29T22:44:11-07:00',
        },
      ],
      custodian: {
        identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '99999999' }],
        name: 'Community Health and Hospitals',
      },
      body: 'nonXMLBody',
    } satisfies DocumentMetadata);
  });

  const doc = (inner: string) => `<ClinicalDocument xmlns="urn:hl7-org:v3">${inner}</ClinicalDocument>`;

  const created: [value: string, dateTime: string | undefined][] = [
    ['2013', '2013'],
    ['201302', '2013-02'],
    ['20130228', '2013-02-28'],
    ['20130230', undefined],
    ['2013022814', '2013-02-28'],
    ['201302281430', '2013-02-28'],
    ['201302281430-0500', '2013-02-28T14:30:00-05:00'],
    ['20130228143015.123+0100', '2013-02-28T14:30:15+01:00'],
    ['20130228143015', '2013-02-28'],
    ['201302282530-0500', '2013-02-28'],
    ['20130228143015-9900', '2013-02-28'],
    ['yesterday', undefined],
    ['', undefined],
  ];
  for (const [value, dateTime] of created)
    it(`was made ${dateTime ?? 'at no time'} for "${value}"`, async () =>
      assert.equal((await cda(doc(`<effectiveTime value="${value}"/>`)))?.creation, dateTime));

  const formats: [templates: string, body: string, code: string | undefined][] = [
    [
      '<templateId root="2.16.840.1.113883.10.20.22.1.2" extension="2015-08-01"/>',
      '<structuredBody/>',
      'urn:hl7-org:sdwg:ccda-structuredBody:2.1',
    ],
    [
      '<templateId root="2.16.840.1.113883.10.20.22.1.1" extension="2015-08-01"/><templateId root="2.16.840.1.113883.10.20.22.1.1"/>',
      '<nonXMLBody><text mediaType="application/pdf"/></nonXMLBody>',
      'urn:hl7-org:sdwg:ccda-nonXMLBody:2.1',
    ],
    [
      '<templateId root="2.16.840.1.113883.10.20.22.1.2"/>',
      '<structuredBody/>',
      'urn:hl7-org:sdwg:ccda-structuredBody:1.1',
    ],
    ['<templateId root="2.16.840.1.113883.10.20.22.1.2" extension="2014-06-09"/>', '<structuredBody/>', undefined],
    [
      '<templateId root="1.3.6.1.4.1.19376.1.2.20"/>',
      '<nonXMLBody><text mediaType="application/pdf"/></nonXMLBody>',
      'urn:ihe:iti:xds-sd:pdf:2008',
    ],
    [
      '<templateId root="1.3.6.1.4.1.19376.1.2.20"/>',
      '<nonXMLBody><text mediaType="text/plain"/></nonXMLBody>',
      'urn:ihe:iti:xds-sd:text:2008',
    ],
    ['<templateId root="1.3.6.1.4.1.19376.1.3.3"/>', '<structuredBody/>', 'urn:ihe:lab:xd-lab:2008'],
    ['<templateId root="1.2.3"/>', '<structuredBody/>', undefined],
    ['<templateId root="2.16.840.1.113883.10.20.22.1.2" extension="2015-08-01"/>', '', undefined],
  ];
  for (const [templates, body, code] of formats)
    it(`has the format ${code ?? 'that nobody defined'} for ${templates} ${body}`, async () =>
      assert.equal((await cda(doc(`${templates}<component>${body}</component>`)))?.format?.code, code));

  it('names encounter, facility, services, codes with translations and what it replaces', async () => {
    const found = await cda(
      doc(`<id root="be84a8e4-a22e-4210-a4a6-b3c48273e84c"/>
        <code code="1" codeSystem="2.16.840.1.113883.6.1"><originalText>Note &amp; more</originalText>
          <translation code="2" codeSystem="1.2.3"/><translation nullFlavor="UNK"/></code>
        <languageCode code="eng"/>
        <author><time value="2013"/><assignedAuthor><id nullFlavor="NI"/><assignedAuthoringDevice>
          <manufacturerModelName>EHR</manufacturerModelName></assignedAuthoringDevice>
          <representedOrganization><name>Good Health</name></representedOrganization></assignedAuthor></author>
        <relatedDocument typeCode="RPLC"><parentDocument><id root="1.2" extension="old"/></parentDocument></relatedDocument>
        <relatedDocument typeCode="X"><parentDocument><id root="1.2"/></parentDocument></relatedDocument>
        <documentationOf><serviceEvent><code code="9" codeSystem="1.2"/></serviceEvent></documentationOf>
        <componentOf><encompassingEncounter><id root="1.2" extension="visit"/>
          <effectiveTime value="20130102"/><location><healthCareFacility>
          <code code="1117-1" codeSystem="2.16.840.1.113883.6.259"/></healthCareFacility></location></encompassingEncounter></componentOf>`),
    );
    assert.deepEqual(found, {
      kind: 'cda',
      contentType: 'text/xml',
      masterIdentifier: { system: 'urn:ietf:rfc:3986', value: 'urn:uuid:be84a8e4-a22e-4210-a4a6-b3c48273e84c' },
      type: {
        coding: [
          { system: 'http://loinc.org', code: '1' },
          { system: 'urn:oid:1.2.3', code: '2' },
        ],
        text: 'Note & more',
      },
      language: 'en',
      author: [
        {
          kind: 'device',
          identifier: [],
          display: 'EHR',
          organization: { identifier: [], name: 'Good Health' },
          time: '2013',
        },
      ],
      relatesTo: [{ code: 'replaces', identifier: { system: 'urn:oid:1.2', value: 'old' } }],
      context: {
        event: [{ coding: [{ system: 'urn:oid:1.2', code: '9' }] }],
        period: { start: '2013-01-02', end: '2013-01-02' },
        encounter: [{ system: 'urn:oid:1.2', value: 'visit' }],
        facilityType: {
          coding: [{ system: 'https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html', code: '1117-1' }],
        },
      },
    } satisfies DocumentMetadata);
  });

  it('is read in the encodings of XML, under any prefix or none, whatever follows it', async () => {
    const text = '<x:ClinicalDocument xmlns:x="urn:hl7-org:v3"><x:title>Ärzte</x:title>';
    for (const [declared, bytes] of [
      ['utf-8', Buffer.from(`<?xml version="1.0"?>${text}</x:ClinicalDocument>`)],
      ['utf-16', Buffer.from(`\uFEFF<?xml version="1.0" encoding="UTF-16"?>${text}</x:ClinicalDocument>`, 'utf16le')],
      ['latin-1', Buffer.from(`<?xml version='1.0' encoding='ISO-8859-1'?>${text}</x:ClinicalDocument>`, 'latin1')],
      ['no namespace', Buffer.from('<ClinicalDocument><title>Ärzte</title></ClinicalDocument>')],
      ['a body that is none', Buffer.from(`${text}<x:component><x:structuredBody><oops`)],
    ] as const)
      assert.equal((await cda(bytes))?.title, 'Ärzte', declared);
    assert.equal(
      await cda(Buffer.from(`<?xml version="1.0" encoding="EBCDIC"?>${text}</x:ClinicalDocument>`)),
      undefined,
    );
  });
});

const LAUGHS = `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">${Array.from('bcdefghij', (name, at) => `<!ENTITY ${name} "${`&${'abcdefghij'[at]};`.repeat(10)}">`).join('')}]>
<ClinicalDocument xmlns="urn:hl7-org:v3"><title>&j;</title></ClinicalDocument>`;
const nested = (depth: number) =>
  `<ClinicalDocument xmlns="urn:hl7-org:v3">${'<title>'.repeat(depth)}${'</title>'.repeat(depth)}</ClinicalDocument>`;

describe('hostile documents', () => {
  after(() => Promise.all(pools.map(pool => pool.close())));

  it('in XML cost their metadata: entities, depth, size, other roots, bytes that are no text', async () => {
    assert.ok(await cda(nested(50)), 'what is allowed');
    for (const [what, text] of [
      ['billion laughs', LAUGHS],
      [
        'an entity of a file',
        '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><ClinicalDocument xmlns="urn:hl7-org:v3"><title>&f;</title></ClinicalDocument>',
      ],
      [
        'an entity that nobody declared',
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>&f;</title></ClinicalDocument>',
      ],
      ['10,000 elements in each other', nested(10_000)],
      [
        '10,000 strange elements in each other',
        `<ClinicalDocument xmlns="urn:hl7-org:v3">${'<x xmlns="a">'.repeat(10_000)}`,
      ],
      ['another document', '<Bundle xmlns="http://hl7.org/fhir"/>'],
      ['an element that does not end', '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>a</title>'],
      [
        'no characters',
        Buffer.concat([Buffer.from('<ClinicalDocument xmlns="urn:hl7-org:v3"><title>'), Buffer.from([0xff, 0xc0])]),
      ],
    ] as const)
      assert.equal(await cda(text as string), undefined, what);
    const many = `<ClinicalDocument xmlns="urn:hl7-org:v3">${'<id/>'.repeat(300)}</ClinicalDocument>`;
    assert.ok(await metadataIn(Buffer.from(many), 'application/xml', { ...READ_LIMITS, nodes: 400 }));
    assert.equal(await metadataIn(Buffer.from(many), 'application/xml', { ...READ_LIMITS, nodes: 200 }), undefined);
    const long = `<ClinicalDocument xmlns="urn:hl7-org:v3"><title>${'a'.repeat(5000)}</title></ClinicalDocument>`;
    assert.equal(await metadataIn(Buffer.from(long), 'application/xml', { ...READ_LIMITS, header: 1000 }), undefined);
  });

  it('in TIFF end where they turn back, and where they are too long', async () => {
    /** Directories of one page each, of which the last leads to the one with this number. */
    const tiff = (pages: number, back: number) => {
      const bytes = Buffer.alloc(8 + pages * 30);
      bytes.write('II*\0', 'latin1');
      bytes.writeUInt32LE(8, 4);
      for (let page = 0; page < pages; page++) {
        const at = 8 + page * 30;
        bytes.writeUInt16LE(2, at);
        for (const [n, tag] of [256, 257].entries()) {
          bytes.writeUInt16LE(tag, at + 2 + n * 12);
          bytes.writeUInt16LE(3, at + 4 + n * 12);
          bytes.writeUInt32LE(1, at + 6 + n * 12);
          bytes.writeUInt16LE(7, at + 10 + n * 12);
        }
        const next = page + 1 < pages ? page + 1 : back;
        bytes.writeUInt32LE(next < 0 ? 0 : 8 + next * 30, at + 26);
      }
      return bytes;
    };
    const pagesOf = async (bytes: Buffer) => (await metadataIn(bytes, 'image/tiff'))?.pages;
    assert.equal(await pagesOf(tiff(3, -1)), 3);
    assert.equal(await pagesOf(tiff(3, 0)), 3);
    assert.equal(await pagesOf(tiff(1, 0)), 1);
    assert.equal(await pagesOf(tiff(READ_LIMITS.pages + 5, -1)), READ_LIMITS.pages);
    assert.equal(await pagesOf(tiff(3, 1_000_000)), 3);
  });

  it('in DICOM do not unfold to more than is allowed', async () => {
    const element = (group: number, item: number, vr: string, value: Buffer) => {
      const head = Buffer.alloc(8);
      head.writeUInt16LE(group, 0);
      head.writeUInt16LE(item, 2);
      head.write(vr, 4, 'latin1');
      head.writeUInt16LE(value.length, 6);
      return Buffer.concat([head, value]);
    };
    const DEFLATED = Buffer.from('1.2.840.10008.1.2.1.99');
    const length = Buffer.alloc(4);
    const syntax = element(2, 0x10, 'UI', DEFLATED);
    length.writeUInt32LE(syntax.length);
    const file = (data: Buffer) =>
      Buffer.concat([
        Buffer.alloc(128),
        Buffer.from('DICM'),
        element(2, 0, 'UL', length),
        syntax,
        deflateRawSync(data),
      ]);
    const data = element(8, 0x60, 'CS', Buffer.from('CT'));
    const read = (bytes: Buffer) => metadataIn(bytes, 'application/dicom', { ...READ_LIMITS, inflated: 100_000 });
    assert.equal((await read(file(data)))?.imaging?.modality, 'CT');
    assert.equal(await read(file(Buffer.concat([data, Buffer.alloc(200_000)]))), undefined);
  });

  it('that take too long or too much end their thread, and the next one is read', async function () {
    const bytes = readFileSync(join(skipWithout(this, ...DOCUMENTS), 'photo.png'));
    const module = new URL('../../support/reading-worker.js', import.meta.url);
    const spinning = poolOf({ module, time: 1000 });
    assert.equal(await documentMetadata(bytes, 'image/tiff', spinning), undefined);
    const filling = poolOf({ ...PATIENT, module, memory: 32 });
    assert.equal(await documentMetadata(bytes, 'image/jpeg', filling), undefined);
    assert.deepEqual((await documentMetadata(bytes, 'image/png', filling))?.kind, 'png');
  });

  it('get no buffer that is too large', () => {
    const own = Uint8Array;
    try {
      limitBuffers(1000);
      assert.throws(() => new Uint8Array(1001), RangeError);
      assert.equal(new Uint8Array(1000).length, 1000);
      assert.ok(new Uint8Array([1, 2]) instanceof Uint8Array);
      class Own extends Uint8Array {}
      assert.ok(new Own(10) instanceof Own);
      assert.throws(() => new Own(1001), RangeError);
    } finally {
      globalThis.Uint8Array = own;
    }
    assert.equal(new Uint8Array(1001).length, 1001);
  });

  it('have the limits that are documented', () =>
    assert.deepEqual([READING_POOL.time, READING_POOL.memory, READ_LIMITS.inflated], [5000, 256, 64 * 1024 * 1024]));
});
