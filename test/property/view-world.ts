/**
 * A small population with a past, and what a principal may see of it, told by plain functions over the resources: the
 * oracle of the view of the store (access/view.ts). Every version of every resource holds a text that nothing else holds.
 */
import type { FhirResource } from 'fhir/r4.js';
import type { Restrictions } from '../../src/access/permission.js';
import { all, any, type Where } from '../../src/search/query.js';
import { createRandom, type Random } from '../support/random.js';

export const TYPES = ['Organization', 'Patient', 'Encounter', 'Observation', 'List', 'Basic'] as const;
export type Type = (typeof TYPES)[number];

export interface Body {
  readonly resourceType: Type;
  readonly id: string;
  /** Those of the versions before, too: an update keeps them. */
  readonly tags: readonly string[];
  /** Of a Patient: gender; of Encounter, Observation, List: status; of an Organization, Basic: none. */
  readonly word: string;
  /** What has a label that is beyond those who see R: all versions have it. */
  readonly labelled?: 'identifier' | 'subject';
  /** Names of what it refers to, by search parameter. */
  readonly links: Readonly<Record<string, readonly string[]>>;
}

/** One version; `body` undefined: a deletion. */
export interface Stored {
  readonly type: Type;
  readonly id: string;
  readonly version: number;
  readonly body?: Body;
  readonly marker: string;
}

export interface World {
  /** In the order in which they are written. */
  readonly versions: readonly Stored[];
}

export const nameOf = ({ type, id }: { readonly type: string; readonly id: string }): string => `${type}/${id}`;

const WORDS: Readonly<Record<Type, readonly string[]>> = {
  Organization: ['prov'],
  Patient: ['male', 'female'],
  Encounter: ['planned', 'finished'],
  Observation: ['final', 'preliminary'],
  List: ['current', 'retired'],
  Basic: ['plain'],
};

export function makeWorld(seed: number): World {
  const random = createRandom(seed);
  const ids = new Map<Type, string[]>(
    TYPES.map(type => [
      type,
      Array.from({ length: type === 'Observation' ? 7 : 4 }, (_, i) => `${type.toLowerCase()}${seed}x${i}`),
    ]),
  );
  const versions: Stored[] = [];
  let markers = 0;
  const write = (type: Type, id: string, deletes: boolean): void => {
    const before = versions.filter(other => other.type === type && other.id === id);
    const labelled = labelledOf(random, type, before);
    const version = before.length + 1;
    const marker = `mark${seed}q${++markers}q`;
    versions.push({
      type,
      id,
      version,
      marker,
      ...(deletes ? {} : { body: { ...bodyOf(random, type, id, ids, before.at(-1)?.body), ...labelled } }),
    });
  };
  for (const type of TYPES) for (const id of ids.get(type)!) write(type, id, false);
  for (const type of TYPES)
    for (const id of ids.get(type)!) {
      if (random.chance(0.4)) write(type, id, false);
      if (random.chance(0.15)) write(type, id, true);
    }
  return { versions };
}

/** Who changes a resource keeps the labels of its elements. */
function labelledOf(random: Random, type: Type, before: readonly Stored[]): Pick<Body, 'labelled'> {
  const last = before.findLast(({ body }) => body)?.body;
  if (last) return last.labelled ? { labelled: last.labelled } : {};
  if (!random.chance(0.25)) return {};
  return { labelled: type === 'Observation' && random.chance(0.6) ? 'subject' : 'identifier' };
}

/** A body of a population that is there already. */
export const makeBody = (
  random: Random,
  type: Type,
  id: string,
  { versions }: World,
  before: Body | undefined,
): Body => ({
  ...bodyOf(
    random,
    type,
    id,
    new Map(TYPES.map(each => [each, versions.filter(one => one.type === each).map(one => one.id)])),
    before,
  ),
  ...labelledOf(
    random,
    type,
    versions.filter(other => other.type === type && other.id === id),
  ),
});

const LABEL = {
  extension: [
    {
      url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
      valueCoding: { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'V' },
    },
  ],
};

