/**
 * What questions to the audit trail cost out of many events (docs/audit.md): `npm run bench:questions -- [events] [embedded|mongo] [share]`. Events are committed as deeds directly, spread over
 * a year, that share of them denials (else 0.04: fewer events with a larger share have as many denials in a month), 2,000 users and 20,000 patients; one patient has many. Each answer is asked a few times, as a multiple of a plain search of the trail.
 */
import { tellDisclosure } from '../../src/interactions/tell.js';
import { sharedMongo, stopSharedMongo } from '../support/mongo.js';
import { startServer } from '../support/server.js';
import { createRandom } from '../support/random.js';
import { type Talk, talkTo } from '../support/talk.js';
import { commitTrail, type TestDeed } from '../support/trail.js';

const [events = '100000', store = 'embedded', share = '0.04'] = process.argv.slice(2);
const [COUNT, DENIED] = [Number(events), Number(share)];
const [START, YEAR] = [Date.UTC(2025, 0, 1), 365 * 24 * 3_600_000];
const LOT = 50_000;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function mongoStore(): Promise<string> {
  const mongo = await sharedMongo();
  if ('skipped' in mongo) throw new Error(mongo.skipped);
  return mongo.database('questions');
}

/** The same question as a plain search is the control of each. */
const CONTROL = ['a search of a page of events (control)', 'AuditEvent?patient=Patient/p1&_count=50'] as const;
const ASKED: readonly (readonly [what: string, path: string, goal?: number])[] = [
  ['who saw, first page', 'Patient/p1/$who-saw', 200],
  ['who saw, 1,000 lines', 'Patient/p1/$who-saw?_count=1000'],
  ['denials of a month, first page', '$denials?start=2025-06-01&end=2025-06-30', 500],
  ['denials of a month, CSV', '$denials?start=2025-06-01&end=2025-06-30&_format=csv', 500],
  ['what did a user do', '$what-did?user=user-7&_count=1000'],
  ['disclosures', '$disclosures?_count=1000'],
  ['breach affected', '$breach-affected?agent=user-7&_count=1000'],
  ['accounting', 'POST Patient/p1/$accounting-of-disclosures?_format=csv', 300],
];
const ROUNDS = 9;

/** Each is asked in turn, so that what else the machine does falls upon all of them. */
async function report(talk: Talk): Promise<void> {
  const rows = [CONTROL, ...ASKED].map(([what, path, goal]) => ({ what, path, goal, times: [] as number[], size: 0 }));
  for (let round = 0; round < ROUNDS; round++)
    for (const row of rows) {
      const [, method = 'GET', path] = /^(?:(POST) )?(.*)$/.exec(row.path)!;
      const start = performance.now();
      const reply = await talk.send(method, path!);
      row.times.push(performance.now() - start);
      if (reply.status !== 200) throw new Error(`${row.path}: ${reply.status} ${reply.text.slice(0, 200)}`);
      row.size = reply.text.length;
    }
  const control = median(rows[0]!.times);
  for (const { what, goal, times, size } of rows) {
    const ms = median(times);
    const judged = goal === undefined ? '' : ms <= goal ? `  within ${goal} ms` : `  MORE THAN ${goal} ms`;
    const columns = [what.padEnd(40), `${ms.toFixed(0)} ms`.padStart(8), `${(ms / control).toFixed(1)} x`.padStart(8)];
    process.stdout.write(`${columns.join(' ')}  ${size} bytes${judged}\n`);
  }
}

async function main(): Promise<void> {
  const server = await startServer({ store: store === 'mongo' ? await mongoStore() : 'embedded' });
  try {
    const talk = talkTo(server.base);
    const random = createRandom(3);
    await talk.update({ resourceType: 'Patient', id: 'p1', active: true });
    const began = performance.now();
    for (let from = 0; from < COUNT; from += LOT)
      await commitTrail(
        server.engine,
        Array.from({ length: Math.min(LOT, COUNT - from) }, (_, at): TestDeed => {
          const name = `user-${random.below(2000)}`;
          const patient = random.chance(0.001) ? 'p1' : `p${random.below(20_000)}`;
          const denied = random.chance(DENIED);
          return {
            at: START + Math.floor(((from + at) / COUNT) * YEAR),
            principal: { role: 'clinician', name, purpose: 'TREAT' },
            data: { type: 'Observation', id: `o${random.below(100_000)}` },
            patients: [patient],
            ...(denied ? { outcome: '4', why: 'forbidden' } : {}),
          };
        }),
      );
    for (let at = 0; at < 200; at++)
      await tellDisclosure(
        { engine: server.engine, requestId: 'd' },
        {
          ...{ direction: 'given', patient: 'p1', other: { name: `Recipient ${at % 20}`, address: 'Main Street 1' } },
          ...{ purpose: 'PUBHLTH', basis: '164.512(b)', data: [`DocumentReference/d${at}`], when: '2025-06-01' },
        },
      );
    process.stdout.write(`${COUNT} events in ${Math.round((performance.now() - began) / 1000)} s, ${store}\n`);
    await report(talk);
  } finally {
    await server.stop();
    await stopSharedMongo();
  }
}

await main();
