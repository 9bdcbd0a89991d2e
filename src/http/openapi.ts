/**
 * /openapi.json: what /metadata says, in the words of https://spec.openapis.org/oas/v3.1.0, for generators and explorers. It is made of the
 * CapabilityStatement and the table of operations behind it, so that they cannot disagree; resources are named, and their elements are those of the published definitions.
 */
import type { Caller, Engine, Operation, OutsideAnswer, OutsideRoute } from '../interactions/engine.js';
import { isPrimitiveType } from '../interactions/operations/operation.js';
import { perform } from '../interactions/perform.js';

interface NamedThing {
  readonly name: string;
  readonly definition?: string;
  readonly type?: string;
  readonly documentation?: string;
}

interface OfType {
  readonly type: string;
  readonly interaction?: readonly { readonly code: string }[];
  readonly searchParam?: readonly NamedThing[];
  readonly operation?: readonly NamedThing[];
}

interface SaidOfServer {
  readonly fhirVersion: string;
  readonly software: { readonly name: string; readonly version: string };
  readonly format: readonly string[];
  readonly rest: readonly [
    {
      readonly resource?: readonly OfType[];
      readonly operation?: readonly NamedThing[];
      readonly interaction?: OfType['interaction'];
    },
  ];
}

/** Interactions of R4 → method and path, `{type}` for the type. https://hl7.org/fhir/R4/http.html */
const PLACES: Readonly<Record<string, readonly (readonly [method: string, path: string])[]>> = {
  read: [['get', '/{type}/{id}']],
  vread: [['get', '/{type}/{id}/_history/{vid}']],
  update: [['put', '/{type}/{id}']],
  patch: [['patch', '/{type}/{id}']],
  delete: [['delete', '/{type}/{id}']],
  'history-instance': [['get', '/{type}/{id}/_history']],
  'history-type': [['get', '/{type}/_history']],
  create: [['post', '/{type}']],
  'search-type': [
    ['get', '/{type}'],
    ['post', '/{type}/_search'],
  ],
  'history-system': [['get', '/_history']],
  'search-system': [['post', '/_search']],
  transaction: [['post', '/']],
  batch: [['post', '/']],
};
const BODIES: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'transaction', 'batch']);

export async function openapiOf(caller: Caller): Promise<OutsideAnswer> {
  const { text } = await perform(caller, { kind: 'capabilities' });
  const body = JSON.stringify(described(JSON.parse(String(text)) as SaidOfServer, caller.engine));
  return { headers: { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'max-age=60' }, body };
}

/** As an address outside FHIR, for everybody, like /metadata. */
export const OPENAPI_ROUTE = {
  ...{ path: '/openapi.json', methods: ['GET'], who: 'anybody', recorded: 'as-performed', logged: 'failures' },
  answer: ({ caller }) => openapiOf(caller),
} as const satisfies OutsideRoute;

type Paths = Record<string, Record<string, object>>;

function described(
  { software, fhirVersion, format, rest: [rest] }: SaidOfServer,
  { settings: { base, authentication }, operations }: Pick<Engine, 'settings' | 'operations'>,
): object {
  const paths: Paths = {};
  const add = (path: string, method: string, operation: object): void => {
    (paths[path] ??= {})[method] ??= operation;
  };
  const media = format
    .map(each => (each.includes('/') ? each : `application/fhir+${each}`))
    .filter(each => each.startsWith('application/fhir+'));
  for (const one of rest.resource ?? []) {
    for (const { code } of one.interaction ?? []) addInteraction(add, one, code, media);
    addOperations(add, one, operations, media);
  }
  for (const { code } of rest.interaction ?? []) addInteraction(add, { type: '' }, code, media);
  addOperations(add, { type: '', operation: rest.operation ?? [] }, operations, media);
  add('/metadata', 'get', {
    operationId: 'capabilities',
    tags: ['system'],
    responses: answers(media, 'CapabilityStatement'),
  });
  return {
    openapi: '3.1.0',
    info: { title: software.name, version: software.version, description: `FHIR ${fhirVersion}` },
    servers: [{ url: base }],
    ...(authentication === 'none' ? {} : { security: [{ bearer: [] }] }),
    paths,
    components: {
      schemas: Object.fromEntries(
        [
          ...(rest.resource ?? []).map(({ type }) => type),
          'Bundle',
          'OperationOutcome',
          'Parameters',
          'CapabilityStatement',
        ].map(type => [type, schemaOf(type)]),
      ),
      ...(authentication === 'none' ? {} : { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } }),
    },
  };
}

