/** The writer of C-CDA, without a server: what FHIR's data types become, and that the rules which hold it to its standard can find a fault. */
import assert from 'node:assert/strict';
import type { FhirResource } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { makeCcd } from '../../../src/features/documents/docref/ccd/ccd.js';
import { cda } from '../../../src/features/documents/docref/ccd/element.js';
import {
  codeElement,
  oidOf,
  quantityElement,
  stringAt,
  timeValue,
  valueElement,
} from '../../../src/features/documents/docref/ccd/values.js';
import type { PatientRecord, RecordItem } from '../../../src/features/documents/docref/record.js';
import type { JsonObject, Resource } from '../../../src/fhir/resource.js';
import { aCareRecord } from '../../support/care-record.js';
import { faultsOfCcd, readWholeCda } from '../../support/ccd-rules.js';

/** A record of these resources, the patient `p` among them. */
function recordOf(resources: readonly FhirResource[]): PatientRecord {
  const items = resources.map((resource): RecordItem => {
    const { resourceType, id } = resource;
    return { name: `${resourceType}/${id}`, resource: resource as unknown as Resource, decimals: undefined };
  });
  const at = (name: string): RecordItem | undefined => items.find(item => item.name === name);
  return {
    patient: at('Patient/p')!,
    of: type => items.filter(({ resource }) => resource.resourceType === type),
    target: reference => at(stringAt(reference, 'reference') ?? ''),
    text: async name => Buffer.from(JSON.stringify(at(name)!.resource)),
    versions: [],
  };
}

const head = (record: PatientRecord) => ({
  record,
  root: 'af63a4ec-34c2-8cec-9f14-6f8950240b60',
  id: 'ed5cf218-cc32-455b-b16d-fe56962fa444',
  title: 'A title',
  made: '2026-01-02T03:04:05.000Z',
  from: '2020',
  to: '2026-01-02T03:04:05.000Z',
  software: { name: 'Chartroom', version: '1' },
});

describe('a CCD', () => {
  it('follows the rules, whether it holds much or nothing', async () => {
    for (const resources of [aCareRecord('p'), [{ resourceType: 'Patient', id: 'p' } as const]])
      assert.deepEqual(faultsOfCcd(readWholeCda(String(Buffer.concat(await makeCcd(head(recordOf(resources))))))), []);
  });

  it('would be found out by them wherever something is missing, misplaced or no value of its type', async () => {
    const text = String(Buffer.concat(await makeCcd(head(recordOf(aCareRecord('p'))))));
    const broken: readonly (readonly [what: string, from: string | RegExp, to: string])[] = [
      ['patient/raceCode', /<raceCode.*?<\/raceCode>|<raceCode[^>]*\/>/, ''],
      ['no section 30954-2', 'code="30954-2"', 'code="00000-0"'],
      [
        'no template',
        'root="2.16.840.1.113883.10.20.22.1.2" extension="2015-08-01"',
        'root="2.16.840.1.113883.10.20.22.1.2"',
      ],
      ['no value', /<value xsi:type="CD"[^>]*\/>/, ''],
      ['order', /(<statusCode code="active"\/>)(<effectiveTime>.*?<\/effectiveTime>)/, '$2$1'],
      ['time', 'value="20260103"', 'value="2026-01-03"'],
      ['unit', 'unit="mm[Hg]"', 'unit="mm Hg"'],
      ['OID', 'codeSystem="2.16.840.1.113883.6.96"', 'codeSystem="http://snomed.info/sct"'],
      ['code without codeSystem', ' codeSystem="2.16.840.1.113883.6.88"', ''],
      ['a reference leads nowhere', 'ID="problems1"', 'ID="other"'],
      ['an ID twice', 'ID="problems2"', 'ID="problems1"'],
      ['moodCode', 'classCode="PROC" moodCode="EVN"', 'classCode="PROC" moodCode="RQO"'],
      ['nullFlavor and value', 'nullFlavor="UNK"', 'nullFlavor="UNK" value="1"'],
    ];
    for (const [what, from, to] of broken) {
      const changed = text.replace(from, to);
      assert.notEqual(changed, text, what);
      const faults = faultsOfCcd(readWholeCda(changed));
      assert.ok(
        faults.some(fault => fault.includes(what)),
        `${what}: ${faults.join(', ')}`,
      );
    }
  });
});

