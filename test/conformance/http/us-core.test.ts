/**
 * What US Core asks of a server, as the CapabilityStatement of its own package says it: interactions, searches and their combinations,
 * comparators, several values at once, Provenance beside what is found; and every element of its examples is given back.
 * https://hl7.org/fhir/us/core/CapabilityStatement-us-core-server.html
 *
 * Version 8.0.0 at every change, 6.1.0 and 7.0.0 as well in a full run. The examples are what is searched. Values to ask for are read from them by a table of its own, not by the server's search parameters.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type {
  Bundle,
  CapabilityStatement,
  CapabilityStatementRestResource,
  Extension,
  FhirResource,
  SearchParameter,
} from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { addGuide } from '../../../src/fhir/guide-install.js';
import type { JsonObject } from '../../../src/fhir/resource.js';
import { FULL } from '../../support/depth.js';
import { temporaryFolder } from '../../support/guide-packages.js';
import { type RunningServer, startServer } from '../../support/server.js';
import { readArchive, skipWithout } from '../../support/shared.js';
import { idsOf, type Talk, talkTo } from '../../support/talk.js';

const EXPECTATION = 'http://hl7.org/fhir/StructureDefinition/capabilitystatement-expectation';
const COMBINATION = 'http://hl7.org/fhir/StructureDefinition/capabilitystatement-search-parameter-combination';

const isRequired = ({ extension = [] }: { extension?: readonly Extension[] | undefined }): boolean =>
  extension.some(({ url, valueCode }) => url === EXPECTATION && valueCode === 'SHALL');

/** What `find` looks into: any resource, by the names of its elements. */
type Found = Readonly<Record<string, unknown>> & { readonly resourceType: string; readonly id: string };
const all = (value: unknown): JsonObject[] =>
  (Array.isArray(value) ? value : value === undefined ? [] : [value]) as JsonObject[];
const first = (...values: readonly unknown[]): string | undefined =>
  values.find((value): value is string => typeof value === 'string');

const tokenOf = (value: unknown): string | undefined => {
  for (const each of all(value))
    for (const coding of each['coding'] === undefined ? [each] : all(each['coding'])) {
      const { system, code, value: identifier } = coding as { system?: string; code?: string; value?: string };
      const token = code ?? identifier;
      if (system !== undefined && token !== undefined) return `${system}|${token}`;
    }
  return undefined;
};
const referenceOf = (value: unknown): string | undefined => first(...all(value).map(({ reference }) => reference));
/** What begins then, or goes on. */
const startOf = (value: unknown): string | undefined => {
  const start = first((value as { start?: string } | undefined)?.start);
  return start && `ge${start}`;
};

/** The value of a search parameter in a resource; undefined where it has none. */
const VALUES: Readonly<Record<string, (resource: Found) => string | undefined>> = {
  _id: ({ id }) => id,
  patient: ({ patient, subject, beneficiary }) => referenceOf(patient ?? subject ?? beneficiary),
  category: ({ category }) => tokenOf(category),
  code: ({ code }) => tokenOf(code),
  type: ({ type }) => tokenOf(type),
  status: ({ status }) => first(status),
  intent: ({ intent }) => first(intent),
  gender: ({ gender }) => first(gender),
  birthdate: ({ birthDate }) => first(birthDate),
  identifier: ({ identifier }) => tokenOf(identifier),
  name: ({ name }) => (typeof name === 'string' ? name : first(...all(name).map(({ family }) => family))),
  address: ({ address }) => first(...all(address).map(({ city }) => city)),
  authored: ({ authoredOn }) => first(authoredOn),
  specialty: ({ specialty }) => tokenOf(specialty),
  practitioner: ({ practitioner }) => referenceOf(practitioner),
  date: ({ date, effectiveDateTime, effectivePeriod, performedDateTime, performedPeriod, period }) =>
    first(date, effectiveDateTime, performedDateTime) ?? startOf(effectivePeriod ?? performedPeriod ?? period),
};