/** What tells it from others; its elements are defined by HL7. */
const schemaOf = (type: string): object => ({
  type: 'object',
  required: ['resourceType'],
  properties: { resourceType: { const: type }, id: { type: 'string' } },
  externalDocs: { url: `https://hl7.org/fhir/R4/${type.toLowerCase()}.html` },
});

type Add = (path: string, method: string, operation: object) => void;

function addInteraction(add: Add, { type, searchParam = [] }: OfType, code: string, media: readonly string[]): void {
  for (const [method, pattern] of PLACES[code] ?? []) {
    const path = pattern.replace('{type}', type);
    const isSearch = code.startsWith('search') && method === 'get';
    add(path, method, {
      operationId: [type || 'system', code, ...(path.endsWith('_search') ? ['post'] : [])].join('-'),
      tags: [type || 'system'],
      parameters: [...placesIn(path), ...(isSearch ? searchParam.map(queryParameter) : [])],
      ...(BODIES.has(code) ? { requestBody: { required: true, content: contentOf(media, type || 'Bundle') } } : {}),
      responses: answers(media, /search|history|batch|transaction/.test(code) ? 'Bundle' : type),
    });
  }
}

/** Where an operation is asked, by what it is asked of. */
const LEVELS: Readonly<Record<Operation['levels'][number], string>> = {
  ...{ system: '', type: '/{type}', instance: '/{type}/{id}', version: '/{type}/{id}/_history/{vid}' },
};

/** Of a type and its resources, or of the system (no `type`). A CapabilityStatement does not say which: the table behind it does. */
function addOperations(
  add: Add,
  { type, operation = [] }: OfType,
  operations: Engine['operations'],
  media: readonly string[],
): void {
  for (const { name } of operation) {
    const { levels, methods, parameters } = operations.get(name)!;
    for (const level of levels.filter(each => (each === 'system') === (type === '')))
      for (const method of methods) {
        const path = `${LEVELS[level].replace('{type}', type)}/$${name}`;
        const isGet = method === 'GET';
        add(path, method.toLowerCase(), {
          operationId: [type || 'system', name, level, ...(isGet ? ['get'] : [])].join('-'),
          tags: [type || 'system'],
          parameters: [...placesIn(path), ...(isGet ? parameters.filter(isSimple).map(queryParameter) : [])],
          ...(isGet ? {} : { requestBody: { content: contentOf(media, 'Parameters') } }),
          responses: answers(media, 'Parameters'),
        });
      }
  }
}

const isSimple = ({ type }: NamedThing): boolean => isPrimitiveType(type);

const placesIn = (path: string): object[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));

const queryParameter = ({ name, type, documentation }: NamedThing): object => ({
  ...{ name, in: 'query', schema: { type: 'array', items: { type: 'string' } }, explode: true },
  description: documentation ?? `A parameter of type ${type ?? 'string'}.`,
});

const contentOf = (media: readonly string[], type: string): object =>
  Object.fromEntries(media.map(each => [each, { schema: { $ref: `#/components/schemas/${type}` } }]));

const answers = (media: readonly string[], type: string): object => ({
  '2XX': { description: type, content: contentOf(media, type) },
  default: { description: 'What went wrong', content: contentOf(media, 'OperationOutcome') },
});
