/** What is measured: each workload makes its requests from the loaded population and knows a right answer. */
import { createRandom } from '../support/random.js';
import { bundleWorkloads } from './bundles.js';
import { documentWorkloads } from './documents.js';
import { requestBytes } from './drive.js';
import { BINARY_SIZE, type World } from './load.js';
import { LOINC, MRN, observation, PANEL } from './population.js';

export interface Workload {
  readonly name: string;
  readonly next: () => Buffer;
  readonly status: number;
  /** Resources of a request, where cost is told per resource; default 1. */
  readonly units?: number;
  /** Callers at a time, where that is not what was asked for. */
  readonly callers?: number;
  /** What must be loaded for it. */
  readonly before?: (port: number) => Promise<void>;
  /** Looks at the body of one answer before the measurement; throws where it is not what is meant to be measured. */
  readonly check: (body: Buffer) => void;
}

const PAGE = 50;
const GET = { Accept: 'application/fhir+json' };
const WRITE = { ...GET, 'Content-Type': 'application/fhir+json' };

interface Resource {
  readonly resourceType: string;
  readonly entry?: readonly unknown[];
}

function expectResource(type: string) {
  return (body: Buffer) => {
    const { resourceType } = JSON.parse(body.toString()) as Resource;
    if (resourceType !== type) throw new Error(`A ${resourceType} was answered, not a ${type}.`);
  };
}

function expectEntries(least: number, most: number) {
  return (body: Buffer) => {
    const { entry = [] } = JSON.parse(body.toString()) as Resource;
    if (entry.length < least || entry.length > most)
      throw new Error(`A page has ${entry.length} entries, not ${least} to ${most}.`);
  };
}

export function workloads(world: World): Workload[] {
  const random = createRandom(7);
  const { people, chronic, observations, binaries } = world;
  const someone = () => random.pick(people);
  const get = (path: string, headers: Readonly<Record<string, string>> = GET) =>
    requestBytes('GET', `/fhir/${path}`, headers);
  const families = Math.ceil(people.length / 26);
  const acute = people.filter(one => !one.chronic);
  let change = 0;

  const hot = people[0]!;
  const hotBody = () =>
    JSON.stringify({ ...hot.resource, id: hot.id, telecom: [{ system: 'phone', value: `+31 ${change++}` }] });
  const spread = () => {
    const { id, resource } = observations[change++ % observations.length]!;
    const body = JSON.stringify({ ...resource, id, note: [{ text: `Seen ${change} times` }] });
    return requestBytes('PUT', `/fhir/Observation/${id}`, WRITE, body);
  };
  const newObservation = () => {
    const { id, visits } = someone();
    return requestBytes(
      'POST',
      '/fhir/Observation',
      WRITE,
      JSON.stringify(observation(random, id, random.pick(visits), false)),
    );
  };

  return [
    {
      name: 'read',
      next: () => get(`Observation/${random.pick(observations).id}`),
      status: 200,
      check: expectResource('Observation'),
    },
    {
      // Two patients with some fifty observations; before `create` gives them more.
      name: 'search-revinclude',
      next: () => get(`Patient?_id=${random.pick(acute).id},${random.pick(acute).id}&_revinclude=Observation:patient`),
      status: 200,
      check: expectEntries(29, 60),
    },
    { name: 'create', next: newObservation, status: 201, check: expectResource('Observation') },
    {
      name: 'search-family',
      next: () => get(`Patient?family=${someone().family.toLowerCase()}&_count=20`),
      status: 200,
      check: expectEntries(1, Math.min(20, families)),
    },
    {
      name: 'search-identifier',
      next: () => get(`Patient?identifier=${MRN}|${someone().mrn}`),
      status: 200,
      check: expectEntries(1, 1),
    },
    {
      name: 'search-patient-code-date',
      next: () =>
        get(
          `Observation?patient=${random.pick(chronic).id}&code=${LOINC}|${PANEL}&date=ge2024-02-01&_sort=-date&_count=${PAGE}`,
        ),
      status: 200,
      check: expectEntries(PAGE, PAGE),
    },
    {
      name: 'search-chain',
      next: () => get(`Observation?patient.identifier=${MRN}|${someone().mrn}&_sort=-date&_count=20`),
      status: 200,
      check: expectEntries(20, 20),
    },
    {
      name: 'update-hot',
      next: () => requestBytes('PUT', `/fhir/Patient/${hot.id}`, WRITE, hotBody()),
      status: 200,
      check: expectResource('Patient'),
    },
    { name: 'update-spread', next: spread, status: 200, check: expectResource('Observation') },
    { name: 'create-document', next: documents(world), status: 201, check: expectResource('DocumentReference') },
    {
      name: 'read-binary',
      next: () => get(`Binary/${random.pick(binaries)}`, { Accept: 'application/pdf' }),
      status: 200,
      check: body => {
        if (body.length !== BINARY_SIZE) throw new Error(`${body.length} bytes were answered, not ${BINARY_SIZE}.`);
      },
    },
    {
      name: 'system-history',
      next: () => get(`_history?_count=${PAGE}`),
      status: 200,
      check: expectEntries(PAGE, PAGE),
    },
    ...terminologyWorkloads(get),
    ...bundleWorkloads(world),
    ...documentWorkloads(world),
  ];
}

/** Questions about codes that R4 itself has. */
function terminologyWorkloads(get: (path: string) => Buffer): Workload[] {
  const asked = (name: string, path: string, type: 'Parameters' | 'ValueSet'): Workload => ({
    name,
    next: () => get(path),
    status: 200,
    check: expectResource(type),
  });
  const statuses = 'http://hl7.org/fhir/ValueSet/observation-status';
  const roles = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';
  return [
    asked(
      'validate-code',
      `ValueSet/$validate-code?url=${statuses}&system=http://hl7.org/fhir/observation-status&code=final`,
      'Parameters',
    ),
    asked('expand', `ValueSet/$expand?url=${statuses}`, 'ValueSet'),
    asked('lookup', `CodeSystem/$lookup?system=${roles}&code=MTH`, 'Parameters'),
  ];
}

/** DocumentReferences with 100 KB of base64, of which each has bytes of its own: equal ones would be stored once. */
function documents({ people }: World): () => Buffer {
  const before = JSON.stringify({
    resourceType: 'DocumentReference',
    status: 'current',
    type: { coding: [{ system: LOINC, code: '34133-9' }] },
    subject: { reference: `Patient/${people[0]!.id}` },
    date: '2026-01-01T09:00:00Z',
    content: [{ attachment: { contentType: 'text/plain', data: '@' } }],
  });
  const data = Buffer.from('A scanned page. '.repeat(4800)).toString('base64');
  const whole = requestBytes('POST', '/fhir/DocumentReference', WRITE, before.replace('@', data));
  const at = whole.indexOf(data.slice(0, 64));
  let count = 0;
  return () => {
    const bytes = Buffer.from(whole);
    bytes.write(Buffer.from(String(++count).padStart(12, '0')).toString('base64'), at);
    return bytes;
  };
}
