/**
 * The CapabilityStatement, and the TerminologyCapabilities beside it, computed from the tables that make the server do what it says:
 * https://hl7.org/fhir/R4/http.html#capabilities. Nothing in it is written by hand for a resource type.
 */
import type { IssuerMetadata } from '../identity/issuer.js';
import { SYSTEM } from '../identity/principal.js';
import type { SearchParameter } from '../search/parameters.js';
import type { Context, Engine, Operation } from './engine.js';
import type { InteractionKind, Of, Outcome } from './interaction.js';
import { askOf, INTERACTIONS } from './kinds.js';
import { viewWhole } from './response/resource-text.js';
import { securityStatement } from './smart.js';
import { terminologyStatement } from './terminology-capabilities.js';

/** Made anew when other search parameters are in force, or an issuer says something else. */
const texts = new WeakMap<
  Engine,
  { readonly generation: number; readonly signIn: IssuerMetadata | undefined; readonly text: Buffer }
>();
/** Those of terminology, which stay the same. */
const terminologyTexts = new WeakMap<Engine, Promise<Buffer>>();

export async function capabilities({ engine }: Context, { view, mode }: Of<'capabilities'>): Promise<Outcome> {
  if (mode === 'terminology') {
    const known =
      terminologyTexts.get(engine) ?? terminologyStatement(engine).then(made => Buffer.from(JSON.stringify(made)));
    terminologyTexts.set(engine, known);
    return { result: { status: 200, ...(await viewWhole(engine, await known, view)), patients: [] } };
  }
  // Where it is away, clients are told the rest.
  const signIn = await engine.issuers[0]?.metadata().catch(() => undefined);
  const { generation } = engine.parameters;
  let made = texts.get(engine);
  if (made?.generation !== generation || made.signIn !== signIn) {
    made = { generation, signIn, text: Buffer.from(JSON.stringify(statement(engine, signIn))) };
    texts.set(engine, made);
  }
  return { result: { status: 200, ...(await viewWhole(engine, made.text, view)), patients: [] } };
}

/** `signIn`: what the first issuer says of itself. */
function statement(engine: Engine, signIn: IssuerMetadata | undefined) {
  const { base, software, harness } = engine.settings;
  const date = new Date(software.started).toISOString();
  return {
    resourceType: 'CapabilityStatement',
    url: `${base}/metadata`,
    version: software.version,
    name: 'Chartroom',
    title: 'Chartroom FHIR R4 server',
    status: 'active',
    date,
    description: 'What this server does, computed from its definitions.',
    kind: 'instance',
    ...optional('instantiates', engine.instantiates),
    software: { name: software.name, version: software.version },
    implementation: {
      description:
        harness === 'on'
          ? 'Chartroom in test-harness mode: its data, its time and its faults are what tests make of them.'
          : 'Chartroom',
      url: base,
    },
    fhirVersion: engine.definitions.version,
    format: ['application/fhir+json', 'application/fhir+xml', 'json', 'xml'],
    ...optional('implementationGuide', implementationGuides(engine)),
    patchFormat: ['application/json-patch+json', 'application/fhir+json', 'application/fhir+xml'],
    rest: [
      {
        mode: 'server',
        documentation:
          'X-Provenance: the Provenance (JSON, without target) of a create, update, patch, delete, transaction or batch is stored in the same commit. An active Consent about privacy is enforced as soon as it is stored; one that cannot be understood is refused.',
        security: securityStatement(engine, signIn),
        resource: engine.definitions.resourceTypes.map(type => resource(engine, type)),
        interaction: Object.values(INTERACTIONS).flatMap(({ codes: { system: code } }) =>
          code === undefined ? [] : [{ code }],
        ),
        searchParam: engine.definitions.searchParameters
          .filter(parameter => parameter.base.includes('Resource') && engine.parameters.get('Basic', parameter.code))
          .map(searchParam)
          .concat(EVERYWHERE, engine.settings.fullText ? WORDS : []),
        compartment: engine.definitions.compartments.map(
          ({ code }) => `http://hl7.org/fhir/CompartmentDefinition/${code.toLowerCase()}`,
        ),
        operation: operationsOf(engine),
      },
    ],
  };
}

