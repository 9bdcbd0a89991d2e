/** Workloads of whole records: transactions in, $everything out. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { exchange } from '../support/exchange.js';
import { readText, shared } from '../support/shared.js';
import { requestBytes } from './drive.js';
import type { World } from './load.js';
import { MRN } from './population.js';
import type { Workload } from './workloads.js';

const HEADERS = { Accept: 'application/fhir+json', 'Content-Type': 'application/fhir+json' };

interface Bundle {
  readonly entry?: readonly { readonly response?: { readonly location?: string } }[];
}

async function post(port: number, body: string): Promise<Bundle> {
  const answer = await exchange(port, { method: 'POST', path: '/fhir', headers: HEADERS, body });
  if (answer.status !== 200) throw new Error(`A Bundle was answered with ${answer.status}: ${answer.body.toString()}`);
  return JSON.parse(answer.body.toString()) as Bundle;
}

const entriesOf = (body: Buffer): number => (JSON.parse(body.toString()) as Bundle).entry?.length ?? 0;

function expectEntries(least: number) {
  return (body: Buffer) => {
    if (entriesOf(body) < least) throw new Error(`A Bundle has ${entriesOf(body)} entries, fewer than ${least}.`);
  };
}

/** The patients of Synthea, one transaction each; their hospitals and practitioners are loaded before. */
function syntheaTransactions(): Workload[] {
  const folder = shared('data', 'synthea-seed', 'bundles');
  if (folder === undefined) return [];
  const files = readdirSync(folder).toSorted();
  const [first, second, ...patients] = files.map(file => readText(join(folder, file)));
  const requests = patients.map(body => requestBytes('POST', '/fhir', HEADERS, body));
  const entries = patients.reduce((sum, body) => sum + entriesOf(Buffer.from(body)), 0);
  let sent = 0;
  return [
    {
      name: 'transaction-synthea',
      // Mean of all of them; a run should be long enough to have sent each.
      units: entries / patients.length,
      async before(port) {
        for (const body of [first!, second!]) await post(port, body);
      },
      next: () => requests[sent++ % requests.length]!,
      status: 200,
      check: expectEntries(10),
    },
  ];
}

const PATIENT = 'urn:uuid:1b4e28ba-2fa1-41d2-883f-0016d3cca427';

/** A record of 2,000 resources. */
function longRecord(): string {
  const entry: object[] = [
    { fullUrl: PATIENT, resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } },
  ];
  for (let i = 1; i < 2000; i++)
    entry.push({
      resource: {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }] },
        subject: { reference: PATIENT },
        effectiveDateTime: new Date(1.6e12 + i * 3_600_000).toISOString(),
        valueQuantity: { value: 60 + (i % 40), unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
        note: [{ text: 'Taken at rest, sitting, after five minutes. '.repeat(8) }],
      },
      request: { method: 'POST', url: 'Observation' },
    });
  return JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
}

export function bundleWorkloads({ people }: World): Workload[] {
  const someone = people.find(one => !one.chronic)!;
  let long = '';
  let made = 0;
  const get = (id: string) => requestBytes('GET', `/fhir/Patient/${id}/$everything`, { Accept: HEADERS.Accept });
  return [
    ...syntheaTransactions(),
    {
      name: 'create-conditional',
      next() {
        const value = `conditional-${process.pid}-${++made}`;
        const body = JSON.stringify({ resourceType: 'Patient', identifier: [{ system: MRN, value }] });
        return requestBytes(
          'POST',
          '/fhir/Patient',
          { ...HEADERS, 'If-None-Exist': `identifier=${MRN}|${value}` },
          body,
        );
      },
      status: 201,
      check: () => undefined,
    },
    { name: 'everything-40', next: () => get(someone.id), status: 200, check: expectEntries(30) },
    {
      name: 'everything-2000',
      async before(port) {
        const answer = await post(port, longRecord());
        long = answer.entry?.[0]?.response?.location?.split('/')[1] ?? '';
      },
      next: () => get(long),
      status: 200,
      check: expectEntries(2000),
    },
  ];
}
