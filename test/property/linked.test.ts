/**
 * Chains, _has and negations of them over a small hospital: what is resolved above a store gives exactly what match finds
 * with all references at hand, whether inner answers go into the query or rows are looked at one by one.
 */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import { loadFrom } from '../../src/conformance/stored-canonicals.js';
import { resolve } from '../../src/interactions/search/resolve.js';
import { UNRESTRICTED } from '../../src/access/permission.js';
import { createView } from '../../src/access/view.js';
import { countPostFiltered, findPostFiltered, type Ground } from '../../src/interactions/search/post-filter.js';
import { match, type Resolver, type Subject } from '../../src/search/match.js';
import type { Cursor, Query, Where } from '../../src/search/query.js';
import { createTerminology } from '../../src/terminology/terminology.js';
import type { Open, Opened } from '../contract/store-suite.js';
import { definitions, parameters, put } from '../support/changes.js';
import { depthOf } from '../support/depth.js';
import { openEmptyEmbedded } from '../support/embedded.js';
import { linksAmong } from '../support/links.js';
import { openEmptyMongo } from '../support/mongo-store.js';
import { createPopulation } from '../support/population.js';
import { nameOf, queryOf } from '../support/queries.js';

const HOSPITAL = createPopulation({ seed: 23, patients: 14 });
const QUERIES = depthOf('LINKED');

/** Conditions that some resources of the type satisfy, without links. */
const PLAIN: Readonly<Record<string, readonly string[]>> = {
  Patient: [
    'gender=female',
    'family=smith',
    'family:contains=n',
    'birthdate=lt1990',
    'active=true',
    'family:missing=true',
  ],
  Observation: [
    'code=8480-6',
    'code=8867-4,718-7',
    'date=ge2020-06',
    'status=final',
    'value-quantity=gt80',
    'code:text=heart',
  ],
  Encounter: ['status=finished', 'date=2020', 'date=ge2021', 'class=AMB'],
  Organization: ['name:contains=a', 'name:missing=false'],
  Practitioner: ['family=smith', 'family:contains=e', 'name:missing=false'],
  DiagnosticReport: ['status=final', 'date=ge2020-06'],
};
/** Reference parameters between these types. */
const LINKS: readonly (readonly [from: string, code: string, to: string])[] = [
  ['Patient', 'organization', 'Organization'],
  ['Observation', 'patient', 'Patient'],
  ['Observation', 'subject', 'Patient'],
  ['Observation', 'encounter', 'Encounter'],
  ['Encounter', 'patient', 'Patient'],
  ['Encounter', 'practitioner', 'Practitioner'],
  ['DiagnosticReport', 'result', 'Observation'],
  ['DiagnosticReport', 'subject', 'Patient'],
];

const plain = (type: string): fc.Arbitrary<Where> =>
  fc.constantFrom(...(PLAIN[type] ?? [])).map(text => queryOf(`${type}?${text}`).where);

function linked(type: string, depth: number): fc.Arbitrary<Where> {
  if (depth === 0) return plain(type);
  const chains = LINKS.filter(([from]) => from === type).map(([, code, to]) =>
    linked(to, depth - 1).map((where): Where => ({ kind: 'chain', code, to, where })),
  );
  const reverse = LINKS.filter(([, , to]) => to === type).map(([from, code]) =>
    linked(from, depth - 1).map((where): Where => ({ kind: 'has', from, code, where })),
  );
  const inner = fc.array(fc.oneof(plain(type), ...chains, ...reverse), { minLength: 1, maxLength: 2 });
  return fc.oneof(
    plain(type),
    ...chains,
    ...reverse,
    inner.map((of): Where => ({ kind: 'all', of })),
    inner.map((of): Where => ({ kind: 'any', of })),
    fc.oneof(plain(type), ...chains, ...reverse).map((of): Where => ({ kind: 'not', of })),
  );
}

async function pages(ground: Ground, query: Query, where: Where): Promise<string[]> {
  const found: string[] = [];
  let at: Cursor | undefined;
  for (;;) {
    const resolved = await resolve(ground, query.types, where);
    const asked = { ...query, where: resolved.where, ...(at ? { after: at } : {}) };
    const page = resolved.rest
      ? await findPostFiltered(ground, asked, { where: resolved.where, rest: resolved.rest })
      : await ground.view.find(asked);
    found.push(...page.rows.map(nameOf));
    at = page.cursors.at(-1);
    if (!page.more || !at) return found;
  }
}

function linkedAgreement(name: string, open: Open): void {
  describe(`linked searches agree with match: ${name}`, () => {
    let opened: Opened | undefined;
    let subjects: readonly Subject[] = [];
    let resolver: Resolver = linksAmong([]);

    before(async function () {
      opened = await open(this);
      const changes = HOSPITAL.map(resource => put(resource, { updated: Date.UTC(2024, 0, 1) }));
      for (let i = 0; i < changes.length; i += 50) await opened.store.commit({ changes: changes.slice(i, i + 50) });
      subjects = changes.map(({ type, id, updated, entries }) => ({ type, id, updated, entries }));
      resolver = linksAmong(subjects);
    });
    after(() => opened?.release());

    for (const joinLimit of [1000, 2])
      for (const type of Object.keys(PLAIN))
        it(`${type}, ${joinLimit} names a query`, async () => {
          const settings = { bases: [], joinLimit, queryTimeout: 60_000 };
          const terminology = createTerminology(loadFrom(opened!.store), { bases: [] });
          const { store } = opened!;
          const indexed = { store, parameters, definitions, settings: { ...settings, fullText: true } };
          const ground: Ground = {
            engine: { parameters, definitions, terminology, settings },
            view: createView(indexed, UNRESTRICTED, undefined),
          };
          let hits = 0;
          await fc.assert(
            fc.asyncProperty(linked(type, 2), async where => {
              const expected = subjects.filter(one => one.type === type && match(where, one, resolver)).map(nameOf);
              const found = await pages(ground, { types: [type], where, sort: [], limit: 7 }, where);
              assert.deepEqual(found.toSorted(), expected.toSorted());
              const { rest, where: asked } = await resolve(ground, [type], where);
              if (rest)
                assert.equal((await countPostFiltered(ground, [type], { where: asked, rest })).count, expected.length);
              hits += expected.length > 0 ? 1 : 0;
            }),
            { numRuns: Math.ceil(QUERIES / 12), seed: 5 },
          );
          assert.ok(hits > QUERIES / 100, `only ${hits} found anything`);
        });
  });
}

linkedAgreement('embedded', () => openEmptyEmbedded());
linkedAgreement('mongo', openEmptyMongo);
