/**
 * Rules of C-CDA 2.1 for a Continuity of Care Document, as far as structure tells: what the header and each template must have, the order
 * of elements of the CDA schema, null flavors, values of data types, links into the narrative. HL7's schema and Schematron are not among the
 * reference data; these rows are written by hand from https://hl7.org/cda/us/ccda/ (templates by their roots).
 */
import { type CdaElement, childAt, childrenNamed, readCdaXml } from '../../src/features/documents/read/cda-xml.js';
import { READ_LIMITS } from '../../src/features/documents/read/document-metadata.js';

export const readWholeCda = (text: string): CdaElement =>
  readCdaXml(text, { depth: READ_LIMITS.depth, nodes: 2_000_000 }, () => 'keep');

/** Every element with its path. */
export function* elementsOf(
  element: CdaElement,
  path = element.name,
): Generator<{ readonly element: CdaElement; readonly path: string }> {
  yield { element, path };
  for (const child of element.children)
    if (typeof child !== 'string') yield* elementsOf(child, `${path}/${child.name}`);
}

const HEADER: readonly (readonly string[])[] = [
  ['realmCode'],
  ['typeId'],
  ['id'],
  ['code'],
  ['title'],
  ['effectiveTime'],
  ['confidentialityCode'],
  ['languageCode'],
  ...['id', 'addr', 'telecom', 'patient'].map(name => ['recordTarget', 'patientRole', name]),
  ...['name', 'administrativeGenderCode', 'birthTime', 'raceCode', 'ethnicGroupCode'].map(name => [
    'recordTarget',
    'patientRole',
    'patient',
    name,
  ]),
  ['author', 'time'],
  ...['id', 'addr', 'telecom', 'assignedAuthoringDevice'].map(name => ['author', 'assignedAuthor', name]),
  ...['id', 'name', 'telecom', 'addr'].map(name => [
    'custodian',
    'assignedCustodian',
    'representedCustodianOrganization',
    name,
  ]),
  ['documentationOf', 'serviceEvent', 'effectiveTime', 'low'],
  ['documentationOf', 'serviceEvent', 'effectiveTime', 'high'],
  ['component', 'structuredBody'],
];

/** Sections by the LOINC code: template with its version, and whether a CCD must have it. */
const SECTIONS: Readonly<Record<string, readonly [template: string, required: boolean]>> = {
  '48765-2': ['2.16.840.1.113883.10.20.22.2.6.1:2015-08-01', true],
  '10160-0': ['2.16.840.1.113883.10.20.22.2.1.1:2014-06-09', true],
  '11450-4': ['2.16.840.1.113883.10.20.22.2.5.1:2015-08-01', true],
  '30954-2': ['2.16.840.1.113883.10.20.22.2.3.1:2015-08-01', true],
  '8716-3': ['2.16.840.1.113883.10.20.22.2.4.1:2015-08-01', true],
  '29762-2': ['2.16.840.1.113883.10.20.22.2.17:2015-08-01', true],
  '47519-4': ['2.16.840.1.113883.10.20.22.2.7.1:2014-06-09', false],
  '11369-6': ['2.16.840.1.113883.10.20.22.2.2.1:2015-08-01', false],
  '46240-8': ['2.16.840.1.113883.10.20.22.2.22.1:2015-08-01', false],
};

