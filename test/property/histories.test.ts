/**
 * Random histories of writes over HTTP, transactions among them, and the same histories of a simple model (write-model.ts):
 * the same answers, the same versions, the same search results, on both stores.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Binary, Bundle, BundleEntry, FhirResource, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onBothStores } from '../support/both-stores.js';
import { named, send } from '../support/bundles.js';
import { depthOf } from '../support/depth.js';
import { idsOf, type Talk } from '../support/talk.js';
import { type Command, type Done, matching, nameOf, plus, run, runAll, type State, type Step } from './write-model.js';

const RUNS = depthOf('HISTORIES');
const SYSTEM = 'urn:histories';

const v = fc.nat(3);
const target = fc.oneof(fc.record({ id: fc.nat(3) }), fc.record({ by: v }));
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant('create' as const), v }),
  fc.record({ kind: fc.constant('create' as const), v, unless: v }),
  fc
    .tuple(target, v, fc.option(fc.constantFrom('current' as const, 'stale' as const), { nil: undefined }))
    .map(([at, value, match]) => ({ kind: 'update' as const, ...at, v: value, ...(match ? { match } : {}) })),
  fc.tuple(target, v).map(([at, value]) => ({ kind: 'patch' as const, ...at, v: value })),
  target.map(at => ({ kind: 'delete' as const, ...at })),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: command },
  {
    weight: 1,
    arbitrary: fc.array(command, { minLength: 1, maxLength: 4 }).map(of => ({ kind: 'transaction' as const, of })),
  },
);

let worlds = 0;

/** One world on a server: its names and identifiers are like nobody else's. */
class World {
  readonly #talk: Talk;
  readonly #prefix = `h${++worlds}-`;
  #fresh = 0;
  state: State = new Map();
  /** Names that the server chose. */
  readonly #ids = new Map<string, string>();

  constructor(talk: Talk) {
    this.#talk = talk;
  }

  readonly fresh = (): string => `new${++this.#fresh}`;
  idOf = (name: string): string => this.#ids.get(name) ?? this.#prefix + name;
  #criteria = (value: number): string => `identifier=${SYSTEM}|${this.#prefix}${value}`;

  entryOf(one: Command): BundleEntry {
    const value = 'v' in one ? one.v : 0;
    const identifier = [{ system: SYSTEM, value: this.#prefix + value }];
    const body: Patient = { resourceType: 'Patient', identifier };
    if (one.kind === 'create')
      return {
        resource: body,
        request: {
          method: 'POST',
          url: 'Patient',
          ...(one.unless === undefined ? {} : { ifNoneExist: this.#criteria(one.unless) }),
        },
      };
    const { id: number, by } = one;
    const url = by === undefined ? `Patient/${this.idOf(nameOf(number!))}` : `Patient?${this.#criteria(by)}`;
    if (one.kind === 'delete') return { request: { method: 'DELETE', url } };
    if (one.kind === 'patch') {
      const data = Buffer.from(
        JSON.stringify([{ op: 'replace', path: '/identifier/0/value', value: this.#prefix + value }]),
      );
      const binary: FhirResource = {
        resourceType: 'Binary',
        contentType: 'application/json-patch+json',
        data: data.toString('base64'),
      };
      return { resource: binary, request: { method: 'PATCH', url } };
    }
    const [meant] = by === undefined ? [nameOf(number!)] : matching(this.state, by);
    // In the order in which a create stores it: otherwise it would be another text.
    const own: Patient = { resourceType: 'Patient', id: this.idOf(nameOf(number ?? 0)), identifier };
    const version = this.state.get(meant ?? '')?.length ?? 1;
    const ifMatch = one.match && `W/"${one.match === 'current' ? version : version + 5}"`;
    return {
      resource: number === undefined ? body : own,
      request: { method: 'PUT', url, ...(ifMatch ? { ifMatch } : {}) },
    };
  }

  /** Notes the id that the server chose. */
  learn({ name }: Done, id: string): void {
    if (name === undefined || id === '') return;
    if (name.startsWith('new') && !this.#ids.has(name)) this.#ids.set(name, id);
    assert.equal(id, this.idOf(name));
  }

  async single(one: Command): Promise<void> {
    const { resource, request } = this.entryOf(one);
    const patch = one.kind === 'patch' ? Buffer.from((resource as Binary).data!, 'base64') : undefined;
    const { add, unchanged: _, ...expected } = run(this.state, one, this.fresh);
    const reply = await this.#talk.send<Patient>(request!.method, request!.url, {
      headers: {
        'content-type': patch ? 'application/json-patch+json' : 'application/fhir+json',
        ...(request!.ifMatch ? { 'if-match': request!.ifMatch } : {}),
        ...(request!.ifNoneExist ? { 'if-none-exist': request!.ifNoneExist } : {}),
      },
      ...(patch ? { body: patch } : resource ? { body: JSON.stringify(resource) } : {}),
    });
    assert.equal(reply.status, expected.status, reply.text);
    if (reply.status < 300 && reply.status !== 204) this.learn(expected, reply.body.id!);
    if (add) this.state = plus(this.state, expected.name!, add);
  }

  async together(commands: readonly Command[]): Promise<void> {
    const expected = runAll(this.state, commands, this.fresh);
    const reply = await send(
      this.#talk,
      'transaction',
      commands.map(one => this.entryOf(one)),
    );
    assert.equal(reply.status === 200, expected !== undefined, reply.text);
    if (!expected) return;
    reply.body.entry!.forEach((answer, i) => {
      const { status } = expected.done[i]!;
      assert.equal(answer.response?.status.slice(0, 3), String(status));
      if (status !== 204) this.learn(expected.done[i]!, named(answer).slice('Patient/'.length));
    });
    this.state = expected.state;
  }

  async compare(): Promise<void> {
    for (const [name, versions] of this.state) {
      const history = await this.#talk.search<Patient>(`Patient/${this.idOf(name)}/_history?_count=100`);
      const told = history.entry?.map(({ request, resource, response }) => ({
        version: Number(/"(\d+)"/.exec(response?.etag ?? '')?.[1]),
        method: request?.method,
        v: resource?.identifier?.[0]?.value,
      }));
      const wanted = versions.map(({ method, v: value }, i) => ({
        version: i + 1,
        method,
        v: value === undefined ? undefined : this.#prefix + value,
      }));
      assert.deepEqual(told, wanted.toReversed(), name);
    }
    for (const value of [0, 1, 2, 3]) {
      const found: Bundle = await this.#talk.search(`Patient?${this.#criteria(value)}&_count=100`);
      assert.deepEqual(idsOf(found).toSorted(), matching(this.state, value).map(this.idOf).toSorted());
    }
  }
}

onBothStores('a history of writes', stage => {
  it(`gives what the model gives, ${RUNS} times`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 18 }), async steps => {
        const world = new World(stage().talk);
        for (const one of steps) await (one.kind === 'transaction' ? world.together(one.of) : world.single(one));
        await world.compare();
      }),
      { numRuns: RUNS },
    );
  });
});
