/** Requests of every path to resources, with what the part of a world that may be seen answers to them. */
import type { Random } from '../support/random.js';
import { type Body, nameOf, resourceOf, type Seen, type Stored, type Type, TYPES, type World } from './view-world.js';

export interface Expected {
  readonly status: number;
  /** `Type/id` of each entry, or `Type/id/version` of a history; absent: no Bundle. */
  readonly names?: readonly string[];
  /** Absent: not looked at. */
  readonly total?: number;
  /** Text that must be in the answer. */
  readonly says?: string;
}

export interface Asked {
  readonly what: string;
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Undefined: it would change what is there, and is not asked of those who see this much. */
  readonly expected: (seen: Seen) => Expected | undefined;
}

const FORBIDDEN: Expected = { status: 403 };
const nameOfBody = ({ resourceType, id }: Body): string => `${resourceType}/${id}`;
const listed = (bodies: readonly Body[]): Expected => ({
  status: 200,
  names: bodies.map(nameOfBody),
  total: bodies.length,
});
/** With what a page adds to its matches; a type that is hidden must not be named where there are any. */
function withAdded(matches: readonly Body[], added: readonly Body[]): Expected {
  const names = matches.map(nameOfBody);
  return { status: 200, names: [...new Set([...names, ...added.map(nameOfBody)])], total: names.length };
}
const refersTo = (body: Body, name: string): boolean => Object.values(body.links).some(names => names.includes(name));
const linksOf = (bodies: readonly Body[], code: string): string[] => bodies.flatMap(({ links }) => links[code] ?? []);

type Make = (random: Random, world: World) => Omit<Asked, 'what'>;
const get = (path: string, expected: (seen: Seen) => Expected | undefined): Omit<Asked, 'what'> => ({
  method: 'GET',
  path,
  expected,
});
const versionsOf = (seen: Seen, isOne: (one: Stored) => boolean): Expected => {
  const found = seen.versions.filter(isOne);
  return { status: 200, names: found.map(one => `${nameOf(one)}/${one.version}`), total: found.length };
};
const readOf = (seen: Seen, found: Stored | undefined): Expected => {
  if (!found) return { status: 404 };
  if (!found.body) return { status: 410 };
  return { status: 200, ...(seen.tells(found) ? { says: found.marker } : {}) };
};
/** Whether what is there now is the version of this marker. */
const isMarked = (seen: Seen, body: Body, { marker }: Stored): boolean =>
  seen.read(nameOfBody(body))!.marker === marker;
const pickOf = (random: Random, world: World, ...types: readonly Type[]): Stored =>
  random.pick(world.versions.filter(({ type }) => types.includes(type)));
const WORD_OF = { Patient: 'gender', Observation: 'status', Encounter: 'status', List: 'status' } as const;
const WORDS = {
  Patient: ['male', 'female'],
  Observation: ['final', 'preliminary'],
  Encounter: ['planned', 'finished'],
  List: ['current', 'retired'],
};
type Worded = keyof typeof WORD_OF;
const worded = (random: Random): { type: Worded; word: string; query: string } => {
  const type = random.pick(Object.keys(WORD_OF) as Worded[]);
  const word = random.pick(WORDS[type]);
  return { type, word, query: `${WORD_OF[type]}=${word}` };
};
/** A patch that fails where it has found one resource. */
const REFUSED_PATCH = [{ op: 'test', path: '/id', value: 'none' }];
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const byCount = (count: number, one: number, none: number): Expected => ({
  status: count === 1 ? one : count === 0 ? none : 412,
});

/** Labels are added and taken away by requests that differ in the operation alone. */
const changeOfLabels =
  (operation: string): Make =>
  (random, world) => {
    const name = nameOf(pickOf(random, world, ...TYPES));
    return {
      method: 'POST',
      path: `${name}/$${operation}`,
      body: {
        resourceType: 'Parameters',
        parameter: [{ name: 'meta', valueMeta: { tag: [{ system: 'urn:t', code: 'c' }] } }],
      },
      expected: seen => (seen.read(name)?.body ? undefined : readOf(seen, seen.read(name))),
    };
  };