interface EntryRule {
  readonly element: string;
  readonly moods: readonly string[];
  readonly has: readonly string[];
}
const OBSERVED = ['id', 'code', 'statusCode', 'effectiveTime', 'value'];
const T = '2.16.840.1.113883.10.20.22.4.';
/** Entries by their template. */
const ENTRIES: Readonly<Record<string, EntryRule>> = {
  [`${T}3:2015-08-01`]: {
    element: 'act',
    moods: ['EVN'],
    has: ['id', 'code', 'statusCode', 'effectiveTime', 'entryRelationship'],
  },
  [`${T}30:2015-08-01`]: {
    element: 'act',
    moods: ['EVN'],
    has: ['id', 'code', 'statusCode', 'effectiveTime', 'entryRelationship'],
  },
  [`${T}4:2015-08-01`]: { element: 'observation', moods: ['EVN'], has: OBSERVED },
  [`${T}7:2014-06-09`]: { element: 'observation', moods: ['EVN'], has: [...OBSERVED, 'participant'] },
  [`${T}9:2014-06-09`]: { element: 'observation', moods: ['EVN'], has: ['id', 'code', 'statusCode', 'value'] },
  [`${T}8:2014-06-09`]: { element: 'observation', moods: ['EVN'], has: ['code', 'statusCode', 'value'] },
  [`${T}16:2014-06-09`]: {
    element: 'substanceAdministration',
    moods: ['EVN', 'INT'],
    has: ['id', 'statusCode', 'effectiveTime', 'consumable'],
  },
  [`${T}23:2014-06-09`]: { element: 'manufacturedProduct', moods: [], has: ['manufacturedMaterial'] },
  [`${T}52:2015-08-01`]: {
    element: 'substanceAdministration',
    moods: ['EVN'],
    has: ['id', 'statusCode', 'effectiveTime', 'consumable'],
  },
  [`${T}54:2014-06-09`]: { element: 'manufacturedProduct', moods: [], has: ['manufacturedMaterial'] },
  [`${T}14:2014-06-09`]: {
    element: 'procedure',
    moods: ['EVN', 'INT'],
    has: ['id', 'code', 'statusCode', 'effectiveTime'],
  },
  [`${T}49:2015-08-01`]: { element: 'encounter', moods: ['EVN'], has: ['id', 'code', 'effectiveTime'] },
  [`${T}1:2015-08-01`]: {
    element: 'organizer',
    moods: ['EVN'],
    has: ['id', 'code', 'statusCode', 'effectiveTime', 'component'],
  },
  [`${T}2:2015-08-01`]: { element: 'observation', moods: ['EVN'], has: OBSERVED },
  [`${T}26:2015-08-01`]: {
    element: 'organizer',
    moods: ['EVN'],
    has: ['id', 'code', 'statusCode', 'effectiveTime', 'component'],
  },
  [`${T}27:2014-06-09`]: { element: 'observation', moods: ['EVN'], has: OBSERVED },
  [`${T}78:2014-06-09`]: { element: 'observation', moods: ['EVN'], has: OBSERVED },
};

const ACT_LIKE =
  'realmCode typeId templateId id code text statusCode effectiveTime value interpretationCode methodCode targetSiteCode subject specimen performer author participant entryRelationship reference precondition referenceRange component';
/** Order of children in the CDA schema. */
const ORDERS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries({
    ClinicalDocument:
      'realmCode typeId templateId id code title effectiveTime confidentialityCode languageCode setId versionNumber recordTarget author custodian documentationOf component',
    section: 'templateId id code title text confidentialityCode languageCode entry component',
    patientRole: 'id addr telecom patient providerOrganization',
    patient: 'id name administrativeGenderCode birthTime maritalStatusCode raceCode ethnicGroupCode',
    assignedAuthor: 'id code addr telecom assignedPerson assignedAuthoringDevice representedOrganization',
    representedOrganization: 'id name telecom addr',
    representedCustodianOrganization: 'id name telecom addr',
    observation: ACT_LIKE,
    act: ACT_LIKE,
    procedure: ACT_LIKE,
    encounter: ACT_LIKE,
    organizer: ACT_LIKE,
    substanceAdministration:
      'templateId id code text statusCode effectiveTime priorityCode repeatNumber routeCode approachSiteCode doseQuantity rateQuantity consumable entryRelationship',
    manufacturedMaterial: 'code name lotNumberText',
    effectiveTime: 'low width high period',
  }).map(([name, order]) => [name, order.split(' ')]),
);

const TIME = /^\d{4}(?:\d\d(?:\d\d(?:\d\d(?:\d\d(?:\d\d(?:\.\d+)?)?)?(?:[+-]\d{4})?)?)?)?$/;
const OID_OR_UUID = /^(?:[0-2](?:\.(?:0|[1-9]\d*))+|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/i;
const NULL_FLAVORS = new Set(['NI', 'UNK', 'OTH', 'NA', 'ASKU', 'NAV']);

const elementChildren = ({ children }: CdaElement): readonly CdaElement[] =>
  children.filter(child => typeof child !== 'string');
const templatesIn = (element: CdaElement): readonly string[] =>
  childrenNamed(element, 'templateId').flatMap(({ attributes }) => {
    const extension = attributes.get('extension');
    return extension === undefined ? [] : [`${attributes.get('root')}:${extension}`];
  });

/** What is wrong with a CCD; none of it quotes content. */
export function faultsOfCcd(root: CdaElement): readonly string[] {
  return [
    ...headerFaults(root),
    ...sectionFaults(root),
    ...[...elementsOf(root)].flatMap(elementFaults),
    ...linkFaults(root),
  ];
}

function headerFaults(root: CdaElement): readonly string[] {
  const faults = HEADER.filter(path => !childAt(root, ...path)).map(path => `no ${path.join('/')}`);
  const templates = templatesIn(root);
  for (const template of ['2.16.840.1.113883.10.20.22.1.1:2015-08-01', '2.16.840.1.113883.10.20.22.1.2:2015-08-01'])
    if (!templates.includes(template)) faults.push(`no template ${template}`);
  if (childAt(root, 'code')?.attributes.get('code') !== '34133-9') faults.push('code');
  if (childAt(root, 'realmCode')?.attributes.get('code') !== 'US') faults.push('realmCode');
  if (!/[+-]\d{4}$/.test(childAt(root, 'effectiveTime')?.attributes.get('value') ?? '')) faults.push('effectiveTime');
  return faults;
}

function sectionFaults(root: CdaElement): readonly string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const component of childrenNamed(childAt(root, 'component', 'structuredBody'), 'component')) {
    const section = childAt(component, 'section')!;
    const code = childAt(section, 'code')?.attributes.get('code') ?? '';
    const [template] = SECTIONS[code] ?? [''];
    if (seen.has(code)) faults.push(`section ${code} twice`);
    seen.add(code);
    if (!templatesIn(section).includes(template)) faults.push(`section ${code}: no template ${template}`);
    for (const name of ['title', 'text']) if (!childAt(section, name)) faults.push(`section ${code}: no ${name}`);
    const isEmpty = section.attributes.get('nullFlavor') === 'NI';
    if (isEmpty === childrenNamed(section, 'entry').length > 0) faults.push(`section ${code}: nullFlavor and entries`);
  }
  for (const [code, [, required]] of Object.entries(SECTIONS))
    if (required && !seen.has(code)) faults.push(`no section ${code}`);
  return faults;
}

