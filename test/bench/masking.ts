/**
 * What labels of single elements cost whoever does not see all of them, each beside the same request of somebody who does: before there is one of the
 * type, with one, and where it is in the answer. `npm run bench -- --only masking`
 */
import { drive, requestBytes } from './drive.js';
import type { World } from './load.js';
import { LOINC } from './population.js';
import { compareCosts, type Contender } from './rounds.js';
import type { Goal } from './validation.js';

const REQUESTS = 40;
/** Resources that get labels. */
const LABELLED = 5;
const FHIR = 'application/fhir+json';

interface Masking {
  readonly port: number;
  readonly processes: readonly (number | undefined)[];
  readonly world: World;
  readonly patient: string;
  readonly callers: number;
  /** Tokens of somebody who sees all, and of somebody who does not. */
  readonly whole: string;
  readonly less: string;
}

interface Question {
  readonly what: string;
  readonly path: string;
  /** × */
  readonly goal: number;
}

export async function maskingRows(store: string, asked: Masking): Promise<Goal[]> {
  const { world, patient } = asked;
  const [other, ...rest] = world.observations.filter(({ resource }) => patientOf(resource) !== patient);
  const own = world.observations.find(({ resource }) => patientOf(resource) === patient)!;
  const searches: readonly Question[] = [
    {
      what: 'patient + code + date',
      path: `Observation?patient=${patient}&code=${LOINC}|8867-4&date=ge2000`,
      goal: 1.2,
    },
    { what: 'a chain', path: `Observation?patient.identifier=urn:none|x`, goal: 1.2 },
    { what: 'a reverse chain', path: `Patient?_has:Observation:patient:code=${LOINC}|8867-4&_count=5`, goal: 1.2 },
    { what: 'read', path: `Observation/${own.id}`, goal: 1.2 },
  ];
  const rows = await compared(store, asked, 'none is labelled', searches);
  await label(asked, [other!, ...rest.slice(0, LABELLED - 1)]);
  const few = searches.map(each => ({ ...each, goal: 2 }));
  rows.push(...(await compared(store, asked, `${LABELLED} of others are labelled`, few)));
  await label(asked, [own]);
  rows.push(...(await compared(store, asked, 'it is labelled itself', [{ ...searches[3]!, goal: 2 }, few[0]!])));
  return rows;
}

const patientOf = (resource: Readonly<Record<string, unknown>>): string =>
  (resource['subject'] as { readonly reference: string }).reference.slice('Patient/'.length);

async function compared(
  store: string,
  { port, processes, callers, whole, less }: Masking,
  when: string,
  questions: readonly Question[],
): Promise<Goal[]> {
  const rows: Goal[] = [];
  for (const { what, path, goal } of questions) {
    const contender = (name: string, token: string): Contender => ({
      ...{ name, port, processes, status: 200 },
      next: () => requestBytes('GET', `/fhir/${path}`, { Accept: FHIR, Authorization: `Bearer ${token}` }),
    });
    const [, masked] = await compareCosts([contender('whole', whole), contender('less', less)], REQUESTS, callers);
    rows.push({ store, name: `${what}, who sees less ÷ who sees all: ${when}`, value: masked!.ratio, unit: '×', goal });
  }
  return rows;
}

/** Their notes are more confidential than they are. */
async function label({ port, whole }: Masking, observations: World['observations']): Promise<void> {
  const url = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label';
  const valueCoding = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'V' };
  const note = [{ text: 'Said in confidence.', extension: [{ url, valueCoding }] }];
  let at = 0;
  const headers = { 'Content-Type': FHIR, Authorization: `Bearer ${whole}` };
  await drive({
    ...{ port, callers: 1 },
    next() {
      const one = observations[at++];
      if (!one) return undefined;
      const { id, resource } = one;
      return requestBytes('PUT', `/fhir/Observation/${id}`, headers, JSON.stringify({ ...resource, id, note }));
    },
    answered(_caller, status) {
      if (status !== 200) throw new Error(`Labelling was answered with ${status}.`);
    },
  });
}