/** Every path to resources: a unit test asks for each kind of interaction and each operation. */
export const PATHS: Readonly<Record<string, Make>> = {
  read: (random, world) => {
    const name = nameOf(pickOf(random, world, ...TYPES));
    return get(name, seen => readOf(seen, seen.read(name)));
  },
  vread: (random, world) => {
    const one = pickOf(random, world, ...TYPES);
    return get(`${nameOf(one)}/_history/${one.version}`, seen =>
      readOf(
        seen,
        seen.versions.find(other => nameOf(other) === nameOf(one) && other.version === one.version),
      ),
    );
  },
  'history of a resource': (random, world) => {
    const name = nameOf(pickOf(random, world, ...TYPES));
    return get(`${name}/_history?_count=${random.pick([1, 2, 50])}`, seen => {
      const found = versionsOf(seen, one => nameOf(one) === name);
      return found.total === 0 ? { status: 404 } : found;
    });
  },
  'history of a type': (random, world) => {
    const { type } = pickOf(random, world, ...TYPES);
    return get(`${type}/_history?_count=${random.pick([2, 3, 50])}&_total=accurate`, seen =>
      versionsOf(seen, one => one.type === type),
    );
  },
  'history of the system': random => {
    const types: readonly Type[] = [random.pick(TYPES), random.pick(TYPES)];
    return get(`_history?_type=${types.join(',')}&_count=${random.pick([4, 100])}&_total=accurate`, seen =>
      types.some(type => seen.isHidden(type)) ? FORBIDDEN : versionsOf(seen, ({ type }) => types.includes(type)),
    );
  },
  'count of a history': (random, world) => {
    const { type } = pickOf(random, world, ...TYPES);
    return get(`${type}/_history?_summary=count`, seen => ({
      ...versionsOf(seen, one => one.type === type),
      names: [],
    }));
  },
  search: random => {
    const { type, word, query } = worded(random);
    return get(`${type}?${query}&_count=${random.pick([1, 2, 50])}&_total=accurate`, seen =>
      listed(seen.of(type).filter(body => body.word === word)),
    );
  },
  'search for a marker': (random, world) => {
    const one = pickOf(random, world, ...TYPES);
    return get(`${one.type}?identifier=urn:m|${one.marker}`, seen =>
      listed(seen.of(one.type).filter(body => isMarked(seen, body, one) && seen.tells({ body }))),
    );
  },
  'search by a reference': (random, world) => {
    const name = nameOf(pickOf(random, world, 'Patient'));
    return get(`Observation?subject=${name}&_sort=_id`, seen =>
      listed(seen.of('Observation').filter(({ links }) => links['subject']!.includes(name))),
    );
  },
  'search of the system': random => {
    const types: readonly Type[] = [random.pick(TYPES), random.pick(TYPES), random.pick(TYPES)];
    return get(`?_type=${types.join(',')}&_tag=urn:t|a&_count=${random.pick([3, 100])}&_total=accurate`, seen =>
      types.some(type => seen.isHidden(type))
        ? FORBIDDEN
        : listed(seen.of(...types).filter(({ tags }) => tags.includes('a'))),
    );
  },
  count: random => {
    const { type, word, query } = worded(random);
    return get(`${type}?${query}&_summary=count`, seen => ({
      ...listed(seen.of(type).filter(body => body.word === word)),
      names: [],
    }));
  },
  include: random => {
    const { word } = { word: random.pick(WORDS.Observation) };
    const to = random.pick(['', ':Patient']);
    return get(`Observation?status=${word}&_include=Observation:subject${to}&_total=accurate`, seen => {
      const matches = seen.of('Observation').filter(body => body.word === word);
      if (matches.length > 0 && to !== '' && seen.isHidden('Patient')) return FORBIDDEN;
      return withAdded(matches, seen.named(linksOf(matches, 'subject')));
    });
  },
  'include and iterate': () =>
    get('Observation?_include=Observation:subject&_include:iterate=Patient:organization&_total=accurate', seen => {
      const matches = seen.of('Observation');
      if (matches.length > 0 && seen.isHidden('Patient')) return FORBIDDEN;
      const patients = seen.named(linksOf(matches, 'subject'));
      return withAdded(matches, [...patients, ...seen.named(linksOf(patients, 'organization'))]);
    }),
  revinclude: random => {
    const from = random.pick(['Observation', 'Encounter'] as const);
    return get(`Patient?_revinclude=${from}:subject&_total=accurate`, seen => {
      const matches = seen.of('Patient');
      if (matches.length > 0 && seen.isHidden(from)) return FORBIDDEN;
      const names = new Set(matches.map(nameOfBody));
      return withAdded(
        matches,
        seen.of(from).filter(({ links }) => links['subject']!.some(name => names.has(name))),
      );
    });
  },
  chain: random => {
    const gender = random.pick(WORDS.Patient);
    return get(`Observation?subject:Patient.gender=${gender}&_total=accurate`, seen => {
      if (seen.isHidden('Patient')) return FORBIDDEN;
      const names = new Set(seen.of('Patient').flatMap(body => (body.word === gender ? nameOfBody(body) : [])));
      return listed(seen.of('Observation').filter(({ links }) => links['subject']!.some(name => names.has(name))));
    });
  },
  'chain of two': random => {
    const tag = random.pick(['a', 'b']);
    return get(`Observation?subject:Patient.organization:Organization._tag=urn:t|${tag}`, seen => {
      if (seen.isHidden('Patient') || seen.isHidden('Organization')) return FORBIDDEN;
      const houses = new Set(
        seen.of('Organization').flatMap(body => (body.tags.includes(tag) ? nameOfBody(body) : [])),
      );
      const patients = new Set(
        seen
          .of('Patient')
          .flatMap(body => (linksOf([body], 'organization').some(name => houses.has(name)) ? nameOfBody(body) : [])),
      );
      return listed(seen.of('Observation').filter(({ links }) => links['subject']!.some(name => patients.has(name))));
    });
  },
  _has: random => {
    const status = random.pick(WORDS.Observation);
    return get(`Patient?_has:Observation:subject:status=${status}&_total=accurate`, seen => {
      if (seen.isHidden('Observation')) return FORBIDDEN;
      const names = new Set(
        linksOf(
          seen.of('Observation').filter(body => body.word === status),
          'subject',
        ),
      );
      return listed(seen.of('Patient').filter(body => names.has(nameOfBody(body))));
    });
  },
  _filter: random => {
    const { type, word } = worded(random);
    const filter = encodeURIComponent(`${WORD_OF[type]} eq ${word} and not (_tag eq a)`);
    return get(`${type}?_filter=${filter}`, seen =>
      listed(seen.of(type).filter(body => body.word === word && !body.tags.includes('a'))),
    );
  },
  _list: (random, world) => {
    const { id } = pickOf(random, world, 'List');
    const type = random.pick(['Patient', 'Observation'] as const);
    return get(`${type}?_list=${id}`, seen => {
      if (seen.isHidden('List')) return FORBIDDEN;
      const items = linksOf(seen.named([`List/${id}`]), 'item');
      return listed(seen.of(type).filter(body => items.includes(nameOfBody(body))));
    });
  },
  'full text': (random, world) => {
    const one = pickOf(random, world, ...TYPES);
    return get(`${one.type}?${random.pick(['_content', '_text'])}=${one.marker}`, seen =>
      listed(
        seen.of(one.type).filter(body => isMarked(seen, body, one) && !seen.isMasked(seen.read(nameOfBody(body))!)),
      ),
    );
  },
  compartment: (random, world) => {
    const name = nameOf(pickOf(random, world, 'Patient'));
    const type = random.pick(['Observation', 'Encounter'] as const);
    return get(`${name}/${type}?_total=accurate`, seen =>
      listed(seen.of(type).filter(({ links }) => links['subject']!.includes(name))),
    );
  },
  'compartment of all types': (random, world) => {
    const name = nameOf(pickOf(random, world, 'Patient'));
    return get(`${name}/*?_type=Observation,Encounter&_count=2`, seen =>
      seen.isHidden('Observation') || seen.isHidden('Encounter')
        ? FORBIDDEN
        : {
            ...listed(
              seen
                .of('Observation', 'Encounter')
                .filter(body => refersTo(body, name) && body.links['subject']!.includes(name)),
            ),
          },
    );
  },
  'criteria of a patch': random => {
    const { type, word, query } = worded(random);
    return {
      method: 'PATCH',
      path: `${type}?${query}`,
      headers: JSON_PATCH,
      body: REFUSED_PATCH,
      expected: seen => {
        if (seen.isHidden(type)) return FORBIDDEN;
        return byCount(seen.of(type).filter(body => body.word === word).length, 422, 404);
      },
    };
  },
  'criteria of a creation': (random, world) => {
    const one = pickOf(random, world, 'Patient');
    return {
      method: 'POST',
      path: 'Patient',
      headers: { 'if-none-exist': `identifier=urn:m|${one.marker}`, prefer: 'return=representation' },
      body: { resourceType: 'Patient' },
      expected: seen => {
        if (seen.isHidden('Patient')) return FORBIDDEN;
        return seen.read(nameOf(one))?.marker === one.marker && one.body && seen.tells(one)
          ? { status: 200, says: one.marker }
          : undefined;
      },
    };
  },
  'conditional reference': random => {
    const gender = random.pick(WORDS.Patient);
    return {
      method: 'POST',
      path: '',
      body: {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          {
            resource: {
              resourceType: 'Basic',
              code: { text: 'new' },
              subject: { reference: `Patient?gender=${gender}` },
            },
            request: { method: 'POST', url: 'Basic' },
          },
          { request: { method: 'GET', url: 'Basic/never' } },
        ],
      },
      expected: seen => {
        if (seen.isHidden('Patient')) return FORBIDDEN;
        return byCount(seen.of('Patient').filter(body => body.word === gender).length, 404, 412);
      },
    };
  },
  'update of what is hidden': (random, world) => {
    const one = pickOf(random, world, 'Basic', 'Observation');
    return {
      method: 'PUT',
      path: nameOf(one),
      body: resourceOf({ ...world.versions.find(other => nameOf(other) === nameOf(one))!, marker: 'other' }),
      expected: seen => (seen.read(nameOf(one)) ? undefined : { status: 404 }),
    };
  },
  'patch of what is hidden': (random, world) => {
    const name = nameOf(pickOf(random, world, ...TYPES));
    return {
      method: 'PATCH',
      path: name,
      headers: JSON_PATCH,
      body: REFUSED_PATCH,
      expected: seen => {
        const found = seen.read(name);
        return { status: found ? (found.body ? 422 : 410) : 404 };
      },
    };
  },
  'deletion of what is hidden': (random, world) => {
    const name = nameOf(pickOf(random, world, ...TYPES));
    return {
      method: 'DELETE',
      path: name,
      expected: seen => (seen.read(name)?.body ? undefined : { status: 204 }),
    };
  },
  $everything: (random, world) => {
    const name = nameOf(pickOf(random, world, 'Patient'));
    return get(`${name}/$everything${random.pick(['', '?_count=2'])}`, seen => {
      const root = seen.read(name);
      if (!root?.body) return readOf(seen, root);
      const own = seen.of('Observation', 'Encounter', 'Basic').filter(({ links }) => links['subject']!.includes(name));
      const lists: Body[] = [];
      const matches = [root.body, ...own, ...lists];
      const others = seen.named(matches.flatMap(({ links }) => Object.values(links).flat()));
      const { names } = withAdded(matches, others);
      return { status: 200, names: names! };
    });
  },
  $meta: (random, world) => {
    const name = nameOf(pickOf(random, world, ...TYPES));
    return get(`${name}/$meta`, seen => {
      const found = seen.read(name);
      return found?.body ? { status: 200, says: `"code":"${found.body.tags[0]}"` } : readOf(seen, found);
    });
  },
  $validate: (random, world) => {
    const name = nameOf(pickOf(random, world, ...TYPES));
    return get(`${name}/$validate`, seen => {
      const found = seen.read(name);
      return found?.body ? { status: 200, says: '"resourceType":"OperationOutcome"' } : readOf(seen, found);
    });
  },
  '$meta-add': changeOfLabels('meta-add'),
  '$meta-delete': changeOfLabels('meta-delete'),
  $purge: (random, world) => {
    const name = nameOf(pickOf(random, world, ...TYPES));
    return {
      method: 'POST',
      path: `${name}/$purge`,
      expected: seen => (seen.read(name) ? undefined : { status: 404 }),
    };
  },
};

const READS = Object.keys(PATHS).filter(what => !/criteria|hidden|conditional|\$meta-|\$purge/.test(what));

/** A batch, or a transaction, of some that only read. */
function bundleOf(random: Random, world: World): Asked {
  const parts = Array.from({ length: 3 }, () => PATHS[random.pick(READS)]!(random, world));
  const type = random.pick(['batch', 'transaction'] as const);
  return {
    what: type,
    method: 'POST',
    path: '',
    body: {
      resourceType: 'Bundle',
      type,
      entry: parts.map(({ path }) => ({ request: { method: 'GET', url: path } })),
    },
    expected: seen => {
      const each = parts.map(part => part.expected(seen)!);
      const failed = each.find(({ status }) => status !== 200);
      if (type === 'transaction' && failed) return { status: failed.status };
      return { status: 200, says: each.map(({ status }) => status).join(' ') };
    },
  };
}

export function makeRequest(random: Random, world: World): Asked {
  const kinds = Object.keys(PATHS);
  const at = random.below(kinds.length + 4);
  const what = kinds[at];
  return what === undefined ? bundleOf(random, world) : { what, ...PATHS[what]!(random, world) };
}