function resource(engine: Engine, type: string) {
  const kinds = Object.keys(INTERACTIONS) as InteractionKind[];
  const allowed = kinds
    .filter(kind => engine.decide(SYSTEM, askOf({ kind, type })).allow)
    .map(kind => INTERACTIONS[kind])
    .flatMap(({ codes }) => [codes.instance, codes.type].flatMap(code => (code === undefined ? [] : [{ code }])));
  const updates = allowed.some(({ code }) => code === 'update');
  const operation = operationsOf(engine, type);
  return {
    type,
    profile: `http://hl7.org/fhir/StructureDefinition/${type}`,
    ...optional('supportedProfile', supportedProfiles(engine, type)),
    interaction: allowed,
    versioning: updates ? 'versioned-update' : 'versioned',
    readHistory: true,
    updateCreate: updates,
    conditionalCreate: true,
    conditionalRead: 'full-support',
    conditionalUpdate: updates,
    conditionalDelete: !updates ? 'not-supported' : engine.settings.conditionalDelete > 1 ? 'multiple' : 'single',
    referencePolicy: ['literal', 'logical', ...(engine.settings.integrity === 'enforce' ? ['enforced'] : [])],
    searchInclude: ['*', `${type}:*`, ...referenceParameters(engine, type).map(({ code }) => `${type}:${code}`)],
    searchRevInclude: ['*', ...engine.definitions.resourceTypes.flatMap(from => revIncludesFrom(engine, from, type))],
    searchParam: [...engine.parameters.of(type).values()].map(searchParam),
    ...(operation.length > 0 ? { operation } : {}),
  };
}

/** No array is empty in FHIR. */
const optional = <K extends string>(name: K, values: readonly string[]) =>
  (values.length > 0 ? { [name]: values } : {}) as { readonly [key in K]?: readonly string[] };

/** Canonicals with versions: of each guide several may be installed. */
const canonicalsOf = (rows: ReturnType<Engine['guides']['rows']>): string[] => [
  ...new Set(rows.map(({ row: { url, version } }) => (version === undefined ? url : `${url}|${version}`))),
];

const implementationGuides = ({ guides }: Engine): string[] => canonicalsOf(guides.rows('ImplementationGuide'));

/** Those of guides; what R4 itself has is checked as well, and nobody asks whether. */
const supportedProfiles = ({ guides }: Engine, type: string): string[] =>
  canonicalsOf(guides.rows('StructureDefinition').filter(({ row }) => row.profileOf === type));

/**
 * Of the system, or of a type and its instances:
 * https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.rest.resource.operation
 */
const operationsOf = (engine: Engine, type?: string) =>
  [...engine.operations]
    .filter(([, operation]) => isOffered(engine, operation, type))
    .map(([name, { definition }]) => ({
      name,
      definition: `${engine.settings.base}/OperationDefinition/${definition}`,
    }));

function isOffered({ decide }: Engine, operation: Operation, type: string | undefined): boolean {
  const { code, levels, types } = operation;
  if (type === undefined) return levels.includes('system');
  return (
    levels.some(level => level !== 'system') &&
    (types?.includes(type) ?? true) &&
    decide(SYSTEM, askOf({ kind: 'operation', operation: code, type }, operation)).allow
  );
}

const referenceParameters = ({ parameters }: Engine, type: string): SearchParameter[] =>
  [...parameters.of(type).values()].filter(parameter => parameter.type === 'reference');

/** Parameters of `from` that can refer to the type; those that may refer to anything are covered by `*`. */
const revIncludesFrom = (engine: Engine, from: string, type: string): string[] =>
  referenceParameters(engine, from).flatMap(({ code, targets }) => (targets.includes(type) ? [`${from}:${code}`] : []));

/** Where full text is on. */
const WORDS: readonly Listed[] = [
  { name: '_text', type: 'string', documentation: 'Words of the narrative: and, or, not, "a phrase", start*.' },
  { name: '_content', type: 'string', documentation: 'Words of the narrative and of every text in the resource.' },
];

interface Listed {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
  readonly documentation?: string;
}

/** What no definition with an expression stands for: read by search/parse-condition.ts for every type. */
const EVERYWHERE = [
  { name: '_list', type: 'token', documentation: 'Items of the List with this id.' },
  { name: '_filter', type: 'special', documentation: 'Filter expressions: https://hl7.org/fhir/R4/search_filter.html' },
  { name: '_has', type: 'special', documentation: 'Reverse chaining: _has:Type:reference:parameter=value.' },
] as const satisfies readonly Listed[];

const searchParam = ({ code, url, type }: { code: string; url: string; type: string }): Listed => ({
  name: code,
  definition: url,
  type,
});
