/** The header of a CCD: US Realm Header V3, Continuity of Care Document V3. https://hl7.org/cda/us/ccda/ */
import { isObject, itemsOf, type Json, type JsonObject } from '../../../../fhir/resource.js';
import type { PatientRecord } from '../record.js';
import { loinc } from '../section.js';
import { cda, cdaText, templateIds } from './element.js';
import { codeElement, stringAt, timeElement, timeValue } from './values.js';

export interface CcdHead {
  readonly record: PatientRecord;
  /** UUID below which ids of this server stand. */
  readonly root: string;
  /** UUID of the document. */
  readonly id: string;
  readonly title: string;
  /** ISO: when it is made. */
  readonly made: string;
  /** dateTimes between which what it holds has happened. */
  readonly from: string | undefined;
  readonly to: string;
  readonly software: { readonly name: string; readonly version: string };
}

const GENDER_CODES: Readonly<Record<string, string>> = { female: 'F', male: 'M', other: 'UN' };
const NAME_USES: Readonly<Record<string, string>> = { usual: 'L', official: 'C', nickname: 'P', anonymous: 'A' };
const PLACE_USES: Readonly<Record<string, string>> = { home: 'HP', work: 'WP', temp: 'TMP', mobile: 'MC' };
const ID_ROOTS: Readonly<Record<string, string>> = {
  'http://hl7.org/fhir/sid/us-ssn': '2.16.840.1.113883.4.1',
  'http://hl7.org/fhir/sid/us-npi': '2.16.840.1.113883.4.6',
};

/** Identifiers whose system is known to HL7 v3. */
function idElements(identifiers: Json | undefined): readonly string[] {
  return itemsOf(identifiers).flatMap(identifier => {
    const system = stringAt(identifier, 'system') ?? '';
    const root = ID_ROOTS[system] ?? /^urn:oid:([0-2](?:\.\d+)+)$/.exec(system)?.[1];
    const extension = stringAt(identifier, 'value');
    return root === undefined || extension === undefined ? [] : [cda('id', { root, extension })];
  });
}

const textsIn = (value: Json | undefined): readonly string[] => itemsOf(value).filter(one => typeof one === 'string');

export function nameElement(name: Json | undefined): string {
  if (!isObject(name)) return cda('name', { nullFlavor: 'UNK' });
  const part = (tag: string, texts: readonly string[]): string =>
    texts.map(text => cda(tag, {}, cdaText(text))).join('');
  const family = stringAt(name, 'family');
  const parts = [
    part('prefix', textsIn(name['prefix'])),
    part('given', textsIn(name['given'])),
    part('family', family === undefined ? [] : [family]),
    part('suffix', textsIn(name['suffix'])),
  ].join('');
  const text = stringAt(name, 'text');
  const content = parts === '' && text !== undefined ? cdaText(text) : parts;
  return content === ''
    ? cda('name', { nullFlavor: 'UNK' })
    : cda('name', { use: NAME_USES[stringAt(name, 'use') ?? ''] }, content);
}

export function addressElement(address: Json | undefined): string {
  if (!isObject(address)) return cda('addr', { nullFlavor: 'UNK' });
  const parts: readonly (readonly [tag: string, texts: readonly string[]])[] = [
    ['streetAddressLine', textsIn(address['line'])],
    ...(['city', 'state', 'postalCode', 'country'] as const).map(key => {
      const text = stringAt(address, key);
      return [key, text === undefined ? [] : [text]] as const;
    }),
  ];
  const content = parts.flatMap(([tag, texts]) => texts.map(text => cda(tag, {}, cdaText(text)))).join('');
  return content === ''
    ? cda('addr', { nullFlavor: 'UNK' })
    : cda('addr', { use: PLACE_USES[stringAt(address, 'use') ?? ''] }, content);
}

const SCHEMES: Readonly<Record<string, string>> = { phone: 'tel:', email: 'mailto:', fax: 'fax:', url: '' };

export function telecomElements(telecoms: Json | undefined): string {
  const known = itemsOf(telecoms).flatMap(telecom => {
    const scheme = SCHEMES[stringAt(telecom, 'system') ?? ''];
    const value = stringAt(telecom, 'value');
    if (scheme === undefined || value === undefined) return [];
    return [
      cda('telecom', {
        use: PLACE_USES[stringAt(telecom, 'use') ?? ''],
        value: `${scheme}${value.replaceAll(' ', '')}`,
      }),
    ];
  });
  return known.length > 0 ? known.join('') : cda('telecom', { nullFlavor: 'UNK' });
}

