/** Fills a server over HTTP with the made-up population and remembers what the workloads need of it. */
import { drive, type Driven, requestBytes } from './drive.js';
import { chart, encounters, type Person, person } from './population.js';

export interface LoadedPerson extends Person {
  readonly id: string;
  readonly visits: string[];
}

export interface World {
  readonly people: readonly LoadedPerson[];
  /** With many readings of one code. */
  readonly chronic: readonly LoadedPerson[];
  /** Ids and texts of some Observations. */
  readonly observations: readonly { readonly id: string; readonly resource: Readonly<Record<string, unknown>> }[];
  readonly binaries: readonly string[];
  readonly resources: number;
  readonly milliseconds: number;
}

type Json = Readonly<Record<string, unknown>>;
interface Item {
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  readonly stored: (id: string) => void;
}

const CALLERS = 32;
const JSON_HEADERS = { 'Content-Type': 'application/fhir+json', Prefer: 'return=minimal' };
const BINARIES = 20;
export const BINARY_SIZE = 100 * 1024;
const KEPT = 2000;

const item = (resource: Json, stored: (id: string) => void): Item => ({
  type: String(resource['resourceType']),
  headers: JSON_HEADERS,
  body: JSON.stringify(resource),
  stored,
});

/** Creates everything; throws where an answer is not 201. */
async function pour(port: number, items: Iterator<Item, void>): Promise<Driven> {
  const current: Item[] = [];
  return drive({
    port,
    callers: CALLERS,
    next(caller) {
      const result = items.next();
      if (result.done) return undefined;
      current[caller] = result.value;
      const { type, headers, body } = result.value;
      return requestBytes('POST', `/fhir/${type}`, headers, body);
    },
    answered(caller, status, head) {
      const id = /^location: .*\/([^/]+)\/_history\//im.exec(head)?.[1];
      if (status !== 201 || id === undefined) throw new Error(`Loading failed with status ${status}.`);
      current[caller]?.stored(id);
    },
  });
}

export async function load(port: number, patients: number): Promise<World> {
  const started = performance.now();
  const people: LoadedPerson[] = [];
  const observations: { id: string; resource: Json }[] = [];
  const binaries: string[] = [];
  let resources = 0;
  const count = async (items: Iterator<Item, void>) => {
    const { requests } = await pour(port, items);
    resources += requests;
  };
  await count(
    (function* () {
      for (let index = 0; index < patients; index++) {
        const one = person(index);
        yield item(one.resource, id => people.push({ ...one, id, visits: [] }));
      }
    })(),
  );
  await count(
    (function* () {
      for (const one of people)
        for (const encounter of encounters(one, one.id)) yield item(encounter, id => one.visits.push(id));
    })(),
  );
  await count(
    (function* () {
      for (const one of people)
        for (const resource of chart(one, one.id, one.visits))
          yield item(resource, id => {
            if (resource['resourceType'] === 'Observation' && observations.length < KEPT)
              observations.push({ id, resource });
          });
    })(),
  );
  await count(
    (function* () {
      for (let index = 0; index < BINARIES; index++) {
        const body = Buffer.alloc(BINARY_SIZE, `${index} pages of nothing. `);
        yield { type: 'Binary', headers: { 'Content-Type': 'application/pdf' }, body, stored: id => binaries.push(id) };
      }
    })(),
  );
  const chronic = people.filter(one => one.chronic);
  return { people, chronic, observations, binaries, resources, milliseconds: performance.now() - started };
}