/** What the package has no example of. */
const ROLE = {
  resourceType: 'PractitionerRole',
  id: 'role',
  practitioner: { reference: 'Practitioner/practitioner-1' },
  organization: { reference: 'Organization/acme-lab' },
  specialty: [{ coding: [{ system: 'http://nucc.org/provider-taxonomy', code: '208D00000X' }] }],
  telecom: [{ system: 'phone', value: '1' }],
} as const satisfies FhirResource;

interface Package {
  readonly file: string;
  readonly server: CapabilityStatement;
  readonly parameters: ReadonlyMap<string, SearchParameter>;
  readonly examples: readonly FhirResource[];
}

function readGuide(file: string): Package {
  const resources = new Map<string, FhirResource>();
  const examples: FhirResource[] = [];
  for (const { name, text } of readArchive(file)) {
    if (!/^package\/(?:example\/)?[A-Z][^/]*\.json$/.test(name)) continue;
    const resource = JSON.parse(text) as FhirResource;
    if (name.startsWith('package/example/')) examples.push(resource);
    else resources.set(name.slice('package/'.length, -'.json'.length), resource);
  }
  return {
    file,
    server: resources.get('CapabilityStatement-us-core-server') as CapabilityStatement,
    parameters: new Map(
      [...resources.values()].flatMap(each =>
        each.resourceType === 'SearchParameter' && each.base[0]
          ? [[`${each.base[0]} ${each.code}`, each] as const]
          : [],
      ),
    ),
    examples,
  };
}

/** The searches that a type must have: each is what its parameters ask together. */
const searchesOf = ({ searchParam = [], extension = [] }: CapabilityStatementRestResource): string[][] => [
  ...searchParam.filter(isRequired).map(({ name }) => [name]),
  ...extension
    .filter(each => each.url === COMBINATION && isRequired(each))
    .map(each => each.extension!.flatMap(({ url, valueString }) => (url === 'required' ? [valueString!] : []))),
];

const queryOf = (values: Readonly<Record<string, string>>): string => new URLSearchParams(values).toString();