const RACE = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race';
const ETHNICITY = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity';

/** Race or ethnicity, by the extension of US Core. */
function groupElement(tag: string, patient: JsonObject, url: string): string {
  const extension = itemsOf(patient['extension']).find(one => stringAt(one, 'url') === url);
  const category = isObject(extension)
    ? itemsOf(extension['extension']).find(one => stringAt(one, 'url') === 'ombCategory')
    : undefined;
  const coding = isObject(category) ? category['valueCoding'] : undefined;
  return codeElement(tag, coding === undefined ? undefined : { coding: [coding] });
}

function recordTarget({ record, root }: CcdHead): string {
  const { resource, name } = record.patient;
  const { gender, birthDate, maritalStatus } = resource;
  const code = typeof gender === 'string' ? GENDER_CODES[gender] : undefined;
  const genderAs = code === undefined ? { nullFlavor: 'UNK' } : { code, codeSystem: '2.16.840.1.113883.5.1' };
  const organization = record.target(resource['managingOrganization'])?.resource;
  return cda(
    'recordTarget',
    {},
    cda(
      'patientRole',
      {},
      cda('id', { root, extension: name }),
      ...idElements(resource['identifier']),
      addressElement(itemsOf(resource['address'])[0]),
      telecomElements(resource['telecom']),
      cda(
        'patient',
        {},
        nameElement(itemsOf(resource['name'])[0]),
        cda('administrativeGenderCode', genderAs),
        timeElement('birthTime', typeof birthDate === 'string' ? birthDate : undefined),
        maritalStatus === undefined
          ? undefined
          : codeElement('maritalStatusCode', maritalStatus, { systems: ['2.16.840.1.113883.5.2'] }),
        groupElement('raceCode', resource, RACE),
        groupElement('ethnicGroupCode', resource, ETHNICITY),
      ),
      organization && organizationElement('providerOrganization', organization, root),
    ),
  );
}

/** Of this server where nobody else is known. */
function organizationElement(tag: string, organization: JsonObject | undefined, root: string): string {
  const id = stringAt(organization, 'id');
  return cda(
    tag,
    {},
    cda('id', id === undefined ? { root } : { root, extension: `Organization/${id}` }),
    ...idElements(organization?.['identifier']),
    cda('name', {}, cdaText(stringAt(organization, 'name') ?? 'Chartroom')),
    telecomElements(organization?.['telecom']),
    addressElement(itemsOf(organization?.['address'])[0]),
  );
}

/** Everything before the body. */
export function ccdHeader(head: CcdHead): string {
  const { record, root, id, title, made, from, to, software } = head;
  const keeper = record.target(record.patient.resource['managingOrganization'])?.resource;
  return [
    cda('realmCode', { code: 'US' }),
    cda('typeId', { root: '2.16.840.1.113883.1.3', extension: 'POCD_HD000040' }),
    templateIds(
      ['2.16.840.1.113883.10.20.22.1.1'],
      ['2.16.840.1.113883.10.20.22.1.1', '2015-08-01'],
      ['2.16.840.1.113883.10.20.22.1.2'],
      ['2.16.840.1.113883.10.20.22.1.2', '2015-08-01'],
    ),
    cda('id', { root: id }),
    loinc('code', '34133-9', 'Summary of episode note'),
    cda('title', {}, cdaText(title)),
    timeElement('effectiveTime', made),
    cda('confidentialityCode', { code: 'N', codeSystem: '2.16.840.1.113883.5.25' }),
    cda('languageCode', { code: 'en-US' }),
    recordTarget(head),
    cda(
      'author',
      {},
      timeElement('time', made),
      cda(
        'assignedAuthor',
        {},
        cda('id', { root }),
        addressElement(undefined),
        telecomElements(undefined),
        cda(
          'assignedAuthoringDevice',
          {},
          cda('manufacturerModelName', {}, cdaText(software.name)),
          cda('softwareName', {}, cdaText(`${software.name} ${software.version}`)),
        ),
        organizationElement('representedOrganization', keeper, root),
      ),
    ),
    cda(
      'custodian',
      {},
      cda('assignedCustodian', {}, organizationElement('representedCustodianOrganization', keeper, root)),
    ),
    cda(
      'documentationOf',
      {},
      cda(
        'serviceEvent',
        { classCode: 'PCPR' },
        cda(
          'effectiveTime',
          {},
          cda('low', from === undefined ? { nullFlavor: 'UNK' } : { value: timeValue(from) }),
          timeElement('high', to),
        ),
      ),
    ),
  ].join('');
}