function bodyOf(
  random: Random,
  type: Type,
  id: string,
  ids: ReadonlyMap<Type, readonly string[]>,
  before: Body | undefined,
): Body {
  const some = (of: Type): readonly string[] => (random.chance(0.8) ? [`${of}/${random.pick(ids.get(of)!)}`] : []);
  const links: Readonly<Record<Type, () => Body['links']>> = {
    Organization: () => ({}),
    Patient: () => ({ organization: some('Organization') }),
    Encounter: () => ({ subject: some('Patient') }),
    Observation: () => ({ subject: some('Patient'), encounter: some('Encounter') }),
    List: () => ({ item: [...new Set([...some('Patient'), ...some('Observation'), ...some('Patient')])] }),
    Basic: () => ({ subject: some('Patient') }),
  };
  return {
    resourceType: type,
    id,
    tags: [...new Set([...(before?.tags ?? []), random.pick(['a', 'b'])])],
    word: random.pick(WORDS[type]),
    links: links[type](),
  };
}

/** The resource as it is sent. */
export function resourceOf({ body, marker }: Stored): FhirResource {
  const { resourceType, id, tags, word, links, labelled } = body!;
  const [reference] = [links['subject'] ?? links['organization'] ?? []].map(names => names[0]);
  const to = (name: string | undefined) => (name === undefined ? undefined : { reference: name });
  const common = {
    id,
    meta: { tag: tags.map(code => ({ system: 'urn:t', code })) },
    identifier: [{ ...(labelled === 'identifier' ? LABEL : {}), system: 'urn:m', value: marker }],
    text: { status: 'generated' as const, div: `<div xmlns="http://www.w3.org/1999/xhtml">${marker}</div>` },
  };
  switch (resourceType) {
    case 'Organization':
      return { resourceType, ...common, name: word };
    case 'Patient':
      return {
        resourceType,
        ...common,
        gender: word as 'male' | 'female',
        ...(reference === undefined ? {} : { managingOrganization: { reference } }),
      };
    case 'Encounter':
      return {
        resourceType,
        ...common,
        status: word as 'planned',
        class: { code: 'AMB' },
        ...(reference === undefined ? {} : { subject: { reference } }),
      };
    case 'Observation': {
      const encounter = to(links['encounter']?.[0]);
      return {
        resourceType,
        ...common,
        status: word as 'final',
        code: { text: 'said' },
        ...(reference === undefined ? {} : { subject: { ...(labelled === 'subject' ? LABEL : {}), reference } }),
        ...(encounter ? { encounter } : {}),
      };
    }
    case 'List':
      return {
        resourceType,
        ...common,
        status: word as 'current',
        mode: 'working',
        ...(links['item']!.length > 0 ? { entry: links['item']!.map(name => ({ item: { reference: name } })) } : {}),
      };
    case 'Basic':
      return {
        resourceType,
        ...common,
        code: { text: word },
        ...(reference === undefined ? {} : { subject: { reference } }),
      };
  }
}

/** What may be seen of a type: a condition, in the words of the server and in plain ones. */
export interface Rule {
  readonly where: Where | 'hidden';
  readonly holds: (body: Body) => boolean;
  /** Of a version: whether the newest one lets it be seen. */
  readonly holdsLater?: (body: Body, newest: Body) => boolean;
}

const token = (code: string, system: string | undefined, value: string): Where => ({
  kind: 'param',
  code,
  test: { kind: 'token', any: [{ ...(system === undefined ? {} : { system }), code: value }] },
});
const not = ({ where, holds }: Rule & { where: Where }): Rule & { where: Where } => ({
  where: { kind: 'not', of: where },
  holds: body => !holds(body),
});

export function someRule(random: Random, type: Type, world: World): Rule & { where: Where } {
  const tagged = { where: token('_tag', 'urn:t', 'a'), holds: ({ tags }: Body) => tags.includes('a') };
  const ids = new Set(world.versions.filter(one => one.type === type && random.chance(0.5)).map(({ id }) => id));
  const named = {
    where: any(...[...ids].map(id => token('_id', undefined, id))),
    holds: ({ id }: Body) => ids.has(id),
  };
  const word = random.pick(WORDS[type]);
  const code = type === 'Patient' ? 'gender' : 'status';
  const worded = ['Patient', 'Encounter', 'Observation', 'List'].includes(type)
    ? [{ where: token(code, undefined, word), holds: (body: Body) => body.word === word }]
    : [];
  const patients = new Set(
    world.versions.filter(one => one.type === 'Patient' && random.chance(0.4)).map(({ id }) => id),
  );
  const subject = ['Encounter', 'Observation'].includes(type)
    ? [
        {
          where: {
            kind: 'param',
            code: 'subject',
            test: { kind: 'reference', to: { kind: 'among', type: 'Patient', ids: patients } },
          } satisfies Where as Where,
          holds: ({ links }: Body) => links['subject']!.some(name => patients.has(name.slice('Patient/'.length))),
        },
      ]
    : [];
  const rules = [tagged, named, ...worded, ...subject];
  const [one, other] = [random.pick(rules), random.pick(rules)];
  switch (random.below(5)) {
    case 0:
      return not(one);
    case 1:
      return { where: all(one.where, not(other).where), holds: body => one.holds(body) && !other.holds(body) };
    case 2:
      return { where: any(one.where, other.where), holds: body => one.holds(body) || other.holds(body) };
    default:
      return one;
  }
}