for (const version of FULL ? ['6.1.0', '7.0.0', '8.0.0'] : ['8.0.0'])
  describe(`a server of US Core ${version}`, () => {
    const folder = temporaryFolder();
    let guide: Package;
    let server: RunningServer | undefined;
    let talk: Talk;
    /** As the server gives them. */
    let stored: readonly Found[];

    before(async function () {
      guide = readGuide(skipWithout(this, 'data', 'ig-packages', `hl7.fhir.us.core-${version}.tgz`));
      const guides = join(folder, 'guides');
      await addGuide(guides, guide.file, { registry: undefined, first: false });
      // Examples name documents of other servers, which are refused where documents are looked at.
      server = await startServer({ store: 'embedded', config: { guides }, features: [] });
      talk = talkTo(server.base);
      for (const resource of [...guide.examples, ROLE]) {
        const reply = await talk.update(resource);
        assert.ok(
          reply.status === 201 || reply.status === 200,
          `${resource.resourceType}/${resource.id}: ${reply.text}`,
        );
      }
      stored = [...guide.examples, ROLE] as unknown as Found[];
    });
    after(() => server?.stop());

    /** A resource of the type that has all these values, and they. */
    function sample(type: string, names: readonly string[]): Record<string, string> | undefined {
      for (const resource of stored.filter(({ resourceType }) => resourceType === type)) {
        const values = names.map(name => VALUES[name]?.(resource));
        if (values.every(value => value !== undefined))
          return Object.fromEntries([['', resource.id], ...names.map((name, at) => [name, values[at]!])]);
      }
      return undefined;
    }

    const required = (): CapabilityStatementRestResource[] => guide.server.rest![0]!.resource!;

    it('keeps every element of the examples', async () => {
      for (const { meta, ...sent } of [...guide.examples, ROLE] as (FhirResource & { meta?: unknown })[]) {
        const { meta: given, ...kept } = (await talk.get(`${sent.resourceType}/${sent.id}`)).body;
        assert.deepEqual(kept, sent);
        const { profile } = (meta ?? {}) as { profile?: string[] };
        assert.deepEqual(given?.profile, profile);
      }
    });

    it('finds them by every search that is required, alone and combined, by GET and by POST', async () => {
      const tried: string[] = [];
      for (const resource of required())
        for (const names of searchesOf(resource)) {
          const { type } = resource;
          const found = sample(type, names);
          assert.ok(found, `no example of ${type} has ${names.join(' and ')}`);
          const { '': id, ...values } = found;
          const query = queryOf(values);
          const byGet = idsOf(await talk.search(`${type}?${query}&_count=1000`));
          assert.ok(byGet.includes(id!), `${type}?${query}: ${byGet.join(' ')}`);
          const byPost = await talk.send<Bundle>('POST', `${type}/_search?_count=1000`, {
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
            body: query,
          });
          assert.deepEqual(idsOf(byPost.body), byGet);
          for (const name of names) {
            const other = queryOf({ ...values, [name]: OTHER_VALUES[name] ?? 'http://example.org/none|none' });
            const without = idsOf(await talk.search(`${type}?${other}&_count=1000`));
            assert.ok(!without.includes(id!), `${type}?${other} finds what has another ${name}`);
          }
          tried.push(`${type} ${names.join('+')}`);
        }
      assert.ok(tried.length >= 50, `${tried.length} searches`);
    });

    it('finds the same by the id of a patient and by its reference', async () => {
      for (const { type } of required().filter(each => searchesOf(each).some(names => names.includes('patient')))) {
        const reference = sample(type, ['patient'])!['patient']!;
        const [long, short] = await Promise.all(
          [reference, reference.split('/')[1]!].map(value => talk.search(`${type}?patient=${value}&_count=1000`)),
        );
        assert.ok(idsOf(long!).length > 0, type);
        assert.deepEqual(idsOf(short!), idsOf(long!), type);
      }
    });

    it('knows the comparators of dates and lists of values that are required', async () => {
      let comparators = 0;
      let lists = 0;
      for (const resource of required())
        for (const [at, names] of searchesOf(resource).entries())
          for (const name of names) {
            const parameter = guide.parameters.get(`${resource.type} ${name}`);
            if (!parameter || searchesOf(resource).findIndex(each => each.includes(name)) !== at) continue;
            const { '': id, ...values } = sample(resource.type, names)!;
            const ask = async (value: string): Promise<boolean> =>
              idsOf(
                await talk.search(`${resource.type}?${queryOf({ ...values, [name]: value })}&_count=1000`),
              ).includes(id!);
            if (requires(parameter, '_multipleOr')) {
              lists++;
              assert.ok(await ask(`${values[name]},http://example.org/none|none`), `${resource.type} ${name}`);
            }
            for (const comparator of comparatorsOf(parameter)) {
              comparators++;
              const [inside, outside] = AROUND[comparator]!;
              const label = `${resource.type} ${name} ${comparator}`;
              assert.ok(await ask(`${comparator}${inside}`), label);
              assert.ok(!(await ask(`${comparator}${outside}`)), label);
            }
          }
      assert.ok(comparators >= 20 && lists >= 1, `${comparators} comparators, ${lists} lists`);
    });

    it('gives Provenance beside what is found', async () => {
      for (const { type, searchRevInclude = [] } of required()) {
        if (!searchRevInclude.includes('Provenance:target')) continue;
        const { '': id } = sample(type, ['_id'])!;
        const target = `${type}/${id}`;
        const written = await talk.create({
          resourceType: 'Provenance',
          target: [{ reference: target }],
          recorded: '2024-01-01T00:00:00Z',
          agent: [{ who: { reference: 'Organization/acme-lab' } }],
        });
        const found = await talk.search(`${type}?_id=${id}&_revinclude=Provenance:target`);
        const provenance = (found.entry ?? []).filter(({ search }) => search?.mode === 'include');
        assert.ok(idsOf({ ...found, entry: provenance }).includes(written.body.id), target);
      }
    });

    it('says what it can, and no more', async () => {
      const { rest, implementationGuide, instantiates } = (await talk.get<CapabilityStatement>('metadata')).body;
      assert.ok(implementationGuide?.some(each => each.endsWith(`|${version}`)));
      const operations: string[] = [];
      for (const wanted of required()) {
        const given = rest![0]!.resource!.find(({ type }) => type === wanted.type)!;
        const has = (kind: string, names: readonly string[], those: readonly string[]) =>
          assert.deepEqual(
            names.filter(each => !those.includes(each)),
            [],
            `${wanted.type} ${kind}`,
          );
        has(
          'interactions',
          (wanted.interaction ?? []).filter(isRequired).map(({ code }) => code),
          given.interaction!.map(({ code }) => code),
        );
        has(
          'searches',
          searchesOf(wanted).flat(),
          given.searchParam!.map(({ name }) => name),
        );
        const included = given.searchRevInclude ?? [];
        if (!included.includes('*')) has('Provenance', wanted.searchRevInclude ?? [], included);
        const profiles = (given.supportedProfile ?? []).map(each => each.split('|')[0]!);
        has(
          'profiles',
          (wanted.supportedProfile ?? []).filter(isOfGuide).map(each => each.split('|')[0]!),
          profiles,
        );
        const offered = new Set((given.operation ?? []).map(({ name }) => name));
        operations.push(
          ...(wanted.operation ?? []).filter(isRequired).flatMap(({ name }) => (offered.has(name) ? [] : [name])),
        );
      }
      // The statement of the guide is claimed when everything that it requires is there.
      const isClaimed = instantiates?.some(each => each.split('|')[0] === guide.server.url) ?? false;
      assert.ok(!isClaimed || operations.length === 0, `instantiates is claimed without ${operations.join(', ')}`);
    });
  });

