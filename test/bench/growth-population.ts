/**
 * The population of the growth benchmark: that of population.ts, with ids made here, and what the shapes ask for beside
 * it. What is rare lies within the first thousand patients, so that its answers stay the same while the store grows.
 */
import type { Resource } from '../../src/fhir/resource.js';
import { createRandom, type Random } from '../support/random.js';
import { chart, encounters, LOINC, person } from './population.js';

type Json = Readonly<Record<string, unknown>>;

/** Patients that hold everything rare, and each how many of them does. */
const RARE_WITHIN = 1000;
const RARE_EVERY = 100;
export const RARE = {
  tag: 'http://hospital.example/tags|recalled',
  documentType: '34133-9',
  encounterType: '305351004',
  /** Above any usual value. */
  value: 900,
  code: '59408-5',
} as const;
/** After everything that has an end. */
export const LATER = '2026-02-01';
/** Patients of one practitioner. */
const PANEL_SIZE = 50;

const id = (head: string, index: number, more?: number): string =>
  `${head}${index.toString(36).padStart(5, '0')}${more === undefined ? '' : more.toString(36).padStart(3, '0')}`;
export const patientId = (index: number): string => id('p', index);
export const encounterId = (index: number, visit: number): string => id('v', index, visit);
export const observationId = (index: number, number: number): string => id('c', index, number);
export const practitionerId = (index: number): string => id('d', Math.floor(index / PANEL_SIZE));
/** Few share a name, however many there are. */
export const familyOf = (index: number): string => `${person(index).family}${Math.floor(index / 78).toString(36)}`;

const isRare = (index: number): boolean => index < RARE_WITHIN && index % RARE_EVERY === 0;

/** The first Observation of some patients is what nobody expects. */
function rarity(first: Json): Json {
  const [system, code] = RARE.tag.split('|');
  return {
    ...first,
    status: 'entered-in-error',
    meta: { tag: [{ system, code }] },
    code: {
      coding: [
        { system: LOINC, code: '2345-7' },
        { system: LOINC, code: RARE.code },
      ],
    },
    valueQuantity: { value: RARE.value + 50, unit: 'mg/dL', system: 'http://unitsofmeasure.org', code: 'mg/dL' },
  };
}

function extras(index: number, random: Random): Json[] {
  const subject = { reference: `Patient/${patientId(index)}` };
  const day = (): string => new Date(Date.UTC(2024, 0, 1) + random.below(730 * 24) * 3_600_000).toISOString();
  const rare = isRare(index);
  return [
    {
      resourceType: 'Task',
      status: rare ? 'rejected' : random.chance(0.8) ? 'completed' : 'requested',
      intent: 'order',
      for: subject,
      authoredOn: day(),
    },
    ...[0, 1].map(() => ({
      resourceType: 'AuditEvent',
      type: { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' },
      action: 'R',
      outcome: '0',
      recorded: day(),
      agent: [{ who: { reference: `Practitioner/${practitionerId(index)}` }, requestor: true }],
      source: { observer: { display: 'Chartroom' } },
      entity: [{ what: subject }],
    })),
    ...(rare
      ? [
          {
            resourceType: 'Encounter',
            status: 'in-progress',
            class: { code: 'IMP' },
            subject,
            period: { start: day() },
          },
          {
            resourceType: 'Encounter',
            status: 'finished',
            class: { code: 'AMB' },
            subject,
            type: [{ coding: [{ system: 'http://snomed.info/sct', code: RARE.encounterType }] }],
            period: { start: '2024-03-01', end: '2024-03-02' },
          },
          { resourceType: 'Condition', subject, recordedDate: day() },
          {
            resourceType: 'DocumentReference',
            status: 'current',
            type: { coding: [{ system: LOINC, code: RARE.documentType }] },
            subject,
            date: day(),
            content: [{ attachment: { contentType: 'text/plain', title: 'Summary' } }],
          },
        ]
      : []),
  ];
}

/** Everything of one patient, the patient first, each with its id. */
export function record(index: number): Resource[] {
  const one = person(index);
  const patient = patientId(index);
  const names = [{ use: 'official', family: familyOf(index), given: ['Ada'] }];
  const practitioner = `Practitioner/${practitionerId(index)}`;
  const resources: Json[] = [
    { ...one.resource, id: patient, name: names, generalPractitioner: [{ reference: practitioner }] },
    ...(index % PANEL_SIZE === 0
      ? [{ resourceType: 'Practitioner', id: practitionerId(index), name: [{ family: `Doctor${index}` }] }]
      : []),
  ];
  const visits = encounters(one, patient);
  resources.push(...visits.map((visit, i) => ({ ...visit, id: encounterId(index, i) })));
  const clinical = chart(
    one,
    patient,
    visits.map((_, i) => encounterId(index, i)),
  );
  resources.push(
    ...clinical.map((resource, i) => ({
      ...(isRare(index) && i === 0 ? rarity(resource) : resource),
      id: observationId(index, i),
    })),
  );
  const random = createRandom(index + 3_000_017);
  resources.push(...extras(index, random).map((resource, i) => ({ ...resource, id: id('x', index, i) })));
  return resources as unknown as Resource[];
}
