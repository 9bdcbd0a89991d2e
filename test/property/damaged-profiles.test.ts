/**
 * Profiles, value sets, code systems and resources that were damaged: checks end with issues or a refusal in words, never otherwise, and
 * soon. What is refused, or told, is the subject of other tests.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createFindDefinition, STORED } from '../../src/fhir/find-definition.js';
import { FhirError } from '../../src/fhir/error.js';
import { parseJson, STORED_JSON } from '../../src/fhir/json/json.js';
import type { JsonObject, Parsed, Resource } from '../../src/fhir/resource.js';
import { loadStructures } from '../../src/fhir/structures.js';
import { createMemberships } from '../../src/terminology/membership.js';
import { createTerminology } from '../../src/terminology/terminology.js';
import { createBindings } from '../../src/validation/binding.js';
import { createProfileChecker } from '../../src/validation/check-profiles.js';
import { createDefinitionAdvice } from '../../src/validation/definition-advice.js';
import { checkFurther } from '../../src/validation/gate/further.js';
import { checkerParts } from '../../src/validation/resource-checker.js';
import { validateStructure } from '../../src/validation/gate/structure.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { depthOf, FULL } from '../support/depth.js';
import { definitions, OPTIONS } from '../support/profiles.js';
import { createRandom, type Random } from '../support/random.js';
import { loadFrom } from '../support/terms.js';
import { damageTree } from './mutate.js';
import { CHECKED, DEFINITIONS, PROFILES, reshaped } from './profile-world.js';

/** CPU time that a check may take, in microseconds, where that is looked at. */
const MOST_CPU = 1_000_000;

/** Some of these damaged, most of them so that they keep their shape. */
const damagedText = (original: JsonObject, random: Random): string => {
  if (random.chance(0.3)) return JSON.stringify(original);
  const whole = random.chance(0.7) ? reshaped(original, random) : original;
  return random.chance(0.3) || whole === original ? damageTree(JSON.stringify(whole), random) : JSON.stringify(whole);
};

/** Undefined: it is refused when it is read. */
function read(text: string): Parsed | undefined {
  try {
    return parseJson(Buffer.from(text), STORED_JSON);
  } catch (error) {
    if (error instanceof FhirError) return undefined;
    throw error;
  }
}

/** A checker over definitions that may be exchanged. */
function openWorld() {
  let stored: readonly Resource[] = [];
  let generation = 0;
  const find = createFindDefinition({
    sources: () => [
      {
        origin: STORED,
        find: async (type: string, url: string, version?: string) =>
          stored.find(
            each =>
              each.resourceType === type &&
              each['url'] === url &&
              (version === undefined || each['version'] === version),
          ),
      },
      loadStructures(),
    ],
  });
  const { resources } = createTerminology(
    (...asked) => loadFrom(stored as unknown as Parameters<typeof loadFrom>[0])(...asked),
    { bases: [] },
  );
  const bindings = createBindings(createMemberships({ sources: () => resources.once(), generation: () => generation }));
  const parts = checkerParts({
    find,
    definitions,
    bindings,
    generation: () => generation,
    globals: async () => new Map(),
  });
  return {
    exchange: (next: readonly Resource[]): void => {
      stored = next;
      generation++;
    },
    checker: createProfileChecker(parts),
    advise: createDefinitionAdvice(parts),
  };
}

/** Whether it was refused. Anything that is no FhirError of the one who sent it is a fault. */
async function wasRefused(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (error) {
    if (error instanceof FhirError && error.kind !== 'fault') return true;
    throw error;
  }
}

describe('checks by damaged definitions', () => {
  it('end with issues or in words, and soon', async () => {
    const { exchange, checker, advise } = openWorld();
    const counts = { checked: 0, refused: 0, told: 0, issues: 0, slowest: 0 };
    const most = depthOf('PROFILES');
    for (let at = 0; at < most; at++) {
      const random = createRandom(20_261_129 + at);
      const all = DEFINITIONS.map(each => read(damagedText(each, random))?.resource);
      exchange(all.filter(each => each !== undefined));
      const text = damagedText(random.pick(CHECKED), random);
      const parsed = read(text);
      const before = process.cpuUsage();
      try {
        for (const each of all) if (each) counts.told += (await advise(each)).length;
        if (!parsed) continue;
        const structure = validateStructure(parsed.resource, definitions, parsed.decimals);
        const check = checkFurther(structure, parsed, async sound => {
          counts.checked++;
          const profiles = PROFILES.map(canonical => ({ canonical }));
          const issues = await checker.check(sound, { base: true, profiles, claims: true }, OPTIONS);
          counts.issues += issues.length;
          return issues;
        });
        if (await wasRefused(check)) counts.refused++;
      } catch (error) {
        assert.fail(`${at}: ${(error as Error).stack}`);
      }
      const { user, system } = process.cpuUsage(before);
      counts.slowest = Math.max(counts.slowest, user + system);
      // The first checks read R4's definitions.
      if (FULL && at > 20) assert.ok(user + system < MOST_CPU, `${at}: ${user + system} µs`);
    }
    if (FULL) process.stderr.write(`      ${JSON.stringify(counts)}\n`);
    // Most got as far as the checks, and these found something.
    assert.ok(counts.checked > most / 3 && counts.issues > counts.checked, JSON.stringify(counts));
    assert.ok(counts.told > most / 10, JSON.stringify(counts));
  });
});

onStoresInTurn('damaged definitions over HTTP', stage => {
  it('are stored or refused, and checks by them answer', async () => {
    const { talk } = stage();
    const headers = { 'content-type': 'application/fhir+json', prefer: 'return=OperationOutcome' };
    const most = Math.ceil(depthOf('PROFILES') / 20);
    const statuses = new Map<number, number>();
    for (let at = 0; at < most; at++) {
      const random = createRandom(11_292_026 + at);
      const send = async (method: string, path: string, body: string) => {
        const { status, text } = await talk.send(method, path, { headers, body });
        assert.ok(status < 500, `${at}: ${method} ${path}: ${status} ${text}`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      };
      for (const each of DEFINITIONS)
        await send('PUT', `${each.resourceType}/${each['id'] as string}`, damagedText(each, random));
      const original = random.pick(CHECKED);
      const [type, body] = [original.resourceType, damagedText(original, random)];
      const profile = `profile=${encodeURIComponent(random.pick(PROFILES))}`;
      await send('POST', `${type}/$validate?${profile}`, body);
      await send('POST', `${type}/$validate`, body);
      await send('POST', type, body);
    }
    const [stored = 0, refused = 0] = [200, 400].map(status => statuses.get(status));
    assert.ok(stored > most && refused > most, JSON.stringify([...statuses]));
  });
});