const isOfGuide = (canonical: string): boolean => canonical.startsWith('http://hl7.org/fhir/us/core/');

/** Values that no example has, where they are no tokens. */
const OTHER_VALUES: Readonly<Record<string, string>> = {
  _id: 'nothing',
  patient: 'Patient/nobody',
  status: 'unknown',
  intent: 'option',
  gender: 'unknown',
  birthdate: '1800',
  date: '1800',
  authored: '1800',
  name: 'Nobody',
  address: 'Nowhere',
  practitioner: 'Practitioner/nobody',
};

/** Of each comparator a time that finds everything, and one that finds nothing. */
const AROUND: Readonly<Record<string, readonly [inside: string, outside: string]>> = {
  gt: ['1900-01-01T00:00:00Z', '2100-01-01T00:00:00Z'],
  ge: ['1900-01-01T00:00:00Z', '2100-01-01T00:00:00Z'],
  lt: ['2100-01-01T00:00:00Z', '1900-01-01T00:00:00Z'],
  le: ['2100-01-01T00:00:00Z', '1900-01-01T00:00:00Z'],
};

type Marked = Readonly<Record<string, { extension?: readonly Extension[] } | undefined>>;

const requires = (parameter: SearchParameter, name: string): boolean => {
  const mark = (parameter as unknown as Marked)[name];
  return mark !== undefined && isRequired(mark);
};

/** Those that a parameter must know. */
function comparatorsOf(parameter: SearchParameter): string[] {
  const { comparator = [], _comparator: marks = [] } = parameter as SearchParameter & {
    _comparator?: ({ extension?: readonly Extension[] } | null)[];
  };
  return comparator.filter((each, at) => marks[at] && isRequired(marks[at]) && AROUND[each] !== undefined);
}