function elementFaults({ element, path }: { readonly element: CdaElement; readonly path: string }): readonly string[] {
  const faults = [...templateFaults(element), ...orderFaults(element), ...codeFaults(element), ...valueFaults(element)];
  return faults.map(what => `${path}: ${what}`);
}

function templateFaults(element: CdaElement): readonly string[] {
  return templatesIn(element).flatMap(template => {
    const rule = ENTRIES[template];
    if (!rule) return [];
    const mood = element.attributes.get('moodCode') ?? '';
    return [
      ...(element.name === rule.element ? [] : [`is no ${rule.element}`]),
      ...rule.has.filter(child => !childAt(element, child)).map(child => `no ${child}`),
      ...(rule.moods.length === 0 || rule.moods.includes(mood) ? [] : ['moodCode']),
    ];
  });
}

function orderFaults(element: CdaElement): readonly string[] {
  const order = ORDERS[element.name];
  if (!order) return [];
  const names = elementChildren(element).map(({ name }) => name);
  const places = names.map(name => order.indexOf(name));
  const inOrder = places.every((place, at) => at === 0 || place >= places[at - 1]!);
  return [...names.filter(name => !order.includes(name)).map(name => `has ${name}`), ...(inOrder ? [] : ['order'])];
}

function codeFaults({ name, attributes }: CdaElement): readonly string[] {
  const flavor = attributes.get('nullFlavor');
  const oid =
    attributes.get('codeSystem') ?? (name === 'id' || name === 'templateId' ? attributes.get('root') : undefined);
  const alone = attributes.has('code') && !attributes.has('codeSystem');
  return [
    ...(flavor === undefined || NULL_FLAVORS.has(flavor) ? [] : ['nullFlavor']),
    ...(flavor !== undefined && ['value', 'code', 'unit'].some(key => attributes.has(key))
      ? ['nullFlavor and value']
      : []),
    ...(oid === undefined || OID_OR_UUID.test(oid) ? [] : ['OID']),
    ...(alone && !['statusCode', 'languageCode', 'realmCode'].includes(name) ? ['code without codeSystem'] : []),
  ];
}

const TIMES = new Set(['effectiveTime', 'time', 'low', 'high', 'birthTime']);

function valueFaults({ name, attributes, children }: CdaElement): readonly string[] {
  const value = attributes.get('value');
  const isQuantity = attributes.has('unit') || attributes.get('type') === 'PQ';
  if (isQuantity && value !== undefined && !/^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value)) return ['quantity'];
  if (/\s/.test(attributes.get('unit') ?? '')) return ['unit'];
  if (TIMES.has(name) && !isQuantity && !attributes.has('inclusive') && value !== undefined && !TIME.test(value))
    return ['time'];
  if (name === 'value' && attributes.get('type') === undefined) return ['value without type'];
  const isNothing = children.length === 0 && attributes.size === 0;
  return isNothing && !['td', 'th', 'table', 'observationRange'].includes(name) ? ['nothing'] : [];
}

/** Entries refer to what the narrative says. */
function linkFaults(root: CdaElement): readonly string[] {
  const ids = new Set<string>();
  const faults: string[] = [];
  const references: string[] = [];
  for (const { element } of elementsOf(root)) {
    const id = element.attributes.get('ID');
    if (id !== undefined && ids.has(id)) faults.push('an ID twice');
    if (id !== undefined) ids.add(id);
    if (element.name === 'reference') references.push(element.attributes.get('value') ?? '');
  }
  if (references.some(reference => !reference.startsWith('#') || !ids.has(reference.slice(1))))
    faults.push('a reference leads nowhere');
  return faults;
}
