/**
 * What a prepared value set says of a code is what $validate-code says: of all value sets of R4, and of those of published guides.
 * Where it says that it does not know, $validate-code names what would have to be known, or the value set itself is the trouble.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'mocha';
import type { Resource } from '../../../src/fhir/resource.js';
import { askCode } from '../../../src/terminology/ask-code.js';
import type { Sources } from '../../../src/terminology/canonical-resources.js';
import { createMemberships } from '../../../src/terminology/membership.js';
import type { PreparedSet } from '../../../src/terminology/prepare-members.js';
import { canonicalOf, type CodeSystem, type ValueSet } from '../../../src/terminology/resources.js';
import type { StandardFile } from '../../../src/terminology/standard.js';
import { createTerminology } from '../../../src/terminology/terminology.js';
import { FULL } from '../../support/depth.js';
import { readArchive, readText, skipWithout } from '../../support/shared.js';
import { loadFrom } from '../../support/terms.js';

type Defined = CodeSystem | ValueSet;

/** Codes of one code system that are asked about in one value set. */
const CODES = FULL ? 200 : 6;

const about = (stored: readonly Defined[]) => {
  const { resources } = createTerminology(loadFrom(stored), { bases: [] });
  const sources = () => resources.once();
  return { sources: sources(), membership: createMemberships({ sources }) };
};

/** Code systems that a value set names, with those of what it imports. */
async function systemsOf(sources: Sources, set: ValueSet, seen = new Set<string>()): Promise<Map<string, string[]>> {
  const systems = new Map<string, string[]>();
  const add = (system: string, codes: readonly (string | undefined)[]): void => {
    systems.set(system, [...(systems.get(system) ?? []), ...codes.filter(each => each !== undefined)]);
  };
  const { include = [], exclude = [] } = set.compose ?? {};
  for (const { system, concept = [], valueSet = [] } of [...include, ...exclude]) {
    if (system !== undefined)
      add(
        system,
        concept.map(({ code }) => code),
      );
    for (const named of valueSet) {
      const other = typeof named === 'string' && !seen.has(named) ? await sources.valueSet(named) : undefined;
      if (!other) continue;
      seen.add(named!);
      for (const [each, codes] of await systemsOf(sources, other, seen)) add(each, codes);
    }
  }
  return systems;
}

const spread = <T>(all: readonly T[]): T[] =>
  all.length <= CODES
    ? [...all]
    : Array.from({ length: CODES }, (_, at) => all[Math.floor((at * all.length) / CODES)]!);

/** Codes of its systems, members or not, and one that no system has. */
async function codesToAsk(
  sources: Sources,
  set: ValueSet,
): Promise<{ readonly system: string; readonly code: string }[]> {
  const asked: { system: string; code: string }[] = [];
  for (const [system, listed] of await systemsOf(sources, set)) {
    const concepts = await sources.concepts(system);
    for (const code of [...spread(listed), ...spread(concepts?.codes ?? []), 'zz-none']) asked.push({ system, code });
  }
  return [...asked, { system: 'http://example.org/elsewhere', code: 'a' }];
}

interface Agreement {
  readonly asked: number;
  readonly decided: number;
  readonly otherwise: readonly string[];
  readonly sets: ReadonlyMap<string, PreparedSet>;
}

async function agreement(sets: readonly ValueSet[], stored: readonly Defined[]): Promise<Agreement> {
  const { sources, membership } = about(stored);
  const prepared = new Map<string, PreparedSet>();
  const otherwise: string[] = [];
  let [asked, decided] = [0, 0];
  for (const set of sets) {
    const valueSet = canonicalOf(set);
    await membership.prepareSet(valueSet, 'r4');
    const ready = membership.setAt(valueSet, 'r4')!;
    prepared.set(valueSet, ready);
    for (const { system, code } of await codesToAsk(sources, set)) {
      const own = ready.has(system, code);
      const { verdict } = await askCode(sources, { valueSet, system, code });
      asked += 1;
      if (own !== undefined) decided += 1;
      // Either may know where the other does not: one finds a code beside what is not known, the other passes over unknown excludes.
      if (own !== verdict && own !== undefined && verdict !== undefined)
        otherwise.push(`${valueSet} ${system}#${code}: ${own}, ${verdict}`);
    }
  }
  return { asked, decided, otherwise, sets: prepared };
}

describe('a prepared value set', () => {
  let required: readonly string[] = [];

  before(function () {
    const at = skipWithout(this, 'data', 'r4-definitions');
    const bundles = ['profiles-types', 'profiles-resources'].map(
      name => JSON.parse(readText(join(at, `${name}.json.gz`))) as Published,
    );
    required = [
      ...new Set(
        bundles.flatMap(({ entry }) =>
          entry.flatMap(({ resource }) =>
            (resource.snapshot?.element ?? []).flatMap(({ binding }) =>
              binding?.strength === 'required' && binding.valueSet ? [binding.valueSet] : [],
            ),
          ),
        ),
      ),
    ];
  });

  it('decides every code of every set that R4 requires', async () => {
    const { membership } = about([]);
    assert.ok(required.length > 200);
    const open: string[] = [];
    for (const valueSet of required) {
      await membership.prepareSet(valueSet, 'r4');
      const set = membership.setAt(valueSet, 'r4')!;
      if (set.trouble || set.missing.length > 0 || set.hasCode('zz none') !== false)
        open.push(`${valueSet}: ${set.trouble ?? set.missing.join()}`);
    }
    // An answer list of LOINC, which R4 names and does not have.
    assert.deepEqual(open, ['http://loinc.org/vs/LL379-9|4.0.1: unknown']);
  });

  it('of R4 says what $validate-code says', async () => {
    const artefact = new URL('../../../r4/terminology.json', import.meta.url);
    const { valueSets } = JSON.parse(readFileSync(artefact, 'utf8')) as StandardFile;
    const { asked, decided, otherwise } = await agreement(valueSets, []);
    process.stdout.write(`      ${valueSets.length} value sets, ${asked} codes, ${decided} decided\n`);
    assert.deepEqual(otherwise, []);
    assert.ok(decided > asked / 2);
  });

  it('of a guide says what $validate-code says', async function () {
    const at = skipWithout(this, 'data', 'ig-packages');
    for (const name of readdirSync(at).filter(each => FULL || /us\.core-8|ips-1|mhd/.test(each))) {
      const found: Defined[] = [];
      for (const { name: entry, text } of readArchive(join(at, name))) {
        if (!/^package\/[^/]+\.json$/.test(entry) || !/"resourceType"\s*:\s*"(?:ValueSet|CodeSystem)"/.test(text))
          continue;
        const resource = JSON.parse(text) as Resource;
        if (resource.resourceType === 'ValueSet' || resource.resourceType === 'CodeSystem')
          found.push(resource as unknown as Defined);
      }
      const sets = found.filter((each): each is ValueSet => each.resourceType === 'ValueSet');
      const { asked, decided, otherwise } = await agreement(sets, found);
      process.stdout.write(`      ${name}: ${sets.length} value sets, ${asked} codes, ${decided} decided\n`);
      assert.deepEqual(otherwise, [], name);
      assert.ok(sets.length === 0 || asked > 0);
    }
  });
});

interface Published {
  readonly entry: readonly {
    readonly resource: {
      readonly snapshot?: {
        readonly element: readonly { readonly binding?: { readonly strength: string; readonly valueSet?: string } }[];
      };
    };
  }[];
}