/** A restriction of some types: hidden, or seen in part. */
export function makeRules(seed: number, world: World): ReadonlyMap<Type, Rule> {
  const random = createRandom(seed);
  const rules = new Map<Type, Rule>();
  for (const type of TYPES) {
    const chance = random.next();
    if (chance < 0.15) rules.set(type, { where: 'hidden', holds: () => false });
    else if (chance < 0.8) rules.set(type, someRule(random, type, world));
  }
  return rules;
}

export const restrictionsOf = (rules: ReadonlyMap<Type, Rule>): Restrictions =>
  new Map([...rules].map(([type, { where }]) => [type, where]));

/** The part of a world that may be seen. */
export class Seen {
  readonly versions: readonly Stored[];
  readonly hidden: readonly Stored[];
  readonly #current = new Map<string, Stored>();
  readonly #rules: ReadonlyMap<Type, Rule>;
  readonly #world: World;
  readonly #masks: boolean;

  /** `masks`: elements with labels are left out. */
  constructor(world: World, rules: ReadonlyMap<Type, Rule>, masks = false) {
    this.#masks = masks;
    this.#rules = rules;
    this.#world = world;
    const latest = new Map(world.versions.flatMap(one => (one.body ? [[nameOf(one), one] as const] : [])));
    const isSeen = (one: Stored): boolean => {
      const rule = rules.get(one.type);
      if (!rule) return true;
      const body =
        one.body ??
        world.versions.find(before => nameOf(before) === nameOf(one) && before.version === one.version - 1)?.body;
      if (body === undefined || !rule.holds(body)) return false;
      return rule.holdsLater?.(body, latest.get(nameOf(one))!.body!) ?? true;
    };
    const newest = new Map(world.versions.map(one => [nameOf(one), one]));
    // What is labelled later is hidden in its history, too.
    const isLabelledLater = (one: Stored): boolean =>
      one.body !== undefined && !this.isMasked(one) && this.isMasked(latest.get(nameOf(one))!);
    const isThere = (one: Stored): boolean => isSeen(one) && !isLabelledLater(one);
    this.versions = world.versions.filter(isThere);
    this.hidden = world.versions.filter(
      one => !isThere(one) || (this.isMasked(one) && one.body!.labelled === 'identifier'),
    );
    for (const [name, one] of newest) if (isSeen(one)) this.#current.set(name, one);
  }

  isHidden(type: Type): boolean {
    return this.#rules.get(type)?.where === 'hidden';
  }

  /** Whether a part of it is left out: with it its narrative, and all words by which it would be found. */
  isMasked({ body }: Pick<Stored, 'body'>): boolean {
    // Nobody has left out a subject that is not there.
    return (
      this.#masks &&
      (body?.labelled === 'identifier' || (body?.labelled === 'subject' && body.links['subject']!.length > 0))
    );
  }

  /** Whether what it is identified by is seen. */
  tells(one: Pick<Stored, 'body'>): boolean {
    return !(this.isMasked(one) && one.body!.labelled === 'identifier');
  }

  /** What is seen of a body. */
  #shown(body: Body): Body {
    const isMasked = this.isMasked({ body }) && body.labelled === 'subject';
    return isMasked ? { ...body, links: { ...body.links, subject: [] } } : body;
  }

  /** Whether some version, seen or not, has this name. */
  isUsed(name: string): boolean {
    return this.#world.versions.some(one => nameOf(one) === name);
  }

  /** The current version, a deletion as such; undefined: none that may be seen. */
  read(name: string): Stored | undefined {
    return this.#current.get(name);
  }

  /** What is there now of a type. */
  of(...types: readonly Type[]): Body[] {
    return [...this.#current.values()].flatMap(({ type, body }) =>
      body && types.includes(type) ? [this.#shown(body)] : [],
    );
  }

  /** What is there now under these names, each once. */
  named(names: readonly string[]): Body[] {
    return [...new Set(names)].flatMap(name => {
      const body = this.#current.get(name)?.body;
      return body ? [this.#shown(body)] : [];
    });
  }
}