describe('values of CDA', () => {
  it('are times as exact as they were', () => {
    for (const [given, expected] of [
      ['2026', '2026'],
      ['2026-01', '202601'],
      ['2026-01-02', '20260102'],
      ['2026-01-02T03:04Z', '202601020304+0000'],
      ['2026-01-02T03:04:05', '20260102030405'],
      ['2026-01-02T03:04:05-05:30', '20260102030405-0530'],
      ['2026-01-02T03:04:05.678+01:00', '20260102030405.678+0100'],
      ['someday', undefined],
      [undefined, undefined],
    ] as const)
      assert.equal(timeValue(given), expected);
  });

  it('are escaped, and hold no character that XML does not know', () => {
    assert.equal(cda('a', { b: '<"&>\n' }), '<a b="&lt;&quot;&amp;&gt;&#10;"/>');
    assert.equal(cda('a', { b: 'x\u0001\ud800y\uffff' }), '<a b="x  y "/>');
    assert.equal(cda('a', { b: undefined }, undefined), '<a/>');
  });

  it('are codes with the OID of their system, and null flavors where there is none', () => {
    assert.equal(oidOf('http://loinc.org'), '2.16.840.1.113883.6.1');
    assert.equal(oidOf('urn:oid:1.2.3'), '1.2.3');
    assert.equal(oidOf('urn:oid:x'), undefined);
    const loinc = { coding: [{ system: 'http://loinc.org', code: '1-8' }] };
    assert.match(codeElement('code', loinc), /^<code code="1-8" codeSystem="2.16.840.1.113883.6.1">/);
    const other = codeElement('value', loinc, { systems: ['2.16.840.1.113883.6.96'], type: 'CD' });
    assert.match(other, /^<value xsi:type="CD" nullFlavor="OTH">.*<translation code="1-8"/);
    assert.equal(codeElement('code', { text: 'a' }), '<code nullFlavor="UNK"><originalText>a</originalText></code>');
    assert.equal(codeElement('code', undefined), '<code nullFlavor="UNK"/>');
  });

  it('are quantities of UCUM with their digits, and words where the unit is another', () => {
    const quantity = { value: 1.1, system: 'http://unitsofmeasure.org', code: 'mg', unit: 'mg' };
    const digits = new Map([[quantity, { value: '1.10' }]]);
    assert.equal(quantityElement('value', quantity, digits, 'PQ'), '<value xsi:type="PQ" value="1.10" unit="mg"/>');
    assert.equal(quantityElement('value', { value: 1, unit: 'spoon' }, undefined), '<value nullFlavor="UNK"/>');
    const said = (observation: JsonObject) => valueElement(observation, undefined);
    assert.equal(said({ valueQuantity: { value: 1, unit: 'spoon' } }), '<value xsi:type="ST">1 spoon</value>');
    assert.equal(
      said({ valueQuantity: { value: 2, system: 'http://unitsofmeasure.org', code: 'g', comparator: '>=' } }),
      '<value xsi:type="IVL_PQ"><low inclusive="true" value="2" unit="g"/></value>',
    );
    assert.equal(said({ valueBoolean: false }), '<value xsi:type="BL" value="false"/>');
    assert.equal(said({ valueInteger: 3 }), '<value xsi:type="INT" value="3"/>');
    assert.equal(said({ valueString: '<a>' }), '<value xsi:type="ST">&lt;a&gt;</value>');
    assert.equal(said({ valueDateTime: '2026-01' }), '<value xsi:type="TS" value="202601"/>');
    assert.equal(said({ valueRange: { low: { value: 1 }, high: { value: 2 } } }), '<value xsi:type="ST">1 – 2</value>');
    assert.equal(said({ valueSampledData: { dimensions: 1 } }), '<value xsi:type="ST" nullFlavor="UNK"/>');
    assert.equal(said({}), undefined);
  });
});
