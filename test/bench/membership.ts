/**
 * What a code costs where a value set is at hand: `npm run bench:codes`. CPU of this process in ns for each call, the least of many
 * short rounds, beside a control of the same run. A `memberOf` is to take 1 µs at most.
 */
import type { Json } from '../../src/fhir/resource.js';
import { createMemberships } from '../../src/terminology/membership.js';
import { createTerminology } from '../../src/terminology/terminology.js';
import { createBindings } from '../../src/validation/binding.js';
import { elementOf, fakeRun } from '../support/checked.js';

const ROUNDS = 30;
const CALLS = 20_000;
const MOST = 1000;

const STATUSES = 'http://hl7.org/fhir/ValueSet/observation-status|4.0.1';
const ENCOUNTERS = 'http://terminology.hl7.org/ValueSet/v3-ActEncounterCode';
const ACTS = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const UNITS = 'http://hl7.org/fhir/ValueSet/ucum-units';

function cost(call: () => unknown): number {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let at = 0; at < CALLS; at++) call();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, ((user + system) * 1000) / CALLS);
  }
  return least;
}

const { resources } = createTerminology(() => Promise.resolve(undefined), { bases: [] });
const memberships = createMemberships({ sources: () => resources.once() });
const { isMember, compileBinding, compileCoding } = createBindings(memberships);
for (const valueSet of [STATUSES, ENCOUNTERS, UNITS]) await memberships.prepareSet(valueSet, 'r4');
await memberships.prepareSystem(ACTS, undefined, 'r4');

const run = fakeRun(() => {
  throw new Error('Nothing is wrong with these codes.');
});
const concept: Json = { coding: [{ system: ACTS, code: 'AMB' }] };
const conceptElement = elementOf('CodeableConcept', concept);
const codingElement = elementOf('Coding', { system: ACTS, code: 'AMB', display: 'ambulatory' });
const binding = compileBinding({ strength: 'required', valueSet: ENCOUNTERS }, 'CodeableConcept', 'r4')!;
const coding = compileCoding('r4');
const rows: Readonly<Record<string, () => unknown>> = {
  '(a list of one)': () => [1].map(one => one),
  'memberOf, a code': () => isMember('final', STATUSES, 'r4', run),
  'memberOf, a CodeableConcept': () => isMember(concept, ENCOUNTERS, 'r4', run),
  'memberOf, a unit': () => isMember({ system: 'http://unitsofmeasure.org', code: 'mg/dL' }, UNITS, 'r4', run),
  'a binding': () => binding(conceptElement, run),
  'a Coding': () => coding(codingElement, run),
};
for (const [name, call] of Object.entries(rows)) {
  const least = cost(call);
  process.stdout.write(`${name.padEnd(30)} ${Math.round(least)} ns\n`);
  if (least > MOST) process.exitCode = 1;
}
