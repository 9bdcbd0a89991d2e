/** Made-up roles and scopes, and in plain words what they allow of a small population (view-world.ts): the oracle of permissions. */
import { DUTY_LETTERS, type Letter, type Principal, type Scope } from '../../src/identity/principal.js';
import type { RoleDuty, TypeDuty } from '../../src/access/roles.js';
import type { Where } from '../../src/search/query.js';
import type { Random } from '../support/random.js';
import { makeConsents, type MadeConsents, NO_CONSENTS } from './consent-world.js';
import { type Body, type Rule, Seen, someRule, type Type, TYPES, type World } from './view-world.js';

type Holds = (body: Body) => boolean;

/** One row of a role, or one scope, in plain words. */
interface Made {
  readonly type: Type;
  readonly writes: boolean;
  readonly holds: Holds;
}

export interface MadePermission {
  readonly principal: Principal;
  readonly duty: RoleDuty;
  /** Of the patients of the population. */
  readonly consents: MadeConsents['resources'];
  /** Elements with labels are left out. */
  readonly masks: boolean;
  /** What may be seen, as `Seen` asks. */
  readonly rules: ReadonlyMap<Type, Rule>;
  mayWrite(body: Body): boolean;
  /** Whether any of the type may be. */
  writes(type: Type): boolean;
  /** Whether all of the type may be seen and written. */
  reachesAll(type: Type): boolean;
}

const lettersOf = (writes: boolean): ReadonlySet<Letter> => new Set<Letter>(writes ? DUTY_LETTERS : ['r', 's']);
const everything: Holds = () => true;

/** What of a type belongs to a patient: by the parameters of the compartment; an Organization is about nobody. */
const belongsTo =
  (patient: string): Holds =>
  ({ resourceType, id, links }) => {
    if (resourceType === 'Organization') return true;
    if (resourceType === 'Patient') return id === patient;
    return resourceType !== 'List' && links['subject']!.includes(`Patient/${patient}`);
  };

/** By whom the subject is cared for, as the population is now. */
function chained(random: Random, world: World): { readonly where: Where; readonly holds: Holds } {
  const house = random.pick(world.versions.filter(({ type }) => type === 'Organization')).id;
  const where: Where = {
    kind: 'chain',
    code: 'subject',
    to: 'Patient',
    where: {
      kind: 'param',
      code: 'organization',
      test: { kind: 'reference', to: { kind: 'local', type: 'Organization', id: house } },
    },
  };
  const whole = new Seen(world, new Map());
  const patients = new Set(
    whole
      .of('Patient')
      .flatMap(({ id, links }) => (links['organization']!.includes(`Organization/${house}`) ? [`Patient/${id}`] : [])),
  );
  return { where, holds: ({ links }) => links['subject']!.some(name => patients.has(name)) };
}

function condition(random: Random, type: Type, world: World): { readonly where?: Where; readonly holds: Holds } {
  if (random.chance(0.4)) return { holds: everything };
  return (type === 'Encounter' || type === 'Observation') && random.chance(0.4)
    ? chained(random, world)
    : someRule(random, type, world);
}

const both =
  (...of: readonly Holds[]): Holds =>
  body =>
    of.every(holds => holds(body));

export function makePermission(random: Random, world: World): MadePermission {
  const patients = world.versions.filter(({ type }) => type === 'Patient');
  const patient = random.chance(0.7) ? random.pick(patients).id : undefined;
  /** What is within a patient is nothing without one; what is about nobody they may not write. */
  const madeOf = (type: Type, writes: boolean, holds: Holds, within: boolean): readonly Made[] => {
    if (!within) return [{ type, writes, holds }];
    if (patient === undefined) return [];
    return [{ type, writes: writes && type !== 'Organization', holds: both(holds, belongsTo(patient)) }];
  };
  const rows: Made[] = [];
  const types: TypeDuty[] = [];
  for (const type of TYPES)
    for (let n = random.chance(0.08) ? 0 : random.pick([1, 1, 2]); n > 0; n--) {
      const [writes, within] = [random.chance(0.6), random.chance(0.2)];
      const { where, holds } = condition(random, type, world);
      const ofPatient = within ? { within: 'patient' as const } : {};
      types.push({ type, letters: lettersOf(writes), ...(where ? { where } : {}), ...ofPatient });
      rows.push(...madeOf(type, writes, holds, within));
    }
  const granted: Made[] = [];
  const scopes: Scope[] = [];
  const isScoped = random.chance(0.5);
  for (let n = isScoped ? random.pick([1, 2, 3]) : 0; n > 0; n--) {
    const type = random.chance(0.6) ? '*' : random.pick(TYPES);
    const context = random.pick(['patient', 'user', 'system'] as const);
    const writes = random.chance(0.6);
    const { where, holds } = type === '*' ? { holds: everything } : condition(random, type, world);
    scopes.push({
      context,
      type,
      letters: lettersOf(writes),
      ...(where ? { where } : {}),
      text: `${context}/${type}:${n}`,
    });
    for (const one of type === '*' ? TYPES : [type]) granted.push(...madeOf(one, writes, holds, context === 'patient'));
  }
  const all = [rows, ...(isScoped ? [granted] : [])];
  const every = (type: Type, holds: (made: Made) => boolean): boolean =>
    all.every(made => made.some(one => one.type === type && holds(one)));
  const masks = random.chance(0.5);
  const consents = random.chance(0.5) ? makeConsents(random, world) : NO_CONSENTS;
  const rule = (type: Type): Rule => ({
    where: every(type, () => true) ? { kind: 'all', of: [] } : 'hidden',
    holds: body => every(type, made => made.holds(body)) && consents.allow(body),
    holdsLater: (body, newest) => consents.allowLater(body, newest),
  });
  return {
    principal: {
      name: 'made',
      role: 'made',
      ...(patient === undefined ? {} : { patient }),
      ...(isScoped ? { scopes } : {}),
      ...consents.principal,
    },
    duty: { types, operations: ['*'], screens: [], confidentiality: masks ? 'R' : 'V' },
    masks,
    consents: consents.resources,
    rules: new Map(TYPES.map(type => [type, rule(type)])),
    mayWrite: body => every(body.resourceType, ({ writes, holds }) => writes && holds(body)),
    writes: type => every(type, ({ writes }) => writes),
    reachesAll: type =>
      consents === NO_CONSENTS && !masks && every(type, ({ writes, holds }) => writes && holds === everything),
  };
}
