/**
 * Which data a rule of a Consent is about, as a condition on resources of a type. https://hl7.org/fhir/R4/consent-definitions.html
 *
 * Choices, where the standard leaves room. What is not sure is denied: a denial is about more, and a permit about less.
 * - a label of confidentiality: a permit is about what is labelled so or lower (as R4 says), a denial about what is labelled so or higher;
 * - `dataPeriod` is when it happened (`date`, `onset-date`, `authored` …), else when it was last changed: a permit is about what lies within, a
 *   denial about what touches it;
 * - `code` is looked for where resources say what they are about (CODES), `authoredby` in who wrote, asked for or did it (AUTHORS);
 * - `related` is the resource and what refers to it, as PCF means it, so is `dependents`.
 */
import { OPEN } from '../fhir/datetime.js';
import type { Definitions } from '../fhir/definitions.js';
import type { SearchParameters } from '../search/parameters.js';
import { ANY_RESOURCE, any, NO_RESOURCE, type RangeBounds, type TokenValue, type Where } from '../search/query.js';
import type { Between, ConsentData, NamedData } from './consent.js';
import { atLeastAs, atMostAs, carriesLabel } from './labels.js';
import { kindsOfLabel, CONFIDENTIALITY_CODES, isLevel } from '../fhir/security-labels.js';

export interface DataGround {
  readonly parameters: SearchParameters;
  readonly definitions: Definitions;
}

const CODES = [
  'code',
  'combo-code',
  'type',
  'category',
  'class',
  'vaccine-code',
  'combo-value-concept',
  'value-concept',
];
const DATES = [
  'date',
  'onset-date',
  'authoredon',
  'authored',
  'authored-on',
  'effective-time',
  'created',
  'sent',
  'period',
];
const AUTHORS = [
  'author',
  'recorder',
  'performer',
  'requester',
  'asserter',
  'practitioner',
  'agent',
  'source',
  'sender',
  'owner',
];
/** Of documents. */
const DOCUMENT_CODES = ['type', 'category'];
const DOCUMENTS: ReadonlySet<string> = new Set(['DocumentReference', 'Composition', 'DocumentManifest']);
const DEFINITION = 'http://hl7.org/fhir/StructureDefinition/';

/** True: all of the type; false: nothing of it. */
export type Extent = boolean | Where;

export function extentOf(ground: DataGround, type: string, data: ConsentData, permits: boolean): Extent {
  const { classes, codes, labels, period, named } = data;
  const parts = [
    classes && classExtent(ground, type, classes),
    codes && tokenExtent(ground, type, CODES, codes),
    labels && eitherExtent(labels.map(label => labelExtent(ground, type, label, permits))),
    period && periodExtent(ground, type, period, permits),
    named && eitherExtent(named.map(each => namedExtent(ground, type, each))),
  ].filter(part => part !== undefined);
  return allExtents(parts);
}

/** All of them hold. */
export function allExtents(extents: readonly Extent[]): Extent {
  if (extents.includes(false)) return false;
  const of = extents.filter(each => typeof each !== 'boolean');
  return of.length === 0 ? true : of.length === 1 ? of[0]! : { kind: 'all', of };
}

/** One of them holds. */
export function eitherExtent(extents: readonly Extent[]): Extent {
  if (extents.includes(true)) return true;
  const of = extents.filter(each => typeof each !== 'boolean');
  return of.length === 0 ? false : any(...of);
}

export const opposite = (extent: Extent): Extent =>
  typeof extent === 'boolean' ? !extent : { kind: 'not', of: extent };

export const conditionFor = (extent: Extent): Where =>
  typeof extent === 'boolean' ? (extent ? ANY_RESOURCE : NO_RESOURCE) : extent;

const isOfKind = ({ parameters }: DataGround, type: string, code: string, kind: string): boolean =>
  parameters.get(type, code)?.type === kind;

function tokenExtent(
  ground: DataGround,
  type: string,
  codes: readonly string[],
  values: readonly TokenValue[],
): Extent {
  const found = codes.filter(code => isOfKind(ground, type, code, 'token'));
  return eitherExtent(found.map((code): Where => ({ kind: 'param', code, test: { kind: 'token', any: values } })));
}

function classExtent(ground: DataGround, type: string, classes: readonly TokenValue[]): Extent {
  return eitherExtent(
    classes.map(({ system, code = '' }): Extent => {
      switch (system) {
        case 'urn:ietf:rfc:3986':
          if (code === `${DEFINITION}${type}`) return true;
          return { kind: 'param', code: '_profile', test: { kind: 'uri', mode: 'exact', value: code } };
        case 'urn:ietf:bcp:13':
          return tokenExtent(ground, type, ['contenttype'], [{ code }]);
        case 'http://loinc.org':
          return DOCUMENTS.has(type) && tokenExtent(ground, type, DOCUMENT_CODES, [{ system, code }]);
        default:
          return code === type;
      }
    }),
  );
}

export function labelExtent({ parameters }: DataGround, type: string, label: TokenValue, permits: boolean): Extent {
  const { system, code = '' } = label;
  if (system === CONFIDENTIALITY_CODES && isLevel(code))
    return (permits ? atMostAs(parameters, type, code) : atLeastAs(parameters, type, code)) ?? true;
  return carriesLabel(parameters, type, kindsOfLabel(label));
}

function periodExtent(ground: DataGround, type: string, { from, until }: Between, permits: boolean): Extent {
  const [starts, ends] = permits ? (['lowMin', 'highMax'] as const) : (['highMin', 'lowMax'] as const);
  const within: RangeBounds = {
    ...(from === -OPEN ? {} : { [starts]: from }),
    ...(until === OPEN ? {} : { [ends]: until }),
  };
  if (Object.keys(within).length === 0) return true;
  const isWithin = (code: string): Where => ({ kind: 'param', code, test: { kind: 'date', any: [within] } });
  const code = DATES.find(each => isOfKind(ground, type, each, 'date'));
  const changed = isWithin('_lastUpdated');
  if (code === undefined) return changed;
  return any(isWithin(code), { kind: 'all', of: [{ kind: 'not', of: { kind: 'present', code } }, changed] });
}

function namedExtent(ground: DataGround, type: string, { meaning, type: to, id }: NamedData): Extent {
  const itself: Extent = type === to && { kind: 'param', code: '_id', test: { kind: 'token', any: [{ code: id }] } };
  if (meaning === 'instance') return itself;
  const refers = (code: string): Where => ({
    kind: 'param',
    code,
    test: { kind: 'reference', to: { kind: 'local', type: to, id } },
  });
  const codes =
    meaning === 'authoredby' ? AUTHORS.filter(code => canRefer(ground, type, code, to)) : referring(ground, type, to);
  return eitherExtent([...(meaning === 'authoredby' ? [] : [itself]), ...codes.map(refers)]);
}

const canRefer = ({ parameters }: DataGround, type: string, code: string, to: string): boolean => {
  const parameter = parameters.get(type, code);
  return parameter?.type === 'reference' && (parameter.targets.length === 0 || parameter.targets.includes(to));
};

/** Parameters of the type by which something refers to the other one; of two that read the same, both. */
const referring = (ground: DataGround, type: string, to: string): readonly string[] =>
  [...ground.parameters.of(type).keys()].filter(code => canRefer(ground, type, code, to));
