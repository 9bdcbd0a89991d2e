/** Made-up Consents of a small population (view-world.ts), and in plain words what they leave of it: the oracle of Consents. */
import type { ConsentProvision } from 'fhir/r4.js';
import type { Principal } from '../../src/identity/principal.js';
import { actor, privacyConsent, purpose } from '../support/consents.js';
import type { Random } from '../support/random.js';
import type { Body, World } from './view-world.js';

export interface MadeConsents {
  readonly resources: readonly ReturnType<typeof privacyConsent>[];
  readonly principal: Pick<Principal, 'fhirUser' | 'purpose'>;
  /** Whether they leave it to the principal. */
  allow(body: Body): boolean;
  /** Of a version, by the newest one: what is about nobody is judged by whose it is by now. */
  allowLater(body: Body, newest: Body): boolean;
}

export const NO_CONSENTS: MadeConsents = { resources: [], principal: {}, allow: () => true, allowLater: () => true };

/** One rule, as it is meant. `about`: of which data it speaks; absent: of all. */
interface Meant {
  readonly permits: boolean;
  readonly weight: number;
  readonly concerns: boolean;
  readonly about?: (body: Body) => boolean;
}

const PURPOSES = ['TREAT', 'HRESCH'] as const;
const PEOPLE = ['Practitioner/one', 'Practitioner/two'] as const;

/** Whom a resource is about. */
const patientsOf = ({ resourceType, id, links }: Body): readonly string[] =>
  resourceType === 'Patient'
    ? [id]
    : (links['subject'] ?? []).flatMap(name => (name.startsWith('Patient/') ? [name.slice('Patient/'.length)] : []));

export function makeConsents(random: Random, world: World): MadeConsents {
  const idsOf = (type: string) => [...new Set(world.versions.filter(one => one.type === type).map(({ id }) => id))];
  const principal = { fhirUser: random.pick(PEOPLE), purpose: random.pick(PURPOSES) };
  const resources: ReturnType<typeof privacyConsent>[] = [];
  const said = new Map<string, Meant[]>();

  /** `given`: criteria of a rule, with what they mean. */
  const criteria = (): {
    readonly given: ConsentProvision;
    readonly count: number;
    readonly concerns: boolean;
    readonly about?: Meant['about'];
  } => {
    const given: ConsentProvision = {};
    let [count, concerns] = [0, true];
    const abouts: ((body: Body) => boolean)[] = [];
    if (random.chance(0.4)) {
      const code = random.pick(PURPOSES);
      given.purpose = [purpose(code)];
      concerns &&= code === principal.purpose;
      count += 1;
    }
    if (random.chance(0.3)) {
      const name = random.pick(PEOPLE);
      given.actor = [actor(name)];
      concerns &&= name === principal.fhirUser;
      count += 1;
    }
    if (random.chance(0.15)) {
      given.period = { end: '2001-01-01' };
      concerns = false;
    }
    if (random.chance(0.3)) {
      const type = random.pick(['Patient', 'Encounter', 'Observation', 'Basic']);
      given.class = [{ system: 'http://hl7.org/fhir/resource-types', code: type }];
      abouts.push(body => body.resourceType === type);
    }
    if (random.chance(0.3)) {
      const [meaning, type] = random.pick([
        ['instance', 'Observation'],
        ['related', 'Encounter'],
        ['instance', 'Patient'],
      ] as const);
      const name = `${type}/${random.pick(idsOf(type))}`;
      given.data = [{ meaning, reference: { reference: name } }];
      abouts.push(
        ({ resourceType, id, links }) =>
          `${resourceType}/${id}` === name || (meaning === 'related' && (links['encounter'] ?? []).includes(name)),
      );
    }
    count += abouts.length;
    return {
      given,
      count,
      concerns,
      ...(abouts.length > 0 ? { about: body => abouts.every(holds => holds(body)) } : {}),
    };
  };
  const add = (patient: string, n: number): void => {
    const rules = said.get(patient) ?? [];
    said.set(patient, rules);
    const permits = random.chance(0.5);
    const { given, count, concerns, about } = criteria();
    const active = random.chance(0.85);
    const root: ConsentProvision = { type: permits ? 'permit' : 'deny', ...given };
    if (active) {
      rules.push({ permits, weight: 2 * count, concerns, ...(about ? { about } : {}) });
      const kinds = Number(given.class !== undefined) + Number(given.data !== undefined);
      if (permits && about) rules.push({ permits: false, weight: 2 * (count - kinds) - 1, concerns });
    }
    // Criteria that a nested rule has of its own: none of those around it are given.
    if (count === 0 && random.chance(0.5)) {
      const nested = criteria();
      const nestedPermits = random.chance(0.5);
      root.provision = [{ type: nestedPermits ? 'permit' : 'deny', ...nested.given }];
      if (active)
        rules.push({
          permits: nestedPermits,
          weight: 2 * nested.count + 1,
          concerns: nested.concerns && concerns,
          ...(nested.about ? { about: nested.about } : {}),
        });
    }
    resources.push(privacyConsent(`c${n}`, patient, root, active ? {} : { status: 'inactive' }));
  };
  for (const patient of idsOf('Patient'))
    for (let n = random.pick([0, 1, 1, 2]); n > 0; n--) add(patient, resources.length);

  const permitted = (patient: string, body: Body): boolean => {
    const speaking = (said.get(patient) ?? []).filter(({ concerns, about }) => concerns && (about?.(body) ?? true));
    const most = Math.max(...speaking.map(({ weight }) => weight));
    return speaking.filter(({ weight }) => weight === most).every(({ permits }) => permits);
  };
  const allow = (body: Body): boolean => patientsOf(body).every(patient => permitted(patient, body));
  return { resources, principal, allow, allowLater: (body, newest) => patientsOf(body).length > 0 || allow(newest) };
}
